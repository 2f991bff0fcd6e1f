"""Speaks faster or slower, at the same pitch, so that a video comes closer to its target duration."""

from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from render_service.compositor.media.assets import Asset
from render_service.compositor.media.sounds import decode_sound
from render_service.compositor.sound.stems import FlacWriter
from render_service.compositor.sound.stretching import stretched
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.project import NarrationPolicy, Project, WordTiming
from render_service.domain.projects.shot_source import ShotSource
from render_service.domain.projects.timeline import frames_covering, frames_in, plan_timeline

SLOWEST, FASTEST = 0.9, 1.15
"""How slowly and how fast a voice may speak, as parts of its own speed: beyond that, people hear that it is changed."""
_TEMPOS = [percent / 100 for percent in range(round(SLOWEST * 100), round(FASTEST * 100) + 1)]


def decide_tempo(
    project: Project,
    fps: int,
    facts: Mapping[str, MediaFacts],
    sources: Mapping[str, ShotSource],
    spoken: Collection[str],
    *,
    dubbed: Collection[str] = (),
) -> float:
    """Decide how fast the spoken narrations of a project are played: one tempo for all, as one person would speak.

    Args:
        project: A valid project.
        fps: Frames per second of the video.
        facts: Measured lengths by shot id.
        sources: What shots show, by shot id.
        spoken: Ids of the shots whose narrations the service has spoken; recordings stay as they are.
        dubbed: Ids of the shots whose narrations it has spoken in the languages of further tracks.

    Returns:
        `SLOWEST`–`FASTEST`, 1 without a target duration: the slowest tempo at which the video is no longer than its
        target, and no narration is cut in any language. If none is fast enough, the fastest, unless it gains nothing.
    """
    if project.target_duration is None or not (spoken or dubbed):
        return 1.0
    target = frames_in(project.target_duration, fps)

    def excess(tempo: float) -> int:
        """Return by how many frames the video is too long, and narrations are cut, at a tempo."""
        lengths = {
            shot_id: replace(
                found,
                narration=_at(found.narration, tempo if shot_id in spoken else 1),
                dubs=tuple(_at(dub, tempo if shot_id in dubbed else 1) for dub in found.dubs),
            )
            for shot_id, found in facts.items()
        }
        timeline = plan_timeline(project, fps, lengths, sources)
        cut = 0
        if project.narration_policy is not NarrationPolicy.EXTEND:
            for shot in timeline.shots:
                measured = lengths.get(shot.shot_id, MediaFacts())
                for narration in filter(None, (measured.narration, *measured.dubs)):
                    cut += max(0, frames_covering(narration, fps) - (shot.frames - shot.overlap_in))
        return max(0, timeline.frames - target) + cut

    least = excess(FASTEST)
    if least and least == excess(1.0):
        return 1.0
    return _TEMPOS[bisect_left(_TEMPOS, True, key=lambda tempo: excess(tempo) <= least)]


def _at(narration: timedelta | None, tempo: float) -> timedelta | None:
    return None if narration is None else narration / tempo


def change_tempo(asset: Asset, tempo: float, output: Path) -> None:
    """Write a sound that is played faster or slower, at the same pitch, as FLAC.

    Args:
        asset: A sound file.
        tempo: 2 plays it in half the time; 0.5–2.
        output: The file to write.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be decoded.
    """
    with FlacWriter(output) as writer:
        for block in stretched(decode_sound(asset), tempo):
            writer.write(block)


def at_tempo(words: tuple[WordTiming, ...], tempo: float) -> tuple[WordTiming, ...]:
    """Return when words are spoken if they are played faster or slower."""
    return tuple(replace(word, start=word.start / tempo, end=word.end / tempo) for word in words)
