"""Short ids: the first 8 or more characters of a job's id, accepted wherever they are unique."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from render_client.sync import RenderClient

_SHORT = re.compile(r"^[0-9a-f]{8}[0-9a-f-]{0,27}$")
# A short id is looked for among so many of the newest jobs.
_NEWEST = 2_000


def find_job(client: RenderClient, given: str) -> str:
    """Return the full id that a job id or a short one means.

    Args:
        client: Connected client.
        given: A UUID, or its first 8 or more characters. Anything else is returned as it is, for the service to judge.

    Raises:
        typer.BadParameter: If no job or several jobs have this beginning.
        RenderError: If the jobs cannot be listed.
    """
    if not _SHORT.match(given.lower()) or len(given.replace("-", "")) == 32:
        return given
    jobs = islice(client.list(), _NEWEST)
    found = [job.job_id for job in jobs if job.job_id.startswith(given.lower())]
    if len(found) == 1:
        return found[0]
    if found:
        raise typer.BadParameter(f"job {given}: ambiguous; give more of {', '.join(found)}")
    raise typer.BadParameter(f"job {given}: none of the newest {_NEWEST:,} jobs has an id that begins so")
