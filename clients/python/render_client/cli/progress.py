"""Shows jobs and downloads on a terminal while they run; plain lines where there is no terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Column
from rich.text import Text

from render_client.cli.states import colour_of, state_word
from render_client.messages import has_ended

if TYPE_CHECKING:
    from typing_extensions import Self
from render_client.v1 import job_pb2


class WatchDisplay:
    """A progress bar for each watched job; use it in a `with` block. Thread-safe.

    Args:
        console: Where to draw; None means standard error, so that standard output holds only results.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.fields[name]}", markup=False, table_column=Column(no_wrap=True)),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[state]}", table_column=Column(no_wrap=True, min_width=10)),
            TimeElapsedColumn(table_column=Column(no_wrap=True, min_width=7)),
            TextColumn(
                "{task.fields[message]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)
            ),
            console=self._console,
            disable=not self._console.is_terminal,
            expand=True,
        )
        self._bars: dict[str, TaskID] = {}
        self._warned: set[tuple[str, str]] = set()

    def __enter__(self) -> Self:
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop drawing and keep the last state on screen."""
        self._progress.stop()

    def show(self, event: job_pb2.JobEvent, name: str | None = None) -> None:
        """Draw one event.

        Args:
            event: Event of the watch.
            name: Label of the job; None means the start of its id.
        """
        name = name or event.job_id[:8]
        word = state_word(event)
        message = event.error_message or event.message
        if not self._console.is_terminal:
            self._console.print(
                f"{name}  {event.progress:3d} %  {word}  {message}".rstrip(),
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
            self._show_warnings(event, name)
            return
        state = f"[{colour_of(word)}]{word}[/]"
        if event.job_id not in self._bars:
            self._bars[event.job_id] = self._progress.add_task(name, total=100, name=name, state=state, message=message)
        self._progress.update(self._bars[event.job_id], completed=event.progress, state=state, message=message)
        if has_ended(event):
            self._progress.stop_task(self._bars[event.job_id])
            if event.error_message:
                # It does not fit into the bar.
                cause = ": ".join(part for part in (event.error_reason, event.error_message) if part)
                self._console.print(Text(f"{name}  {word}  {cause}", style="red"))
            self._show_warnings(event, name)

    def _show_warnings(self, event: job_pb2.JobEvent, name: str) -> None:
        for warning in event.warnings:
            if (event.job_id, warning.message) in self._warned:
                continue
            self._warned.add((event.job_id, warning.message))
            self._console.print(Text(f"{name}  warning: {warning.message}", style="yellow"), soft_wrap=True)


def show_watch(events: Iterable[job_pb2.JobEvent], console: Console | None = None) -> job_pb2.JobEvent | None:
    """Show a watch as a progress bar until it ends.

    Args:
        events: Events of one job, such as `RenderClient.watch` yields.
        console: Where to draw; None means standard error.

    Returns:
        The last event; None if there was none.
    """
    last = None
    with WatchDisplay(console) as display:
        for last in events:
            display.show(last)
    return last


def show_download(
    download: Callable[[Callable[[int, int], None]], object], name: str, console: Console | None = None
) -> None:
    """Show a download as a progress bar.

    Args:
        download: Performs the download; calls its argument with the bytes received and the size in bytes.
        name: Label of the file.
        console: Where to draw; None means standard error.
    """
    console = console or Console(stderr=True)
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=32),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        bar = progress.add_task(name, total=None)
        download(lambda received, size: progress.update(bar, completed=received, total=size))
