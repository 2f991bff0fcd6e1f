"""Methods of the client for batches."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from render_client.aio.connection import AsyncConnection
from render_client.aio.primitives import Stream
from render_client.batches import START_SECONDS, BatchChange, BatchPosition, RowInput, list_batches, start_batch
from render_client.durations import Seconds
from render_client.messages import StatusName
from render_client.v1 import batch_service_pb2 as pb
from render_client.v1 import job_pb2, output_pb2, project_pb2, render_service_pb2


class AsyncBatchMethods(AsyncConnection):
    """Methods of the client for batches: one template rendered with many rows of variables."""

    async def start_batch(
        self,
        rows: Iterable[RowInput] = (),
        *,
        rows_uri: str | None = None,
        project: project_pb2.Project | None = None,
        project_id: str | None = None,
        max_running: int = 0,
        request_id: str | None = None,
        provider: str | None = None,
        output: output_pb2.OutputOptions | None = None,
        outputs: Collection[output_pb2.NamedOutput] = (),
        labels: Mapping[str, str] | None = None,
        provider_options: render_service_pb2.ProviderOptions | None = None,
        priority: int = 0,
        variables: Mapping[str, str] | None = None,
        webhook_url: str | None = None,
        webhook_statuses: Collection[StatusName] = (),
        speech_provider: str | None = None,
        speech_provider_options: render_service_pb2.SpeechProviderOptions | None = None,
        speech: project_pb2.Speech | None = None,
        dry_run: bool = False,
    ) -> pb.StartBatchResponse:
        """Start a batch: all of its rows are checked before any is rendered.

        Args:
            rows: The values of the template's variables for each video, at most 10,000; `@key` names a row.
            rows_uri: URL of a file of rows in JSON Lines, which the service fetches; give either this or rows.
            project: The template; give either this or project_id.
            project_id: UUID of a stored template.
            max_running: How many jobs of the batch run or wait for a worker at a time; 0 means any number.
            request_id: Idempotency key, a UUID; None generates one.
            provider: See `start`, as all that follow.
            output: Overrides the template's own output options field by field.
            outputs: Several videos for each row.
            labels: Labels of all jobs.
            provider_options: How clips are generated.
            priority: Priority of all jobs.
            variables: Values that all rows share; those of a row take precedence.
            webhook_url: URL to notify of each job.
            webhook_statuses: Statuses to notify of; empty means the ends of jobs.
            speech_provider: Who speaks narrations.
            speech_provider_options: How narrations are spoken.
            speech: Overrides the template's own speech field by field.
            dry_run: Whether only to check the rows and to estimate the cost.

        Returns:
            The batch, unless dry_run is set, and the likely cost of all rows together.

        Raises:
            InvalidRequestError: If a row is invalid; its `field_faults` name the rows.
        """
        render = self._requests.start(
            project=project,
            project_id=project_id,
            provider=provider,
            output=output,
            outputs=outputs,
            request_id=None,
            labels=labels,
            provider_options=provider_options,
            priority=priority,
            variables=variables,
            webhook=self._requests.job_webhook(webhook_url, webhook_statuses),
            speech_provider=speech_provider,
            speech_provider_options=speech_provider_options,
            speech=speech,
        )
        request = start_batch(
            self.config.workspace,
            render,
            rows,
            rows_uri=rows_uri,
            max_running=max_running,
            request_id=request_id,
            dry_run=dry_run,
        )
        return await self._call(self._batches.StartBatch, request, at_least=START_SECONDS)

    async def get_batch(self, batch_id: str) -> pb.Batch:
        """Return the current state of a batch."""
        request = pb.GetBatchRequest(workspace_id=self.config.workspace, batch_id=batch_id)
        return (await self._call(self._batches.GetBatch, request)).batch

    def list_batches(self) -> Stream[pb.Batch]:
        """Iterate over the batches of the workspace, newest first; pages are fetched on demand."""
        return self._pages(self._batches.ListBatches, list_batches(self.config.workspace), lambda page: page.batches)

    def list_batch_jobs(
        self, batch_id: str, *, statuses: Collection[StatusName] = (), full: bool = False
    ) -> Stream[job_pb2.Job]:
        """Iterate over the jobs of a batch, the last rows first; those of retried rows are all included. See `list`."""
        request = self._requests.list_jobs(statuses, None, None, full=full)
        request.batch_id = batch_id
        return self._pages(self._render.ListJobs, request, lambda page: page.jobs)

    def watch_batch(self, batch_id: str, *, cursor: str = "", timeout: Seconds | None = None) -> Stream[BatchChange]:
        """Watch a batch until it has ended. Reconnects and resumes automatically.

        Args:
            batch_id: UUID of the batch.
            cursor: Cursor to resume after; empty begins with the first end of a job.
            timeout: Seconds, or a `timedelta`, to watch; None means until the end.

        Yields:
            The state of the batch when it changes, and the end of each job exactly once; the final state last.
        """
        position = BatchPosition(self.config.workspace, batch_id, cursor)
        return self._follow(self._batches.WatchBatch, position, timeout)

    async def cancel_batch(self, batch_id: str) -> pb.Batch:
        """Cancel all that has not ended of a batch, and return its current state."""
        request = pb.CancelBatchRequest(workspace_id=self.config.workspace, batch_id=batch_id)
        return (await self._call(self._batches.CancelBatch, request)).batch

    async def retry_batch(self, batch_id: str, *, include_cancelled: bool = False) -> pb.RetryBatchResponse:
        """Render the rows that failed again, each as a new job, and return how many they are.

        Args:
            batch_id: UUID of the batch.
            include_cancelled: Whether to render cancelled rows again, too.
        """
        request = pb.RetryBatchRequest(
            workspace_id=self.config.workspace, batch_id=batch_id, include_cancelled=include_cancelled
        )
        return await self._call(self._batches.RetryBatch, request, repeatable=False)
