"""What BrandService promises over the wire, and that renders take the kit that their project names."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
import sqlalchemy as sa
from render_client.v1 import brand_service_pb2 as pb
from render_client.v1 import layer_pb2, project_pb2
from render_client.v1 import project_service_pb2 as projects_pb
from render_client.v1 import render_service_pb2 as renders_pb

from render_service.db.access.audit_log import AuditFilter, AuditLog
from render_service.db.database import Database
from render_service.db.row_mapping import RENDER_SPEC
from render_service.db.schema import jobs
from render_service.domain.access.audit import Action
from render_service.domain.brand.kit import MAX_KITS
from render_service.domain.projects.looks.captions import CaptionPreset
from render_service.domain.projects.project import CaptionOptions, Project
from render_service.embedded import EmbeddedValkey
from tests.integration.server.status import refusal
from tests.serving import Stubs, serving, settings_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
RED, BLUE = "#E4572E", "#2E57E4"


class Workspace:
    """The RPCs in a workspace that no other test uses."""

    def __init__(self, stubs: Stubs, database: Database) -> None:
        self.stubs = stubs
        self.database = database
        self.id = f"brand-{uuid4().hex[:8]}"

    def call(self, method: str, **fields: Any) -> Any:
        request = getattr(pb, f"{method}Request")(**({"workspace_id": self.id} | fields))
        return getattr(self.stubs.brands, method)(request)

    async def spec_of(self, job_id: str) -> Project:
        """The project as the job keeps it."""
        async with self.database.single() as connection:
            spec = await connection.execute(sa.select(jobs.c.spec).where(jobs.c.id == UUID(job_id)))
        return RENDER_SPEC.validate_python(spec.scalar_one()).project


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_stubs(
    _shared_database_url: str, valkey_server: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Stubs, Database]]:
    settings = settings_of(_shared_database_url, valkey_server.url, tmp_path_factory.mktemp("server"), auth="off")
    database = Database(_shared_database_url)
    async with serving(settings) as stubs:
        yield stubs, database
    await database.close()


@pytest.fixture
def workspace(shared_stubs: tuple[Stubs, Database]) -> Workspace:
    return Workspace(*shared_stubs)


def kit(color: str = RED, **given: Any) -> pb.BrandKit:
    return pb.BrandKit(name="acme", colors=pb.BrandColors(primary=color), **given)


def project(name: str = "acme") -> project_pb2.Project:
    layer = layer_pb2.Layer(shape=layer_pb2.ShapeLayer(color="brand:primary"))
    shot = project_pb2.Shot(id="one", caption="Hello", layers=[layer])
    return project_pb2.Project(brand_kit=name, storyboard=project_pb2.Storyboard(shots=[shot]))


async def test_a_kit_is_answered_and_listed_as_it_is_stored_until_it_is_deleted(workspace: Workspace) -> None:
    given = kit(fonts=pb.BrandFonts(body="Poppins"), music=project_pb2.Music(uri="https://example.com/a.m4a"))
    created = (await workspace.call("CreateBrandKit", brand_kit=given)).brand_kit
    assert (created.name, created.colors, created.fonts) == ("acme", given.colors, given.fonts)
    assert created.music.uri == given.music.uri
    assert created.etag
    assert (await workspace.call("GetBrandKit", name="acme")).brand_kit == created
    assert list((await workspace.call("ListBrandKits")).brand_kits) == [created]
    created.colors.primary = BLUE
    updated = (await workspace.call("UpdateBrandKit", brand_kit=created)).brand_kit
    assert updated.colors.primary == BLUE
    lost = await refusal(workspace.call("UpdateBrandKit", brand_kit=created))
    assert (lost.code.name, lost.reason) == ("ABORTED", "ETAG_MISMATCH")
    await workspace.call("DeleteBrandKit", name="acme")
    for method, fields in (
        ("GetBrandKit", {"name": "acme"}),
        ("DeleteBrandKit", {"name": "acme"}),
        ("UpdateBrandKit", {"brand_kit": kit()}),
    ):
        assert (await refusal(workspace.call(method, **fields))).reason == "BRAND_KIT_NOT_FOUND"
    entries = await AuditLog(workspace.database).find(AuditFilter(workspace_id=workspace.id), limit=10)
    assert [(entry.action, entry.detail) for entry in entries] == [
        (Action.BRAND_KIT_DELETED, "acme"),
        (Action.BRAND_KIT_UPDATED, "acme"),
        (Action.BRAND_KIT_CREATED, "acme"),
    ]


async def test_a_wrong_kit_is_refused_with_every_field(workspace: Workspace) -> None:
    wrong = pb.BrandKit(colors=pb.BrandColors(text="white"), fonts=pb.BrandFonts(body="Comic Sans"))
    error = await refusal(workspace.call("CreateBrandKit", brand_kit=wrong))
    assert error.metadata["fields"] == "brand_kit.name,brand_kit.fonts.body,brand_kit.colors.text"


async def test_a_workspace_has_a_limited_number_of_kits(workspace: Workspace) -> None:
    for number in range(MAX_KITS):
        await workspace.call("CreateBrandKit", brand_kit=pb.BrandKit(name=f"kit-{number}"))
    error = await refusal(workspace.call("CreateBrandKit", brand_kit=pb.BrandKit(name="more")))
    assert (error.reason, error.metadata["quota"]) == ("QUOTA_EXCEEDED", "brand_kits")


async def test_a_job_keeps_the_kit_as_it_was_when_it_was_started(workspace: Workspace) -> None:
    await workspace.call("CreateBrandKit", brand_kit=kit())
    stored = await workspace.stubs.projects.CreateProject(
        projects_pb.CreateProjectRequest(workspace_id=workspace.id, project=project())
    )
    assert stored.project.brand_kit == "acme"
    by_id: dict[str, Any] = {"workspace_id": workspace.id, "project_id": stored.project.project_id}
    inline: dict[str, Any] = {"workspace_id": workspace.id, "project": project()}
    started = [
        (await workspace.stubs.renders.StartRender(renders_pb.StartRenderRequest(**source))).job.job_id
        for source in (by_id, inline)
    ]
    await workspace.call("UpdateBrandKit", brand_kit=kit(BLUE))
    started.append((await workspace.stubs.renders.StartRender(renders_pb.StartRenderRequest(**by_id))).job.job_id)
    await workspace.call("DeleteBrandKit", name="acme")
    colors = []
    for job_id in started:
        (layer,) = (await workspace.spec_of(job_id)).shots[0].layers
        assert layer.shape is not None
        colors.append(layer.shape.color)
    assert colors == [RED, RED, BLUE]
    error = await refusal(workspace.stubs.renders.StartRender(renders_pb.StartRenderRequest(**by_id)))
    assert error.metadata["fields"] == "project.brand_kit"


async def test_a_kit_of_another_workspace_is_none(workspace: Workspace, shared_stubs: tuple[Stubs, Database]) -> None:
    await workspace.call("CreateBrandKit", brand_kit=kit())
    other = Workspace(*shared_stubs)
    for dry_run in (False, True):
        request = renders_pb.StartRenderRequest(workspace_id=other.id, project=project(), dry_run=dry_run)
        error = await refusal(other.stubs.renders.StartRender(request))
        assert error.metadata["fields"] == "project.brand_kit"


async def test_every_part_of_a_kit_reaches_the_job_unless_the_project_has_or_excludes_it(workspace: Workspace) -> None:
    whole = kit(
        BLUE,
        fonts=pb.BrandFonts(heading="Anton", body="Poppins"),
        watermark=project_pb2.Watermark(uri="https://example.com/logo.png"),
        captions=project_pb2.CaptionOptions(preset=project_pb2.CAPTION_PRESET_NEON, scale=1.5, burn_in=False),
        intro_clip_uri="https://example.com/intro.mp4",
        outro_clip_uri="https://example.com/outro.mp4",
        title_card=project_pb2.Card(title="Acme"),
        end_card=project_pb2.Card(title="Bye"),
        music=project_pb2.Music(uri="https://example.com/theme.m4a"),
    )
    await workspace.call("CreateBrandKit", brand_kit=whole)
    given = project()
    given.captions.burn_in = True
    given.brand_kit_excludes.extend(["music", "end_card"])
    stored = await workspace.stubs.projects.CreateProject(
        projects_pb.CreateProjectRequest(workspace_id=workspace.id, project=given)
    )
    assert stored.project.captions == given.captions, "what was omitted stays omitted"
    request = renders_pb.StartRenderRequest(workspace_id=workspace.id, project_id=stored.project.project_id)
    spec = await workspace.spec_of((await workspace.stubs.renders.StartRender(request)).job.job_id)
    assert spec.watermark
    assert spec.title_card
    assert (spec.watermark.uri, spec.title_card.title) == ("https://example.com/logo.png", "Acme")
    assert (spec.intro_clip_uri, spec.outro_clip_uri) == (whole.intro_clip_uri, whole.outro_clip_uri)
    assert (spec.music, spec.end_card) == (None, None)
    assert spec.captions == CaptionOptions(preset=CaptionPreset.NEON, scale=1.5, burn_in=True, font="Poppins")
    assert spec.brand
    assert (spec.brand.colors.primary, spec.brand.fonts.heading) == (BLUE, "Anton")


async def test_jobs_without_a_kit_hold_values_that_workers_of_earlier_versions_read(workspace: Workspace) -> None:
    request = renders_pb.StartRenderRequest(workspace_id=workspace.id, project=project_pb2.Project())
    request.project.storyboard.shots.add(caption="Hello")
    spec = await workspace.spec_of((await workspace.stubs.renders.StartRender(request)).job.job_id)
    assert (spec.captions.scale, spec.captions.burn_in) == (1.0, True)
