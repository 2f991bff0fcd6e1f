"""Short ids: the first 8 or more characters of an id, accepted wherever they are unique."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from render_client.sync import RenderClient

_SHORT = re.compile(r"^[0-9a-f]{8}[0-9a-f-]{0,27}$")
# A short id is looked for among so many of the newest jobs, projects, webhooks or deliveries.
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
    return _find("job", given, (job.job_id for job in client.list())) if is_short(given) else given


def find_project(client: RenderClient, given: str) -> str:
    """Return the full id that the id of a project or a short one means; see `find_job`."""
    if not is_short(given):
        return given
    return _find("project", given, (project.project_id for project in client.list_projects()))


def find_webhook(client: RenderClient, given: str) -> str:
    """Return the full id that the id of a webhook or a short one means; see `find_job`."""
    if not is_short(given):
        return given
    return _find("webhook", given, (webhook.webhook_id for webhook in client.list_webhooks()))


def find_batch(client: RenderClient, given: str) -> str:
    """Return the full id that the id of a batch or a short one means; see `find_job`."""
    return _find("batch", given, (batch.batch_id for batch in client.list_batches())) if is_short(given) else given


def find_delivery(client: RenderClient, given: str) -> str:
    """Return the full id that the id of a delivery or a short one means; see `find_job`."""
    if not is_short(given):
        return given
    return _find("delivery", given, (delivery.delivery_id for delivery in client.list_webhook_deliveries()))


def is_short(given: str) -> bool:
    """Return whether a text is the beginning of a UUID, of at least 8 characters."""
    return bool(_SHORT.match(given.lower())) and len(given.replace("-", "")) < 32


def _find(kind: str, given: str, ids: Iterable[str]) -> str:
    found = [each for each in islice(ids, _NEWEST) if each.startswith(given.lower())]
    if len(found) == 1:
        return found[0]
    if found:
        raise typer.BadParameter(f"{kind} {given}: ambiguous; give more of {', '.join(found)}")
    several = {"delivery": "deliveries", "batch": "batches"}.get(kind, f"{kind}s")
    raise typer.BadParameter(f"{kind} {given}: none of the newest {_NEWEST:,} {several} has an id that begins so")
