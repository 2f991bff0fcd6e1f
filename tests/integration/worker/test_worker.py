"""A worker waits for Postgres, hands its jobs over when asked to stop, and cleans up after those that were killed."""

import asyncio
import re
import signal
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
from prometheus_client.parser import text_string_to_metric_families

from render_service.db.database import Database
from render_service.db.migrate import upgrade
from render_service.domain.jobs.job import JobStatus, ProviderName
from render_service.embedded import EmbeddedPostgres
from render_service.embedded.ports import free_port
from render_service.telemetry.metrics.shared import SHARED
from render_service.telemetry.metrics.worker import WORKER
from render_service.worker.scratch import scratch_folder
from tests.integration.worker.processes import until, working
from tests.records import job_request, start_job


async def test_sigterm_hands_running_jobs_over_at_once_and_another_worker_ends_them(
    database: Database, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    job = await start_job(database)
    stores = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    async with working(tmp_path, **stores, RENDER_MOCK_DELAY="60", RENDER_SHUTDOWN_GRACE_SECONDS="0.2") as worker:
        await until(database, job, JobStatus.PROCESSING, seconds=40)
        worker.send_signal(signal.SIGTERM)
        assert await until(database, job, JobStatus.PENDING) < 2
        async with asyncio.timeout(60):
            assert await worker.wait() == 0
    async with working(tmp_path, **stores, RENDER_MOCK_DELAY="0"):
        await until(database, job, JobStatus.COMPLETED, seconds=40)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT attempt, failed_attempts FROM jobs").fetchone() == (2, 0)


async def test_a_worker_that_starts_before_its_postgres_waits_for_it_and_then_works(
    tmp_path: Path, redis_url: str
) -> None:
    postgres = EmbeddedPostgres(tmp_path / "postgres", free_port(), durable=False)
    async with postgres:
        pass  # so that its password is known
    async with working(tmp_path, DATABASE_URL=postgres.url, REDIS_URL=redis_url, RENDER_MOCK_DELAY="0") as worker:
        log = tmp_path / "worker.log"
        async with asyncio.timeout(30):
            while "Postgres cannot be reached" not in log.read_text(encoding="utf-8"):
                await asyncio.sleep(0.05)
        async with postgres:
            async with asyncio.timeout(30):
                waiting = next(line for line in log.read_text("utf-8").splitlines() if "cannot be reached" in line)
                assert f":{urlsplit(postgres.url).port}/" in waiting
                assert "onnection refused" in waiting
                while "render-service migrate" not in log.read_text(encoding="utf-8"):
                    await asyncio.sleep(0.05)
            assert not (tmp_path / "ready").exists()
            await asyncio.to_thread(upgrade, postgres.url)
            database = Database(postgres.url)
            job = await start_job(database)
            await until(database, job, JobStatus.COMPLETED, seconds=40)
            worker.send_signal(signal.SIGTERM)
            async with asyncio.timeout(60):
                assert await worker.wait() == 0
            await database.close()


async def test_a_worker_that_waits_for_its_stores_can_be_stopped(tmp_path: Path, unused_tcp_port: int) -> None:
    nowhere = f"postgresql://render@127.0.0.1:{unused_tcp_port}/render"
    async with working(tmp_path, DATABASE_URL=nowhere) as worker:
        async with asyncio.timeout(30):
            while "waiting" not in (tmp_path / "worker.log").read_text(encoding="utf-8"):
                await asyncio.sleep(0.05)
        worker.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            assert await worker.wait() == 0


async def test_a_worker_exposes_its_metrics(
    database: Database, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    listen = f"127.0.0.1:{free_port()}"
    stores = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "RENDER_METRICS_LISTEN": listen}
    made = await start_job(database, job_request(provider=ProviderName.LOCAL))
    again = await start_job(database, job_request(provider=ProviderName.LOCAL))
    async with working(tmp_path, **stores, RENDER_WORKER_SLOTS="1") as worker:
        await until(database, made, JobStatus.COMPLETED, seconds=40)
        await until(database, again, JobStatus.COMPLETED, seconds=40)
        async with httpx.AsyncClient(base_url=f"http://{listen}", trust_env=False, verify=False) as client:
            assert (await client.get("/readyz")).status_code == 200
            page = ""
            async with asyncio.timeout(60):  # the attempt ends a moment after its job
                while "render_worker_slots_busy 0.0" not in page:
                    page = (await client.get("/metrics")).text
        worker.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            assert await worker.wait() == 0
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]

    def metric(name: str, **labels: str) -> float:
        (value,) = (sample.value for sample in samples if (sample.name, sample.labels) == (name, labels))
        return value

    assert metric("render_attempts_total", provider="local", outcome="completed", reason="") == 2
    assert metric("render_jobs_ended_total", status="COMPLETED", reason="") == 2
    assert metric("render_segments_total", origin="made") == metric("render_segments_total", origin="reused") == 1
    assert metric("render_frames_composed_total") == 10
    for stage in ("PREPARING", "GENERATING", "COMPOSING", "UPLOADING"):
        assert metric("render_stage_seconds_count", stage=stage, provider="local") == 2
    assert metric("render_job_wait_seconds_count") == 2
    assert (metric("render_worker_slots"), metric("render_worker_slots_busy")) == (1, 0)
    assert (metric("render_compose_processes"), metric("render_compose_processes_busy")) == (1, 0)
    assert metric("render_store_up", store="postgres") == metric("render_store_up", store="redis") == 1
    assert 0 <= metric("render_messages_sent_total") <= 2  # A poll may be quicker than the dispatcher.
    assert metric("process_resident_memory_bytes") > 1e7
    assert set(re.findall(r"^# TYPE (\w+) ", page, re.MULTILINE)) == {
        metric.name + ("_total" if metric.type == "counter" else "")
        for registry in (SHARED, WORKER)
        for metric in registry.collect()
    }


def test_what_killed_workers_left_is_removed_and_what_others_work_with_stays(tmp_path: Path) -> None:
    killed = tmp_path / "worker-killed"
    killed.mkdir()
    (killed / "lock").touch()
    (killed / "frames").touch()
    (tmp_path / "worker-killed-before-its-lock").mkdir()
    (tmp_path / "of-somebody-else").mkdir()
    with scratch_folder(tmp_path) as first:
        assert {path.name for path in tmp_path.iterdir()} == {first.name, "lock", "of-somebody-else"}
        assert first.stat().st_mode & 0o777 == 0o700
        with scratch_folder(tmp_path) as second:
            assert first.is_dir()
            assert first != second
        assert not second.exists()
    assert not first.exists()


def test_nothing_is_left_of_a_scratch_folder_whatever_ended_its_use(tmp_path: Path) -> None:
    with suppress(ZeroDivisionError), scratch_folder(tmp_path) as folder:
        (folder / "frames").touch()
        raise ZeroDivisionError
    assert not folder.exists()
