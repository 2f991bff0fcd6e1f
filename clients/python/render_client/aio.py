"""The asyncio client."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import grpc
from google.protobuf.message import Message
from render.v1 import job_pb2, output_pb2, project_pb2, render_service_pb2
from render.v1.project_service_pb2_grpc import ProjectServiceStub
from render.v1.render_service_pb2_grpc import RenderServiceStub
from render.v1.webhook_service_pb2_grpc import WebhookServiceStub

from render_client.config import DEFAULT_TIMEOUT, DEFAULT_WORKSPACE, TLS, ClientConfig, MetadataHook
from render_client.download import PartialFile, ProgressCallback
from render_client.errors import ClientClosedError, RenderError, translate
from render_client.messages import ArtifactName, Requests, StatusName
from render_client.project_calls import AsyncProjectCalls
from render_client.retry import Attempts, RetryPolicy
from render_client.watch import Position, WatchPosition, WorkspaceChange, WorkspacePosition, ended_without_end
from render_client.webhook_calls import AsyncWebhookCalls

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)
News = TypeVar("News")


class AsyncRenderClient(AsyncProjectCalls, AsyncWebhookCalls):
    """A client of the render service for one event loop; create it inside that loop.

    It gives the same guarantees as `RenderClient`: deadlines on all unary calls, retries where they are safe, and
    `RenderError` or one of its subclasses when the service rejects the call or cannot be reached. Cancelling a task
    that awaits a method ends the call, so use `asyncio.timeout` to limit a watch or a download.

    Args:
        target: gRPC target: `host:port`, `dns:///host:port` or `unix:/path/to/socket`.
        token: API key or JWT; None sends no token.
        workspace: Workspace of every call; None means `default`.
        tls: True or a `TLS` for TLS, False for plaintext; None means plaintext for a loopback target and TLS for any
            other.
        timeout: Seconds for each unary call, including its retries; > 0.
        retry: Retry policy; None means the default `RetryPolicy`.
        metadata: Called before each attempt; returns additional metadata to send, with lower-case names. Use it to
            propagate a trace context.
    """

    def __init__(
        self,
        target: str,
        *,
        token: str | None = None,
        workspace: str | None = None,
        tls: bool | TLS | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = None,
        metadata: MetadataHook | None = None,
    ) -> None:
        workspace = workspace or DEFAULT_WORKSPACE
        config = ClientConfig(target, token, workspace, tls, timeout, retry or RetryPolicy(), metadata)
        credentials, options = config.credentials(), config.channel_options()
        self.config = config
        self._channel = (
            grpc.aio.insecure_channel(target, options)
            if credentials is None
            else grpc.aio.secure_channel(target, credentials, options)
        )
        self._render = RenderServiceStub(self._channel)
        self._projects = ProjectServiceStub(self._channel)
        self._webhooks = WebhookServiceStub(self._channel)
        self._requests = Requests(config.workspace)
        self._reached = False
        self._closed = asyncio.Event()

    @classmethod
    def from_config(cls, config: ClientConfig) -> Self:
        """Create a client from a configuration, such as `ClientConfig.load()` returns."""
        return cls(
            config.target,
            token=config.token,
            workspace=config.workspace,
            tls=config.tls,
            timeout=config.timeout,
            retry=config.retry,
            metadata=config.more_metadata,
        )

    async def close(self) -> None:
        """Close the connection; calls in progress raise `ClientClosedError`."""
        self._closed.set()
        await self._channel.close()

    async def __aenter__(self) -> Self:
        """Return the client; leaving the block closes it."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connection."""
        await self.close()

    async def start(
        self,
        project: project_pb2.Project | None = None,
        *,
        project_id: str | None = None,
        provider: str | None = None,
        output: output_pb2.OutputOptions | None = None,
        request_id: str | None = None,
        labels: Mapping[str, str] | None = None,
        provider_options: render_service_pb2.ProviderOptions | None = None,
        priority: int = 0,
        variables: Mapping[str, str] | None = None,
        webhook_url: str | None = None,
        webhook_statuses: Collection[StatusName] = (),
    ) -> job_pb2.Job:
        """Start rendering an inline or a stored project; see `RenderClient.start`."""
        request = self._requests.start(
            project=project,
            project_id=project_id,
            provider=provider,
            output=output,
            request_id=request_id,
            labels=labels,
            provider_options=provider_options,
            priority=priority,
            variables=variables,
            webhook=self._requests.job_webhook(webhook_url, webhook_statuses),
        )
        return (await self._call(self._render.StartRender, request)).job

    async def estimate(
        self,
        project: project_pb2.Project | None = None,
        *,
        project_id: str | None = None,
        provider: str | None = None,
        output: output_pb2.OutputOptions | None = None,
        provider_options: render_service_pb2.ProviderOptions | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> render_service_pb2.Estimate:
        """Validate a start and return what it would submit, without starting it; see `RenderClient.estimate`."""
        request = self._requests.start(
            project=project,
            project_id=project_id,
            provider=provider,
            output=output,
            request_id=None,
            labels=None,
            provider_options=provider_options,
            priority=0,
            variables=variables,
        )
        request.dry_run = True
        return (await self._call(self._render.StartRender, request)).estimate

    async def get(self, job_id: str) -> job_pb2.Job:
        """Return the current state of a job."""
        return (await self._call(self._render.GetJob, self._requests.get(job_id))).job

    async def list(
        self,
        *,
        statuses: Collection[StatusName] = (),
        project_id: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[job_pb2.Job, None]:
        """Iterate over the jobs of the workspace, newest first; see `RenderClient.list`."""
        request = self._requests.list_jobs(statuses, project_id, labels)
        while True:
            page = await self._call(self._render.ListJobs, request)
            for job in page.jobs:
                yield job
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def cancel(self, job_id: str) -> job_pb2.Job:
        """Request cancellation of a job and return its current state. A job that has ended is unchanged."""
        return (await self._call(self._render.CancelJob, self._requests.cancel(job_id))).job

    async def delete_job(self, job_id: str) -> None:
        """Delete a job that has ended, with its history, video and other files. This cannot be undone."""
        await self._call(self._render.DeleteJob, self._requests.delete(job_id), repeatable=False)

    def watch(self, job_id: str, *, after_sequence: int | None = None) -> AsyncGenerator[job_pb2.JobEvent, None]:
        """Iterate over the events of a job until its end, reconnecting and resuming; see `RenderClient.watch`.

        To close the watch when leaving the loop early, call `aclose()` or use `contextlib.aclosing`; otherwise it stays
        open until the iterator is garbage-collected.
        """
        return self._follow(self._render.WatchProgress, WatchPosition(self._requests, job_id, after_sequence))

    def watch_workspace(
        self,
        *,
        start: str = "",
        labels: Mapping[str, str] | None = None,
        include_progress: bool = False,
        heartbeats: bool = False,
    ) -> AsyncGenerator[WorkspaceChange, None]:
        """Iterate over the changes of all jobs of the workspace; never ends; see `RenderClient.watch_workspace`."""
        position = WorkspacePosition(
            self._requests, start, labels=labels, include_progress=include_progress, heartbeats=heartbeats
        )
        return self._follow(self._render.WatchWorkspace, position)

    async def wait(self, job_id: str) -> job_pb2.Job:
        """Wait until a job is COMPLETED, FAILED or CANCELLED; see `RenderClient.wait`."""
        async for _ in self.watch(job_id):
            pass
        return await self.get(job_id)

    async def download(
        self,
        job_id: str,
        path: str | PathLike[str],
        *,
        artifact: ArtifactName = "video",
        on_progress: ProgressCallback | None = None,
    ) -> Path:
        """Download a file of a COMPLETED job, resuming an interrupted one; see `RenderClient.download`.

        Files are written in a worker thread, and on_progress is called in that thread.
        """
        attempts = self._stream_attempts()
        file = PartialFile(self._requests, job_id, Path(path), artifact, on_progress)
        await asyncio.to_thread(file.open)
        try:
            while True:
                self._check_open()
                call = self._render.DownloadVideo(
                    file.request(), timeout=attempts.remaining(), metadata=self.config.metadata()
                )
                try:
                    with self._noticing_close():
                        async for piece in call:
                            await asyncio.to_thread(file.accept, piece)
                            self._reached = True
                            attempts.progressed()
                    file.finish()
                except grpc.RpcError as error:
                    ending = file.broken(translate(error))
                except RenderError as error:
                    ending = error
                else:
                    return Path(path)
                finally:
                    call.cancel()
                await self._pause(attempts.delay_after(ending))
        finally:
            file.close()

    async def create_download_url(
        self, job_id: str, *, artifact: ArtifactName = "video"
    ) -> render_service_pb2.CreateDownloadUrlResponse:
        """Create a pre-signed URL of a file of a COMPLETED job, valid until its expire_time."""
        return await self._call(self._render.CreateDownloadUrl, self._requests.download_url(job_id, artifact))

    async def _call(
        self,
        method: "grpc.aio.UnaryUnaryMultiCallable[Request, Response]",
        request: Request,
        *,
        repeatable: bool = True,
    ) -> Response:
        most = self.config.retry.call_attempts if repeatable else 1
        attempts = Attempts(self.config.retry, timeout=self.config.timeout, most=most)
        while True:
            self._check_open()
            try:
                with self._noticing_close():
                    response = await method(request, timeout=attempts.remaining(), metadata=self.config.metadata())
            except grpc.RpcError as error:
                ending = translate(error)
            else:
                self._reached = True
                return response
            await self._pause(attempts.delay_after(ending))

    async def _follow(
        self,
        method: "grpc.aio.UnaryStreamMultiCallable[Request, Response]",
        position: Position[Request, Response, News],
    ) -> AsyncGenerator[News, None]:
        attempts = self._stream_attempts()
        while True:
            self._check_open()
            call = method(position.request(), timeout=attempts.remaining(), metadata=self.config.metadata())
            try:
                with self._noticing_close():
                    async for response in call:
                        self._reached = True
                        if (news := position.accept(response)) is not None:
                            yield news
                        # After the yield, so that the time the caller takes does not count as time without progress.
                        attempts.progressed()
                        if position.ended:
                            return
                ending: RenderError = ended_without_end()
            except grpc.RpcError as error:
                ending = translate(error)
            finally:
                call.cancel()
            await self._pause(attempts.delay_after(ending))

    def _stream_attempts(self) -> Attempts:
        retry = self.config.retry
        return Attempts(retry, most=None if self._reached else retry.call_attempts, longest=retry.longest_stream)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            return
        raise ClientClosedError("the client was closed")

    @contextlib.contextmanager
    def _noticing_close(self) -> Iterator[None]:
        """Distinguish closing the client, which gRPC reports as a cancellation, from cancelling the task."""
        try:
            yield
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closed.is_set() and task and not task.cancelling():
                raise ClientClosedError("the client was closed") from None
            raise

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise ClientClosedError("the client is closed")
