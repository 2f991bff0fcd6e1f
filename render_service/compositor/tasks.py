"""The functions that worker processes run, as their parents call them.

Parents import this module, which loads neither codecs nor fonts nor numpy: each function imports what it calls, and the
processes have imported that before their first task, see `PROCESS_MODULES`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from render_service.compositor.inspected_file import InspectedFile, Use
from render_service.compositor.media.assets import Asset, Media
from render_service.compositor.shared_folder import Plan
from render_service.compositor.sound.spec import SoundFacts
from render_service.compositor.streaming.model import MediaTrack
from render_service.domain.jobs.frame import FrameFacts, FramePosition
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.looks.faces import FacesAt, FaceSearch
from render_service.domain.projects.media import ClipFacts, MediaFacts
from render_service.domain.projects.project import WordTiming

PROCESS_MODULES = (
    "render_service.compositor.tasks",
    "render_service.compositor.drawing.segment",
    "render_service.compositor.stages",
    "render_service.compositor.streaming.checking",
    "render_service.compositor.sound.tempo",
)
"""What every worker process imports before its first task."""


def probe_clip(asset: Asset) -> ClipFacts:
    """See `probing.probe_clip`."""
    from render_service.compositor.media import probing

    return probing.probe_clip(asset)


def probe_sound(asset: Asset) -> timedelta:
    """See `probing.probe_sound`."""
    from render_service.compositor.media import probing

    return probing.probe_sound(asset)


def write_recording(asset: Asset, length: timedelta, path: Path) -> None:
    """See `sounds.write_recording`."""
    from render_service.compositor.media import sounds

    sounds.write_recording(asset, length, path)


def decide_tempo(
    spec: RenderSpec, facts: Mapping[str, MediaFacts], media: Media, spoken: frozenset[str], dubbed: frozenset[str]
) -> tuple[float, dict[str, tuple[WordTiming, ...]]]:
    """Return the tempo of spoken narrations, see `tempo.decide_tempo`, and by shot id their words at that tempo."""
    from render_service.compositor.planning import shown_sources
    from render_service.compositor.sound import tempo

    project = spec.project
    sources = shown_sources(project, media)
    decided = tempo.decide_tempo(project, spec.output.fps, facts, sources, spoken, dubbed=dubbed)
    return decided, {shot.id: tempo.at_tempo(shot.words, decided) for shot in project.shots if shot.id in spoken}


def change_tempo(asset: Asset, factor: float, output: Path) -> None:
    """See `tempo.change_tempo`."""
    from render_service.compositor.sound import tempo

    tempo.change_tempo(asset, factor, output)


def write_clip_sound(asset: Asset, start: timedelta, length: timedelta, path: Path) -> bool:
    """Write a part of a clip's sound; see `sounds.write_recording`. Return whether it has any."""
    from render_service.compositor.media import sounds

    if not sounds.has_sound(asset):
        return False
    sounds.write_recording(asset, length, path, start)
    return True


def slow_down(asset: Asset, output: Path, factor: float) -> None:
    """See `retiming.slow_down`."""
    from render_service.compositor.media import retiming

    retiming.slow_down(asset, output, factor)


def inspect_file(asset: Asset, use: Use) -> InspectedFile:
    """See `stages.inspect_file`."""
    from render_service.compositor import stages

    return stages.inspect_file(asset, use)


def search_faces(asset: Asset, file: InspectedFile, search: FaceSearch) -> tuple[FacesAt, ...]:
    """See `stages.search_faces`."""
    from render_service.compositor import stages

    return stages.search_faces(asset, file, search)


def check_request(parts: Path, gets_clips: bool) -> None:
    """See `stages.check_request`."""
    from render_service.compositor import stages

    stages.check_request(parts, gets_clips)


def plan_composition(parts: Path, srt: Path, vtt: Path, words: Path) -> Plan:
    """See `stages.plan_composition`."""
    from render_service.compositor import stages

    return stages.plan_composition(parts, srt, vtt, words)


def draw_frame(parts: Path, wanted: FramePosition, path: Path) -> FrameFacts:
    """See `stages.draw_frame`."""
    from render_service.compositor import stages

    return stages.draw_frame(parts, wanted, path)


def render_renditions(
    specs: Sequence[bytes],
    assets: Mapping[str, Asset],
    workdir: Path,
    outputs: Sequence[Path],
    report: Callable[[int], None],
) -> None:
    """See `drawing.segment.render_renditions`."""
    from render_service.compositor.drawing import segment

    segment.render_renditions(specs, assets, workdir, outputs, report)


def mix_sound(spec: bytes, audible: Mapping[str, Asset], output: Path) -> SoundFacts:
    """See `mixing.mix_sound`."""
    from render_service.compositor.sound import mixing

    return mixing.mix_sound(spec, audible, output)


def draw_thumbnails(parts: Path, poster: Path, sheet: Path) -> None:
    """See `stages.draw_thumbnails`."""
    from render_service.compositor import stages

    stages.draw_thumbnails(parts, poster, sheet)


def draw_sprites(parts: Path) -> None:
    """See `stages.draw_sprites`."""
    from render_service.compositor import stages

    stages.draw_sprites(parts)


def join_composition(parts: Path, path: Path) -> None:
    """See `stages.join_composition`."""
    from render_service.compositor import stages

    stages.join_composition(parts, path)


def verify_composition(parts: Path, path: Path, sounds: Sequence[SoundFacts]) -> dict[str, Any]:
    """See `stages.verify_composition`."""
    from render_service.compositor import stages

    return stages.verify_composition(parts, path, sounds)


def package_track(video: Path, place: int | None, starts: Sequence[int], path: Path) -> MediaTrack:
    """Write a media file of a stream, and check it.

    Args:
        video: The finished video.
        place: The place of the track among those of sound; None for the pictures.
        starts: When segments start, in seconds.
        path: The file to write.

    Raises:
        RenderFailure: CHECK_FAILED.
    """
    from render_service.compositor.streaming import checking, tracks

    if place is None:
        track = tracks.write_pictures(video, starts, path)
    else:
        track = tracks.write_sound(video, place, starts, path)
    checking.check_track(video, place, path, track)
    return track


def segment_build() -> str:
    """Return the build of the segments that this process makes; see `build_fingerprint`."""
    from render_service.compositor.segments.build_fingerprint import build_fingerprint

    return build_fingerprint()
