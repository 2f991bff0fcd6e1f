"""Narrations are spoken into the video, once in a workspace, and their words are lit while they are spoken."""

import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import av
import numpy as np
import pytest

from render_service.compositor.media.assets import Media
from render_service.db.database import Database
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.generation.clip_plan import ClipSpec, plan_clips
from render_service.domain.jobs.job import (
    Artifact,
    AudioTrackKind,
    Job,
    JobStatus,
    Lease,
    ProviderChoice,
    ProviderName,
    RenderSpec,
)
from render_service.domain.projects.output import OutputSpec, Quality, Sidecars
from render_service.domain.projects.project import CaptionOptions, Project, Shot, Speech, WordTiming
from render_service.domain.speech.requests import SpeechRequest
from render_service.engine.job_segments import JobSegments
from render_service.engine.narrations import Narrator, speech_keys
from render_service.engine.speakers import Narrated, Speakers
from render_service.providers.generator import Generation, ReportProgress
from render_service.providers.local import LocalProvider
from render_service.speech.installation import Installation, find_installation
from tests.integration.engine.harness import Engine, Scripted, engine_with
from tests.records import job_request, start_job

pytestmark = pytest.mark.speech

SHORT = timedelta(milliseconds=200)
PROJECT = Project(
    shots=(
        Shot("one", narration="Hi there.", duration=SHORT),
        Shot("two", narration="你好。", speech=Speech(speed=1.5), duration=SHORT),
    ),
    captions=CaptionOptions(highlight_words=True),
    speech=Speech(),
)
LEASE = Lease(UUID(int=1), UUID(int=2), "team", UUID(int=3), attempt=1, failed_attempts=0)
OUTPUT = OutputSpec(256, 144, 25, Quality.DRAFT, stems=True)
BESIDE = replace(OUTPUT, sidecars=Sidecars(thumbnails=True, chapters=True, metadata=True))


@asynccontextmanager
async def speaking(database: Database, folder: Path, installation: Installation | None) -> AsyncIterator[Engine]:
    folder.mkdir()
    narrator = None if installation is None else Narrator(installation, folder)
    async with engine_with(
        database, folder, LocalProvider(), name=ProviderName.LOCAL, speakers=Speakers(narrator)
    ) as engine:
        if narrator is not None:
            await engine.compositor.start()
        try:
            yield engine
        finally:
            await engine.compositor.close()
            if narrator is not None:
                await narrator.close()


async def run(engine: Engine, project: Project, output: OutputSpec = OUTPUT) -> Job:
    job = await start_job(engine.database, job_request(provider=ProviderName.LOCAL, spec=RenderSpec(project, output)))
    await engine.runner.run_next()
    return await engine.job(job)


async def test_narrations_are_spoken_once_and_their_words_are_lit(database: Database, tmp_path: Path) -> None:
    installed = find_installation(None, None)
    async with speaking(database, tmp_path / "first", installed) as engine:
        job = await run(engine, PROJECT, BESIDE)
        assert (job.status, job.warnings, job.error) == (JobStatus.COMPLETED, (), None)
        assert job.video is not None
        path = tmp_path / "video.mp4"
        assert await engine.store.fetch_to(job.video.files[Artifact.VIDEO].key, path)
        assert job.video.frames > 2 * job.video.fps, "the narrations extend their shots of 0.2 s"
        files = job.video.files
        voices = ("af_heart", "zf_xiaobei")
        assert [(track.kind, track.artifact, track.voices, track.provider) for track in job.video.audio_tracks] == [
            (AudioTrackKind.MIX, Artifact.VIDEO, voices, "local"),
            (AudioTrackKind.MIX, Artifact.MIX, voices, "local"),
            (AudioTrackKind.NARRATION, Artifact.NARRATION, voices, "local"),
        ]
        assert [track.sha256 for track in job.video.audio_tracks[1:]] == [
            files[artifact].sha256 for artifact in (Artifact.MIX, Artifact.NARRATION)
        ]
        words = tmp_path / "words.json"
        assert await engine.store.fetch_to(job.video.files[Artifact.WORDS].key, words)
        described = tmp_path / "metadata.json"
        assert await engine.store.fetch_to(files[Artifact.METADATA].key, described)
        # Without a model, only what is stored can be heard.
        mute = Narrator(Installation((tmp_path / "no-model",), installed.voices), None)
        store = JobSegments(engine.store, job.workspace_id, _record_nothing)
        heard = await Speakers(mute).narrate(
            LEASE,
            RenderSpec(PROJECT, OUTPUT),
            Media(),
            store,
            folder=tmp_path / "again",
            on_spoken=_report_nothing,
        )
        await mute.close()
        assert [len(shot.words) for shot in heard.spec.project.shots] == [2, 1]
        assert all(files.narration is not None and files.narration.exists() for files in heard.media.shots.values())
    metadata = json.loads(described.read_text(encoding="utf-8"))
    listed = {file["artifact"]: (file["size_bytes"], file["sha256"]) for file in metadata["files"]}
    assert listed == {
        artifact.value: (file.size_bytes, file.sha256)
        for artifact, file in files.items()
        if artifact is not Artifact.METADATA
    }
    assert {Artifact.THUMBNAILS, Artifact.THUMBNAILS_VTT, Artifact.CHAPTERS_VTT} < files.keys()
    assert (metadata["width"], metadata["height"], metadata["video_codec"]) == (256, 144, "h264")
    assert [chapter["shot"] for chapter in metadata["chapters"]] == ["one", "two"]
    assert metadata["chapters"][-1]["end"] == metadata["duration_seconds"] == job.video.frames / job.video.fps
    with av.open(str(path)) as video:
        sound = np.concatenate([frame.to_ndarray() for frame in video.decode(audio=0)], axis=1)
    assert np.abs(sound).max() > 0.3
    spoken = json.loads(words.read_text(encoding="utf-8"))
    assert [(word["text"], word["shot"]) for word in spoken] == [("Hi", "one"), ("there.", "one"), ("你好", "two")]
    assert 0 <= spoken[0]["start"] < spoken[0]["end"] <= spoken[1]["start"] < spoken[2]["start"]


async def _record_nothing(_keys: Collection[str]) -> None:
    """Leave the job's objects as they are."""


async def _report_nothing(_spoken: int, _of: int) -> None:
    """Report no progress."""


def test_a_changed_word_voice_or_speed_is_spoken_anew() -> None:
    request, installed = SpeechRequest("Hi there.", "af_heart", 1.0), find_installation(None, None)
    others = [replace(request, text="Hi you."), replace(request, voice="af_bella"), replace(request, speed=1.1)]
    keys = {key for one in (request, *others) for key in speech_keys(one, installed)}
    assert len(keys) == 8
    assert speech_keys(request, installed) == speech_keys(replace(request), installed)


async def test_a_worker_without_speech_fails_the_job_and_says_what_to_install(
    database: Database, tmp_path: Path
) -> None:
    async with speaking(database, tmp_path / "mute", None) as engine:
        job = await run(engine, PROJECT)
        assert job.status is JobStatus.FAILED
        assert job.error is not None
        assert job.error.reason is ErrorReason.PROVIDER_NOT_CONFIGURED
        assert "install the extra `speech`" in job.error.message


class SlowSpeakers(Speakers):
    """Speak every narration until 9.5 s after the start of its shot, without a model."""

    async def narrate(self, lease: Lease, spec: RenderSpec, media: Media, *_: Any, **__: Any) -> Narrated:
        words = (WordTiming("Hi", timedelta(0), timedelta(seconds=9.5)),)
        shots = tuple(replace(shot, words=words) for shot in spec.project.shots)
        return Narrated(replace(spec, project=replace(spec.project, shots=shots)), media)


async def test_clips_are_submitted_as_they_were_estimated_however_long_the_narrations_are(
    database: Database, tmp_path: Path
) -> None:
    project = Project(shots=(Shot("one", visual_description="dawn", narration="Hi there."),), speech=Speech())
    choice = ProviderChoice(ProviderName.RUNWAY, "")
    submitted: list[tuple[ClipSpec, ...]] = []

    async def act(work: Generation, _report: ReportProgress) -> None:
        submitted.append(plan_clips(work.spec, choice))
        raise RenderFailure(ErrorReason.PROVIDER_FAILED, "nothing is composed")

    provider = Scripted(act)
    provider.makes_whole_videos = False
    async with engine_with(
        database, tmp_path, provider, name=ProviderName.LOCAL, speakers=SlowSpeakers(None)
    ) as engine:
        await run(engine, project)
    assert submitted == [plan_clips(RenderSpec(project, OUTPUT), choice)]
