"""The layers over a shot: those of its card, and over them its own."""

from collections.abc import Mapping
from dataclasses import replace

from render_service.compositor.captions.layout import (
    block_height,
    caption_format,
    caption_size,
    look_format,
    max_lines,
)
from render_service.compositor.captions.safe_areas import Rect, even_up, safe_area
from render_service.compositor.cards.arranging import arranged, picture_hashes
from render_service.compositor.segments.layers import DrawnLayer, drawn_layers
from render_service.compositor.text.drawn_texts import caption_text, render_language
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.layers.model import Layer
from render_service.domain.projects.project import Corner, Shot
from render_service.domain.projects.shot_source import BackgroundSource
from render_service.domain.projects.timeline import TimelineShot

Sizes = tuple[tuple[str, tuple[int, int]], ...]
"""Width and height of pictures in pixels, by the fields that name them."""

# Space between a card and captions, and around a watermark, as parts of the frame's shorter side.
_GAP = 0.035
_MARGIN = 0.045
# Logos are about so much wider than high: cards keep at least so much clear, so that they stand alike with most logos.
_LOGO_SHAPE = 2
# Captions that stand higher than this share of the safe area have their rows at its top.
_UPPER = 0.3


def shot_layers(
    spec: RenderSpec,
    shot: TimelineShot,
    files: Mapping[str, str],
    sizes: Sizes = (),
    *,
    language: str | None = None,
    mark: Rect | None = None,
) -> tuple[DrawnLayer, ...]:
    """Return what is drawn over a shot, its frames counted from the shot's first.

    Args:
        spec: The render.
        shot: The shot in its place.
        files: SHA-256 of the files of its layers and of its card, by their fields.
        sizes: Sizes of the pictures of its card.
        language: BCP 47 tag of the texts of the video, if known.
        mark: Where the watermark lies, if its file is known.
    """
    tag = render_language(spec.project) if language is None else language
    own = drawn_layers(shot.shot.layers, shot.frames, spec.output.fps, files, tag)
    if shot.shot.card is None:
        return own
    card = card_layers(spec, shot, sizes, tag, mark)
    return (*drawn_layers(card, shot.frames, spec.output.fps, picture_hashes(card, files), tag), *own)


def card_layers(
    spec: RenderSpec, shot: TimelineShot, sizes: Sizes, language: str, mark: Rect | None = None
) -> tuple[Layer, ...]:
    """Return the layers of a shot's card."""
    assert shot.shot.card is not None
    fps = spec.output.fps
    return arranged(
        shot.shot.card,
        frame=(spec.output.width, spec.output.height),
        area=card_area(spec, shot.shot, mark),
        language=language,
        theme=spec.project.title,
        brand=spec.project.brand,
        over_picture=not isinstance(shot.source, BackgroundSource),
        seconds=shot.frames / fps,
        lead=shot.overlap_in / fps / 2,
        sizes=sizes,
    )


def card_area(spec: RenderSpec, shot: Shot, lies: Rect | None = None) -> Rect:
    """Return the part of the frame that a card may use: the safe area without the rows of watermark and captions.

    Args:
        spec: The render.
        shot: The shot with the card.
        lies: Where the watermark lies, if its file is known.
    """
    project, width, height = spec.project, spec.output.width, spec.output.height
    area = safe_area(width, height, project.captions.platform)
    top, foot = area.y, area.y + area.height
    gap = even_up(_GAP * min(width, height))
    mark = project.watermark
    if mark is not None:
        rows = even_up(_MARGIN * min(width, height) + min(mark.scale * width / _LOGO_SHAPE, height / 4)) + gap // 2
        if lies is not None:
            is_upper = mark.corner in (Corner.TOP_LEFT, Corner.TOP_RIGHT)
            rows = max(rows, (lies.y + lies.height if is_upper else height - lies.y) + gap // 2)
        if mark.corner in (Corner.TOP_LEFT, Corner.TOP_RIGHT):
            top = max(top, rows)
        else:
            foot = min(foot, height - rows)
    if project.captions.burn_in is not False and (caption_text(project, shot) or project.captions.from_audio):
        fmt = look_format(spec) or caption_format(spec)
        lines = fmt.look.lines if fmt.look else max_lines(width, height)
        rows = even_up(block_height([caption_size(width, height, fmt)] * lines, fmt.geometry)) + gap
        if fmt.look is not None and fmt.look.place < _UPPER:
            top = max(top, area.y + rows)
        else:
            foot = min(foot, area.y + area.height - rows)
    return replace(area, y=top, height=max(foot - top, 2))
