"""Finds what recordings and clips say that nobody has written down."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from render_service.compositor.media.assets import Asset, Media, clip_asset, narration_asset
from render_service.compositor.processes.limits import TaskLimits
from render_service.compositor.processes.models import ModelProcesses, made_or_stored, run_reported
from render_service.compositor.processes.pool import Share, TaskOptions
from render_service.compositor.segments.code_fingerprint import code_fingerprint, content_hash
from render_service.compositor.segments.ports import SegmentStore
from render_service.compositor.tasks import write_clip_sound, write_recording
from render_service.domain.canonical import canonical_bytes
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.project import Shot
from render_service.domain.projects.word_times import (
    LONGEST_ALIGNED,
    RecognitionGap,
    RecognitionRequest,
    RecognizedText,
    TimingMethod,
    unwritten_shots,
)
from render_service.domain.warning import JobWarning, WarningCode
from render_service.engine.narrations import LONGEST_DECODED
from render_service.speech.recognition.model import RecognitionModel
from render_service.speech.recognition.tasks import recognize

RECOGNIZING = TaskLimits(memory=3 << 30, cpu_seconds=3600)
"""For one recording of at most `LONGEST_ALIGNED` seconds: the model takes about 0.7 GB."""
PROCESS_MODULES = (
    *("render_service.speech.recognition.recognize", "faster_whisper", "onnxruntime", "opencc"),
    "render_service.compositor.media.sounds",
)
"""What a recognising process imports before it is confined, which restricts the packages that it can read."""

_RECOGNIZED = TypeAdapter(RecognizedText)
_LIBRARIES = ("faster-whisper", "ctranslate2", "onnxruntime", "opencc", "numpy")
_GAPS = {
    RecognitionGap.NO_SOUND: "has no sound, and so no captions; write its caption",
    RecognitionGap.NO_SPEECH: "no speech is heard in it, so it has no captions; write its caption",
    RecognitionGap.UNKNOWN_LANGUAGE: "the language that is spoken in it could not be detected, so it has no captions;"
    " set the language of the project, or write its caption",
    RecognitionGap.UNCLEAR: "a part of what is said in it could not be recognized, and has no captions; write its"
    " caption",
    RecognitionGap.TOO_LONG: f"only the first {LONGEST_ALIGNED // 60} minutes of it were recognized; split it over"
    " several shots",
}


class Recognizer(ModelProcesses):
    """Recognises recordings in processes of its own, one for each render that recognises at the same time.

    A process starts with the first recording and loads the model once, which takes 0.7 GB. One process is kept until
    nothing has been recognised for a while.

    Args:
        model: The model.
        folder: The only folder that a process may change. None restricts no files.
        idle_seconds: How long the process is kept after the last recording.
    """

    def __init__(self, model: RecognitionModel, folder: Path | None, *, idle_seconds: float = 300.0) -> None:
        self._model = model
        readable = (*model.weights, model.tables)
        super().__init__(PROCESS_MODULES, folder, readable=readable, idle_seconds=idle_seconds)

    async def recognize(
        self,
        asset: Asset,
        request: RecognitionRequest,
        share: Share,
        store: SegmentStore,
        *,
        place: Path,
        working: Callable[[], Awaitable[None]],
    ) -> RecognizedText:
        """Return what a recording or clip says, from the store or from its sound; times count from the file's start.

        Args:
            asset: The file as it was fetched.
            request: Its language, and which part of it is heard.
            share: The render's part of the processes.
            store: Where the text is looked for, and kept.
            place: Where intermediate files go, without suffix.
            working: Is called while it works.

        Raises:
            RenderFailure: ASSET_INVALID: the sound cannot be decoded. COMPOSE_FAILED: it took too much memory or time.
        """
        key, text = await asyncio.to_thread(_key, request, asset.path, self._model), place.with_suffix(".json")

        async def make() -> RecognizedText:
            with self.working():
                return await self._recognize(asset, request, share, place.with_suffix(".wav"), working)

        return await made_or_stored(_RECOGNIZED, store, key, text, make)

    async def _recognize(
        self,
        asset: Asset,
        request: RecognitionRequest,
        share: Share,
        recording: Path,
        working: Callable[[], Awaitable[None]],
    ) -> RecognizedText:
        decoding = TaskOptions(RECOGNIZING, asset)
        length = min(request.length or LONGEST_DECODED, LONGEST_DECODED)
        if asset.field == "narration_audio_uri":
            await share.run_with(decoding, write_recording, asset, LONGEST_DECODED, recording)
        elif not await share.run_with(decoding, write_clip_sound, asset, request.start, length, recording):
            return RecognizedText("", (), RecognitionGap.NO_SOUND)
        options = TaskOptions(
            RECOGNIZING, work=f"{asset.name}: recognizing it", remedy="pass its text, or split it over several shots"
        )
        found = await run_reported(share, options, working, recognize, request, self._model, recording)
        return _delayed(found, request.start)


async def recognize_shots(
    recognizer: Recognizer | None,
    spec: RenderSpec,
    media: Media,
    store: SegmentStore,
    *,
    folder: Path,
    working: Callable[[], Awaitable[None]],
) -> tuple[RenderSpec, Media, tuple[JobWarning, ...]]:
    """Return a render with the words of its unwritten shots, and a warning for each that was not wholly recognised.

    Args:
        recognizer: Recognises; None where this worker cannot.
        spec: The render.
        media: Its files.
        store: Where texts are looked for, and kept.
        folder: Where intermediate files go; made if it is missing.
        working: Is called after each shot, and while one is recognised.

    Raises:
        RenderFailure: ASSET_INVALID: a sound cannot be decoded. COMPOSE_FAILED: it took too much memory or time.
            PROVIDER_NOT_CONFIGURED: this worker cannot recognise.
    """
    requests = unwritten_shots(spec.project)
    assets = {shot_id: asset for shot_id in requests if (asset := _heard(shot_id, media)) is not None}
    if not assets:
        return spec, media, ()
    if recognizer is None:
        raise _not_installed()
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    share, found = recognizer.share(), dict[str, RecognizedText]()
    for number, (shot_id, asset) in enumerate(assets.items(), 1):
        await working()
        place = folder / f"recognized-{number}"
        found[shot_id] = await recognizer.recognize(
            asset, requests[shot_id], share, store, place=place, working=working
        )
    said = {shot_id: one for shot_id, one in found.items() if one.words}
    shots = tuple(_with_text(shot, said[shot.id]) if shot.id in said else shot for shot in spec.project.shots)
    files = {
        shot_id: replace(one, timing=TimingMethod.RECOGNIZED) if shot_id in said else one
        for shot_id, one in media.shots.items()
    }
    warnings = tuple(_warning(assets[shot_id], one.gap) for shot_id, one in found.items() if one.gap is not None)
    return replace(spec, project=replace(spec.project, shots=shots)), replace(media, shots=files), warnings


def _delayed(found: RecognizedText, start: timedelta) -> RecognizedText:
    words = (replace(word, start=word.start + start, end=word.end + start) for word in found.words)
    return replace(found, words=tuple(words))


def _heard(shot_id: str, media: Media) -> Asset | None:
    files = media.shots.get(shot_id)
    if files is not None and files.narration is not None:
        return narration_asset(shot_id, files.narration)
    return clip_asset(shot_id, files.clip) if files is not None and files.clip is not None else None


def _with_text(shot: Shot, found: RecognizedText) -> Shot:
    """Return a shot with what was recognised as its caption: modes that caption no narration show it too."""
    return replace(shot, caption=found.text, words=found.words)


def _warning(asset: Asset, gap: RecognitionGap) -> JobWarning:
    message = f"{asset.name}: {_GAPS[gap]}"
    return JobWarning(WarningCode.SPEECH_NOT_RECOGNIZED, message, asset.shot_id or "", asset.field)


def _not_installed() -> RenderFailure:
    return RenderFailure(
        ErrorReason.PROVIDER_NOT_CONFIGURED,
        "captions.from_audio: this worker cannot recognize speech; install the extra `recognition` of render-service on"
        " all workers",
        {"provider": "local", "setting": "RENDER_RECOGNITION"},
    )


def _key(request: RecognitionRequest, sound: Path, model: RecognitionModel) -> str:
    """Return the name of a recording's text: it changes with everything that can change it."""
    named = canonical_bytes(request) + f"{content_hash(sound)} {model.sha256} {_fingerprint()}".encode()
    return hashlib.sha256(b"recognition " + named).hexdigest()


@cache
def _fingerprint() -> str:
    """Return a name of the code and the libraries that recognise."""
    return code_fingerprint(("render_service.speech.recognition.recognize",), _LIBRARIES)
