"""Callers without credentials cost the server nothing, and credentials that end, end their open calls."""

import asyncio
import gzip
import resource
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from grpc_health.v1 import health_pb2, health_pb2_grpc
from render_client.v1 import project_pb2
from render_client.v1 import project_service_pb2 as projects_pb
from render_client.v1 import render_service_pb2 as pb

from render_service.db import row_mapping
from render_service.db.access.api_keys import ApiKeys
from render_service.db.database import Database
from render_service.db.projects import projects
from render_service.domain.access.access import Access
from render_service.embedded.ports import free_port
from render_service.server.interceptors.open_streams import MAX_STREAMS_PER_ADDRESS
from render_service.server.reflection import SERVICE_NAMES
from render_service.server.services import project as project_service
from render_service.server.services import project_input, render, start_render
from tests.integration.server.issuer import Issuer
from tests.integration.server.status import refusal
from tests.serving import Stubs, bearer, serving, settings_of
from tests.wire import nested


async def _drain(watch: Any) -> None:
    async with asyncio.timeout(60):
        async for _ in watch:
            pass


_START = "/render.v1.RenderService/StartRender"


@pytest.fixture
async def stubs(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Stubs]:
    async with serving(settings_of(database_url, redis_url, tmp_path)) as stubs:
        yield stubs


def _bomb() -> bytes:
    """A request of 3.9 MiB that parses to some 2 million empty shots."""
    shots = b"\x0a\x00" * 2_000_000
    project = project_pb2.Project.DESCRIPTOR.fields_by_name["storyboard"].number

    source = pb.StartRenderRequest.DESCRIPTOR.fields_by_name["project"].number
    return nested(source, nested(project, shots))


async def test_requests_without_credentials_are_refused_before_they_are_parsed(stubs: Stubs) -> None:
    call: Any = stubs.channel.unary_unary(_START)
    body = _bomb()
    await refusal(call(b""))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answers = await asyncio.gather(*(refusal(call(body)) for _ in range(10)))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert {answer.reason for answer in answers} == {"CREDENTIALS_INVALID"}
    assert grown < 150, f"{grown:.0f} MiB for ten refused requests of 4 MiB, which this process itself sends"


async def test_compressed_requests_are_not_taken(stubs: Stubs) -> None:
    call: Any = stubs.channel.unary_unary(_START)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(_bomb(), compression=grpc.Compression.Gzip)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert len(gzip.compress(_bomb())) < 10_000


async def test_two_authorization_headers_are_refused(stubs: Stubs, database: Database) -> None:
    metadata = bearer(await ApiKeys(database).create("test", frozenset({"team"})))
    await stubs.renders.ListJobs(pb.ListJobsRequest(workspace_id="team"), metadata=metadata)
    error = await refusal(
        stubs.renders.ListJobs(pb.ListJobsRequest(workspace_id="team"), metadata=(*metadata, *metadata))
    )
    assert error.reason == "CREDENTIALS_INVALID"


async def test_a_revoked_key_ends_its_open_watches_within_ten_seconds(stubs: Stubs, database: Database) -> None:
    keys = ApiKeys(database)
    secret = await keys.create("test", frozenset({"team"}), access=Access.READ)
    watch = stubs.renders.WatchWorkspace(pb.WatchWorkspaceRequest(workspace_id="team"), metadata=bearer(secret))
    await watch.wait_for_connection()
    began = time.monotonic()
    found = await keys.find(secret)
    assert found is not None
    await keys.revoke(found.id)
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await _drain(watch)
    assert ended.value.code() is grpc.StatusCode.UNAUTHENTICATED
    # Measured 6.5 s; the bound allows for a busy machine.
    assert time.monotonic() - began < 30


async def test_an_expired_token_ends_its_open_watches(database_url: str, redis_url: str, tmp_path: Path) -> None:
    async with Issuer() as issuer:
        settings = settings_of(
            database_url,
            redis_url,
            tmp_path,
            auth="jwt",
            jwt_issuer=issuer.name,
            jwt_audience="render-service",
            jwt_jwks_url=issuer.url,
        )
        async with serving(settings) as stubs:
            # The leeway for clocks that differ is 30 s.
            token = issuer.token(exp=int(time.time()) - 27)
            watch = stubs.renders.WatchWorkspace(pb.WatchWorkspaceRequest(workspace_id="team"), metadata=bearer(token))
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await _drain(watch)
            assert ended.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_one_connection_has_no_more_streams_than_the_setting_allows(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with serving(settings_of(database_url, redis_url, tmp_path, max_streams=10)) as stubs:
        health: Any = health_pb2_grpc.HealthStub(stubs.channel)
        watches = [health.Watch(health_pb2.HealthCheckRequest()) for _ in range(10)]
        for watch in watches:
            await watch.read()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await health.Check(health_pb2.HealthCheckRequest(), timeout=1)
        assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        watches[0].cancel()
        await health.Check(health_pb2.HealthCheckRequest(), timeout=20)
        for watch in watches[1:]:
            watch.cancel()


async def test_reflection_can_be_turned_off(database_url: str, redis_url: str, tmp_path: Path) -> None:
    async with serving(settings_of(database_url, redis_url, tmp_path, reflection=False)) as stubs:
        for service in SERVICE_NAMES:
            call: Any = stubs.channel.stream_stream(f"/{service}/ServerReflectionInfo")(iter(()))
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call.read()
            assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_server_that_starts_while_redis_is_away_serves(database_url: str, tmp_path: Path) -> None:
    nobody = f"redis://127.0.0.1:{free_port()}/0"
    async with serving(settings_of(database_url, nobody, tmp_path, auth="off")) as stubs:
        answer = await stubs.renders.ListJobs(pb.ListJobsRequest(workspace_id="team"), timeout=20)
        assert not answer.jobs


async def test_errors_of_the_database_hold_nothing_that_callers_sent(database: Database) -> None:
    with pytest.raises(sa.exc.DBAPIError) as raised:
        async with database.single() as connection:
            await connection.execute(sa.text("SELECT :given || nowhere"), {"given": "a caller's text"})
    assert "a caller's text" not in str(raised.value)


def _largest() -> project_pb2.Project:
    """200 shots with texts and URLs of full length, in a script of three bytes a character, and 30,000 words."""
    project = project_pb2.Project(title="文" * 200, script="文" * 50_000)
    url = "https://example.com/" + "a" * 8_172
    for number in range(200):
        shot = project.storyboard.shots.add(id=f"shot-{number}")
        shot.visual_description = shot.narration = "文" * 4_000
        shot.caption = "文" * 1_000
        shot.image_uri = shot.narration_audio_uri = url
        shot.duration.FromSeconds(45)
        for word in range(150):
            timing = shot.words.add(text="文" * 10)
            timing.start.FromMilliseconds(200 * word)
            timing.end.FromMilliseconds(200 * word + 199)
    return project


class _ThreadsOf:
    """Notes the threads in which functions of a module run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.seen: dict[str, set[threading.Thread]] = {}

    def watch(self, owner: object, name: str) -> None:
        work = getattr(owner, name)

        def noting(*args: Any, **kwargs: Any) -> Any:
            self.seen.setdefault(name, set()).add(threading.current_thread())
            return work(*args, **kwargs)

        self._monkeypatch.setattr(owner, name, noting)


async def test_the_largest_project_that_the_contract_allows_is_accepted_and_returned_without_holding_up_other_calls(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = _ThreadsOf(monkeypatch)
    for owner, name in (
        (render, "request_hash"),
        (start_render, "check_generation"),
        (project_input, "project_from_proto"),
        (project_input, "check_project"),
        (project_service, "project_to_proto"),
        (projects, "_read_body"),
    ):
        threads.watch(owner, name)
    for adapter in (row_mapping.PROJECT, row_mapping.RENDER_SPEC):
        threads.watch(adapter, "dump_json")
    settings = settings_of(database_url, redis_url, tmp_path, auth="off")
    project = _largest()
    async with serving(settings):
        options = [("grpc.max_receive_message_length", 16 * 1024 * 1024)]
        async with grpc.aio.insecure_channel(settings.listen, options) as channel:
            stubs = Stubs(channel)
            create = projects_pb.CreateProjectRequest(workspace_id="team", project=project)
            assert create.ByteSize() > 9 * 1024 * 1024
            created = (await stubs.projects.CreateProject(create)).project
            for sent, kept in zip(project.storyboard.shots, created.storyboard.shots, strict=True):
                assert (kept.narration, kept.image_uri) == (sent.narration, sent.image_uri)
                assert list(kept.words) == list(sent.words)
            started = await stubs.renders.StartRender(pb.StartRenderRequest(workspace_id="team", project=project))
            assert started.job.job_id
            get = projects_pb.GetProjectRequest(workspace_id="team", project_id=created.project_id)
            assert (await stubs.projects.GetProject(get)).project == created
    assert len(threads.seen) == 7
    assert threading.current_thread() not in set.union(*threads.seen.values())


async def test_a_request_of_tiny_messages_is_refused_before_it_is_parsed(stubs: Stubs, database: Database) -> None:
    metadata = bearer(await ApiKeys(database).create("test", frozenset({"team"})))
    call: Any = stubs.channel.unary_unary(_START)
    error = await refusal(call(_bomb(), metadata=metadata))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert "fields" in error.message


async def test_streams_without_credentials_are_limited_and_cost_little(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with serving(settings_of(database_url, redis_url, tmp_path, max_streams=3_000)) as stubs:
        health: Any = health_pb2_grpc.HealthStub(stubs.channel)
        watches = [health.Watch(health_pb2.HealthCheckRequest()) for _ in range(2_000)]
        answers = await asyncio.gather(*(watch.read() for watch in watches), return_exceptions=True)
        open_watches = [watch for watch, answer in zip(watches, answers, strict=True) if not _is_error(answer)]
        assert len(open_watches) == MAX_STREAMS_PER_ADDRESS
        error = await refusal(health.Watch(health_pb2.HealthCheckRequest()))
        assert (error.reason, error.metadata["quota"]) == ("QUOTA_EXCEEDED", "open_streams")
        await health.Check(health_pb2.HealthCheckRequest())
        for watch in open_watches:
            watch.cancel()
        async with asyncio.timeout(60):
            while _is_error(await health.Watch(health_pb2.HealthCheckRequest()).read()):
                await asyncio.sleep(0.01)


def _is_error(answer: object) -> bool:
    return isinstance(answer, BaseException) or answer is grpc.aio.EOF


_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


async def _is_accepted(connection: socket.socket) -> bool:
    """Whether the server answers on a new HTTP/2 connection, instead of closing it."""
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(connection, _PREFACE)
        async with asyncio.timeout(60):
            return bool(await loop.sock_recv(connection, 9))
    except ConnectionError:
        return False


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    return host, int(port)


async def test_connections_beyond_the_limit_are_closed_at_once(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    settings = settings_of(database_url, redis_url, tmp_path, max_connections=10)
    address = _address(settings.listen)
    async with serving(settings) as stubs:
        health: Any = health_pb2_grpc.HealthStub(stubs.channel)
        await health.Check(health_pb2.HealthCheckRequest())
        with ExitStack() as stack:
            opened = [stack.enter_context(socket.create_connection(address)) for _ in range(12)]
            accepted = [await _is_accepted(connection) for connection in opened]
            assert 5 <= sum(accepted) < 12
            # Calls on open connections go on.
            await health.Check(health_pb2.HealthCheckRequest())
        async with asyncio.timeout(60):
            is_accepted = False
            while not is_accepted:
                with socket.create_connection(address) as connection:
                    is_accepted = await _is_accepted(connection)


async def test_idle_connections_are_closed(database_url: str, redis_url: str, tmp_path: Path) -> None:
    settings = settings_of(database_url, redis_url, tmp_path, max_idle_seconds=1)
    async with serving(settings):
        with socket.create_connection(_address(settings.listen)) as connection:
            assert await _is_accepted(connection)
            async with asyncio.timeout(30):
                while await asyncio.get_running_loop().sock_recv(connection, 1024):
                    pass  # settings, pings and GOAWAY come before the end
