"""The client: jobs, their progress and their files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from os import PathLike

from render_client.aio.downloads import AsyncDownloadMethods
from render_client.aio.frames import AsyncFrameMethods
from render_client.aio.primitives import Stream, closing, run_blocking
from render_client.aio.projects import AsyncProjectMethods
from render_client.aio.voices import AsyncVoiceMethods
from render_client.aio.webhooks import AsyncWebhookMethods
from render_client.download import check_destination
from render_client.durations import Seconds, as_optional_seconds
from render_client.errors import JobFailedError, RenderError
from render_client.messages import StatusName, has_ended, is_completed
from render_client.retry import Countdown
from render_client.v1 import job_pb2, output_pb2, project_pb2, render_service_pb2
from render_client.watch import WatchPosition, WorkspaceChange, WorkspacePosition


class AsyncRenderClient(
    AsyncProjectMethods, AsyncWebhookMethods, AsyncFrameMethods, AsyncVoiceMethods, AsyncDownloadMethods
):
    """A client of the render service.

    Every unary call has a deadline. Calls that are safe to repeat are retried while the service is unavailable. Every
    method raises `RenderError` or one of its subclasses when the service rejects the call or cannot be reached.

    `RenderClient` may be shared between threads. `AsyncRenderClient` has the same methods for asyncio and belongs to
    the event loop in which it is created; cancelling a task that awaits a method ends the call.

    Args:
        target: gRPC target: `host:port`, `dns:///host:port` or `unix:/path/to/socket`.
        token: API key or JWT; None sends no token.
        workspace: Workspace of every call; None means `default`.
        tls: True or a `TLS` for TLS, False for plaintext; None means plaintext for a loopback target only.
        timeout: Seconds, or a `timedelta`, for each unary call including its retries; > 0.
        retry: Retry policy; None means the default `RetryPolicy`.
        metadata: Called before each attempt; returns more metadata to send, in lower case, such as a trace context.
    """

    async def start(
        self,
        project: project_pb2.Project | None = None,
        *,
        project_id: str | None = None,
        provider: str | None = None,
        output: output_pb2.OutputOptions | None = None,
        outputs: Collection[output_pb2.NamedOutput] = (),
        request_id: str | None = None,
        labels: Mapping[str, str] | None = None,
        provider_options: render_service_pb2.ProviderOptions | None = None,
        priority: int = 0,
        variables: Mapping[str, str] | None = None,
        webhook_url: str | None = None,
        webhook_statuses: Collection[StatusName] = (),
        speech_provider: str | None = None,
        speech_provider_options: render_service_pb2.SpeechProviderOptions | None = None,
        speech: project_pb2.Speech | None = None,
    ) -> job_pb2.Job:
        """Start rendering an inline or a stored project.

        Args:
            project: An inline project; give either this or project_id.
            project_id: UUID of a stored project.
            provider: `local`, `runway`, `pika`, `custom` or `mock`; None means the service's default.
            output: Overrides the project's own output options field by field.
            outputs: Several videos to make of the project instead of one, each with a name and options of its own.
            request_id: UUID that makes this call idempotent: the same UUID returns the same job. None generates one
                that every attempt of this call uses, so that a retry never starts a second job.
            labels: Labels to find the job by.
            provider_options: How clips are generated, for `runway`, `pika` and `custom`.
            priority: Priority among the workspace's jobs, −100 to 100; higher runs first.
            variables: Values for the project's `{{placeholders}}`, by name; must name exactly those it has.
            webhook_url: URL that is notified of this job, in addition to the workspace's webhooks.
            webhook_statuses: Statuses to notify it of; empty means the three terminal ones.
            speech_provider: `local`, `elevenlabs`, `openai_compatible` or `custom`; None means the service's default.
            speech_provider_options: How narrations are spoken.
            speech: Overrides the project's own speech field by field: another voice, or a language of its translations.

        Returns the stored job. It runs to its end even if this client disconnects.
        """
        request = self._requests.start(
            project=project,
            project_id=project_id,
            provider=provider,
            output=output,
            outputs=outputs,
            request_id=request_id,
            labels=labels,
            provider_options=provider_options,
            priority=priority,
            variables=variables,
            webhook=self._requests.job_webhook(webhook_url, webhook_statuses),
            speech_provider=speech_provider,
            speech_provider_options=speech_provider_options,
            speech=speech,
        )
        return (await self._call(self._render.StartRender, request)).job

    async def render(
        self,
        project: project_pb2.Project | None = None,
        *,
        output: str | PathLike[str],
        project_id: str | None = None,
        provider: str | None = None,
        output_options: output_pb2.OutputOptions | None = None,
        request_id: str | None = None,
        labels: Mapping[str, str] | None = None,
        provider_options: render_service_pb2.ProviderOptions | None = None,
        priority: int = 0,
        variables: Mapping[str, str] | None = None,
        on_progress: Callable[[job_pb2.JobEvent], None] | None = None,
        timeout: Seconds | None = None,
        speech_provider: str | None = None,
        speech_provider_options: render_service_pb2.SpeechProviderOptions | None = None,
        speech: project_pb2.Speech | None = None,
    ) -> job_pb2.Job:
        """Render a project into a file: start a job, watch it to its end, and download the video.

        Args:
            project: An inline project; give either this or project_id.
            output: Path of the video; its folder must exist. An existing file is replaced once the new one is complete.
            project_id: UUID of a stored project.
            provider: See `start`.
            output_options: Overrides the project's own output options field by field.
            request_id: See `start`. With the same UUID, a second call watches the same job.
            labels: Labels to find the job by.
            provider_options: How clips are generated, for `runway`, `pika` and `custom`.
            priority: Priority among the workspace's jobs, −100 to 100; higher runs first.
            variables: Values for the project's `{{placeholders}}`, by name.
            on_progress: Called with each event of the job, such as `print(event.progress, event.message)`.
            timeout: Seconds, or a `timedelta`, for everything together; None means no limit. The job continues after
                it; `metadata["job_id"]` of the error identifies it.
            speech_provider: See `start`.
            speech_provider_options: How narrations are spoken.
            speech: See `start`.

        Returns:
            The COMPLETED job, with its warnings and cost.

        Raises:
            JobFailedError: If the job is FAILED or CANCELLED; the message says why.
            RenderError: If the service rejects the project or cannot be reached.
            OSError: If the file cannot be written.
        """
        await run_blocking(check_destination, output)
        limit = Countdown(as_optional_seconds(timeout))
        job = await self.start(
            project,
            project_id=project_id,
            provider=provider,
            output=output_options,
            request_id=request_id,
            labels=labels,
            provider_options=provider_options,
            priority=priority,
            variables=variables,
            speech_provider=speech_provider,
            speech_provider_options=speech_provider_options,
            speech=speech,
        )
        try:
            if not has_ended(job):
                async with closing(self.watch(job.job_id, timeout=limit.remaining())) as events:
                    async for event in events:
                        if on_progress is not None:
                            on_progress(event)
                job = await self.get(job.job_id)
            if not is_completed(job):
                raise JobFailedError(job)
            await self.download(job.job_id, output, timeout=limit.remaining())
        except RenderError as error:
            error.metadata.setdefault("job_id", job.job_id)
            raise
        return job

    async def estimate(
        self,
        project: project_pb2.Project | None = None,
        *,
        project_id: str | None = None,
        provider: str | None = None,
        output: output_pb2.OutputOptions | None = None,
        outputs: Collection[output_pb2.NamedOutput] = (),
        provider_options: render_service_pb2.ProviderOptions | None = None,
        variables: Mapping[str, str] | None = None,
        speech_provider: str | None = None,
        speech_provider_options: render_service_pb2.SpeechProviderOptions | None = None,
        speech: project_pb2.Speech | None = None,
    ) -> render_service_pb2.Estimate:
        """Validate a start and return what it would submit to its providers, without starting it.

        Args:
            project: An inline project; give either this or project_id.
            project_id: UUID of a stored project.
            provider: `runway`, `pika` or `custom`; the others submit nothing.
            output: Overrides the project's own output options field by field.
            outputs: See `start`.
            provider_options: How clips are generated.
            variables: Values for the project's `{{placeholders}}`.
            speech_provider: See `start`.
            speech_provider_options: How narrations are spoken.
            speech: See `start`.

        Returns:
            The clips and narrations that would be submitted, and their estimated cost; empty if there are none.

        Raises:
            RenderError: The error that `start` would raise.
        """
        request = self._requests.start(
            project=project,
            project_id=project_id,
            provider=provider,
            output=output,
            outputs=outputs,
            request_id=None,
            labels=None,
            provider_options=provider_options,
            priority=0,
            variables=variables,
            speech_provider=speech_provider,
            speech_provider_options=speech_provider_options,
            speech=speech,
        )
        request.dry_run = True
        return (await self._call(self._render.StartRender, request)).estimate

    async def get(self, job_id: str) -> job_pb2.Job:
        """Return the current state of a job."""
        return (await self._call(self._render.GetJob, self._requests.get(job_id))).job

    def list(
        self,
        *,
        statuses: Collection[StatusName] = (),
        project_id: str | None = None,
        labels: Mapping[str, str] | None = None,
        full: bool = False,
    ) -> Stream[job_pb2.Job]:
        """Iterate over the jobs of the workspace, newest first; pages are fetched on demand.

        Args:
            statuses: Only jobs in one of these statuses; empty means all.
            project_id: Only jobs of this project.
            labels: Only jobs that have all of these labels.
            full: Whether jobs contain raw_results and video.check, too, as `get` returns them.
        """
        request = self._requests.list_jobs(statuses, project_id, labels, full=full)
        return self._pages(self._render.ListJobs, request, lambda page: page.jobs)

    async def cancel(self, job_id: str) -> job_pb2.Job:
        """Request cancellation of a job and return its current state. A job that has ended is unchanged."""
        return (await self._call(self._render.CancelJob, self._requests.cancel(job_id))).job

    async def delete_job(self, job_id: str) -> None:
        """Delete a job that has ended, with its history, video and other files. This cannot be undone."""
        await self._call(self._render.DeleteJob, self._requests.delete(job_id), repeatable=False)

    def watch(
        self, job_id: str, *, after_sequence: int | None = None, timeout: Seconds | None = None
    ) -> Stream[job_pb2.JobEvent]:
        """Iterate over the events of a job until its end, reconnecting and resuming as needed.

        Sequences increase strictly, no state or stage change is omitted, and the last event is the terminal one.
        Leaving the loop early closes the watch and does not affect the job.

        Args:
            job_id: UUID of the job.
            after_sequence: Last sequence already seen; None starts with the current state.
            timeout: Seconds, or a `timedelta`, after which to raise `DeadlineError`; None means no limit.
        """
        return self._follow(self._render.WatchProgress, WatchPosition(self._requests, job_id, after_sequence), timeout)

    def watch_workspace(
        self,
        *,
        start: str = "",
        labels: Mapping[str, str] | None = None,
        include_progress: bool = False,
        heartbeats: bool = False,
    ) -> Stream[WorkspaceChange]:
        """Iterate over the state and stage changes of all jobs of the workspace, each once; never ends.

        Reconnects and resumes like `watch`. After a restart of your program, start from the last cursor you handled.

        Args:
            start: Cursor to resume after, `"oldest"` for all retained events, or empty for new events only.
            labels: Only events of jobs that have all of these labels.
            include_progress: Whether to include progress between these changes; it is not replayed after a reconnect.
            heartbeats: Whether to yield heartbeats, as changes without an event; their cursors are valid too.

        Raises:
            OutOfRangeError: If the events after the cursor have been pruned (`CURSOR_PRUNED`).
        """
        position = WorkspacePosition(
            self._requests, start, labels=labels, include_progress=include_progress, heartbeats=heartbeats
        )
        return self._follow(self._render.WatchWorkspace, position, None)

    async def wait(self, job_id: str, *, timeout: Seconds | None = None) -> job_pb2.Job:
        """Wait until a job is COMPLETED, FAILED or CANCELLED.

        Args:
            job_id: UUID of the job.
            timeout: Seconds, or a `timedelta`, after which to raise `DeadlineError`; None means no limit.

        Returns:
            The ended job.
        """
        async for _ in self.watch(job_id, timeout=timeout):
            pass
        return await self.get(job_id)
