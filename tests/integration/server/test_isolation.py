"""A workspace sees itself only: ids of another are answered, byte for byte, as ids that do not exist."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc
import pytest
import pytest_asyncio
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from pydantic import SecretStr
from render_client.v1 import (
    batch_service_pb2,
    brand_service_pb2,
    job_pb2,
    project_pb2,
    project_service_pb2,
    render_service_pb2,
    webhook_service_pb2,
)
from render_client.v1 import project_service_pb2 as projects_pb
from render_client.v1 import render_service_pb2 as pb
from render_client.v1 import webhook_service_pb2 as webhooks_pb

from render_service.db.access.api_keys import ApiKeys
from render_service.db.database import Database
from render_service.domain.jobs.job import Artifact, StoredFile, Video
from render_service.embedded import EmbeddedValkey
from render_service.storage.store import ObjectStore
from tests.integration.server.status import read_refusal
from tests.objects import put_object
from tests.records import lifecycle_of
from tests.serving import Stubs, bearer, claim_soon, serving, settings_of
from tests.unit.fonts.building import truetype

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROJECT = project_pb2.Project(
    title="Ours", storyboard=project_pb2.Storyboard(shots=[project_pb2.Shot(caption="Ours alone")])
)
NOBODYS = "0198c0de-7a11-4c3e-9f00-5e1f5e1f5e1f"
REQUEST_ID = "0198c0de-7a11-4c3e-9f00-000000000001"
IDS = ("job_id", "project_id", "webhook_id", "delivery_id", "name", "batch_id", "font_id")
OUR_KIT = "0198c0de-7a11-4c3e-9f00-5e1f5e1f5e20"
METHODS = {
    f"/{service.full_name}/{method.name}": method
    for file in (render_service_pb2, project_service_pb2, webhook_service_pb2, brand_service_pb2, batch_service_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


@dataclass(frozen=True)
class Neighbours:
    """Three workspaces at one server: what there is in `ours`, and the keys of the others, which have nothing yet."""

    stubs: Stubs
    ours: str
    theirs: str
    newcomer: str
    job_ids: tuple[str, ...]
    project_id: str
    webhook_id: str
    delivery_id: str
    font_id: str
    page_token: str
    delivery_token: str
    cursor: str
    batch_id: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def neighbours(
    module_database_url: str, valkey_server: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Neighbours]:
    folder: Path = tmp_path_factory.mktemp("isolation")
    settings = settings_of(module_database_url, valkey_server.url, folder, webhook_keys=SecretStr("a2V5" * 11))
    store = ObjectStore(settings.storage_url)
    database = Database(module_database_url)
    async with serving(settings) as stubs:
        keys = ApiKeys(database)
        ours, theirs, newcomer = [await keys.create(name, frozenset({name})) for name in ("ours", "theirs", "newcomer")]
        metadata = bearer(ours)
        created = await stubs.projects.CreateProject(
            projects_pb.CreateProjectRequest(workspace_id="ours", project=PROJECT), metadata=metadata
        )
        webhook = webhooks_pb.Webhook(url="https://example.com/ours", statuses=[job_pb2.JOB_STATUS_PENDING])
        hooked = await stubs.webhooks.CreateWebhook(
            webhooks_pb.CreateWebhookRequest(workspace_id="ours", webhook=webhook), metadata=metadata
        )
        job_ids: list[str] = []
        for _ in range(3):
            start = pb.StartRenderRequest(
                workspace_id="ours",
                project_id=created.project.project_id,
                request_id="" if job_ids else REQUEST_ID,
            )
            job_ids.append((await stubs.renders.StartRender(start, metadata=metadata)).job.job_id)
        held = await claim_soon(lifecycle_of(database))
        file = StoredFile(f"videos/ours/{held.lease.job_id}/1/video.mp4", 5, "ab" * 32, "video/mp4")
        await put_object(store, file.key, b"video", content_type="video/mp4")
        await lifecycle_of(database).complete(held.lease, None, Video({Artifact.VIDEO: file}, 2, 2, 1, 1))
        await claim_soon(lifecycle_of(database))
        await stubs.brands.CreateBrandKit(
            brand_service_pb2.CreateBrandKitRequest(
                workspace_id="ours", brand_kit=brand_service_pb2.BrandKit(name=OUR_KIT)
            ),
            metadata=metadata,
        )
        batch = batch_service_pb2.StartBatchRequest(workspace_id="ours", rows=[batch_service_pb2.BatchRow()])
        batch.render.project_id = created.project.project_id
        started = await stubs.batches.StartBatch(batch, metadata=metadata)
        uploaded = await stubs.brands.UploadFont(
            brand_service_pb2.UploadFontRequest(workspace_id="ours", content=truetype()), metadata=metadata
        )
        page = await stubs.renders.ListJobs(pb.ListJobsRequest(workspace_id="ours", page_size=1), metadata=metadata)
        sent = await stubs.webhooks.ListWebhookDeliveries(
            webhooks_pb.ListWebhookDeliveriesRequest(workspace_id="ours", page_size=1), metadata=metadata
        )
        watch: Any = stubs.renders.WatchWorkspace(pb.WatchWorkspaceRequest(workspace_id="ours"), metadata=metadata)
        cursor = (await watch.read()).cursor
        watch.cancel()
        yield Neighbours(
            stubs,
            ours,
            theirs,
            newcomer,
            tuple(job_ids),
            created.project.project_id,
            hooked.webhook.webhook_id,
            sent.deliveries[0].delivery_id,
            uploaded.font.font_id,
            page.next_page_token,
            sent.next_page_token,
            cursor,
            started.batch.batch_id,
        )
    await database.close()


async def answer(neighbours: Neighbours, method: str, request: Message, key: str) -> tuple[str, bytes]:
    """Everything that a caller receives: the status, and the bytes of the answer or of the refusal's details."""
    channel: Any = neighbours.stubs.channel
    raw = channel.unary_stream if METHODS[method].server_streaming else channel.unary_unary
    call = raw(method)(request.SerializeToString(), metadata=bearer(key), timeout=60)
    try:
        if not METHODS[method].server_streaming:
            return "OK", await call
        body = b"".join([piece async for piece in call])
    except grpc.aio.AioRpcError as error:
        refused = read_refusal(error)
        return refused.code.name, refused.message.encode() + refused.raw
    return "OK", body


def asking(method: str, workspace: str, ids: dict[str, str]) -> Any:
    """A request with ids wherever the method takes one."""
    request: Any = GetMessageClass(METHODS[method].input_type)()
    fields = METHODS[method].input_type.fields_by_name
    request.workspace_id = workspace
    for name in IDS:
        if name in fields:
            setattr(request, name, ids[name])
    if method.endswith("UpdateProject"):
        request.project.CopyFrom(PROJECT)
        request.project.project_id = ids["project_id"]
    if method.endswith("CreateWebhook"):
        request.webhook.url = "https://example.com/theirs"
    if method.endswith(("CreateBrandKit", "UpdateBrandKit")):
        request.brand_kit.name = ids["name"]
    if method.endswith("StartBatch"):
        request.render.project_id = ids["project_id"]
        request.rows.add()
    return request


def ids_of(neighbours: Neighbours, job_id: str) -> dict[str, str]:
    """Ids of things in `ours`."""
    ours = (neighbours.project_id, neighbours.webhook_id, neighbours.delivery_id)
    found = (job_id, *ours, OUR_KIT, neighbours.batch_id, neighbours.font_id)
    return dict(zip(IDS, found, strict=True))


def neutral(response: tuple[str, bytes], ids: dict[str, str]) -> tuple[str, bytes]:
    """A response, with the ids that the caller itself gave taken out."""
    body = response[1]
    for given in set(ids.values()):
        body = body.replace(given.encode(), b"<the id>")
    return response[0], body


WITH_IDS = [
    name
    for name, method in METHODS.items()
    if set(IDS) & set(method.input_type.fields_by_name)
    or name.endswith(("UpdateProject", "UpdateBrandKit", "StartBatch"))
]


async def test_every_method_that_takes_an_id_is_probed() -> None:
    without = {name.rpartition("/")[2] for name in METHODS if name not in WITH_IDS}
    assert without == {
        "WatchWorkspace",
        "CreateProject",
        "ListProjects",
        "CreateBrandKit",
        "ListBrandKits",
        "ListBatches",
        "UploadFont",
        "ListFonts",
        "CreateWebhook",
        "ListWebhooks",
        "GetWebhookSecret",
        "ListVoices",
    }


@pytest.mark.parametrize("method", WITH_IDS)
async def test_ids_of_another_workspace_are_answered_as_those_that_do_not_exist(
    neighbours: Neighbours, method: str
) -> None:
    nothing = dict.fromkeys(IDS, NOBODYS)
    expected = neutral(await answer(neighbours, method, asking(method, "theirs", nothing), neighbours.theirs), nothing)
    for job_id in neighbours.job_ids:
        ids = ids_of(neighbours, job_id)
        response = await answer(neighbours, method, asking(method, "theirs", ids), neighbours.theirs)
        assert neutral(response, ids) == expected
    if not method.endswith(("ListJobs", "ListWebhookDeliveries")):
        assert expected[0] == "NOT_FOUND"


@pytest.mark.parametrize("method", METHODS)
async def test_a_workspace_that_is_closed_looks_like_one_that_does_not_exist(
    neighbours: Neighbours, method: str
) -> None:
    ids = ids_of(neighbours, neighbours.job_ids[0])
    # Of equal length, so that nothing differs once the name is taken out.
    closed, absent = [
        await answer(neighbours, method, asking(method, workspace, ids), neighbours.theirs)
        for workspace in ("ours", "none")
    ]
    assert closed[0] == "PERMISSION_DENIED"
    assert closed == (absent[0], absent[1].replace(b"none", b"ours"))


async def test_nothing_of_another_workspace_is_listed_or_watched(neighbours: Neighbours) -> None:
    stubs, metadata = neighbours.stubs, bearer(neighbours.newcomer)
    jobs = await stubs.renders.ListJobs(pb.ListJobsRequest(workspace_id="newcomer"), metadata=metadata)
    assert list(jobs.jobs) == []
    projects = await stubs.projects.ListProjects(
        projects_pb.ListProjectsRequest(workspace_id="newcomer"), metadata=metadata
    )
    assert list(projects.projects) == []
    webhooks = await stubs.webhooks.ListWebhooks(
        webhooks_pb.ListWebhooksRequest(workspace_id="newcomer"), metadata=metadata
    )
    assert list(webhooks.webhooks) == []
    kits = await stubs.brands.ListBrandKits(
        brand_service_pb2.ListBrandKitsRequest(workspace_id="newcomer"), metadata=metadata
    )
    assert list(kits.brand_kits) == []
    batches = await stubs.batches.ListBatches(
        batch_service_pb2.ListBatchesRequest(workspace_id="newcomer"), metadata=metadata
    )
    assert list(batches.batches) == []
    fonts = await stubs.brands.ListFonts(brand_service_pb2.ListFontsRequest(workspace_id="newcomer"), metadata=metadata)
    assert not any(font.font_id for font in fonts.fonts)
    deliveries = await stubs.webhooks.ListWebhookDeliveries(
        webhooks_pb.ListWebhookDeliveriesRequest(workspace_id="newcomer"), metadata=metadata
    )
    assert list(deliveries.deliveries) == []
    watch: Any = stubs.renders.WatchWorkspace(
        pb.WatchWorkspaceRequest(workspace_id="newcomer", from_oldest=True), metadata=metadata
    )
    assert (await watch.read()).HasField("heartbeat")
    start = pb.StartRenderRequest(workspace_id="newcomer", project=PROJECT)
    mine = (await stubs.renders.StartRender(start, metadata=metadata)).job.job_id
    assert (await watch.read()).event.job_id == mine, "the first event is its own"
    watch.cancel()


async def test_page_tokens_and_cursors_of_another_workspace_are_none(neighbours: Neighbours) -> None:
    for method, request in (
        (
            "/render.v1.RenderService/ListJobs",
            pb.ListJobsRequest(workspace_id="theirs", page_size=1, page_token=neighbours.page_token),
        ),
        (
            "/render.v1.WebhookService/ListWebhookDeliveries",
            webhooks_pb.ListWebhookDeliveriesRequest(
                workspace_id="theirs", page_size=1, page_token=neighbours.delivery_token
            ),
        ),
        (
            "/render.v1.RenderService/WatchWorkspace",
            pb.WatchWorkspaceRequest(workspace_id="theirs", cursor=neighbours.cursor),
        ),
    ):
        assert (await answer(neighbours, method, request, neighbours.theirs))[0] == "INVALID_ARGUMENT"


async def test_a_request_id_of_another_workspace_is_free(neighbours: Neighbours) -> None:
    start = pb.StartRenderRequest(workspace_id="newcomer", project=PROJECT, request_id=REQUEST_ID)
    job = (await neighbours.stubs.renders.StartRender(start, metadata=bearer(neighbours.newcomer))).job
    assert job.job_id not in neighbours.job_ids
    assert UUID(job.request_id) == UUID(REQUEST_ID)
