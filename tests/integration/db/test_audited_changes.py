"""Deleting what a workspace stores and its entry in the audit log happen together or not at all."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from render_service.db.access.audit_log import AuditFilter, AuditLog
from render_service.db.brand.brand_kits import BrandKits
from render_service.db.database import Database
from render_service.db.jobs.deletions import Deletions
from render_service.db.projects.projects import Projects
from render_service.db.webhooks.webhooks import Webhooks
from render_service.domain.access.audit import Origin
from render_service.domain.brand.kit import BrandKit
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.job import JobStatus
from render_service.domain.jobs.receiver import Receiver
from tests.records import PROJECT

ORIGIN = Origin("key:1", "tests", "ipv4:127.0.0.1:1", None)
UNRECORDABLE = replace(ORIGIN, peer="\0")  # Postgres stores no U+0000
Delete = Callable[[Origin], Awaitable[object]]


async def _project(database: Database, workspace: str, *, with_jobs: bool) -> tuple[Delete, UUID | None, str]:
    project_id = (await Projects(database).create(workspace, PROJECT)).id
    if with_jobs:
        return lambda by: Deletions(database).delete_project(workspace, project_id, origin=by), project_id, ""
    return lambda by: Projects(database).delete(workspace, project_id, origin=by), project_id, ""


async def _webhook(database: Database, workspace: str) -> tuple[Delete, UUID | None, str]:
    webhook_id, receiver = uuid4(), Receiver("https://example.com/hook", "example.com", (JobStatus.COMPLETED,))
    await Webhooks(database).create(
        webhook_id,
        workspace,
        receiver,
        {},
        origin=ORIGIN,
    )
    return lambda by: Webhooks(database).delete(workspace, webhook_id, origin=by), webhook_id, ""


async def _kit(database: Database, workspace: str) -> tuple[Delete, UUID | None, str]:
    await BrandKits(database).create(workspace, BrandKit("acme"), origin=ORIGIN)
    return lambda by: BrandKits(database).delete(workspace, "acme", origin=by), None, "acme"


@pytest.mark.parametrize("kind", ["project", "project with jobs", "webhook", "kit"])
async def test_a_deletion_and_its_entry_are_stored_together_or_not_at_all(database: Database, kind: str) -> None:
    workspace = f"audited-{uuid4().hex[:8]}"
    if kind == "webhook":
        delete, target, detail = await _webhook(database, workspace)
    elif kind == "kit":
        delete, target, detail = await _kit(database, workspace)
    else:
        delete, target, detail = await _project(database, workspace, with_jobs=kind == "project with jobs")
    with pytest.raises(Exception, match="NUL"):
        await delete(UNRECORDABLE)
    await delete(ORIGIN)  # it is still there
    if kind == "project with jobs":
        assert not await delete(ORIGIN)
    else:
        with pytest.raises(DomainError, match="there is no such"):
            await delete(ORIGIN)
    entries = await AuditLog(database).find(AuditFilter(workspace_id=workspace), limit=10)
    deletions = [(entry.target, entry.detail) for entry in entries if entry.action.value.endswith("deleted")]
    assert deletions == [(target, detail)], "what is absent leaves no entry"


@pytest.mark.parametrize("etag", ["\0", "1\0", "９", "-1", "9" * 40, "", "0x1"])
async def test_an_etag_of_another_kit_or_of_none_is_a_mismatch(database: Database, etag: str) -> None:
    kits, workspace = BrandKits(database), f"etags-{uuid4().hex[:8]}"
    first = await kits.create(workspace, BrandKit("acme"), origin=ORIGIN)
    await kits.delete(workspace, "acme", origin=ORIGIN)
    second = await kits.create(workspace, BrandKit("acme"), origin=ORIGIN)
    with pytest.raises(DomainError) as refusal:
        await kits.update(workspace, BrandKit("acme"), etag=etag or first.etag, origin=ORIGIN)
    assert refusal.value.reason is ErrorReason.ETAG_MISMATCH
    assert refusal.value.metadata == {"name": "acme", "etag": second.etag}
    updated = await kits.update(workspace, BrandKit("acme"), etag=second.etag, origin=ORIGIN)
    assert updated.etag not in (first.etag, second.etag)
