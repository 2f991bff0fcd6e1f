"""Plans a render before any of it is made. Runs in a worker process, as fonts and media must be read."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial

from render_service.compositor.captions.cues import Cue, plan_cues
from render_service.compositor.captions.layout import caption_area, caption_format, look_format
from render_service.compositor.captions.safe_areas import Rect
from render_service.compositor.captions.word_cues import word_cues
from render_service.compositor.drawing.face_rows import face_rows
from render_service.compositor.drawing.free_rows import blocked_rows, clear_of
from render_service.compositor.lotties.playing import kept_lottie
from render_service.compositor.media.assets import Asset, Media, ShotMedia
from render_service.compositor.media.clip_source import clip_shape
from render_service.compositor.media.images import image_size
from render_service.compositor.segments.build_fingerprint import build_fingerprint
from render_service.compositor.segments.captions import DrawnCaption
from render_service.compositor.segments.content_hashes import MediaHashes, ShotHashes
from render_service.compositor.segments.layers import DrawnLayer, drawn_layers
from render_service.compositor.segments.marks import drawn_mark
from render_service.compositor.segments.plan import (
    Ingredients,
    PlannedSegment,
    picture_format,
    plan_frame,
    plan_segments,
)
from render_service.compositor.segments.shot_layers import shot_layers
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.layers.changing import settled
from render_service.domain.layers.model import ClipLayer, Layer, LottiePlayback, PictureLayer
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.output import OutputSpec
from render_service.domain.projects.project import Project
from render_service.domain.projects.sequence import sequence
from render_service.domain.projects.shot_source import ShotSource, resolved_source
from render_service.domain.projects.timeline import Timeline

# Captions come and go within this time, so that they do not flash.
_FADE_SECONDS = 0.15


def shown_sources(project: Project, media: Media) -> dict[str, ShotSource]:
    """Return what every shot of a video shows, by shot id, given the files that are there."""
    sources = {}
    for one in sequence(project):
        files = media.shots.get(one.id, ShotMedia())
        has_clip, has_image = files.clip is not None, files.image is not None
        sources[one.id] = resolved_source(one.shot, one.source, has_clip=has_clip, has_image=has_image)
    return sources


def plan_pictures(
    spec: RenderSpec,
    timeline: Timeline,
    hashes: MediaHashes,
    facts: Mapping[str, MediaFacts] | None = None,
    recognized: Collection[str] = (),
    *,
    rendition: OutputSpec | None = None,
) -> tuple[tuple[Cue, ...], tuple[PlannedSegment, ...]]:
    """Plan captions and segments.

    Args:
        spec: The render.
        timeline: Which shot is seen when.
        hashes: Hashes of its media.
        facts: What was measured of them, by shot id.
        recognized: The ids of the shots whose captions were recognised in their sound.
        rendition: The format of the video, if another than that of the render, in which it is drawn.

    Returns:
        All captions, and all segments in order.
    """
    cues, ingredients = _ingredients(spec, timeline, hashes, facts or {}, recognized)
    if rendition is not None:
        ingredients = replace(ingredients, rendition=picture_format(rendition))
    return cues, plan_segments(timeline, spec, ingredients)


def plan_picture(
    spec: RenderSpec, timeline: Timeline, hashes: MediaHashes, facts: Mapping[str, MediaFacts], frame: int
) -> tuple[PlannedSegment, int]:
    """Plan one frame of the video; see `plan.plan_frame`."""
    _, ingredients = _ingredients(spec, timeline, hashes, facts, ())
    return plan_frame(timeline, spec, ingredients, frame)


def _ingredients(
    spec: RenderSpec,
    timeline: Timeline,
    hashes: MediaHashes,
    facts: Mapping[str, MediaFacts],
    recognized: Collection[str],
) -> tuple[tuple[Cue, ...], Ingredients]:
    """Return all captions, and what segments are made of."""
    cues = plan_cues(timeline, spec, {shot_id: found.pauses for shot_id, found in facts.items()}, recognized)
    mark, watermark = spec.project.watermark, None
    if mark is not None and hashes.watermark is not None:
        size, asset = (spec.output.width, spec.output.height), hashes.assets[hashes.watermark]
        watermark = drawn_mark(mark, hashes.watermark, asset, size, timeline.frames)
    captions = []
    if spec.project.captions.burn_in is not False:
        rect = watermark.area if watermark else None
        captions = _drawn_captions(spec, timeline, cues, hashes, facts, mark=rect)
    gaps = {shot_id: found.gaps for shot_id, found in facts.items()}
    sizes = {shot_id: found.sizes for shot_id, found in facts.items()}
    return cues, Ingredients(build_fingerprint(), hashes, captions, watermark, gaps, sizes)


def _drawn_captions(
    spec: RenderSpec,
    timeline: Timeline,
    cues: Sequence[Cue],
    hashes: MediaHashes,
    facts: Mapping[str, MediaFacts],
    *,
    mark: Rect | None,
) -> list[DrawnCaption]:
    """Return the captions as they are drawn: clear of the watermark and of layers; with a preset, in its short cues."""
    size = (spec.output.width, spec.output.height)
    fmt = look_format(spec)
    if fmt is None:
        fmt, highlights = caption_format(spec), spec.project.captions.highlight_words
    else:
        highlights = True
        cues = [short for cue in cues for short in word_cues(cue, fmt, size, timeline.fps)]
    around = _layers_around(spec, timeline, hashes, facts, mark)
    blocked = {shot_id: blocked_rows(layers, fmt, size) for shot_id, layers in around.items()}
    if spec.project.captions.avoid_faces:
        for shot in timeline.shots:
            faces = face_rows(shot, facts.get(shot.shot_id, MediaFacts()), fmt, size, timeline.fps)
            blocked[shot.shot_id] = tuple(sorted({*blocked[shot.shot_id], *faces}))
    free = caption_area(*size, fmt, mark)
    areas = {shot_id: clear_of(free, rows, fmt, size) for shot_id, rows in blocked.items()}
    return [
        DrawnCaption(cue.text, cue.start, cue.end, *fades, fmt, areas[cue.shot_id], cue.words if highlights else ())
        for cue, fades in zip(cues, caption_fades(cues, timeline), strict=True)
    ]


def _layers_around(
    spec: RenderSpec,
    timeline: Timeline,
    hashes: MediaHashes,
    facts: Mapping[str, MediaFacts],
    mark: Rect | None,
) -> dict[str, tuple[Layer, ...]]:
    """Return the layers that are seen with the captions of each shot: all of the shot's, so that none jumps."""
    fps = timeline.fps
    shape_of = cache(partial(_shape_in_frame, frame=(spec.output.width, spec.output.height), assets=hashes.assets))
    over_all = drawn_layers(spec.project.layers, timeline.frames, fps, hashes.layers, "")
    found = {}
    for shot in timeline.shots:
        files = hashes.shots.get(shot.shot_id, ShotHashes()).layers
        own = shot_layers(spec, shot, files, facts.get(shot.shot_id, MediaFacts()).sizes, mark=mark)
        seen = [one for one in over_all if one.start < shot.end and one.end > shot.start]
        found[shot.shot_id] = tuple(_completed(settled(one.layer, ""), one, shape_of) for one in (*own, *seen))
    return found


def _completed(layer: Layer, drawn: DrawnLayer, shape_of: Callable[[str, type], float]) -> Layer:
    """Give the box of a picture or clip the side that follows from the shape of its file."""
    box = layer.box
    if not drawn.file or (box.width is None) == (box.height is None):
        return layer
    shape = shape_of(drawn.file, _content_of(layer))
    if box.width is None:
        assert box.height is not None
        return replace(layer, box=replace(box, width=box.height * shape))
    return replace(layer, box=replace(box, height=box.width / shape))


def _content_of(layer: Layer) -> type:
    if layer.clip:
        return ClipLayer
    return LottiePlayback if layer.is_played else PictureLayer


def _shape_in_frame(file: str, content: type, *, frame: tuple[int, int], assets: Mapping[str, Asset]) -> float:
    """Return the width of a picture or clip by its height, each as a part of the frame's."""
    asset = assets[file]
    if content is ClipLayer:
        shape = clip_shape(asset)
    elif content is LottiePlayback:
        shape = kept_lottie(asset, file).shape
    else:
        width, height = image_size(asset)
        shape = width / height
    return shape * frame[1] / frame[0]


def caption_fades(cues: Sequence[Cue], timeline: Timeline) -> list[tuple[int, int]]:
    """Return over how many frames each caption fades in and out.

    A caption that replaces another in the same shot, or begins or ends with a cut, does so at once: fading
    there would look like flicker.
    """
    shots = {shot.shot_id: shot for shot in timeline.shots}
    fades = []
    for number, cue in enumerate(cues):
        shot = shots[cue.shot_id]
        soft = max(1, min(round(_FADE_SECONDS * timeline.fps), (cue.end - cue.start) // 4))
        follows = number > 0 and cues[number - 1].end == cue.start and cues[number - 1].shot_id == cue.shot_id
        leads = number + 1 < len(cues) and cues[number + 1].start == cue.end and cues[number + 1].shot_id == cue.shot_id
        cut_in = cue.start == shot.start > 0 and not shot.overlap_in
        cut_out = cue.end == shot.end < timeline.frames and not shot.overlap_out
        fades.append((1 if follows or cut_in else soft, 1 if leads or cut_out else soft))
    return fades
