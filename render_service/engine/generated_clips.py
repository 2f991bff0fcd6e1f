"""Adds generated clips to a render, fitted to the length of their shots."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media, clip_asset, narration_asset
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.project import NarrationPolicy
from render_service.domain.projects.timeline import plan_timeline

# Slower motion looks broken: beyond this the last picture is held.
_SLOWEST = 2.0


async def with_clips(
    spec: RenderSpec, media: Media, clips: Mapping[str, Path], compositor: Compositor, folder: Path
) -> Media:
    """Return a render's files with the generated clips, which replace their reference pictures.

    A clip that is longer than its shot is cut by the compositor; one that is shorter is slowed down, at most to half
    its speed.

    Args:
        spec: The render.
        media: Its files.
        clips: The generated clips by shot id.
        compositor: Probes and slows them.
        folder: Scratch space.
    """
    if not clips:
        return media
    lengths = {
        shot_id: (await compositor.probe_clip(clip_asset(shot_id, clip))).duration for shot_id, clip in clips.items()
    }
    wanted = await _wanted(spec, media, lengths, compositor)
    files = dict(media.shots)
    for number, (shot_id, clip) in enumerate(clips.items()):
        path, factor = clip, wanted[shot_id] / lengths[shot_id]
        # A difference of less than a frame is not visible.
        if wanted[shot_id] - lengths[shot_id] > timedelta(seconds=1) / spec.output.fps:
            path = folder / f"slowed-{number}.mov"
            await compositor.slow_clip(clip_asset(shot_id, clip), path, min(_SLOWEST, factor))
        files[shot_id] = replace(files[shot_id], clip=path, image=None)
    return replace(media, shots=files)


async def _wanted(
    spec: RenderSpec, media: Media, lengths: Mapping[str, timedelta], compositor: Compositor
) -> dict[str, timedelta]:
    """Return each shot's duration; narration is probed where it may extend the shot."""
    facts = {}
    for shot_id, files in media.shots.items():
        narration = None
        extends = spec.project.narration_policy is NarrationPolicy.EXTEND
        if extends and files.narration is not None and shot_id in lengths:
            narration = await compositor.sound_length(narration_asset(shot_id, files.narration))
        facts[shot_id] = MediaFacts(lengths.get(shot_id), narration)
    timeline = plan_timeline(spec.project, spec.output.fps, facts)
    return {shot.shot_id: timedelta(seconds=1) * shot.frames / timeline.fps for shot in timeline.shots}
