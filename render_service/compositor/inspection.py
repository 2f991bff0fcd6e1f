"""Inspects every file of a render before any of it is made: hashes and probes each once, in the worker processes."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from render_service.compositor.inspected_file import InspectedFile, Use
from render_service.compositor.media.assets import Asset, Media, ShotMedia
from render_service.compositor.processes.limits import PROBING, PROBING_PICTURE
from render_service.compositor.processes.pool import Share, TaskOptions
from render_service.compositor.task_group import task_group
from render_service.compositor.tasks import inspect_file
from render_service.domain.cards.model import CARD_FIELD
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.layers.model import Layer, layer_field
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.project import MASK_FIELD, BadAssetPolicy, MotionFocus, Project
from render_service.domain.warning import JobWarning, WarningCode, warning_from_failure

_USES = {
    "image_uri": Use.IMAGE,
    "watermark.uri": Use.IMAGE,
    MASK_FIELD: Use.IMAGE,
    "narration_audio_uri": Use.SOUND,
    "music.uri": Use.SOUND,
    "clip_uri": Use.CLIP,
    "intro_clip_uri": Use.CLIP,
    "outro_clip_uri": Use.CLIP,
}
# Fields whose unusable file a card may replace.
_REPLACEABLE = frozenset({"image_uri", "clip_uri", "intro_clip_uri", "outro_clip_uri"})


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is known of a render's files.

    Args:
        media: The usable files: those that a card replaces are removed.
        facts: Measured lengths by shot id.
        hashes: SHA-256 of every usable file, in hexadecimal.
        warnings: About the removed files, and about those that were repaired.
    """

    media: Media
    facts: Mapping[str, MediaFacts]
    hashes: Mapping[Path, str]
    warnings: tuple[JobWarning, ...]


async def inspect_media(share: Share, media: Media, project: Project) -> Inspection:
    """Inspect all files of a render, each once however many shots use it.

    Args:
        share: Where the work is done.
        media: The local files.
        project: Decides what to do about a shot's unusable picture or clip, and whether a clip's sound is used. Faults
            of narrations, music, layers and the watermark always fail, because nothing can replace them.

    Raises:
        RenderFailure: ASSET_INVALID, naming shot, field and fault.
    """
    silenced = set(_silenced(project))
    uses = [(asset, _use(asset, silenced)) for asset in media.assets()]
    distinct: dict[tuple[Path, Use], Asset] = {}
    for asset, use in uses:
        distinct.setdefault((asset.path, use), asset)
    faces = _searched_for_faces(media, project)
    gate = asyncio.Semaphore(share.width)
    policy = project.bad_asset_policy
    async with task_group() as group:
        tasks = {
            (path, use): group.create_task(_inspect(share, gate, asset, use, policy=policy, faces=path in faces))
            for (path, use), asset in distinct.items()
        }
    return _inspection(media, uses, {key: task.result() for key, task in tasks.items()})


def _searched_for_faces(media: Media, project: Project) -> set[Path]:
    """Return the pictures and clips of shots whose motion keeps faces in view."""
    asking = {shot.id for shot in project.shots if shot.motion.focus is MotionFocus.FACES}
    shown = (path for shot_id, files in media.shots.items() if shot_id in asking for path in (files.image, files.clip))
    return {path for path in shown if path is not None}


def _silenced(project: Project) -> Iterator[tuple[str | None, str]]:
    """Yield the clips whose sound is not played: shot, None for the project, and field."""
    for shot in project.shots:
        if not shot.clip_sound:
            yield shot.id, "clip_uri"
    holders: list[tuple[str | None, Sequence[Layer]]] = [(shot.id, shot.layers) for shot in project.shots]
    for shot_id, layers in (*holders, (None, project.layers)):
        for index, layer in enumerate(layers):
            if layer.clip and not layer.clip.sound:
                yield shot_id, layer_field(index, layer)


def _use(asset: Asset, silenced: Collection[tuple[str | None, str]]) -> Use:
    if asset.field.startswith("layers["):
        if not asset.field.endswith(".clip.uri"):
            return Use.IMAGE
        return Use.SILENT_CLIP if (asset.shot_id, asset.field) in silenced else Use.CLIP
    if asset.field.startswith(CARD_FIELD):
        return Use.IMAGE
    use = Use.SOUND if asset.field.startswith("sounds[") else _USES[asset.field]
    return Use.SILENT_CLIP if use is Use.CLIP and (asset.shot_id, asset.field) in silenced else use


def _inspection(
    media: Media, uses: Sequence[tuple[Asset, Use]], found: Mapping[tuple[Path, Use], InspectedFile | RenderFailure]
) -> Inspection:
    clip_uses = {asset.path: use for asset, use in uses if use in (Use.CLIP, Use.SILENT_CLIP)}

    def usable(path: Path | None, use: Use) -> InspectedFile | None:
        file = found[path, use] if path is not None else None
        return file if isinstance(file, InspectedFile) else None

    shots: dict[str, ShotMedia] = {}
    facts: dict[str, MediaFacts] = {}
    for shot_id, files in media.shots.items():
        image = usable(files.image, Use.IMAGE)
        clip = usable(files.clip, clip_uses[files.clip]) if files.clip is not None else None
        narration = usable(files.narration, Use.SOUND)
        shots[shot_id] = replace(files, image=files.image if image else None, clip=files.clip if clip else None)
        facts[shot_id] = MediaFacts(
            clip.length if clip else None,
            narration.length if narration else None,
            narration.pauses if narration else (),
            clip.gaps if clip else (),
            tuple(
                file.length if (file := usable(dub.narrations.get(shot_id), Use.SOUND)) else None for dub in media.dubs
            ),
            tuple(
                (name, picture.size)
                for name, path in files.layers.items()
                if name.startswith(CARD_FIELD) and (picture := usable(path, Use.IMAGE)) and picture.size
            ),
            next((file.focus for file in (clip, image) if file), None),
        )
    repaired = [warning for file in found.values() if isinstance(file, InspectedFile) for warning in file.warnings]
    faults = [(asset, found[asset.path, use]) for asset, use in uses]
    for asset, fault in faults:
        if isinstance(fault, RenderFailure) and asset.field not in _REPLACEABLE:
            raise asset.renamed(fault)
    replaced = [
        warning_from_failure(WarningCode.ASSET_REPLACED, asset.renamed(fault))
        for asset, fault in faults
        if isinstance(fault, RenderFailure)
    ]
    return Inspection(
        media=replace(media, shots=shots),
        facts=facts,
        hashes={path: file.sha256 for (path, _), file in found.items() if isinstance(file, InspectedFile)},
        warnings=(*replaced, *repaired),
    )


async def _inspect(
    share: Share, gate: asyncio.Semaphore, asset: Asset, use: Use, *, policy: BadAssetPolicy, faces: bool
) -> InspectedFile | RenderFailure:
    shown = asset.field in _REPLACEABLE
    limits = PROBING_PICTURE if use is Use.IMAGE else PROBING
    async with gate:
        try:
            return await share.run_with(TaskOptions(limits, asset), inspect_file, asset, use, faces)
        except RenderFailure as failure:
            if shown and policy is BadAssetPolicy.CARD and failure.reason is ErrorReason.ASSET_INVALID:
                return failure
            raise
