"""What the calls about fonts promise over the wire, and that jobs keep the fonts that they were started with."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
import pytest_asyncio
import sqlalchemy as sa
from render_client.v1 import batch_service_pb2 as batches_pb
from render_client.v1 import brand_service_pb2 as pb
from render_client.v1 import layer_pb2, project_pb2
from render_client.v1 import render_service_pb2 as renders_pb

from render_service.db.access.audit_log import AuditFilter, AuditLog
from render_service.db.brand import fonts as repository
from render_service.db.database import Database, DatabaseUnavailable
from render_service.db.jobs.deletions import Deletions
from render_service.db.row_mapping import RENDER_SPEC
from render_service.db.schema import jobs
from render_service.db.workspace_tables import workspace_fonts
from render_service.domain.access.audit import Action
from render_service.domain.brand.fonts import CheckedFont
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.layers.uploaded_fonts import pinned_files
from render_service.embedded import EmbeddedValkey
from render_service.fonts import checking
from render_service.fonts.sanitizer import sanitize
from render_service.storage.keys import font_key
from render_service.storage.store import ObjectStore
from tests.integration.server.status import refusal
from tests.serving import Stubs, serving, settings_of
from tests.unit.fonts.building import box, truetype

pytestmark = pytest.mark.asyncio(loop_scope="module")
REGULAR, BOLD = truetype(), truetype(weight=700)
OTHER = truetype(draw=lambda pen: box(pen, height=500))
NOW = timedelta(0)


class Workspace:
    """The RPCs in a workspace that no other test uses."""

    def __init__(self, stubs: Stubs, database: Database, store: ObjectStore) -> None:
        self.stubs = stubs
        self.database = database
        self.store = store
        self.id = f"fonts-{uuid4().hex[:8]}"

    def call(self, method: str, **fields: Any) -> Any:
        request = getattr(pb, f"{method}Request")(**({"workspace_id": self.id} | fields))
        return getattr(self.stubs.brands, method)(request)

    async def upload(self, content: bytes = REGULAR, **fields: Any) -> pb.Font:
        font: pb.Font = (await self.call("UploadFont", content=content, **fields)).font
        return font

    async def uploaded(self) -> list[pb.Font]:
        """The fonts that are not the service's own."""
        return [font for font in (await self.call("ListFonts")).fonts if font.font_id]

    async def start(self, **fields: Any) -> str:
        """Start a render of a project that names an uploaded font, and return the job's id."""
        request = renders_pb.StartRenderRequest(workspace_id=self.id, **({"project": project()} | fields))
        job_id: str = (await self.stubs.renders.StartRender(request)).job.job_id
        return job_id

    async def spec_of(self, job_id: str) -> RenderSpec:
        """What the job renders."""
        async with self.database.single() as connection:
            spec = await connection.execute(sa.select(jobs.c.spec).where(jobs.c.id == UUID(job_id)))
        return RENDER_SPEC.validate_python(spec.scalar_one())

    async def end(self, job_id: str) -> None:
        async with self.database.single() as connection:
            await connection.execute(
                sa.update(jobs)
                .where(jobs.c.id == UUID(job_id))
                .values(status="FAILED", finished_at=sa.func.now(), error_reason="INTERNAL")
            )

    async def has_file(self, font: pb.Font) -> bool:
        return await self.store.head(font_key(self.id, font.sha256, UUID(font.font_id))) is not None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(
    _shared_database_url: str, valkey_server: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Stubs, Database, ObjectStore]]:
    settings = settings_of(_shared_database_url, valkey_server.url, tmp_path_factory.mktemp("server"), auth="off")
    database = Database(_shared_database_url)

    async def check(content: bytes, family: str) -> CheckedFont:
        return sanitize(content, family)

    with pytest.MonkeyPatch.context() as patched:
        # Without a process for each font, which has its own tests.
        patched.setattr(checking, "_check", check)
        async with serving(settings) as stubs:
            yield stubs, database, ObjectStore(settings.storage_url)
    await database.close()


@pytest.fixture
def workspace(shared: tuple[Stubs, Database, ObjectStore]) -> Workspace:
    return Workspace(*shared)


def project(font: str = "workspace:acme sans") -> project_pb2.Project:
    text = layer_pb2.TextLayer(text="ABC", style=layer_pb2.TextStyle(font=font, weight=700))
    shot = project_pb2.Shot(id="one", caption="Hello", layers=[layer_pb2.Layer(text=text)])
    return project_pb2.Project(storyboard=project_pb2.Storyboard(shots=[shot]))


async def test_an_uploaded_font_is_returned_and_listed_after_those_of_the_service(workspace: Workspace) -> None:
    font = await workspace.upload()
    assert (font.name, font.min_weight, font.max_weight, font.italic) == ("workspace:Acme Sans", 400, 400, False)
    assert font.license == pb.FONT_LICENSE_INSTALLABLE
    assert (await workspace.call("GetFont", font_id=font.font_id)).font == font
    listed = (await workspace.call("ListFonts")).fonts
    assert listed[-1] == font
    assert {one.name for one in listed[:-1]} >= {"Inter", "Lobster"}
    assert await workspace.has_file(font)


async def test_the_same_file_is_one_font_however_often_it_is_uploaded(workspace: Workspace) -> None:
    font = await workspace.upload()
    assert await workspace.upload() == font
    assert await workspace.uploaded() == [font]
    entries = await AuditLog(workspace.database).find(AuditFilter(workspace_id=workspace.id), limit=10)
    assert [entry.action for entry in entries] == [Action.FONT_UPLOADED]


async def test_an_upload_of_unknown_outcome_keeps_its_file(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = repository.WorkspaceFonts.create

    async def commit_and_lose_the_answer(*args: Any, **fields: Any) -> None:
        await create(*args, **fields)
        raise DatabaseUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(repository.WorkspaceFonts, "create", commit_and_lose_the_answer)
        assert (await refusal(workspace.call("UploadFont", content=REGULAR))).reason == "STORE_UNAVAILABLE"
    font = await workspace.upload()
    assert await workspace.uploaded() == [font]
    assert await workspace.has_file(font)


async def test_a_refused_upload_leaves_no_file(workspace: Workspace) -> None:
    font = await workspace.upload()
    await refusal(workspace.call("UploadFont", content=OTHER))
    files = [info.key async for info in workspace.store.list(f"fonts/{workspace.id}")]
    assert files == [font_key(workspace.id, font.sha256, UUID(font.font_id))]


async def test_uploading_a_font_again_restores_a_lost_file(workspace: Workspace) -> None:
    font = await workspace.upload()
    key = font_key(workspace.id, font.sha256, UUID(font.font_id))
    stored = b"".join([chunk async for chunk in workspace.store.read(key)])
    await workspace.store.delete(key)
    assert await workspace.upload() == font
    assert b"".join([chunk async for chunk in workspace.store.read(key)]) == stored


async def test_another_file_of_the_same_style_takes_its_place_only_if_asked_to(workspace: Workspace) -> None:
    first = await workspace.upload()
    refused = await refusal(workspace.call("UploadFont", content=OTHER))
    assert (refused.code, refused.reason) == (grpc.StatusCode.ALREADY_EXISTS, "FONT_EXISTS")
    second = await workspace.upload(OTHER, replace=True)
    assert second.sha256 != first.sha256
    assert await workspace.uploaded() == [second]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"content": b""}, "content"),
        ({"content": b"PK\x03\x04"}, "content"),
        ({"content": truetype(license_bits=2)}, "content"),
        ({"content": bytes(8 * 1024 * 1024 + 1)}, "content"),
        ({"content": REGULAR, "family": "\u202eemcA"}, "family"),
        ({"content": REGULAR, "workspace_id": "No!"}, "workspace_id"),
    ],
)
async def test_a_bad_upload_is_refused_by_its_field(workspace: Workspace, fields: dict[str, Any], path: str) -> None:
    refused = await refusal(workspace.call("UploadFont", **fields))
    assert refused.code == grpc.StatusCode.INVALID_ARGUMENT
    assert refused.metadata["fields"] == path
    assert await workspace.uploaded() == []


async def test_a_workspace_has_so_many_fonts_and_bytes_at_most(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "MAX_FONTS", 1)
    font = await workspace.upload()
    refused = await refusal(workspace.call("UploadFont", content=BOLD))
    assert (refused.reason, refused.metadata) == ("QUOTA_EXCEEDED", {"quota": "fonts", "limit": "1"})
    monkeypatch.setattr(repository, "MAX_FONTS", 10)
    monkeypatch.setattr(repository, "MAX_FONT_BYTES", font.size_bytes + 1)
    refused = await refusal(workspace.call("UploadFont", content=BOLD))
    assert (refused.reason, refused.metadata["quota"]) == ("QUOTA_EXCEEDED", "font_bytes")


async def test_a_job_keeps_the_fonts_that_it_was_started_with(workspace: Workspace) -> None:
    regular, bold = await workspace.upload(), await workspace.upload(BOLD)
    job_id = await workspace.start()
    await workspace.upload(OTHER, replace=True)
    await workspace.call("DeleteFont", font_id=bold.font_id)
    spec = await workspace.spec_of(job_id)
    text = spec.project.shots[0].layers[0].text
    assert text is not None
    assert {file.sha256 for file in pinned_files(text.style.font)} == {regular.sha256, bold.sha256}
    assert {font.sha256 for font in spec.fonts} == {regular.sha256, bold.sha256}
    deletions = Deletions(workspace.database)
    ours = {UUID(regular.font_id), UUID(bold.font_id)}
    assert not ours & {font.id for font in await deletions.unused_fonts(grace=NOW)}
    assert await workspace.has_file(bold)
    await workspace.end(job_id)
    unused = [font for font in await deletions.unused_fonts(grace=NOW) if font.id in ours]
    assert {font.id for font in unused} == ours
    await deletions.forget_fonts(unused)
    assert not ours & {font.id for font in await deletions.unused_fonts(grace=NOW)}


async def test_rows_of_a_batch_keep_the_fonts_that_it_was_started_with(workspace: Workspace) -> None:
    font = await workspace.upload()
    rows = [batches_pb.BatchRow(key=key) for key in ("a", "b")]
    batch = batches_pb.StartBatchRequest(workspace_id=workspace.id, rows=rows, max_running=1)
    batch.render.project.CopyFrom(project())
    batch_id = (await workspace.stubs.batches.StartBatch(batch)).batch.batch_id
    await workspace.call("DeleteFont", font_id=font.font_id)
    deletions = Deletions(workspace.database)
    async with workspace.database.single() as connection:
        # As between two rows: one has ended, and the next is not a job yet.
        ended = {"status": "COMPLETED", "finished_at": sa.func.now()}
        await connection.execute(sa.update(jobs).where(jobs.c.workspace_id == workspace.id).values(ended))
    assert UUID(font.font_id) not in {one.id for one in await deletions.unused_fonts(grace=NOW)}
    async with workspace.database.single() as connection:
        await connection.execute(
            sa.text("UPDATE batches SET ended_at = now() WHERE id = CAST(:id AS uuid)"), {"id": batch_id}
        )
        await connection.execute(sa.update(jobs).where(jobs.c.workspace_id == workspace.id).values(ended))
    assert UUID(font.font_id) in {one.id for one in await deletions.unused_fonts(grace=NOW)}


async def test_files_of_fonts_are_in_use_until_their_rows_are_gone(workspace: Workspace) -> None:
    font = await workspace.upload()
    key, other = (font_key(workspace.id, font.sha256, one) for one in (UUID(font.font_id), uuid4()))
    deletions = Deletions(workspace.database)
    assert await deletions.fonts_in_use([key, other]) == {key}
    await workspace.call("DeleteFont", font_id=font.font_id)
    assert await deletions.fonts_in_use([key, other]) == {key}
    async with workspace.database.single() as connection:
        await connection.execute(sa.delete(workspace_fonts).where(workspace_fonts.c.id == UUID(font.font_id)))
    assert await deletions.fonts_in_use([key, other]) == set()


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_render_with_a_font_that_is_not_there_is_refused_at_its_place(
    workspace: Workspace, dry_run: bool
) -> None:
    font = await workspace.upload()
    await workspace.call("DeleteFont", font_id=font.font_id)
    refused = await refusal(workspace.start(dry_run=dry_run))
    assert refused.code == grpc.StatusCode.INVALID_ARGUMENT
    assert refused.metadata["fields"] == "project.storyboard.shots[0].layers[0].text.style.font"


async def test_a_kit_can_name_an_uploaded_font(workspace: Workspace) -> None:
    font = await workspace.upload()
    kit = pb.BrandKit(name="acme", fonts=pb.BrandFonts(heading="workspace:Acme Sans", caption="workspace:Acme Sans"))
    await workspace.call("CreateBrandKit", brand_kit=kit)
    named = project("brand:heading")
    named.brand_kit = "acme"
    spec = await workspace.spec_of(await workspace.start(project=named))
    text = spec.project.shots[0].layers[0].text
    assert text is not None
    for name in (text.style.font, spec.project.captions.font):
        assert [file.sha256 for file in pinned_files(name)] == [font.sha256]


async def test_callers_cannot_name_files_of_fonts(workspace: Workspace) -> None:
    refused = await refusal(workspace.start(project=project(f"pinned:400-400={'0' * 64}")))
    assert refused.metadata["fields"] == "project.storyboard.shots[0].layers[0].text.style.font"
