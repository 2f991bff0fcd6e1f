"""Fetches the files that a project names, each once, before any rendering begins."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.projects.project import BadAssetPolicy, Project
from render_service.domain.projects.sequence import sequence
from render_service.domain.projects.shot_source import ClipSource, ShotSource, StillSource
from render_service.domain.warning import JobWarning, WarningCode, warning_from_failure
from render_service.fetch.errors import FetchError
from render_service.fetch.fetcher import FetchSession

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file that a field of the project names; `shot_id` is None for what all shots share."""

    uri: str
    field: str
    shot_id: str | None = None


async def fetch_assets(project: Project, session: FetchSession, folder: Path) -> tuple[Media, list[JobWarning]]:
    """Fetch all files that a project names.

    Args:
        project: The project.
        session: Fetches files within the limits of the job.
        folder: Where the files go.

    Returns:
        The files, and a warning for each file that a card replaces.

    Raises:
        RenderFailure: ASSET_INVALID, naming shot, field and fault.
    """
    wanted = [
        _Wanted(uri, field, one.id)
        for one in sequence(project)
        for field, uri in (*_shown_file(one.source), ("narration_audio_uri", one.shot.narration_audio_uri))
        if uri
    ]
    if project.music is not None:
        wanted.append(_Wanted(project.music.uri, "music.uri"))
    if project.watermark is not None:
        wanted.append(_Wanted(project.watermark.uri, "watermark.uri"))

    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    paths = {uri: folder / f"asset-{number}" for number, uri in enumerate(dict.fromkeys(w.uri for w in wanted))}
    places = asyncio.Semaphore(_AT_ONCE)

    async def fetch(uri: str) -> FetchError | None:
        async with places:
            try:
                await session.fetch(uri, paths[uri])
            except FetchError as error:
                return error
            return None

    faults = dict(zip(paths, await asyncio.gather(*(fetch(uri) for uri in paths)), strict=True))
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
        )
        for shot in sequence(project)
    }
    return Media(shots, music=usable.get((None, "music.uri")), watermark=usable.get((None, "watermark.uri"))), warnings


def _shown_file(source: ShotSource) -> tuple[tuple[str, str], ...]:
    """Return field and URI of the file that a source names, if it names one."""
    match source:
        case StillSource(uri):
            return (("image_uri", uri),)
        case ClipSource(uri):
            return (("clip_uri", uri),)
        case _:
            return ()


def _message(want: _Wanted, fault: FetchError) -> str:
    path = want.field if want.shot_id is None else f"{want.shot_id}.{want.field}"
    return f"{path}: {fault.message}"


def _failure(want: _Wanted, fault: FetchError) -> RenderFailure:
    metadata = {"field": want.field, "fault": fault.kind.value}
    if want.shot_id is not None:
        metadata["shot_id"] = want.shot_id
    return RenderFailure(ErrorReason.ASSET_INVALID, _message(want, fault), metadata, retryable=fault.retryable)
