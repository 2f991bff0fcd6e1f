"""Inspects every file of a render before any of it is made: hashes and probes each once, in the worker processes."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Self

from render_service.compositor.faces.found import FoundFaces
from render_service.compositor.inspected_file import InspectedFile, Use
from render_service.compositor.media.assets import Asset, Media, ShotMedia
from render_service.compositor.processes.limits import PROBING, PROBING_PICTURE, TaskLimits
from render_service.compositor.processes.pool import Share, TaskOptions
from render_service.compositor.task_group import task_group
from render_service.compositor.tasks import inspect_file, search_faces
from render_service.domain.cards.model import CARD_FIELD
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.layers.model import Layer, layer_field
from render_service.domain.projects.delivery.outputs import ResolvedOutput
from render_service.domain.projects.looks.clips import ClipEdit
from render_service.domain.projects.looks.faces import FacesAt, FaceSearch, face_search
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.project import (
    MASK_FIELD,
    BadAssetPolicy,
    MotionFocus,
    NarrationPolicy,
    Project,
)
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


@dataclass(frozen=True, slots=True)
class FaceWish:
    """A shot whose picture or clip is searched for faces: how its clip is played, and how long it lasts if it says."""

    shot_id: str
    edit: ClipEdit | None
    shown: timedelta | None

    def search(self, file: InspectedFile) -> FaceSearch:
        """Return what of its file is searched."""
        return face_search(self.edit, file.length, self.shown)


@dataclass(frozen=True, slots=True)
class InspectionChoices:
    """All that a render decides of how its files are inspected: with equal files, equal choices give equal results.

    Args:
        policy: What to do about a shot's unusable picture or clip. Faults of narrations, music, layers and the
            watermark always fail, because nothing can replace them.
        uses: What files are used as where their fields alone do not tell: shot, None for the project, field and use.
        faces: The shots whose files are searched for faces.
    """

    policy: BadAssetPolicy
    uses: tuple[tuple[str | None, str, Use], ...]
    faces: tuple[FaceWish, ...]

    @classmethod
    def of(cls, spec: RenderSpec) -> Self:
        """Return the choices of a render, for all its outputs."""
        project = spec.project
        return cls(project.bad_asset_policy, tuple(_own_uses(project)), tuple(_face_wishes(project, spec.outputs)))


async def inspect_media(
    share: Share, media: Media, choices: InspectionChoices, known: FoundFaces | None = None
) -> Inspection:
    """Inspect all files of a render, each once however many shots use it.

    Args:
        share: Where the work is done.
        media: The local files.
        choices: How.
        known: The faces found in earlier files, which are not searched again.

    Raises:
        RenderFailure: ASSET_INVALID, naming shot, field and fault.
    """
    own = {(shot_id, field): use for shot_id, field, use in choices.uses}
    uses = [(asset, own.get((asset.shot_id, asset.field)) or _use(asset)) for asset in media.assets()]
    distinct: dict[tuple[Path, Use], Asset] = {}
    for asset, use in uses:
        distinct.setdefault((asset.path, use), asset)
    searched: dict[Path, list[FaceWish]] = {}
    for wish in choices.faces:
        files = media.shots.get(wish.shot_id, ShotMedia())
        for path in filter(None, (files.image, files.clip)):
            searched.setdefault(path, []).append(wish)
    gate = asyncio.Semaphore(share.width)
    inspector = _Inspector(share, gate, choices.policy, FoundFaces() if known is None else known)
    async with task_group() as group:
        tasks = {
            (path, use): group.create_task(inspector.inspect(asset, use, searched.get(path, ())))
            for (path, use), asset in distinct.items()
        }
    return _inspection(media, uses, {key: task.result() for key, task in tasks.items()}, choices.faces)


def _face_wishes(project: Project, outputs: Sequence[ResolvedOutput]) -> Iterator[FaceWish]:
    captions = project.captions
    # The files are inspected once, though each output decides for itself whether captions are drawn.
    burning = [captions.burn_in if one.burn_captions is None else one.burn_captions for one in outputs]
    for_captions = captions.avoid_faces and any(burn is not False for burn in burning or [captions.burn_in])
    for shot in project.shots:
        if for_captions or shot.motion.focus is MotionFocus.FACES:
            # A narration may make the shot longer than it says.
            extends = project.narration_policy is NarrationPolicy.EXTEND
            is_longer = extends and bool(shot.narration or shot.narration_audio_uri)
            yield FaceWish(shot.id, shot.clip, None if is_longer else shot.duration)


def _own_uses(project: Project) -> Iterator[tuple[str | None, str, Use]]:
    """Yield shot, None for the project, field and use of files whose fields alone do not tell their use."""
    for shot in project.shots:
        if not shot.clip_sound:
            yield shot.id, "clip_uri", Use.SILENT_CLIP
    holders: list[tuple[str | None, Sequence[Layer]]] = [(shot.id, shot.layers) for shot in project.shots]
    for shot_id, layers in (*holders, (None, project.layers)):
        for index, layer in enumerate(layers):
            if layer.clip and not layer.clip.sound:
                yield shot_id, layer_field(index, layer), Use.SILENT_CLIP
            elif layer.picture and layer.picture.lottie:
                yield shot_id, layer_field(index, layer), Use.LOTTIE


def _use(asset: Asset) -> Use:
    if asset.field.startswith("layers["):
        if asset.field.endswith(".lut.uri"):
            return Use.LUT
        return Use.CLIP if asset.field.endswith(".clip.uri") else Use.IMAGE
    if asset.field.startswith(CARD_FIELD):
        return Use.IMAGE
    return Use.SOUND if asset.field.startswith("sounds[") else _USES[asset.field]


def _inspection(
    media: Media,
    uses: Sequence[tuple[Asset, Use]],
    found: Mapping[tuple[Path, Use], InspectedFile | RenderFailure],
    faces: Sequence[FaceWish],
) -> Inspection:
    wishes = {wish.shot_id: wish for wish in faces}
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
        seen, wish = clip or image, wishes.get(shot_id)
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
            seen.size if seen else None,
            seen.faces.get(wish.search(seen), ()) if seen and wish else (),
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


@dataclass(frozen=True, slots=True)
class _Inspector:
    """Inspects the files of a project, as many at once as the gate lets through."""

    share: Share
    gate: asyncio.Semaphore
    policy: BadAssetPolicy
    known: FoundFaces
    searching: defaultdict[tuple[str, FaceSearch], asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )

    async def inspect(self, asset: Asset, use: Use, searching: Sequence[FaceWish]) -> InspectedFile | RenderFailure:
        """Inspect a file, and search it for faces for some shots; return the fault of one that a card replaces."""
        limits = PROBING_PICTURE if use in (Use.IMAGE, Use.LUT, Use.LOTTIE) else PROBING
        async with self.gate:
            try:
                file = await self.share.run_with(TaskOptions(limits, asset), inspect_file, asset, use)
                if use in (Use.SOUND, Use.LUT) or not searching:
                    return file
                searches = {wish.search(file) for wish in searching}
                return replace(file, faces={one: await self._faces(asset, limits, file, one) for one in searches})
            except RenderFailure as failure:
                is_replaced = asset.field in _REPLACEABLE and self.policy is BadAssetPolicy.CARD
                if is_replaced and failure.reason is ErrorReason.ASSET_INVALID:
                    return failure
                raise

    async def _faces(
        self, asset: Asset, limits: TaskLimits, file: InspectedFile, search: FaceSearch
    ) -> tuple[FacesAt, ...]:
        # Files of equal content, or one file that is used in several ways, are searched once.
        async with self.searching[file.sha256, search]:
            found = self.known.get(file.sha256, search)
            if found is None:
                found = await self.share.run_with(TaskOptions(limits, asset), search_faces, asset, file, search)
                self.known.put(file.sha256, search, found)
            return found
