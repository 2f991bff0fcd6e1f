"""Callers of the service: they start jobs, cancel, watch, poll, and intrude, and record what they saw."""

import asyncio
import contextlib
import random
import re
import time
import uuid
from collections import Counter, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

import grpc
from render_client.aio import AsyncRenderClient
from render_client.errors import RenderError, translate
from render_client.messages import has_ended, stage_name, status_name
from render_client.retry import RetryPolicy
from render_client.v1 import job_pb2, project_pb2, render_service_pb2
from render_client.v1.render_service_pb2_grpc import RenderServiceStub

from tests.robustness.history import (
    ENDS,
    Connection,
    History,
    Intrusion,
    Listing,
    Observation,
    SeenEvent,
    Start,
    Watch,
    WorkspaceWatch,
)
from tests.robustness.wishes import WORKSPACES, Wish

if TYPE_CHECKING:
    from render_client.v1.render_service_pb2_grpc import RenderServiceAsyncStub

_CALL_SECONDS = 4.0
_RECENT = 15
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BROKEN = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED})


class Callers:
    """All who call the service in one run.

    Args:
        targets: Addresses, each with all servers.
        history: Where they record what they saw.
        seed: Of their choices.
    """

    def __init__(self, targets: Sequence[str], history: History, seed: int) -> None:
        self.history = history
        self.codes: Counter[str] = Counter()
        """How calls and streams ended, by gRPC status; refusals with a reason as `CODE REASON`."""
        self.faults: list[str] = []
        """Answers that no fault of the network or of a store explains."""
        self.watching = 0
        self.most_watching = 0
        self._choice = random.Random(f"callers {seed}")
        self._targets = targets
        self._recent: deque[tuple[str, str]] = deque(maxlen=_RECENT)
        self._any = asyncio.Event()
        self._acknowledged: set[tuple[str, str]] = set()
        self._stack = contextlib.AsyncExitStack()
        self._stubs: list[RenderServiceAsyncStub] = []
        self._clients: dict[str, list[AsyncRenderClient]] = {workspace: [] for workspace in WORKSPACES}
        self._leaving = False

    async def __aenter__(self) -> "Callers":
        for target in self._targets:
            channel = grpc.aio.insecure_channel(
                target,
                [
                    ("grpc.keepalive_time_ms", 10_000),
                    ("grpc.http2.ping_timeout_ms", 3_000),
                    ("grpc.http2.max_pings_without_data", 0),
                    ("grpc.initial_reconnect_backoff_ms", 100),
                    ("grpc.max_reconnect_backoff_ms", 1_000),
                    ("grpc.enable_http_proxy", 0),
                ],
            )
            self._stubs.append(RenderServiceStub(await self._stack.enter_async_context(channel)))
            for workspace, clients in self._clients.items():
                client = AsyncRenderClient(
                    target, workspace=workspace, retry=RetryPolicy(longest_delay=1.0), timeout=_CALL_SECONDS
                )
                clients.append(await self._stack.enter_async_context(client))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def acknowledged(self) -> int:
        """How many jobs were acknowledged."""
        return len(self._acknowledged)

    # Starting

    async def fulfil(self, wish: Wish) -> None:
        """Start a job, and cancel it where that is wished; returns when every caller was answered."""
        bodies = ["one"] * wish.copies + ["two"] * wish.rival
        self._choice.shuffle(bodies)
        started = await asyncio.gather(*(self._start(wish, body) for body in bodies))
        job_id = next((job_id for job_id in started if job_id), None)
        if job_id is not None and wish.cancel_after is not None:
            await asyncio.sleep(wish.cancel_after)
            await self._look(wish.workspace, job_id, cancel=True)
        if job_id is not None and self._choice.random() < 0.5:
            await asyncio.sleep(self._choice.uniform(0, 5))
            await self._look(wish.workspace, job_id)

    async def _start(self, wish: Wish, body: str) -> str:
        # A title is part of what is rendered, a label is there to be found again: two bodies differ in both.
        project = project_pb2.Project(title=body, storyboard=project_pb2.Storyboard(shots=[_shot()]))
        while True:
            try:
                if wish.by_client:
                    client = self._choice.choice(self._clients[wish.workspace])
                    job = await client.start(
                        project, provider="mock", request_id=wish.request_id, labels={"body": body}
                    )
                else:
                    request = render_service_pb2.StartRenderRequest(
                        workspace_id=wish.workspace,
                        project=project,
                        provider="mock",
                        request_id=wish.request_id,
                        labels={"body": body},
                    )
                    job = (await self._choice.choice(self._stubs).StartRender(request, timeout=_CALL_SECONDS)).job
            except (grpc.RpcError, RenderError) as error:
                refusal = error if isinstance(error, RenderError) else translate(error)
                reused = refusal.reason == "REQUEST_ID_REUSED"
                self.history.starts.append(
                    Start(wish.workspace, wish.request_id, body, "reused" if reused else "unknown")
                )
                if reused:
                    self.codes["ALREADY_EXISTS REQUEST_ID_REUSED"] += 1
                    return ""
                if not self._note("StartRender", refusal):
                    return ""
                await asyncio.sleep(self._choice.uniform(0.1, 0.5))
            else:
                self.codes["OK"] += 1
                self.history.starts.append(Start(wish.workspace, wish.request_id, body, "acknowledged", job.job_id))
                self._recent.append((wish.workspace, job.job_id))
                self._acknowledged.add((wish.workspace, job.job_id))
                self._any.set()
                return job.job_id

    # Watching

    async def watch_for_ever(self, seed: int) -> None:
        """Watch one recent job after another to its end, until stopped."""
        choice = random.Random(f"watcher {seed}")
        await self._any.wait()
        while self._recent and not self._leaving:
            workspace, job_id = choice.choice(self._recent)
            await self.watch(workspace, job_id, choice)
            # Jobs end faster than new ones begin: without a pause, watchers would mostly see ends.
            await asyncio.sleep(choice.uniform(1, 4))

    async def watch(
        self, workspace: str, job_id: str, choice: random.Random, *, after: int | None = None, stays: bool = False
    ) -> Watch:
        """Watch a job to its end, by the client or by a stub that leaves and comes back.

        Args:
            workspace: Of the job.
            job_id: The job.
            choice: Randomness.
            after: Where to begin; None for the present, or the very beginning.
            stays: Whether the watcher stays, and never leaves by itself.
        """
        by_client = choice.random() < 0.3
        watch = Watch(workspace, job_id, "client" if by_client else "stub")
        self.history.watches.append(watch)
        self.watching += 1
        self.most_watching = max(self.most_watching, self.watching)
        try:
            if by_client:
                await self._watch_by_client(watch, choice, after)
            else:
                await self._watch_by_stub(watch, choice, after, stays=stays)
        finally:
            self.watching -= 1
        return watch

    def leave(self) -> None:
        """Tell the watchers to go home once what they watch has ended."""
        self._leaving = True
        self._any.set()

    async def _watch_by_client(self, watch: Watch, choice: random.Random, after: int | None) -> None:
        connection = Connection(after)
        watch.connections.append(connection)
        client = choice.choice(self._clients[watch.workspace])
        while True:
            last = connection.events[-1].sequence if connection.events else after
            try:
                async for event in client.watch(watch.job_id, after_sequence=last):
                    connection.events.append(_seen(event))
            except RenderError as error:
                # A client that never reached a service gives up soon; its user returns.
                if not error.connection_lost:
                    connection.ending = error.code.name
                    self._note("watch", error)
                    return
                await asyncio.sleep(0.2)
            else:
                connection.ending = "OK"
                return

    async def _watch_by_stub(self, watch: Watch, choice: random.Random, after: int | None, *, stays: bool) -> None:
        if after is None and choice.random() < 0.3:
            after = 0
        while True:
            leave_after = None if stays or choice.random() < 0.6 else choice.randint(1, 4)
            connection = Connection(after)
            watch.connections.append(connection)
            request = render_service_pb2.WatchProgressRequest(
                workspace_id=watch.workspace, job_id=watch.job_id, after_sequence=after
            )
            call = choice.choice(self._stubs).WatchProgress(request)
            try:
                async for response in call:
                    if response.WhichOneof("update") == "event":
                        connection.events.append(_seen(response.event))
                        if len(connection.events) == leave_after and connection.events[-1].status not in ENDS:
                            break
                else:
                    connection.ending = "OK"
                    return
            except grpc.RpcError as error:
                connection.ending = error.code().name
                if not self._note("WatchProgress", translate(error)):
                    return
            finally:
                call.cancel()
            if connection.events:
                after = connection.events[-1].sequence
            if connection.ending == "left" and choice.random() < 0.2:
                watch.unfinished = True
                return
            await asyncio.sleep(choice.uniform(0.2, 1.5))

    async def watch_workspace_for_ever(self, workspace: str) -> None:
        """Watch a whole workspace from its oldest event on, leaving and coming back, until cancelled."""
        watch = WorkspaceWatch(workspace)
        self.history.workspace_watches.append(watch)
        cursor = ""
        while True:
            request = render_service_pb2.WatchWorkspaceRequest(workspace_id=workspace)
            if cursor:
                request.cursor = cursor
            else:
                request.from_oldest = True
            leave_after = self._choice.randint(20, 200)
            call = self._choice.choice(self._stubs).WatchWorkspace(request)
            try:
                async for response in call:
                    if response.WhichOneof("update") == "event":
                        watch.events.append(_seen(response.event))
                    cursor = response.cursor
                    leave_after -= 1
                    if leave_after == 0:
                        break
                else:
                    self.faults.append(f"the watch of workspace {workspace} ended with OK")
            except grpc.RpcError as error:
                self._note("WatchWorkspace", translate(error))
            finally:
                call.cancel()
            await asyncio.sleep(self._choice.uniform(0, 0.5))

    # Looking

    async def _look(self, workspace: str, job_id: str, *, cancel: bool = False) -> None:
        asked = time.monotonic()
        stub = self._choice.choice(self._stubs)
        while True:
            try:
                if cancel:
                    job = (
                        await stub.CancelJob(
                            render_service_pb2.CancelJobRequest(workspace_id=workspace, job_id=job_id),
                            timeout=_CALL_SECONDS,
                        )
                    ).job
                else:
                    job = (
                        await stub.GetJob(
                            render_service_pb2.GetJobRequest(workspace_id=workspace, job_id=job_id),
                            timeout=_CALL_SECONDS,
                        )
                    ).job
            except grpc.RpcError as error:
                if not self._note("CancelJob" if cancel else "GetJob", translate(error)):
                    return
                await asyncio.sleep(0.3)
            else:
                self.codes["OK"] += 1
                self.history.observations.append(
                    Observation(job.job_id, status_name(job.status), job.sequence, asked, time.monotonic())
                )
                return

    async def list_all(self) -> None:
        """List every workspace."""
        for workspace, clients in self._clients.items():
            found = frozenset([job.job_id async for job in clients[0].list()])
            self.history.listings.append(Listing(workspace, found))

    async def intrude_for_ever(self) -> None:
        """Call for jobs of other workspaces, and for jobs that do not exist, until cancelled."""
        await self._any.wait()
        while self._recent:
            owner, job_id = self._choice.choice(self._recent)
            stranger = self._choice.choice([workspace for workspace in WORKSPACES if workspace != owner])
            absent = self._choice.random() < 0.3
            wanted = str(uuid.uuid4()) if absent else job_id
            stub = self._choice.choice(self._stubs)
            call = self._choice.choice(["GetJob", "CancelJob", "WatchProgress"])
            try:
                if call == "GetJob":
                    get = render_service_pb2.GetJobRequest(workspace_id=stranger, job_id=wanted)
                    await stub.GetJob(get, timeout=_CALL_SECONDS)
                elif call == "CancelJob":
                    cancel = render_service_pb2.CancelJobRequest(workspace_id=stranger, job_id=wanted)
                    await stub.CancelJob(cancel, timeout=_CALL_SECONDS)
                else:
                    request = render_service_pb2.WatchProgressRequest(workspace_id=stranger, job_id=wanted)
                    async for _ in stub.WatchProgress(request, timeout=_CALL_SECONDS):
                        break
                self.history.intrusions.append(Intrusion(call, absent, "OK", ""))
            except grpc.RpcError as error:
                if error.code() not in _BROKEN:
                    refusal = translate(error)
                    text = _UUID.sub("ID", f"{refusal.reason} {refusal.message} {refusal.metadata}")
                    self.history.intrusions.append(Intrusion(call, absent, refusal.code.name, text))
            await asyncio.sleep(self._choice.uniform(0.05, 0.4))

    def _note(self, call: str, error: RenderError) -> bool:
        """Take note of a call that did not succeed; return whether a broken network or store explains it."""
        self.codes[f"{error.code.name} {error.reason}".strip()] += 1
        # UNKNOWN is what gRPC answers where a servicer let an error through.
        explained = error.code in _BROKEN or (error.code is grpc.StatusCode.INTERNAL and error.connection_lost)
        if not explained:
            self.faults.append(f"{call} answered {error.code.name} {error.reason}: {error.message}")
        return explained


def _shot() -> project_pb2.Shot:
    return project_pb2.Shot(id="only", visual_description="A light in the dark")


def _seen(event: job_pb2.JobEvent) -> SeenEvent:
    assert has_ended(event) == (status_name(event.status) in ENDS)
    return SeenEvent(
        event.job_id,
        event.sequence,
        status_name(event.status),
        stage_name(event.stage),
        event.progress,
        event.attempt,
    )
