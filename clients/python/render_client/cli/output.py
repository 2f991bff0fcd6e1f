"""Output of the `render` command: tables and sentences for people, JSON lines for programs, exit codes for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timezone
from typing import TYPE_CHECKING, TypeVar

import typer
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.table import Table
from rich.text import Text

from render_client.cli.exit_codes import JOB_CANCELLED, JOB_FAILED, REFUSED, UNREACHABLE, USAGE
from render_client.cli.states import coloured, state_word
from render_client.cli.tables import Column, choose_columns, print_table, texts_of
from render_client.config import ConfigurationError
from render_client.errors import DeadlineError, InvalidRequestError, RenderError, UnavailableError
from render_client.messages import status_name
from render_client.projects_file import ProjectFileError
from render_client.v1 import brand_service_pb2, job_pb2, project_pb2, render_service_pb2, webhook_service_pb2

if TYPE_CHECKING:
    from render_client.projects_file import ProjectDocument

M = TypeVar("M", bound=Message)


class Output:
    """Where and how results are printed.

    Args:
        machine: Whether to print JSON, one object a line, rather than tables.
        wide: Whether tables have all columns, in full.
        columns: Names of the columns to show, separated by commas; None means the usual ones.
    """

    def __init__(self, machine: bool, *, wide: bool = False, columns: str | None = None) -> None:
        self.machine = machine
        self._wide = wide
        self._columns = columns
        # A pipe has no width, and its reader needs whole lines.
        self.out = Console() if sys.stdout.isatty() else Console(width=240)
        self.err = Console(stderr=True)

    def message(self, message: Message) -> None:
        """Print a message of the contract as one line of JSON, its fields named as in the contract."""
        self.value(_fields(message))

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
            "details": _pairs(job.error_metadata),
            "title": job.title,
            "project": job.project_id,
            "provider": job.provider,
            "labels": _pairs(job.labels),
            "video": video,
            "sound": "\n".join(map(_audio_track, job.video.audio_tracks)),
            "url": "\n".join(job.video_urls),
            "created": _time(job.create_time),
            "started": _time(job.start_time),
            "ended": _time(job.end_time),
            "attempt": str(job.attempt) if job.attempt > 1 else "",
        }
        for name, value in rows.items():
            if value:
                table.add_row(name, Text(value))
        self.out.print(table)

    def jobs(self, jobs: Iterable[job_pb2.Job]) -> None:
        """Print jobs as a table, or one line of JSON each."""
        self.table(
            jobs,
            "no jobs",
            (
                Column("job", lambda job: job.job_id, is_id=True),
                Column("status", lambda job: coloured(status_name(job.status))),
                Column("progress", lambda job: f"{job.progress} %"),
                Column("created", lambda job: _time(job.create_time)[5:16]),
                Column("provider", lambda job: job.provider, is_extra=True),
                Column("project", lambda job: job.project_id, is_extra=True),
                Column("labels", lambda job: _pairs(job.labels), is_text=True, is_extra=True),
                Column("title", lambda job: job.title, is_text=True),
                # Why a job failed is printed below it, in full.
                Column("message", lambda job: "" if job.error_message else job.message, is_text=True),
            ),
            notes=lambda job: [failure_cause(job)] if job.error_message else [],
        )

    def projects(self, projects: Iterable[project_pb2.Project]) -> None:
        """Print projects as a table, or one line of JSON each."""
        self.table(
            projects,
            "no projects",
            (
                Column("project", lambda project: project.project_id, is_id=True),
                Column("status", _project_status),
                # Earlier services send no count.
                Column("shots", lambda project: str(project.shot_count or len(project.storyboard.shots))),
                Column("updated", lambda project: _time(project.update_time)[5:16]),
                Column("title", lambda project: project.title, is_text=True),
            ),
        )

    def voices(self, voices: Iterable[render_service_pb2.Voice]) -> None:
        """Print voices as a table, or one line of JSON each."""
        self.table(
            voices,
            "no voices: the service has no speech, or none speaks the language",
            (
                Column("voice", lambda voice: voice.voice_id),
                Column("languages", lambda voice: ", ".join(voice.languages)),
                Column("gender", _gender),
                Column("name", lambda voice: voice.name, is_text=True),
                Column("provider", lambda voice: voice.provider),
                Column("style", lambda voice: voice.style, is_text=True, is_extra=True),
                Column("price", _voice_price, is_extra=True),
                Column("sample", lambda voice: voice.sample_text, is_text=True, is_extra=True),
            ),
        )

    def kits(self, kits: Iterable[brand_service_pb2.BrandKit]) -> None:
        """Print brand kits as a table, or one line of JSON each."""
        self.table(
            kits,
            "no brand kits",
            (
                Column("kit", lambda kit: kit.name),
                Column("fonts", lambda kit: ", ".join(texts_of(kit.fonts)), is_text=True),
                Column("colors", lambda kit: ", ".join(texts_of(kit.colors)), is_text=True),
                Column("updated", lambda kit: _time(kit.update_time)[5:16]),
            ),
        )

    def webhooks(self, webhooks: Iterable[webhook_service_pb2.Webhook]) -> None:
        """Print webhooks as a table, or one line of JSON each."""
        self.table(
            webhooks,
            "no webhooks",
            (
                Column("webhook", lambda webhook: webhook.webhook_id, is_id=True),
                Column("statuses", lambda webhook: ", ".join(map(status_name, webhook.statuses)) or "terminal"),
                Column("labels", lambda webhook: _pairs(webhook.labels), is_text=True),
                Column("url", lambda webhook: webhook.url, is_text=True),
            ),
        )

    def deliveries(self, deliveries: Iterable[webhook_service_pb2.WebhookDelivery]) -> None:
        """Print deliveries as a table, or one line of JSON each."""
        self.table(
            deliveries,
            "no deliveries",
            (
                Column("delivery", lambda delivery: delivery.delivery_id, is_id=True),
                Column("state", _delivery_state),
                Column("event", lambda delivery: delivery.type),
                Column("attempts", lambda delivery: str(delivery.attempts)),
                Column("response", lambda delivery: "" if delivery.error else str(delivery.http_status or "")),
                Column("url", lambda delivery: delivery.url, is_text=True),
            ),
            notes=lambda delivery: [delivery.error] if delivery.error else [],
        )

    def event(self, event: job_pb2.JobEvent, cursor: str) -> None:
        """Print one event of a workspace watch on its own line."""
        if self.machine:
            change = _fields(event)
            self.value({"cursor": cursor, "event": change})
            return
        line = Text(f"{_time(event.timestamp)[11:]}  {event.job_id}  ")
        line.append_text(coloured(status_name(event.status).ljust(10)))
        line.append(f"  {event.progress:3d} %  {event.error_message or event.message}")
        self.out.print(line, soft_wrap=True)
        for warning in event.warnings:
            self.out.print(Text(f"warning: {warning.message}", style="yellow"), soft_wrap=True)

    def estimate(self, estimate: render_service_pb2.Estimate) -> None:
        """Print what would be submitted and its estimated cost."""
        if self.machine:
            self.message(estimate)
            return
        if estimate.shots or not estimate.narrations:
            self._clips(estimate.shots)
        if estimate.narrations:
            self.table(
                estimate.narrations,
                "",
                (
                    Column("shot", lambda narration: narration.shot_id),
                    Column("provider", lambda narration: narration.provider),
                    Column("model", lambda narration: narration.model),
                    Column("voice", lambda narration: narration.voice),
                    Column("characters", lambda narration: str(narration.characters)),
                    Column("cost", _narration_cost),
                ),
            )
        for cost in estimate.cost:
            print(f"total {cost.amount} {cost.unit}")

    def _clips(self, shots: Iterable[render_service_pb2.ShotEstimate]) -> None:
        self.table(
            shots,
            "nothing would be submitted",
            (
                Column("shot", lambda shot: shot.shot_id),
                Column("provider", lambda shot: shot.provider),
                Column("model", lambda shot: shot.model),
                Column("seconds", lambda shot: f"{shot.duration.ToNanoseconds() / 1e9:g}"),
                Column("shape", lambda shot: shot.shape),
                Column("cost", _shot_cost),
            ),
        )

    def file(self, message: Message) -> None:
        """Print a message as indented JSON."""
        print(json.dumps(_fields(message), indent=2, ensure_ascii=False))

    def finding(self, check: str, found: str) -> None:
        """Print one finding of `render doctor`."""
        if self.machine:
            self.value({"check": check, "found": found})
        else:
            print(f"{check:<10}{found}", flush=True)

    def deleted(self, name: str, value: str) -> None:
        """Print that something was deleted."""
        if self.machine:
            self.value({name: value, "deleted": True})
        else:
            self.say(f"deleted {value}")

    def table(
        self,
        messages: Iterable[M],
        nothing: str,
        columns: Sequence[Column[M]],
        notes: Callable[[M], Sequence[str]] = lambda message: (),
    ) -> None:
        """Print messages as a table that fits the terminal, or as one line of JSON each."""
        if self.machine:
            for message in messages:
                self.message(message)
            return
        try:
            chosen = choose_columns(columns, self._columns, wide=self._wide)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        width = self.out.width if self.out.is_terminal and not self._wide else None
        if not print_table(self.out, chosen, messages, width=width, notes=notes):
            self.say(nothing)

    def fail(self, error: Exception, target: str, document: ProjectDocument | None = None) -> int:
        """Print why the command failed: one line, or one for each invalid field.

        Args:
            error: The error.
            target: gRPC target of the service.
            document: The project file that was sent; invalid fields are shown at their places in it.

        Returns:
            The exit code.
        """
        if isinstance(error, RenderError):
            code = _exit_code(error)
            report: dict[str, object] = {
                "code": error.code.name,
                "reason": error.reason,
                "message": error.message,
                "metadata": error.metadata,
                "fields": {fault.field: fault.description for fault in error.field_faults},
            }
        else:
            code = USAGE if isinstance(error, (ConfigurationError, ProjectFileError, typer.BadParameter)) else REFUSED
            report = {"message": str(error)}
            if isinstance(error, ProjectFileError):
                report["faults"] = [asdict(fault) for fault in error.faults]
        if self.machine:
            print(json.dumps({"error": report}, ensure_ascii=False), file=sys.stderr)
        elif isinstance(error, RenderError) and error.field_faults:
            for fault in error.field_faults:
                self.say(f"error: {_located(fault.field, document)}: {fault.description}")
        elif code == UNREACHABLE and not report["reason"]:
            self.say(f"error: cannot reach the service at {target}: {report['message']}")
        else:
            for line in str(report["message"]).splitlines() or [""]:
                self.say(f"error: {line}")
        return code


def _fields(message: Message) -> dict[str, object]:
    """Return a message as JSON values, its fields named as in the contract."""
    from google.protobuf import json_format

    fields: dict[str, object] = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return fields


def failure_cause(state: job_pb2.Job | job_pb2.JobEvent) -> str:
    """Return why a job failed, such as `ASSET_INVALID: shot-1.image_uri: …`."""
    return ": ".join(part for part in (state.error_reason, state.error_message) if part)


def _located(field: str, document: ProjectDocument | None) -> str:
    """Return `path:line:column: storyboard.shots[0].duration` for a field of the project file, otherwise the field."""
    name = field.removeprefix("project.")
    place = document.place(name) if document is not None and name != field else None
    return f"{document.path}:{place[0]}:{place[1]}: {name}" if document is not None and place is not None else field


def _gender(voice: render_service_pb2.Voice) -> str:
    return render_service_pb2.VoiceGender.Name(voice.gender).rpartition("_")[2].lower()


def _pairs(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in sorted(labels.items()))


def _project_status(project: project_pb2.Project) -> str:
    return project_pb2.ProjectStatus.Name(project.status).removeprefix("PROJECT_STATUS_")


def _delivery_state(delivery: webhook_service_pb2.WebhookDelivery) -> str:
    return webhook_service_pb2.WebhookDeliveryState.Name(delivery.state).removeprefix("WEBHOOK_DELIVERY_STATE_")


def _shot_cost(shot: render_service_pb2.ShotEstimate) -> str:
    return f"{shot.cost.amount} {shot.cost.unit}" if shot.HasField("cost") else "unknown"


def _narration_cost(narration: render_service_pb2.NarrationEstimate) -> str:
    return f"{narration.cost.amount} {narration.cost.unit}" if narration.HasField("cost") else "unknown"


def _voice_price(voice: render_service_pb2.Voice) -> str:
    if not voice.price_unit:
        return "free"
    price = f"{voice.price.amount} {voice.price.unit}" if voice.HasField("price") else "unknown"
    return f"{price} per {voice.price_unit}"


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


def _audio_track(track: job_pb2.AudioTrack) -> str:
    """Return one line about a track of sound, such as `narration: en-US, af_heart (local)`."""
    kind = job_pb2.AudioTrackKind.Name(track.kind).removeprefix("AUDIO_TRACK_KIND_").lower()
    voices = ", ".join(track.voices) + (f" ({track.provider})" if track.provider else "")
    is_stem = track.artifact != job_pb2.ARTIFACT_VIDEO
    details = ", ".join(filter(None, (track.language, voices, "FLAC" if is_stem else "in the video")))
    return f"{kind}: {details}"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 100_000 else f"{size_bytes} bytes"
