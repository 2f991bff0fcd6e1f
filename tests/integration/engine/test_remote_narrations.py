"""A narration of a remote provider, as MP3, is composed into the video, and its words are stored."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from render_service.compositor.media.assets import narration_asset
from render_service.db.database import Database
from render_service.db.generation.generation_ledger import GenerationLedger
from render_service.domain.jobs.job import Artifact, JobStatus, ProviderName
from render_service.engine.speakers import RemoteSpeech, Speakers
from render_service.providers.local import LocalProvider
from render_service.providers.speech.narration import NarrationSubmissions, SpeechSubmitter
from render_service.providers.speech.registry import open_speech
from tests.fakes.speech import SECONDS_A_CHARACTER, FakeElevenLabs
from tests.generation_bench import SHORT
from tests.integration.engine.harness import Engine, engine_with
from tests.records import job_request, start_job
from tests.speech_bench import ELEVENLABS, settings_of, spec_of

TEXT = "Ships come home."


async def test_a_remote_narration_is_composed_and_its_words_are_stored(database: Database, tmp_path: Path) -> None:
    engines: list[Engine] = []

    async def measure(shot_id: str, path: Path) -> timedelta:
        return await engines[0].compositor.sound_length(narration_asset(shot_id, path))

    async with FakeElevenLabs() as fake:
        api, ledger = open_speech(ELEVENLABS, settings_of({ELEVENLABS: fake.url})), GenerationLedger(database)
        submissions = NarrationSubmissions(SpeechSubmitter(api), ledger, SHORT.retry)
        speakers = Speakers(None, RemoteSpeech({ELEVENLABS: submissions}, ledger, SHORT, measure))
        async with (
            api.api,
            engine_with(database, tmp_path, LocalProvider(), name=ProviderName.LOCAL, speakers=speakers) as engine,
        ):
            engines.append(engine)
            await engine.compositor.start()
            request = job_request(provider=ProviderName.LOCAL, spec=spec_of(ELEVENLABS, TEXT))
            job = await start_job(database, request)
            await engine.runner.run_next()
            job = await engine.job(job)
            words = tmp_path / "words.json"
            assert job.video is not None, job.error
            assert await engine.store.fetch_to(job.video.files[Artifact.WORDS].key, words)
            await engine.compositor.close()
            await submissions.close()
    assert (job.status, len(fake.bill)) == (JobStatus.COMPLETED, 1)
    assert job.raw_results is not None
    [narration] = job.raw_results.extra["narrations"]
    assert narration["seconds"] == pytest.approx(len(TEXT) * SECONDS_A_CHARACTER, abs=0.1)
    [track] = job.video.audio_tracks
    assert (track.provider, track.voices) == ("elevenlabs", ("JBFqnCBsd6RMkjVDRZzb",))
    spoken = json.loads(words.read_text(encoding="utf-8"))
    assert [word["text"] for word in spoken] == ["Ships", "come", "home."]
