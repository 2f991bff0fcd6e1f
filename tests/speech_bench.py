"""Speaks narrations with remote providers alone: a real ledger and object store, and no compositor."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import av

from render_service.compositor.media.assets import Media
from render_service.config.settings import Settings
from render_service.db.database import Database
from render_service.db.generation.generation_ledger import GenerationLedger
from render_service.db.jobs.job_lifecycle import Claim, JobLifecycle
from render_service.db.jobs.job_objects import JobObjects
from render_service.db.jobs.jobs import Jobs
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import Job, JobError, ProviderName, RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot, Speech
from render_service.domain.speech.options import SpeechChoice, SpeechOptions
from render_service.domain.speech.voices import SpeechProvider
from render_service.engine.job_segments import JobSegments
from render_service.engine.speakers import Narrated, RemoteSpeech, Speakers
from render_service.providers.generation.limits import GenerationLimits
from render_service.providers.speech.narration import NarrationSubmissions
from render_service.providers.speech.registry import open_speech
from render_service.storage.store import ObjectStore
from tests.fakes.speech import KEY
from tests.generation_bench import SHORT
from tests.records import HOUR, job_request, lifecycle_of, start_job

ELEVENLABS, OPENAI, CUSTOM = (
    SpeechProvider.ELEVENLABS,
    SpeechProvider.OPENAI_COMPATIBLE,
    SpeechProvider.CUSTOM,
)
DEFAULTS = {
    ELEVENLABS: SpeechChoice(ELEVENLABS, "JBFqnCBsd6RMkjVDRZzb", "eleven_multilingual_v2"),
    OPENAI: SpeechChoice(OPENAI, "alloy", "tts-1"),
    CUSTOM: SpeechChoice(CUSTOM),
}


def spec_of(provider: SpeechProvider, *texts: str, **options: Any) -> RenderSpec:
    """A render whose shots s1, s2, … have these narrations."""
    short = timedelta(milliseconds=200)
    shots = tuple(Shot(f"s{number}", narration=text, duration=short) for number, text in enumerate(texts, 1))
    form = OutputSpec(256, 144, 25, Quality.DRAFT)
    return RenderSpec(Project(shots=shots, speech=Speech()), form, speech=SpeechOptions(DEFAULTS[provider], **options))


def settings_of(urls: Mapping[SpeechProvider, str], **settings: Any) -> Settings:
    """Settings of the providers at these URLs."""
    values: dict[str, Any] = {"speech_provider": "none", "openai_speech_price": "0.015", "elevenlabs_price": "0.10"}
    if ELEVENLABS in urls:
        values |= {"elevenlabs_api_key": KEY, "elevenlabs_base_url": urls[ELEVENLABS]}
    if OPENAI in urls:
        values |= {"openai_speech_api_key": KEY, "openai_speech_base_url": f"{urls[OPENAI]}/v1"}
    if CUSTOM in urls:
        values |= {"custom_speech_api_key": KEY, "custom_speech_api_url": urls[CUSTOM]}
    return Settings(**{**values, **settings})


async def _measure(shot_id: str, path: Path) -> timedelta:
    try:
        with av.open(io.BytesIO(path.read_bytes()), "r") as sound:
            samples = sum(frame.samples for frame in sound.decode(audio=0))
            return timedelta(seconds=samples / sound.streams.audio[0].rate)
    except av.FFmpegError as error:
        raise RenderFailure(ErrorReason.ASSET_INVALID, f"{shot_id}: {error}") from error


@dataclass
class SpeechBench:
    """The parts of a worker that speak with remote providers."""

    database: Database
    folder: Path
    ledger: GenerationLedger
    store: ObjectStore
    lifecycle: JobLifecycle
    speakers: Speakers

    async def claimed(self, spec: RenderSpec) -> Claim:
        """Store a job and claim it."""
        await start_job(self.database, job_request(spec=spec))
        return await self.claim()

    async def claim(self) -> Claim:
        claim = await self.lifecycle.claim(worker="bench", providers=list(ProviderName), deadline=HOUR)
        assert claim is not None
        return claim

    async def speak(self, claim: Claim) -> Narrated:
        """Speak the narrations of a claimed job."""
        lease = claim.lease
        store = JobSegments(self.store, lease.workspace_id, partial(JobObjects(self.database).add, lease))

        async def on_spoken(_spoken: int, _of: int) -> None:
            return None

        folder = self.folder / uuid4().hex
        narrated = await self.speakers.narrate(lease, claim.spec, Media(), store, folder=folder, on_spoken=on_spoken)
        await store.close()
        return narrated

    async def run(self, spec: RenderSpec) -> tuple[Narrated, Job]:
        """Store a job, speak for it, and complete it."""
        claim = await self.claimed(spec)
        narrated = await self.speak(claim)
        await self.lifecycle.complete(claim.lease, None, None)
        return narrated, await self.job(claim)

    async def fail(self, spec: RenderSpec) -> RenderFailure:
        """Store a job that cannot be spoken, and end it; return why."""
        claim = await self.claimed(spec)
        try:
            await self.speak(claim)
        except RenderFailure as failure:
            error = JobError(failure.reason, failure.message, failure.metadata)
            await self.lifecycle.end_attempt(claim.lease, error, retryable=False)
            return failure
        raise AssertionError("it was spoken")

    async def job(self, claim: Claim) -> Job:
        return await Jobs(self.database).get(claim.lease.workspace_id, claim.lease.job_id)


@asynccontextmanager
async def open_speech_bench(
    database: Database,
    folder: Path,
    urls: Mapping[SpeechProvider, str],
    *,
    limits: GenerationLimits = SHORT,
    **settings: Any,
) -> AsyncIterator[SpeechBench]:
    """Put the parts together for the fakes at these URLs."""
    configured = settings_of(urls, **settings)
    ledger, store = GenerationLedger(database), ObjectStore((folder / "objects").as_uri())
    async with AsyncExitStack() as stack:
        submissions = {}
        for provider in urls:
            api = open_speech(provider, configured)
            await stack.enter_async_context(api.api)
            submissions[provider] = NarrationSubmissions(api, ledger, limits.retry)
            stack.push_async_callback(submissions[provider].close)
        speakers = Speakers(None, RemoteSpeech(submissions, ledger, limits, _measure))
        yield SpeechBench(database, folder, ledger, store, lifecycle_of(database), speakers)
        await asyncio.sleep(0)
