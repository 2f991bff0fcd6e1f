"""Has one narration spoken by a remote provider, from the submission to the sound in the object store."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from render_service.db.generation.generation_ledger import GenerationLedger, LiveTask
from render_service.domain.canonical import canonical_bytes
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.generation.provider_task import (
    ExternalTask,
    ProviderTask,
    StoredClip,
    TaskFault,
    TaskState,
)
from render_service.domain.jobs.job import Lease
from render_service.domain.projects.project import WordTiming
from render_service.domain.retry import RetryPolicy
from render_service.domain.speech.options import SpeechOptions
from render_service.domain.speech.requests import SpeechRequest
from render_service.domain.speech.terms import language_sent
from render_service.domain.speech.voices import SpeechProvider
from render_service.providers.apis.instrumented import count_cost, measured
from render_service.providers.generation.limits import GenerationLimits
from render_service.providers.generation.paid_request import PaidRequest, Purchase
from render_service.providers.generation.submission import Submissions
from render_service.providers.provider_api import PaidTraits
from render_service.providers.speech.speech_api import SpeechApi, SpeechJob, SpokenAudio
from render_service.storage.errors import StorageUnavailable

_STORE_ATTEMPTS, _STORE_RETRY_SECONDS = 60, 1.0
_WORDS: TypeAdapter[tuple[WordTiming, ...] | None] = TypeAdapter(tuple[WordTiming, ...] | None)

MeasureSound = Callable[[str, Path], Awaitable[timedelta]]
"""Returns how long a shot's sound lasts; raises RenderFailure if it cannot be decoded."""


class NarrationStore(Protocol):
    """Where narrations are kept, by key. What is stored under a key never changes."""

    async def get(self, key: str, path: Path) -> bool:
        """Write what is stored under a key to a file; return False where nothing is."""

    async def put(self, key: str, path: Path) -> None:
        """Store a file under a key; storing the same again does no harm."""

    async def use(self, object_keys: Collection[str]) -> None:
        """Record that the job uses objects of the store; `put` then needs no database.

        Raises:
            LeaseLost: This worker no longer holds the job.
        """

    def object_key(self, key: str) -> str:
        """Return the key in the object store."""


@dataclass(frozen=True, slots=True)
class SpokenNarration:
    """A narration on this machine, with its row of the ledger.

    Args:
        sound: Its sound.
        words: Its words in order; none if the provider did not return their times.
        length: How long the sound lasts.
        request: What was spoken.
        task: Its row of the ledger.
        reused: Whether it was paid before this job.
    """

    sound: Path
    words: tuple[WordTiming, ...]
    length: timedelta
    request: SpeechRequest
    task: ProviderTask
    reused: bool


@dataclass(frozen=True, slots=True)
class NarrationOrder:
    """A narration to be submitted, and where its sound goes: files of this machine, and the store."""

    job: SpeechJob
    key: bytes
    place: Path
    store: NarrationStore

    @property
    def sound(self) -> Path:
        """The sound's file."""
        return self.place.with_suffix(".sound")

    @property
    def words(self) -> Path:
        """The file with the words that the provider returned, as JSON; `null` for none."""
        return self.place.with_suffix(".json")

    @property
    def store_keys(self) -> tuple[str, str]:
        """The keys of sound and words in the store."""
        return hashlib.sha256(b"sound " + self.key).hexdigest(), hashlib.sha256(b"words " + self.key).hexdigest()

    async def reserve(self) -> None:
        """Record that the job uses sound and words, before they are paid: afterwards nothing may get lost over it.

        Raises:
            LeaseLost: This worker no longer holds the job.
        """
        await self.store.use([self.store.object_key(key) for key in self.store_keys])

    async def keep(self, spoken: SpokenAudio) -> None:
        """Write sound and words to this machine and to the store, which may be away for a minute: they are paid.

        Needs neither the database nor the job's lease; see `reserve`.

        Raises:
            StorageUnavailable: The store is away for longer.
        """
        await asyncio.to_thread(self.sound.write_bytes, spoken.audio)
        await asyncio.to_thread(lambda: self.words.write_bytes(_WORDS.dump_json(spoken.words)))
        sound_key, words_key = self.store_keys
        for attempt in range(1, _STORE_ATTEMPTS + 1):
            try:
                await self.store.put(words_key, self.words)
                await self.store.put(sound_key, self.sound)
            except StorageUnavailable:
                if attempt == _STORE_ATTEMPTS:
                    raise
                await asyncio.sleep(_STORE_RETRY_SECONDS)
            else:
                return

    async def fetch(self) -> bool:
        """Have sound and words on this machine; return whether they exist."""
        if await asyncio.to_thread(lambda: self.sound.exists() and self.words.exists()):
            return True
        sound_key, words_key = self.store_keys
        return await self.store.get(words_key, self.words) and await self.store.get(sound_key, self.sound)


class SpeechSubmitter:
    """Submits narrations to a provider, and keeps what comes back before that is recorded; see `provider_api.PaidApi`.

    Args:
        api: The provider.
    """

    def __init__(self, api: SpeechApi) -> None:
        self._api = api

    @property
    def name(self) -> str:
        """The provider in the ledger and in metrics: `custom` also generates clips, with limits of its own."""
        return ledger_name(self._api.name)

    @property
    def traits(self) -> PaidTraits:
        """Its limits and features."""
        return self._api.traits

    async def submit(self, request: NarrationOrder, key: UUID) -> ExternalTask:
        """Have a narration spoken and kept."""
        with measured(self.name, "submit", noun="narration"):
            spoken = await self._api.speak(request.job, key)
        await request.keep(spoken)
        return ExternalTask(spoken.request_id or str(key), cost=spoken.cost)


class NarrationSubmissions(Submissions[NarrationOrder]):
    """Submits narrations to one provider; see `Submissions`.

    Args:
        api: The provider.
        ledger: Records submissions.
        retry: When a request is repeated under its key because its response was lost.
    """

    def __init__(self, api: SpeechApi, ledger: GenerationLedger, retry: RetryPolicy) -> None:
        super().__init__(SpeechSubmitter(api), ledger, retry)
        self.api = api


class PaidNarration(PaidRequest[NarrationOrder, SpokenNarration]):
    """A narration that one provider speaks for one shot.

    Args:
        ledger: Records submissions.
        submissions: Submits to the provider.
        limits: Limits of requests to providers.
        lease: The job's lease.
        shot_id: The shot.
        request: What is spoken.
        options: The job's.
        place: Where the sound goes on this machine, without suffix.
        store: Where it is kept.
        measure: Measures the sound.
    """

    def __init__(
        self,
        ledger: GenerationLedger,
        submissions: NarrationSubmissions,
        limits: GenerationLimits,
        lease: Lease,
        *,
        shot_id: str,
        request: SpeechRequest,
        options: SpeechOptions,
        place: Path,
        store: NarrationStore,
        measure: MeasureSound,
    ) -> None:
        sent = options.options if request.provider is SpeechProvider.CUSTOM else {}
        metadata = {"job_id": str(lease.job_id), "shot_id": shot_id}
        key = narration_key(request, sent, submissions.api.endpoint)
        self._order = NarrationOrder(SpeechJob(request, sent, metadata), key, place, store)
        self._measure = measure
        purchase = Purchase(shot_id, request.provider, request.model, key, "narration", options.allow_resubmit)
        super().__init__(ledger, submissions, limits, lease, purchase)

    async def _prepare(self) -> NarrationOrder:
        await self._order.reserve()
        return self._order

    async def _finish(self, task: ProviderTask) -> None:
        """Check the sound, which is stored, and record it."""
        order = self._order
        if not await order.fetch():
            await self._settle(task, "the narration is missing from the object store")
            return
        try:
            length = await self._measure(self._purchase.shot_id, order.sound)
        except RenderFailure as failure:
            if failure.worker_fault:
                raise  # says nothing of the sound, which is paid
            await self._settle(task, f"the result of {self._purchase.provider} is not a usable sound")
            return
        sound_key, _ = order.store_keys
        sha256, size = await asyncio.to_thread(_hash_and_size, order.sound)
        milliseconds = length // timedelta(milliseconds=1)
        stored = StoredClip(order.store.object_key(sound_key), sha256, size, milliseconds, 0, 0)
        await self._ledger.succeeded(self._lease, task.id, stored, task.cost)
        self._on_end(task)

    async def _settle(self, task: ProviderTask, message: str) -> None:
        fault = TaskFault(ErrorReason.PROVIDER_FAILED, message, "BAD_RESULT")
        await self._ledger.settle(self._lease, task.id, TaskState.FAILED, fault, task.cost)
        self._on_end(task)

    def _on_end(self, task: ProviderTask) -> None:
        count_cost(self._submissions.provider.name, task.cost)
        self._submissions.on_slot_freed()

    async def _restore(self, live: LiveTask) -> SpokenNarration | None:
        order, clip = self._order, live.task.clip
        assert clip is not None
        if not await order.fetch():
            return None
        try:
            words = await asyncio.to_thread(lambda: _WORDS.validate_json(order.words.read_bytes()))
        except ValidationError:
            return None
        length = timedelta(milliseconds=clip.milliseconds)
        return SpokenNarration(
            order.sound,
            tuple(_within(word, length) for word in words or ()),
            length,
            order.job.request,
            live.task,
            live.from_before,
        )


def narration_key(request: SpeechRequest, options: object, endpoint: str) -> bytes:
    """Return the SHA-256 of everything that a narration depends on, except its workspace.

    A language that the provider never receives is not part of it: naming it must not pay for the same sound again.

    Args:
        request: What is spoken.
        options: What the provider receives besides.
        endpoint: URL that the requests go to: another server, or another method, returns another sound or other words.
    """
    request = replace(request, language=language_sent(request))
    sent = json.dumps([options, endpoint], sort_keys=True, ensure_ascii=True).encode()
    return hashlib.sha256(b"narration " + canonical_bytes(request) + sent).digest()


def ledger_name(provider: SpeechProvider) -> str:
    """Return the name of a speech provider in the ledger and in metrics."""
    return f"speech/{provider}"


def _hash_and_size(path: Path) -> tuple[str, int]:
    """Return a file's SHA-256 in hexadecimal digits, and its size in bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()


def _within(word: WordTiming, length: timedelta) -> WordTiming:
    return replace(word, start=min(word.start, length), end=min(word.end, length))
