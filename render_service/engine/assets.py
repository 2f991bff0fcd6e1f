"""Fetches the files that a project names, each once, before any rendering begins."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.cards.model import CARD_FIELD, card_files
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.layers.model import layer_files
from render_service.domain.projects.looks.sounds import sound_files
from render_service.domain.projects.project import MASK_FIELD, BadAssetPolicy, Project
from render_service.domain.projects.sequence import sequence
from render_service.domain.projects.shot_source import ClipSource, ShotSource, StillSource
from render_service.domain.retry import RetryPolicy
from render_service.domain.warning import JobWarning, WarningCode, warning_from_failure
from render_service.fetch.errors import FetchError, FetchErrorKind
from render_service.fetch.fetcher import FetchSession
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)

_AT_ONCE = 8
# How the fields begin whose files are kept by field.
_LISTED = ("layers[", "sounds[", CARD_FIELD, MASK_FIELD)
# Object stores answer 503 for seconds, and break connections off: a whole attempt is not given up for that.
_RETRY = RetryPolicy(max_attempts=4, base=timedelta(seconds=1), cap=timedelta(seconds=4))
# A host that is slow, or a workspace that holds too much, would occupy the worker's slot: the job is retried later.
_NOT_REPEATED = (FetchErrorKind.TIMED_OUT, FetchErrorKind.BUSY)


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that a field of the project names; `shot_id` is None for what all shots share."""

    uri: str
    field: str
    shot_id: str | None = None


async def fetch_assets(
    project: Project, session: FetchSession, folder: Path, *, retry: RetryPolicy = _RETRY
) -> tuple[Media, list[JobWarning]]:
    """Fetch all files that a project names. What fails for the moment is repeated a few times.

    Args:
        project: The project.
        session: Fetches files within the limits of the job.
        folder: Where the files go.
        retry: How often a fetch is repeated, and when.

    Returns:
        The files, and a warning for each file that a card replaces.

    Raises:
        RenderFailure: ASSET_INVALID, naming shot, field and fault.
        ExceptionGroup: OSErrors: this machine lacks something or fails.
    """
    wanted = named_files(project)
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    paths = {uri: folder / f"asset-{number}" for number, uri in enumerate(dict.fromkeys(w.uri for w in wanted))}
    places = asyncio.Semaphore(_AT_ONCE)

    # A group: where the machine fails one of them, none goes on in a folder that is being removed.
    async with asyncio.TaskGroup() as group:
        fetches = {uri: group.create_task(_fetch(session, uri, path, places, retry)) for uri, path in paths.items()}
    faults = {uri: fetch.result() for uri, fetch in fetches.items()}
    warnings: list[JobWarning] = []
    usable: dict[tuple[str | None, str], Path] = {}
    for want in wanted:
        fault = faults[want.uri]
        if fault is None:
            usable[want.shot_id, want.field] = paths[want.uri]
        elif project.bad_asset_policy is BadAssetPolicy.CARD and want.field in ("image_uri", "clip_uri"):
            warnings.append(warning_from_failure(WarningCode.ASSET_REPLACED, _failure(want, fault)))
        else:
            raise _failure(want, fault)
    shots = {
        shot.id: ShotMedia(
            image=usable.get((shot.id, "image_uri")),
            clip=usable.get((shot.id, "clip_uri")),
            narration=usable.get((shot.id, "narration_audio_uri")),
            layers=_layer_files(usable, shot.id),
        )
        for shot in sequence(project)
    }
    media = Media(
        shots,
        music=usable.get((None, "music.uri")),
        watermark=usable.get((None, "watermark.uri")),
        layers=_layer_files(usable, None),
    )
    return media, warnings


def _layer_files(usable: Mapping[tuple[str | None, str], Path], shot_id: str | None) -> dict[str, Path]:
    """Return the files of the layers and sounds of a shot, or of the project, by their fields."""
    return {field: path for (owner, field), path in usable.items() if owner == shot_id and field.startswith(_LISTED)}


def named_files(project: Project) -> list[NamedFile]:
    """Return all files that a project names, in order."""
    named = [
        NamedFile(uri, field, one.id)
        for one in sequence(project)
        for field, uri in (*_shown_file(one.source), ("narration_audio_uri", one.shot.narration_audio_uri))
        if uri
    ]
    for shot_id, layers in ((None, project.layers), *((shot.id, shot.layers) for shot in project.shots)):
        named += [NamedFile(uri, field, shot_id) for field, uri in layer_files(layers)]
    for shot in project.shots:
        named += [NamedFile(uri, field, shot.id) for field, uri in (card_files(shot.card) if shot.card else ())]
    for shot_id, sounds in ((None, project.sounds), *((shot.id, shot.sounds) for shot in project.shots)):
        named += [NamedFile(uri, field, shot_id) for field, uri in sound_files(sounds)]
    named += [
        NamedFile(shot.transition.mask_uri, MASK_FIELD, shot.id) for shot in project.shots if shot.transition.mask_uri
    ]
    if project.music is not None:
        named.append(NamedFile(project.music.uri, "music.uri"))
    if project.watermark is not None:
        named.append(NamedFile(project.watermark.uri, "watermark.uri"))
    return named


async def _fetch(
    session: FetchSession, uri: str, path: Path, places: asyncio.Semaphore, retry: RetryPolicy
) -> FetchError | None:
    """Fetch a file, and return the error of the last attempt if none succeeded."""
    failed = 0
    while True:
        try:
            async with places:
                await session.fetch(uri, path)
        except FetchError as error:
            failed += 1
            if not error.retryable or error.kind in _NOT_REPEATED or retry.is_exhausted(failed):
                return error
            _log.info("fetch repeated", kind=error.kind, status=error.status, failed=failed)
            await asyncio.sleep(retry.delay(failed).total_seconds())
        else:
            return None


def _shown_file(source: ShotSource) -> tuple[tuple[str, str], ...]:
    """Return field and URI of the file that a source names, if it names one."""
    match source:
        case StillSource(uri):
            return (("image_uri", uri),)
        case ClipSource(uri):
            return (("clip_uri", uri),)
        case _:
            return ()


def _message(want: NamedFile, fault: FetchError) -> str:
    path = want.field if want.shot_id is None else f"{want.shot_id}.{want.field}"
    return f"{path}: {fault.message}"


def _failure(want: NamedFile, fault: FetchError) -> RenderFailure:
    metadata = {"field": want.field, "fault": fault.kind.value}
    if want.shot_id is not None:
        metadata["shot_id"] = want.shot_id
    return RenderFailure(ErrorReason.ASSET_INVALID, _message(want, fault), metadata, retryable=fault.retryable)
