"""Plans a render before any of it is made. Runs in a worker process, as fonts and media must be read."""

from collections.abc import Mapping
from datetime import timedelta

from render_service.compositor.build import build_fingerprint
from render_service.compositor.captions import caption_look
from render_service.compositor.cues import Cue, plan_cues
from render_service.compositor.digests import MediaDigests, ShotDigests
from render_service.compositor.glyphs import check_glyphs
from render_service.compositor.loudness import SAMPLE_RATE
from render_service.compositor.media import Media, narration_asset
from render_service.compositor.segment import CueLayer, WatermarkLayer
from render_service.compositor.segment_plan import Ingredients, PlannedSegment, plan_segments
from render_service.compositor.sound_input import sound_length
from render_service.domain.job import RenderSpec
from render_service.domain.media import MediaFacts
from render_service.domain.timeline import Timeline, all_shots


def measure_media(media: Media) -> Mapping[str, MediaFacts]:
    """Measure the lengths of all clips and narrations, by shot id.

    Raises:
        RenderFailure: ASSET_INVALID where one cannot be read.
    """
    facts = {}
    for shot_id, shot in media.shots.items():
        narration = None
        if shot.narration:
            samples = sound_length(narration_asset(shot_id, shot.narration))
            narration = timedelta(microseconds=samples * 1_000_000 // SAMPLE_RATE)
        facts[shot_id] = MediaFacts(None, narration)
    return facts


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
