"""The word and the colour of a job's state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from render_client.messages import stage_name, status_name

if TYPE_CHECKING:
    from render_client.v1 import job_pb2

_COLOURS = {"COMPLETED": "green", "FAILED": "red", "CANCELLED": "yellow", "PENDING": "dim"}


def state_word(state: job_pb2.Job | job_pb2.JobEvent) -> str:
    """Return a job's stage while it is PROCESSING, otherwise its status."""
    return stage_name(state.stage) or status_name(state.status)


def coloured(status: str) -> Text:
    """Colour the word for a status."""
    return Text(status, style=colour_of(status))


def colour_of(word: str) -> str:
    """Return the colour of a status or stage."""
    return _COLOURS.get(word, "cyan")
