"""What a frame of a shot should show, drawn again and small from the shot's own picture or clip, and its layers."""

from collections.abc import Sequence
from contextlib import closing
from functools import partial

from render_service.compositor.captions.safe_areas import Rect
from render_service.compositor.drawing.canvas import Canvas, prepare_canvas
from render_service.compositor.drawing.edited_clips import EditedClip
from render_service.compositor.drawing.sampling import sample
from render_service.compositor.frames.planes import BLACK, Plane, Planes
from render_service.compositor.layers.groups import Camera
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.layers.sprites import Matrix
from render_service.compositor.media.assets import Asset, Media, ShotMedia, clip_asset, image_asset, watermark_asset
from render_service.compositor.media.clips import ClipReader, FrameFormat
from render_service.compositor.media.images import image_size, load_image
from render_service.compositor.segments.layers import drawn_layers, seen_layers
from render_service.compositor.segments.marks import drawn_mark
from render_service.compositor.segments.shot_layers import shot_layers
from render_service.compositor.text.drawn_texts import render_language
from render_service.domain.cards.model import CARD_FIELD
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.shot_source import StillSource, is_clip
from render_service.domain.projects.timeline import Timeline, TimelineShot

_LINES = 180


def expected_lumas(
    shot: TimelineShot, media: Media, numbers: Sequence[int], timeline: Timeline, spec: RenderSpec
) -> list[Plane]:
    """Draw frames of a shot without captions, watermark or transition.

    Args:
        shot: The shot.
        media: The files of the video.
        numbers: Which frames, counted from the shot's first.
        timeline: The video's.
        spec: The render.

    Returns:
        Limited-range luma of each frame, some 180 lines high; nothing for a shot that has no
        picture, clip or map.
    """
    output, files = spec.output, media.shots.get(shot.shot_id, ShotMedia())
    scale = min(1.0, _LINES / output.height)
    width, height = (max(2, round(side * scale / 2) * 2) for side in (output.width, output.height))
    camera: Camera | None = None
    if is_clip(shot.source):
        focus = (shot.motion.focus_x, shot.motion.focus_y)
        form = FrameFormat(width, height, output.fps, shot.shot.fit, focus)
        frames = _of_clip(shot, files, numbers, form)
    elif isinstance(shot.source, StillSource):
        canvas = _canvas(shot, files, (width, height), output.fps)
        frames = [_seen(canvas, shot, number) for number in numbers]
        camera = partial(_carried, canvas, shot, (width, height))
    elif shot.shot.card is not None and shot.shot.card.map_pin is not None:
        # The map covers the background.
        frames = [_black(width, height) for _ in numbers]
    else:
        return []
    layers = _layers_over(shot, media, timeline, spec, (width, height), camera=camera)
    with closing(layers):
        for number, frame in zip(numbers, frames, strict=True):
            layers.draw(number, frame)
    return [frame.y for frame in frames]


def _layers_over(
    shot: TimelineShot,
    media: Media,
    timeline: Timeline,
    spec: RenderSpec,
    size: tuple[int, int],
    *,
    camera: Camera | None,
) -> LayersPainter:
    """Return what draws the layers over a shot, its own and the project's; files are named by their fields."""
    files = media.shots.get(shot.shot_id, ShotMedia()).layers
    language, fps = render_language(spec.project), spec.output.fps
    assets = {f"shot {field}": Asset(path, field, shot.shot_id) for field, path in files.items()}
    own = shot_layers(
        spec,
        shot,
        {field: f"shot {field}" for field in files},
        tuple((field, image_size(assets[f"shot {field}"])) for field in files if field.startswith(CARD_FIELD)),
        language=language,
        mark=_mark_area(media, spec),
    )
    over = drawn_layers(spec.project.layers, timeline.frames, fps, {field: field for field in media.layers}, language)
    assets |= {field: Asset(path, field) for field, path in media.layers.items()}
    return LayersPainter((*own, *seen_layers(over, shot.start, shot.frames, fps)), size, fps, assets, camera=camera)


def _mark_area(media: Media, spec: RenderSpec) -> Rect | None:
    if media.watermark is None or spec.project.watermark is None:
        return None
    size = (spec.output.width, spec.output.height)
    return drawn_mark(spec.project.watermark, "", watermark_asset(media.watermark), size, 1).area


def _canvas(shot: TimelineShot, files: ShotMedia, size: tuple[int, int], fps: int) -> Canvas:
    assert files.image is not None
    asset = image_asset(shot.shot_id, files.image)
    return prepare_canvas(
        lambda size: load_image(asset, cover=size), shot.shot.fit, shot.motion, *size, seconds=shot.frames / fps
    )


def _black(width: int, height: int) -> Planes:
    frame = Planes.empty(width, height)
    frame.fill(BLACK)
    return frame


def _seen(canvas: Canvas, shot: TimelineShot, number: int) -> Planes:
    frame = Planes.empty(canvas.path.frame_width, canvas.path.frame_height)
    sample(canvas.planes, canvas.view(number / max(1, shot.frames - 1)), frame)
    return frame


def _carried(canvas: Canvas, shot: TimelineShot, size: tuple[int, int], number: int, share: float) -> Matrix:
    return canvas.path.carried(number / max(1, shot.frames - 1), share, size)


def _of_clip(shot: TimelineShot, files: ShotMedia, numbers: Sequence[int], form: FrameFormat) -> list[Planes]:
    assert files.clip is not None
    frames: list[Planes] = []
    asset = clip_asset(shot.shot_id, files.clip)
    for number in numbers:
        reader = (
            ClipReader(asset, form, first=number)
            if shot.playback is None
            else EditedClip(asset, form, shot.playback, first=number)
        )
        with closing(reader):
            frame = Planes.empty(form.width, form.height)
            frame.copy_from(reader.read())
            frames.append(frame)
    return frames
