"""Plans a render before any of it is made. Runs in a worker process, as fonts and media must be read."""

from render_service.compositor.build import build_fingerprint
from render_service.compositor.captions import caption_look
from render_service.compositor.cues import Cue, plan_cues
from render_service.compositor.digests import MediaDigests, ShotDigests
from render_service.compositor.glyphs import check_glyphs
from render_service.compositor.segment import CueLayer, WatermarkLayer
from render_service.compositor.segment_plan import Ingredients, PlannedSegment, plan_segments
from render_service.domain.job import RenderSpec
from render_service.domain.timeline import Timeline, all_shots


def plan_pictures(
    spec: RenderSpec, timeline: Timeline, digests: MediaDigests
) -> tuple[tuple[Cue, ...], tuple[PlannedSegment, ...]]:
    """Plan captions and segments.

    Args:
        spec: The render.
        timeline: Which shot is seen when.
        digests: Hashes of its media.

    Returns:
        All captions, and all segments in order.

    Raises:
        RenderFailure: GLYPH_MISSING where a text cannot be drawn.
    """
    carded = [
        shot.id
        for shot in all_shots(spec.project)
        if not digests.shots.get(shot.id, ShotDigests()).image and not digests.shots.get(shot.id, ShotDigests()).clip
    ]
    check_glyphs(spec, carded)
    cues = plan_cues(timeline, spec)
    look = caption_look(spec)
    highlights = spec.project.captions.highlight_words
    layers = [CueLayer(cue.text, cue.start, cue.end, look, cue.words if highlights else ()) for cue in cues]
    mark = spec.project.watermark
    watermark = None
    if mark is not None and digests.watermark is not None:
        watermark = WatermarkLayer(digests.watermark, mark.corner, mark.opacity, mark.scale)
    ingredients = Ingredients(build_fingerprint(), digests, layers, watermark)
    return cues, plan_segments(timeline, spec, ingredients)
