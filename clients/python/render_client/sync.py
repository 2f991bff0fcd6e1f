"""The synchronous client."""

import threading
from collections.abc import Collection, Iterator, Mapping
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
from render_client.project_calls import ProjectCalls
from render_client.retry import Attempts, RetryPolicy
from render_client.watch import Position, WatchPosition, WorkspaceChange, WorkspacePosition, ended_without_end
from render_client.webhook_calls import WebhookCalls

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)
News = TypeVar("News")


class RenderClient(ProjectCalls, WebhookCalls):
    """A client of the render service; safe to share between threads.

    Every unary call has a deadline. Calls that are safe to repeat are retried while the service is unavailable. Every
    method raises `RenderError` or one of its subclasses when the service rejects the call or cannot be reached.

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
            grpc.insecure_channel(target, options)
            if credentials is None
            else grpc.secure_channel(target, credentials, options)
        )
        self._render = RenderServiceStub(self._channel)
        self._projects = ProjectServiceStub(self._channel)
        self._webhooks = WebhookServiceStub(self._channel)
        self._requests = Requests(config.workspace)
        self._reached = False
        self._closed = threading.Event()

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

    def close(self) -> None:
        """Close the connection; calls in progress in other threads raise `ClientClosedError`."""
        self._closed.set()
        self._channel.close()

    def __enter__(self) -> Self:
        """Return the client; leaving the block closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def start(
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
        """Start rendering an inline or a stored project.

        Args:
            project: An inline project; give either this or project_id.
            project_id: UUID of a stored project.
            provider: `local`, `runway`, `pika`, `custom` or `mock`; None means the service's default.
            output: Overrides the project's own output options field by field.
            request_id: UUID that makes this call idempotent: the same UUID returns the same job. None generates one
                that every attempt of this call uses, so that a retry never starts a second job.
            labels: Labels to find the job by.
            provider_options: How clips are generated, for `runway`, `pika` and `custom`.
            priority: Priority among the workspace's jobs, −100 to 100; higher runs first.
            variables: Values for the project's `{{placeholders}}`, by name; must name exactly those it has.
            webhook_url: URL that is notified of this job, in addition to the workspace's webhooks.
            webhook_statuses: Statuses to notify it of; empty means the three terminal ones.

        Returns:
            The stored job. It runs to its end even if this client disconnects.
        """
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
        return self._call(self._render.StartRender, request).job

    def estimate(
        self,
        project: project_pb2.Project | None = None,
        *,
        project_id: str | None = None,
        provider: str | None = None,
        output: output_pb2.OutputOptions | None = None,
        provider_options: render_service_pb2.ProviderOptions | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> render_service_pb2.Estimate:
        """Validate a start and return what it would submit to its provider, without starting it.
        Args:
            project: An inline project; give either this or project_id.
            project_id: UUID of a stored project.
            provider: `runway`, `pika` or `custom`; the others submit nothing.
            output: Overrides the project's own output options field by field.
            provider_options: How clips are generated.
            variables: Values for the project's `{{placeholders}}`.

        Returns:
            The clips that would be submitted and their estimated cost; empty if nothing would be submitted.

        Raises:
            RenderError: The error that `start` would raise.
        """
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
        return self._call(self._render.StartRender, request).estimate

    def get(self, job_id: str) -> job_pb2.Job:
        """Return the current state of a job."""
        return self._call(self._render.GetJob, self._requests.get(job_id)).job

    def list(
        self,
        *,
        statuses: Collection[StatusName] = (),
        project_id: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Iterator[job_pb2.Job]:
        """Iterate over the jobs of the workspace, newest first; pages are fetched on demand.

        Args:
            statuses: Only jobs in one of these statuses; empty means all.
            project_id: Only jobs of this project.
            labels: Only jobs that have all of these labels.
        """
        request = self._requests.list_jobs(statuses, project_id, labels)
        while True:
            page = self._call(self._render.ListJobs, request)
            yield from page.jobs
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def cancel(self, job_id: str) -> job_pb2.Job:
        """Request cancellation of a job and return its current state. A job that has ended is unchanged."""
        return self._call(self._render.CancelJob, self._requests.cancel(job_id)).job

    def delete_job(self, job_id: str) -> None:
        """Delete a job that has ended, with its history, video and other files. This cannot be undone."""
        self._call(self._render.DeleteJob, self._requests.delete(job_id), repeatable=False)

    def watch(
        self, job_id: str, *, after_sequence: int | None = None, timeout: float | None = None
    ) -> Iterator[job_pb2.JobEvent]:
        """Iterate over the events of a job until its end, reconnecting and resuming as needed.

        Sequences increase strictly, no state or stage change is omitted, and the last event is the terminal one.
        Leaving the loop early closes the watch and does not affect the job.

        Args:
            job_id: UUID of the job.
            after_sequence: Last sequence already seen; None starts with the current state.
            timeout: Seconds for the whole watch, after which it raises `DeadlineError`; None means no limit.
        """
        return self._follow(self._render.WatchProgress, WatchPosition(self._requests, job_id, after_sequence), timeout)

    def watch_workspace(
        self,
        *,
        start: str = "",
        labels: Mapping[str, str] | None = None,
        include_progress: bool = False,
        heartbeats: bool = False,
    ) -> Iterator[WorkspaceChange]:
        """Iterate over the state and stage changes of all jobs of the workspace, each once; never ends.

        Reconnects and resumes like `watch`. To resume after your program restarts, store the cursor of each change once
        you have handled it, and start from the last one.

        Args:
            start: Cursor to resume after, `"oldest"` for all retained events, or empty for new events only.
            labels: Only events of jobs that have all of these labels.
            include_progress: Whether to include the latest progress between state and stage changes; progress events
                are not replayed after a reconnect.
            heartbeats: Whether to yield heartbeats, as changes without an event; their cursors are valid too.

        Raises:
            OutOfRangeError: If the events after the cursor have been pruned (`CURSOR_PRUNED`).
        """
        position = WorkspacePosition(
            self._requests, start, labels=labels, include_progress=include_progress, heartbeats=heartbeats
        )
        return self._follow(self._render.WatchWorkspace, position, None)

    def wait(self, job_id: str, *, timeout: float | None = None) -> job_pb2.Job:
        """Wait until a job is COMPLETED, FAILED or CANCELLED.

        Args:
            job_id: UUID of the job.
            timeout: Seconds after which to raise `DeadlineError`; None means no limit.

        Returns:
            The ended job.
        """
        for _ in self.watch(job_id, timeout=timeout):
            pass
        return self.get(job_id)

    def download(
        self,
        job_id: str,
        path: str | PathLike[str],
        *,
        artifact: ArtifactName = "video",
        on_progress: ProgressCallback | None = None,
        timeout: float | None = None,
    ) -> Path:
        """Download a file of a COMPLETED job, resuming an interrupted download, and verify its checksum.

        Data is written to `{path}.{job_id}.part`. That file is kept after a failure, and the next call resumes from it.

        Args:
            job_id: UUID of the job.
            path: Destination; its folder must exist. An existing file is replaced once the new one is complete.
            artifact: `video`, `poster`, `contact_sheet`, `captions_srt` or `captions_vtt`.
            on_progress: Called after every chunk with the bytes received and the size of the file in bytes.
            timeout: Seconds for the whole download; None means no limit.

        Returns:
            The path.

        Raises:
            DownloadError: If the received data does not match the size or checksum that the service announced.
            OSError: If the file cannot be written.
        """
        attempts = self._stream_attempts(timeout)
        file = PartialFile(self._requests, job_id, Path(path), artifact, on_progress)
        file.open()
        try:
            while True:
                self._check_open()
                call = self._render.DownloadVideo(
                    file.request(), timeout=attempts.remaining(), metadata=self.config.metadata()
                )
                try:
                    for piece in call:
                        file.accept(piece)
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
                self._pause(attempts.delay_after(ending))
        finally:
            file.close()

    def create_download_url(
        self, job_id: str, *, artifact: ArtifactName = "video"
    ) -> render_service_pb2.CreateDownloadUrlResponse:
        """Create a pre-signed URL of a file of a COMPLETED job, valid until its expire_time."""
        return self._call(self._render.CreateDownloadUrl, self._requests.download_url(job_id, artifact))

    def _call(
        self, method: "grpc.UnaryUnaryMultiCallable[Request, Response]", request: Request, *, repeatable: bool = True
    ) -> Response:
        most = self.config.retry.call_attempts if repeatable else 1
        attempts = Attempts(self.config.retry, timeout=self.config.timeout, most=most)
        while True:
            self._check_open()
            try:
                response = method(request, timeout=attempts.remaining(), metadata=self.config.metadata())
            except grpc.RpcError as error:
                ending = translate(error)
            else:
                self._reached = True
                return response
            self._pause(attempts.delay_after(ending))

    def _follow(
        self,
        method: "grpc.UnaryStreamMultiCallable[Request, Response]",
        position: Position[Request, Response, News],
        timeout: float | None,
    ) -> Iterator[News]:
        attempts = self._stream_attempts(timeout)
        while True:
            self._check_open()
            call = method(position.request(), timeout=attempts.remaining(), metadata=self.config.metadata())
            try:
                for response in call:
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
            self._pause(attempts.delay_after(ending))

    def _stream_attempts(self, timeout: float | None) -> Attempts:
        retry = self.config.retry
        return Attempts(
            retry,
            timeout=timeout,
            most=None if self._reached else retry.call_attempts,
            longest=retry.longest_stream,
        )

    def _pause(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            raise ClientClosedError("the client was closed")

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise ClientClosedError("the client is closed")
