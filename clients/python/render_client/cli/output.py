"""Output of the `render` command: tables and sentences for people, JSON lines for programs, exit codes for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import timezone
from typing import TypeVar

import typer
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.table import Table
from rich.text import Text

from render_client.cli.exit_codes import JOB_CANCELLED, JOB_FAILED, REFUSED, UNREACHABLE, USAGE
from render_client.cli.progress import coloured, state_word
from render_client.config import ConfigurationError
from render_client.errors import DeadlineError, InvalidRequestError, RenderError, UnavailableError
from render_client.messages import status_name
from render_client.projects_file import ProjectFileError
from render_client.v1 import job_pb2, project_pb2, render_service_pb2, webhook_service_pb2

M = TypeVar("M", bound=Message)


class Output:
    """Where and how results are printed.

    Args:
        machine: Whether to print JSON, one object a line, rather than tables.
    """

    def __init__(self, machine: bool) -> None:
        self.machine = machine
        # A pipe has no width, and its reader needs whole lines.
        self._out = Console() if sys.stdout.isatty() else Console(width=240)
        self.err = Console(stderr=True)

    def message(self, message: Message) -> None:
        """Print a message of the contract as one line of JSON, its fields named as in the contract."""
        self.value(json_format.MessageToDict(message, preserving_proto_field_name=True))

    def value(self, value: dict[str, object]) -> None:
        """Print a result as one line of JSON."""
        print(json.dumps(value, ensure_ascii=False), flush=True)

    def say(self, text: str) -> None:
        """Print a sentence for people, on standard error; nothing with --json."""
        if not self.machine:
            self.err.print(text, markup=False, highlight=False, soft_wrap=True)

    def job(self, job: job_pb2.Job) -> None:
        """Print one job."""
        if self.machine:
            self.message(job)
            return
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        table.add_column(style="dim")
        table.add_column(overflow="fold")
        table.add_row("job", job.job_id)
        table.add_row("status", coloured(status_name(job.status)))
        table.add_row("progress", f"{job.progress} %  {state_word(job)}")
        video = (
            f"{job.video.width} × {job.video.height}, {_size(job.video.size_bytes)}" if job.HasField("video") else ""
        )
        rows = {
            "message": job.message,
            "warnings": "\n".join(warning.message for warning in job.warnings),
            "error": job.error_message,
            "reason": job.error_reason,
            "details": ", ".join(f"{key} = {value}" for key, value in sorted(job.error_metadata.items())),
            "project": job.project_id,
            "provider": job.provider,
            "labels": ", ".join(f"{key} = {value}" for key, value in sorted(job.labels.items())),
            "video": video,
            "url": "\n".join(job.video_urls),
            "created": _time(job.create_time),
            "started": _time(job.start_time),
            "ended": _time(job.end_time),
            "attempt": str(job.attempt) if job.attempt > 1 else "",
        }
        for name, value in rows.items():
            if value:
                table.add_row(name, Text(value))
        self._out.print(table)

    def jobs(self, jobs: Iterable[job_pb2.Job]) -> None:
        """Print jobs as a table, or one line of JSON each."""
        self._table(
            jobs,
            "no jobs",
            ("job", "status", "", "created", "message"),
            lambda job: (
                job.job_id,
                coloured(status_name(job.status)),
                f"{job.progress} %",
                _time(job.create_time)[5:16],
                job.error_message or job.message,
            ),
        )

    def projects(self, projects: Iterable[project_pb2.Project]) -> None:
        """Print projects as a table, or one line of JSON each."""
        self._table(
            projects,
            "no projects",
            ("project", "status", "shots", "updated", "title"),
            lambda project: (
                project.project_id,
                project_pb2.ProjectStatus.Name(project.status).removeprefix("PROJECT_STATUS_"),
                str(project.shot_count or len(project.storyboard.shots)),  # earlier services send no count
                _time(project.update_time)[5:16],
                project.title,
            ),
        )

    def webhooks(self, webhooks: Iterable[webhook_service_pb2.Webhook]) -> None:
        """Print webhooks as a table, or one line of JSON each."""
        self._table(
            webhooks,
            "no webhooks",
            ("webhook", "statuses", "labels", "url"),
            lambda webhook: (
                webhook.webhook_id,
                ", ".join(map(status_name, webhook.statuses)) or "terminal",
                ", ".join(f"{key} = {value}" for key, value in sorted(webhook.labels.items())),
                webhook.url,
            ),
        )

    def deliveries(self, deliveries: Iterable[webhook_service_pb2.WebhookDelivery]) -> None:
        """Print deliveries as a table, or one line of JSON each."""
        self._table(
            deliveries,
            "no deliveries",
            ("delivery", "state", "event", "attempts", "response", "url"),
            lambda delivery: (
                delivery.delivery_id,
                webhook_service_pb2.WebhookDeliveryState.Name(delivery.state).removeprefix("WEBHOOK_DELIVERY_STATE_"),
                delivery.type,
                str(delivery.attempts),
                delivery.error or str(delivery.http_status or ""),
                delivery.url,
            ),
        )

    def event(self, event: job_pb2.JobEvent, cursor: str) -> None:
        """Print one event of a workspace watch on its own line."""
        if self.machine:
            change = json_format.MessageToDict(event, preserving_proto_field_name=True)
            self.value({"cursor": cursor, "event": change})
            return
        line = Text(f"{_time(event.timestamp)[11:]}  {event.job_id}  ")
        line.append_text(coloured(status_name(event.status).ljust(10)))
        line.append(f"  {event.progress:3d} %  {event.error_message or event.message}")
        self._out.print(line, soft_wrap=True)
        for warning in event.warnings:
            self._out.print(Text(f"warning: {warning.message}", style="yellow"), soft_wrap=True)

    def estimate(self, estimate: render_service_pb2.Estimate) -> None:
        """Print what would be submitted and its estimated cost."""
        if self.machine:
            self.message(estimate)
            return
        self._table(
            estimate.shots,
            "nothing would be submitted",
            ("shot", "provider", "model", "seconds", "shape", "cost"),
            lambda shot: (
                shot.shot_id,
                shot.provider,
                shot.model,
                f"{shot.duration.ToNanoseconds() / 1e9:g}",
                shot.shape,
                f"{shot.cost.amount} {shot.cost.unit}" if shot.HasField("cost") else "unknown",
            ),
        )
        for cost in estimate.cost:
            print(f"total {cost.amount} {cost.unit}")

    def file(self, message: Message) -> None:
        """Print a message as indented JSON."""
        print(json_format.MessageToJson(message, preserving_proto_field_name=True, ensure_ascii=False))

    def deleted(self, name: str, value: str) -> None:
        """Print that something was deleted."""
        if self.machine:
            self.value({name: value, "deleted": True})
        else:
            self.say(f"deleted {value}")

    def _table(
        self,
        messages: Iterable[M],
        nothing: str,
        titles: Sequence[str],
        cells: Callable[[M], Sequence[str | Text]],
    ) -> None:
        """Print messages as a table whose last column is truncated to fit, or as one line of JSON each."""
        if self.machine:
            for message in messages:
                self.message(message)
            return
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for title in titles:
            table.add_column(title, no_wrap=True, overflow="ellipsis" if title == titles[-1] else "fold")
        for message in messages:
            table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells(message)))
        if table.row_count:
            self._out.print(table)
        else:
            self.say(nothing)

    def fail(self, error: Exception, target: str) -> int:
        """Print why the command failed: one line, or one for each invalid field.

        Args:
            error: The error.
            target: gRPC target of the service.

        Returns:
            The exit code.
        """
        if isinstance(error, RenderError):
            code = _exit_code(error)
            report = {
                "code": error.code.name,
                "reason": error.reason,
                "message": error.message,
                "metadata": error.metadata,
                "fields": {fault.field: fault.description for fault in error.field_faults},
            }
        else:
            code = USAGE if isinstance(error, (ConfigurationError, ProjectFileError, typer.BadParameter)) else REFUSED
            report = {"message": str(error)}
        if self.machine:
            print(json.dumps({"error": report}, ensure_ascii=False), file=sys.stderr)
        elif isinstance(error, RenderError) and error.field_faults:
            for fault in error.field_faults:
                self.say(f"error: {fault.field}: {fault.description}")
        elif code == UNREACHABLE and not report["reason"]:
            self.say(f"error: cannot reach the service at {target}: {report['message']}")
        else:
            self.say(f"error: {report['message']}")
        return code


def end_code(status: job_pb2.JobStatus.ValueType) -> int:
    """Return the exit code for a job's terminal status."""
    return {job_pb2.JOB_STATUS_COMPLETED: 0, job_pb2.JOB_STATUS_CANCELLED: JOB_CANCELLED}.get(status, JOB_FAILED)


def _exit_code(error: RenderError) -> int:
    if isinstance(error, InvalidRequestError):
        return USAGE
    return UNREACHABLE if isinstance(error, (UnavailableError, DeadlineError)) else REFUSED


def _time(moment: Timestamp) -> str:
    # An unset time reads as the epoch.
    return f"{moment.ToDatetime(tzinfo=timezone.utc).astimezone():%Y-%m-%d %H:%M:%S}" if moment.seconds else ""


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 100_000 else f"{size_bytes} bytes"
