"""A narration of a remote provider, as MP3, is composed into the video, and its words are stored."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from render_service.compositor.media.assets import Media, ShotMedia, narration_asset
from render_service.db.database import Database
from render_service.db.generation.generation_ledger import GenerationLedger
from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.job import Artifact, Job, JobStatus, ProviderName, RenderSpec
from render_service.domain.projects.output import AudioLanguage
from render_service.domain.projects.project import Shot, Translation
from render_service.engine.speakers import RemoteSpeech, Speakers
from render_service.providers.local import LocalProvider
from render_service.providers.speech.narration import NarrationSubmissions
from render_service.providers.speech.registry import open_speech
from tests.fakes.speech import SECONDS_A_CHARACTER, FakeElevenLabs
from tests.generation_bench import SHORT
from tests.integration.engine.harness import Engine, engine_with
from tests.records import job_request, start_job
from tests.speech_bench import ELEVENLABS, settings_of, spec_of

TEXT = "Ships come home."


@dataclass
class SpeakingEngine:
    """A worker whose narrations a fake speaks."""

    fake: FakeElevenLabs
    engine: Engine
    speakers: Speakers

    async def run(self, spec: RenderSpec) -> Job:
        """Run a job to its end."""
        job = await start_job(self.engine.database, job_request(provider=ProviderName.LOCAL, spec=spec))
        await self.engine.runner.run_next()
        return await self.engine.job(job)


@pytest.fixture
async def speaking(database: Database, tmp_path: Path) -> AsyncIterator[SpeakingEngine]:
    engines: list[Engine] = []

    async def measure(shot_id: str, path: Path) -> timedelta:
        return await engines[0].compositor.sound_length(narration_asset(shot_id, path))

    async with FakeElevenLabs() as fake:
        api, ledger = open_speech(ELEVENLABS, settings_of({ELEVENLABS: fake.url})), GenerationLedger(database)
        submissions = NarrationSubmissions(api, ledger, SHORT.retry)
        speakers = Speakers(None, RemoteSpeech({ELEVENLABS: submissions}, ledger, SHORT, measure))
        async with (
            api.api,
            engine_with(database, tmp_path, LocalProvider(), name=ProviderName.LOCAL, speakers=speakers) as engine,
        ):
            engines.append(engine)
            await engine.compositor.start()
            yield SpeakingEngine(fake, engine, speakers)
            await engine.compositor.close()
            await submissions.close()


async def test_a_remote_narration_is_composed_and_its_words_are_stored(
    speaking: SpeakingEngine, tmp_path: Path
) -> None:
    job = await speaking.run(spec_of(ELEVENLABS, TEXT))
    words = tmp_path / "words.json"
    assert job.video is not None, job.error
    assert await speaking.engine.store.fetch_to(job.video.files[Artifact.WORDS].key, words)
    assert (job.status, len(speaking.fake.bill)) == (JobStatus.COMPLETED, 1)
    assert job.raw_results is not None
    [narration] = job.raw_results.extra["narrations"]
    assert narration["seconds"] == pytest.approx(len(TEXT) * SECONDS_A_CHARACTER, abs=0.1)
    [track] = job.video.audio_tracks
    assert (track.provider, track.voices) == ("elevenlabs", ("JBFqnCBsd6RMkjVDRZzb",))
    spoken = json.loads(words.read_text(encoding="utf-8"))
    assert [word["text"] for word in spoken] == ["Ships", "come", "home."]


async def test_each_further_language_is_a_track_of_its_own(speaking: SpeakingEngine, tmp_path: Path) -> None:
    spec = spec_of(ELEVENLABS, TEXT)
    shots = tuple(replace(shot, translations=(Translation("de", "Schiffe."),)) for shot in spec.project.shots)
    project = replace(spec.project, shots=shots, language="en")
    job = await speaking.run(
        replace(spec, project=project, output=replace(spec.output, audio_languages=(AudioLanguage("de"),)))
    )
    assert job.video is not None, job.error
    main, further = job.video.audio_tracks
    assert [(track.language, track.artifact, track.provider) for track in (main, further)] == [
        ("en", Artifact.VIDEO, "elevenlabs"),
        ("de", Artifact.VIDEO, "elevenlabs"),
    ]
    assert main.sha256 != further.sha256
    assert [charged["text"] for charged in speaking.fake.bill] == ["Schiffe.", TEXT]
    assert job.raw_results is not None
    assert [result.get("language") for result in job.raw_results.extra["narrations"]] == [None, "de"]


@pytest.mark.parametrize("is_dubbed", [False, True])
async def test_what_a_check_can_find_is_found_before_a_narration_is_paid(
    is_dubbed: bool, speaking: SpeakingEngine
) -> None:
    spec = spec_of(ELEVENLABS, TEXT)
    if is_dubbed:
        # Nothing but the further track is spoken.
        silent = Shot("s1", duration=timedelta(seconds=1), translations=(Translation("de", "Schiffe.", None),))
        dubbed = replace(spec.output, audio_languages=(AudioLanguage("de"),))
        spec = replace(spec, project=replace(spec.project, shots=(silent,), language="en"), output=dubbed)
    card = Shot("s2", visual_description="\ue000", duration=timedelta(seconds=1))
    job = await speaking.run(replace(spec, project=replace(spec.project, shots=(*spec.project.shots, card))))
    assert job.error is not None
    assert (job.error.reason, speaking.fake.bill) == (ErrorReason.GLYPH_MISSING, [])


async def test_narrations_yet_to_be_spoken_do_not_exceed_the_longest_video(
    speaking: SpeakingEngine, tmp_path: Path
) -> None:
    """To read all their captions takes longer than three hours, unlike to speak their narrations."""
    spec = spec_of(ELEVENLABS, TEXT)
    shots = tuple(Shot(f"s{number}", narration=TEXT, caption="word " * 400) for number in range(100))
    captioned = replace(spec, project=replace(spec.project, shots=shots))
    unspoken = await speaking.speakers.paid_shots(captioned)
    assert len(unspoken) == len(shots)
    media = Media({shot.id: ShotMedia() for shot in shots})
    await speaking.engine.compositor.check(captioned, media, tmp_path, gets_clips=False, unspoken=unspoken)
