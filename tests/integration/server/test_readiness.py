"""The server says that it can serve only while it can, and tells an operator what happens."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, LiteralString

import httpx
import psycopg
import sqlalchemy as sa
from grpc_health.v1 import health_pb2
from prometheus_client.parser import text_string_to_metric_families
from psycopg import sql
from render.v1 import render_service_pb2 as pb

from render_service.db.database import Database
from render_service.db.migrate import upgrade
from render_service.domain.errors import ErrorReason
from render_service.domain.job import JobError
from render_service.embedded.ports import LOOPBACK, free_port
from render_service.health import is_ready_over_http, is_serving
from render_service.server.metrics import Metrics
from tests.integration.server.status import refusal
from tests.records import job_request, start_job, transitions_of
from tests.serving import claim_soon, serving, settings_of


async def until(true: Callable[[], object], *, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while True:
            found = true()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.05)


async def test_without_its_database_the_server_is_alive_but_not_ready(
    empty_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    await asyncio.to_thread(upgrade, empty_database_url)
    metrics = f"{LOOPBACK}:{free_port()}"
    settings = settings_of(empty_database_url, redis_url, tmp_path, auth="off", metrics_listen=metrics)
    url = sa.make_url(empty_database_url)
    name = url.database or ""
    beside = url.set(database="postgres").render_as_string(hide_password=False)
    async with serving(settings), httpx.AsyncClient(base_url=f"http://{metrics}", trust_env=False) as client:
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


async def test_figures_tell_of_calls_jobs_and_stores(
    database_url: str, redis_url: str, tmp_path: Path, database: Database
) -> None:
    transitions = transitions_of(database)
    await start_job(database)
    held = await claim_soon(transitions)
    error = JobError(ErrorReason.ASSET_INVALID, "It cannot be.")
    await transitions.end_attempt(held.lease, error, retryable=False)
    await start_job(database, job_request())
    await start_job(database, job_request())
    listen = f"{LOOPBACK}:{free_port()}"
    settings = settings_of(database_url, redis_url, tmp_path, auth="off", metrics_listen=listen)
    async with serving(settings) as stubs, httpx.AsyncClient(base_url=f"http://{listen}", trust_env=False) as client:
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
        samples = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        listing = ("method", "/render.v1.RenderService/ListJobs")
        assert samples["render_grpc_calls_total", (("code", "OK"), listing)] == 1
        assert samples["render_grpc_calls_total", (("code", "INVALID_ARGUMENT"), listing)] == 1
        assert samples["render_grpc_call_seconds_count", (listing,)] == 2
        assert samples["render_watchers", ()] == 1
        assert samples["render_store_up", (("store", "postgres"),)] == 1
        assert samples["render_store_up", (("store", "redis"),)] == 1
        assert samples["render_jobs_ended_recently", (("reason", "ASSET_INVALID"), ("status", "FAILED"))] == 1
        assert samples["render_queue_age_seconds", ()] > 0
        assert (await client.get("/elsewhere")).status_code == 404
        assert (await client.post("/metrics")).status_code == 405


async def test_each_service_tells_its_health(database_url: str, redis_url: str, tmp_path: Path) -> None:
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
        }


def test_the_dashboard_asks_for_figures_that_there_are() -> None:
    dashboard = json.loads(
        (Path(__file__).parents[3] / "deploy/grafana/render-service.json").read_text(encoding="utf-8")
    )
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\brender_\w+", target["expr"])
    }
    told = {metric.name for metric in Metrics(lambda: 0).registry.collect()}
    assert {re.sub(r"_(total|bucket)$", "", name) for name in asked} == told, "and shows them all"
