"""The server says that it can serve only while it can, and shows operators what happens."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, LiteralString

import httpx
import psycopg
import sqlalchemy as sa
from grpc_health.v1 import health_pb2
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from psycopg import sql
from render_client.v1 import project_pb2
from render_client.v1 import render_service_pb2 as pb

from render_service.db.database import Database
from render_service.db.migrate import upgrade
from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.job import JobError
from render_service.embedded.ports import LOOPBACK, free_port
from render_service.runtime.health_probe import is_ready_over_http, is_serving
from render_service.telemetry.metrics.server import SERVER
from render_service.telemetry.metrics.shared import SHARED
from tests.integration.server.status import refusal
from tests.records import job_request, lifecycle_of, start_job
from tests.serving import claim_soon, serving, settings_of


def metrics(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """The values of a metrics page, by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def until(true: Callable[[], object], *, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while True:
            found = true()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.05)


PROJECT = project_pb2.Project(title="Test", storyboard=project_pb2.Storyboard(shots=[project_pb2.Shot(caption="One")]))


async def test_without_its_database_the_server_is_alive_but_not_ready(
    empty_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    await asyncio.to_thread(upgrade, empty_database_url)
    metrics = f"{LOOPBACK}:{free_port()}"
    settings = settings_of(empty_database_url, redis_url, tmp_path, auth="off", metrics_listen=metrics)
    url = sa.make_url(empty_database_url)
    name = url.database or ""
    beside = url.set(database="postgres").render_as_string(hide_password=False)
    async with (
        serving(settings),
        httpx.AsyncClient(base_url=f"http://{metrics}", trust_env=False, verify=False) as client,
    ):
        assert (await client.get("/readyz")).status_code == 200

        def allow(word: LiteralString) -> None:
            with psycopg.connect(beside, autocommit=True) as connection:
                connection.execute(
                    sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(sql.Identifier(name), sql.SQL(word))
                )
                connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

        async def not_ready() -> bool:
            return (await client.get("/readyz")).status_code == 503

        async def serves() -> bool:
            return await is_serving(settings.listen)

        await asyncio.to_thread(allow, "false")
        await until(not_ready)
        assert not await serves()
        assert not await asyncio.to_thread(is_ready_over_http, metrics)
        assert (await client.get("/healthz")).status_code == 200
        assert 'render_store_up{store="postgres"} 0.0' in (await client.get("/metrics")).text
        await asyncio.to_thread(allow, "true")
        await until(serves)
        assert await asyncio.to_thread(is_ready_over_http, metrics)
        assert (await client.get("/readyz")).status_code == 200


async def test_metrics_cover_calls_jobs_and_stores(
    database_url: str, redis_url: str, tmp_path: Path, database: Database
) -> None:
    lifecycle = lifecycle_of(database)
    await start_job(database)
    held = await claim_soon(lifecycle)
    error = JobError(ErrorReason.ASSET_INVALID, "It cannot be.")
    await lifecycle.end_attempt(held.lease, error, retryable=False)
    await start_job(database, job_request())
    await start_job(database, job_request())
    listen = f"{LOOPBACK}:{free_port()}"
    settings = settings_of(database_url, redis_url, tmp_path, auth="off", metrics_listen=listen)
    # Counters are those of the process, in which other servers may have run before.
    before = metrics(b"".join(generate_latest(registry) for registry in (SHARED, SERVER)).decode())
    async with (
        serving(settings) as stubs,
        httpx.AsyncClient(base_url=f"http://{listen}", trust_env=False, verify=False) as client,
    ):
        started = await stubs.renders.StartRender(pb.StartRenderRequest(workspace_id="team", project=PROJECT))
        cancel = pb.CancelJobRequest(workspace_id="team", job_id=started.job.job_id)
        await stubs.renders.CancelJob(cancel)
        await stubs.renders.ListJobs(pb.ListJobsRequest(workspace_id="team"))
        await refusal(stubs.renders.ListJobs(pb.ListJobsRequest()))
        watch = stubs.renders.WatchWorkspace(pb.WatchWorkspaceRequest(workspace_id="team"))
        await watch.read()
        text = ""

        async def has_jobs() -> bool:
            nonlocal text
            text = (await client.get("/metrics")).text
            return 'render_jobs{status="PENDING"} 2.0' in text

        await until(has_jobs)
        watch.cancel()
        samples = metrics(text)

        def gained(name: str, **labels: str) -> float:
            key = (name, tuple(sorted(labels.items())))
            return samples[key] - before.get(key, 0)

        listing = "/render.v1.RenderService/ListJobs"
        assert gained("render_grpc_calls_total", code="OK", method=listing) == 1
        assert gained("render_grpc_calls_total", code="INVALID_ARGUMENT", method=listing) == 1
        assert gained("render_grpc_call_seconds_count", method=listing) == 2
        assert gained("render_jobs_started_total", provider="mock") == 1
        assert gained("render_jobs_ended_total", status="CANCELLED", reason="") == 1
        assert samples["render_watchers", ()] == 1
        assert samples["render_store_up", (("store", "postgres"),)] == 1
        assert samples["render_store_up", (("store", "redis"),)] == 1
        assert 0 < samples["render_store_probe_seconds", (("store", "postgres"),)] < 10
        assert samples["render_database_connections", ()] >= samples["render_database_connections_busy", ()] >= 0
        assert samples["render_queue_age_seconds", ()] > 0
        assert set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE)) == {
            metric.name + ("_total" if metric.type == "counter" else "")
            for registry in (SHARED, SERVER)
            for metric in registry.collect()
        }
        assert (await client.get("/elsewhere")).status_code == 404
        assert (await client.post("/metrics")).status_code == 405


async def test_each_service_reports_its_health(database_url: str, redis_url: str, tmp_path: Path) -> None:
    async with serving(settings_of(database_url, redis_url, tmp_path)) as stubs:
        listed: Any = stubs.channel.unary_unary(
            "/grpc.health.v1.Health/List",
            request_serializer=lambda _: b"",
            response_deserializer=vars(health_pb2)["HealthListResponse"].FromString,
        )
        statuses = (await listed(None)).statuses
        assert {name: entry.status for name, entry in statuses.items()} == {
            "render.v1.RenderService": health_pb2.HealthCheckResponse.SERVING,
            "render.v1.ProjectService": health_pb2.HealthCheckResponse.SERVING,
            "render.v1.WebhookService": health_pb2.HealthCheckResponse.SERVING,
            "render.v1.BrandService": health_pb2.HealthCheckResponse.SERVING,
            "render.v1.BatchService": health_pb2.HealthCheckResponse.SERVING,
        }
