"""Prints batches, and shows one that is watched: a bar for the rows, and a line for each that failed."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from render_client.cli.batches.rows import row_name
from render_client.cli.exit_codes import JOB_CANCELLED, JOB_FAILED
from render_client.cli.output import Output
from render_client.cli.states import coloured
from render_client.messages import status_name
from render_client.v1 import batch_service_pb2 as pb
from render_client.v1 import job_pb2

if TYPE_CHECKING:
    from typing_extensions import Self

    from render_client.batches import BatchChange

_COUNTS = ("waiting", "pending", "processing", "completed", "failed", "cancelled", "deleted")
_EXIT_CODES = {pb.BATCH_STATE_FAILED: JOB_FAILED, pb.BATCH_STATE_CANCELLED: JOB_CANCELLED}


def state_name(batch: pb.Batch) -> str:
    """Return the state of a batch, such as `RUNNING`."""
    return pb.BatchState.Name(batch.state).removeprefix("BATCH_STATE_")


def exit_code(batch: pb.Batch) -> int:
    """Return the exit code for a batch that has ended."""
    return _EXIT_CODES.get(batch.state, 0)


def counts_text(counts: pb.BatchCounts) -> str:
    """Return the counts that are not 0, such as `3 completed, 1 failed`."""
    return ", ".join(f"{number} {name}" for name in _COUNTS if (number := getattr(counts, name)))


def print_batches(output: Output, batches: Iterable[pb.Batch]) -> None:
    """Print a line for each batch."""
    is_empty = True
    for batch in batches:
        is_empty = False
        if output.machine:
            output.message(batch)
            continue
        line = Text(f"{batch.batch_id}  ")
        line.append(coloured(f"{state_name(batch):<9}"))
        line.append(f"  {counts_text(batch.counts)}")
        if batch.title:
            line.append(f"  {batch.title}", style="dim")
        output.out.print(line, soft_wrap=True)
    if is_empty:
        output.say("no batches")


class BatchDisplay:
    """Shows the progress of one batch; use it in a `with` block.

    Args:
        output: Where to show it.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._console = output.err
        self._progress = Progress(
            TextColumn("{task.fields[state]}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[counts]}", markup=False),
            console=self._console,
            disable=output.machine or not self._console.is_terminal,
        )
        self._bar = self._progress.add_task("", total=None, state="", counts="")

    def __enter__(self) -> Self:
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop drawing and keep the last state on screen."""
        self._progress.stop()

    def show(self, change: BatchChange) -> None:
        """Show one change."""
        if self._output.machine:
            changed = change.batch if change.batch is not None else change.ended
            assert changed is not None, "a change has one or the other"
            self._output.message(changed)
        elif change.batch is not None:
            self._show_state(change.batch)
        elif change.ended is not None and change.ended.status == job_pb2.JOB_STATUS_FAILED:
            ended = change.ended
            name = row_name(ended.row, ended.key)
            text = f"{name}  {status_name(ended.status)}  {ended.error_reason}: {ended.error_message}"
            self._console.print(Text(text, style="red"), soft_wrap=True)

    def _show_state(self, batch: pb.Batch) -> None:
        counts = batch.counts
        done = batch.rows - counts.waiting - counts.pending - counts.processing
        name, text = state_name(batch), counts_text(counts)
        if self._console.is_terminal:
            self._progress.update(self._bar, total=batch.rows, completed=done, state=name, counts=text)
        else:
            self._output.say(f"{name}  {done}/{batch.rows}  {text}")
