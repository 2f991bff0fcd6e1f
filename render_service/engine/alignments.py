"""Finds the words of narrations whose sound comes without word times."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from render_service.compositor.media.assets import Media
from render_service.compositor.segments.ports import SegmentStore
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.word_times import AlignedText, TimingMethod, unaligned_narrations
from render_service.domain.warning import JobWarning, WarningCode
from render_service.engine.narrations import Narrator


async def align_narrations(
    narrator: Narrator | None,
    spec: RenderSpec,
    media: Media,
    store: SegmentStore,
    *,
    folder: Path,
    working: Callable[[], Awaitable[None]],
) -> tuple[RenderSpec, Media, tuple[JobWarning, ...]]:
    """Return a render with the words of narrations that came without times, and a warning where they are estimated.

    They are recordings, and what remote providers spoke without saying when.

    Args:
        narrator: Aligns; None where this worker has no speech model: then captions keep to the narration's pauses,
            which has a warning where the narration is spoken.
        spec: The render, with the words of its spoken narrations.
        media: Its files.
        store: Where words are looked for, and kept.
        folder: Where intermediate files go; made if it is missing.
        working: Is called after each narration, and while one is aligned.

    Raises:
        RenderFailure: ASSET_INVALID: a sound cannot be decoded. COMPOSE_FAILED: aligning took too much memory or time.
    """
    recorded = {shot_id: files.narration for shot_id, files in media.shots.items() if files.narration is not None}
    requests = {shot_id: one for shot_id, one in unaligned_narrations(spec.project).items() if shot_id in recorded}
    is_recorded = {shot.id: bool(shot.narration_audio_uri) for shot in spec.project.shots}
    if narrator is None or not requests:
        return spec, media, tuple(_unknown(shot_id) for shot_id in requests if not is_recorded[shot_id])
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    share = narrator.share()
    found: dict[str, AlignedText] = {}
    for number, (shot_id, request) in enumerate(requests.items(), 1):
        place = folder / f"aligned-{number}"
        found[shot_id] = await narrator.align(
            shot_id, request, share, store, sound=recorded[shot_id], place=place, working=working
        )
        await working()
    shots = tuple(
        replace(shot, words=found[shot.id].words) if shot.id in found else shot for shot in spec.project.shots
    )
    files = {
        shot_id: replace(one, timing=found[shot_id].method) if shot_id in found else one
        for shot_id, one in media.shots.items()
    }
    warnings = tuple(
        _estimated(shot_id, is_recorded=is_recorded[shot_id])
        for shot_id, aligned in found.items()
        if aligned.method is TimingMethod.ESTIMATE
    )
    return replace(spec, project=replace(spec.project, shots=shots)), replace(media, shots=files), warnings


def _estimated(shot_id: str, *, is_recorded: bool) -> JobWarning:
    field = "narration_audio_uri" if is_recorded else "narration"
    remedy = "pass the words with their times" if is_recorded else "choose a provider that returns the times of words"
    return JobWarning(
        WarningCode.WORDS_ESTIMATED,
        f"{shot_id}.{field}: the times of its words are estimated, since no voice speaks its language or"
        f" the sound seems to say something else; {remedy}",
        shot_id,
        field,
    )


def _unknown(shot_id: str) -> JobWarning:
    return JobWarning(
        WarningCode.WORDS_ESTIMATED,
        f"{shot_id}.narration: its provider does not return the times of words, so captions keep to its pauses; install"
        " the extra `speech` of render-service on the workers to have them found in the sound",
        shot_id,
        "narration",
    )
