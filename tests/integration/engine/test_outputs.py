"""Jobs with several videos: each is stored with its files, and a failure names the output."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from render_service.db.database import Database
from render_service.db.jobs.deletions import Deletions
from render_service.db.jobs.job_objects import JobObjects
from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.job import Artifact, Job, JobStatus, ProviderName, RenderSpec
from render_service.domain.projects.delivery.outputs import ResolvedOutput
from render_service.domain.projects.output import Container, OutputSpec, Quality, Sidecars, Streaming
from render_service.domain.projects.project import Project, Shot
from render_service.providers.local import LocalProvider
from render_service.retention.sweep import sweep
from tests.integration.engine.harness import Engine, engine_with
from tests.records import job_request, start_job

PROJECT = Project(title="Tides", shots=(Shot("one", caption="One", duration=timedelta(seconds=0.4)),))
WIDE = OutputSpec(160, 90, 25, Quality.DRAFT, sidecars=Sidecars(metadata=True))
SQUARE = OutputSpec(128, 128, 25, Quality.DRAFT, Container.WEBM)


async def run(engine: Engine, *outputs: ResolvedOutput) -> Job:
    spec = RenderSpec(PROJECT, outputs[0].output, outputs=outputs)
    job = await start_job(engine.database, job_request(provider=ProviderName.LOCAL, spec=spec))
    await engine.runner.run_next()
    return await engine.job(job)


async def test_every_output_is_stored_with_its_files_or_named_in_the_error(database: Database, tmp_path: Path) -> None:
    async with engine_with(database, tmp_path, LocalProvider(), name=ProviderName.LOCAL) as engine:
        streamed = replace(WIDE, streaming=Streaming(hls=True, dash=True))
        job = await run(engine, ResolvedOutput("wide", streamed), ResolvedOutput("square", SQUARE))
        late = replace(WIDE, poster_time=timedelta(seconds=0.4))
        failed = await run(engine, ResolvedOutput("wide", WIDE), ResolvedOutput("late", late))
        await engine.compositor.close()
        assert failed.error is not None
        assert (failed.status, failed.error.reason) == (JobStatus.FAILED, ErrorReason.INVALID_FIELD)
        assert failed.error.message.startswith('outputs[1] "late": output.poster_time must be less than 0.400 s')
        assert failed.error.metadata["output"] == "late"
        assert (job.status, job.error) == (JobStatus.COMPLETED, None)
        assert job.video is not None
        wide, square = (named.video for named in job.video.outputs)
        assert (job.video.files, job.video.width) == (wide.files, 160)
        assert (square.width, square.height, square.files[Artifact.VIDEO].content_type) == (128, 128, "video/webm")
        assert all(video.check and video.audio_tracks for video in (wide, square))
        prefix = f"videos/team/{job.id}/1"
        assert wide.files[Artifact.METADATA].key == f"{prefix}/wide/metadata.json"
        assert square.files[Artifact.VIDEO].key == f"{prefix}/square/video.webm"
        assert set(job.video.stored_files) == {key for key in await engine.objects() if key.startswith("videos/")}
        assert {file.key for file in wide.stream_files.values()} < set(job.video.stored_files)
        assert {"master.m3u8", "manifest.mpd", "video-wide.mp4", "audio.mp4"} < set(wide.stream_files)
        signed = f"{prefix}/.signed/20300101T000000Z.master.m3u8"
        await engine.store.put_bytes(signed, b"#EXTM3U", content_type="text/plain")
        described = tmp_path / "metadata.json"
        assert await engine.store.fetch_to(wide.files[Artifact.METADATA].key, described)
        assert json.loads(described.read_text())["width"] == 160
        report = await sweep(Deletions(database), JobObjects(database), engine.store, delete=False, grace=timedelta(0))
        assert (report.orphans, report.missing) == (0, 0)
        await engine.store.delete(square.files[Artifact.POSTER].key)
        await engine.store.put_file(f"{prefix}/square/left.bin", described, content_type="text/plain")
        report = await sweep(Deletions(database), JobObjects(database), engine.store, delete=False, grace=timedelta(0))
        assert report.missing_keys == [square.files[Artifact.POSTER].key]
        assert report.orphan_keys == [f"{prefix}/square/left.bin"]
