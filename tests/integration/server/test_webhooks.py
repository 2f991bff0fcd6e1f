"""What WebhookService promises, over the wire; that deliveries arrive is tested with the sender."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
import pytest_asyncio
from pydantic import SecretStr
from render_client.v1 import job_pb2
from render_client.v1 import render_service_pb2 as renders_pb
from render_client.v1 import webhook_service_pb2 as pb

from render_service.db.access.audit_log import AuditFilter, AuditLog
from render_service.db.database import Database
from render_service.domain.access.audit import Action
from render_service.embedded import EmbeddedValkey
from tests.integration.server.conftest import project_message
from tests.integration.server.status import Refusal, refusal
from tests.serving import Stubs, serving, settings_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
KEYS = ("a2V5" * 11, "bGF0" * 11)
ENDS = [job_pb2.JOB_STATUS_COMPLETED, job_pb2.JOB_STATUS_FAILED, job_pb2.JOB_STATUS_CANCELLED]


class Workspace:
    """The RPCs in a workspace that no other test uses."""

    def __init__(self, stubs: Stubs, database: Database) -> None:
        self.stubs = stubs
        self.database = database
        self.id = f"hooks-{uuid4().hex[:8]}"

    def call(self, method: str, **fields: Any) -> Any:
        request = getattr(pb, f"{method}Request")(**({"workspace_id": self.id} | fields))
        return getattr(self.stubs.webhooks, method)(request)

    async def create(self, url: str, **fields: Any) -> pb.Webhook:
        answer = await self.call("CreateWebhook", webhook=pb.Webhook(url=url, **fields))
        webhook: pb.Webhook = answer.webhook
        return webhook

    async def start(self, **fields: Any) -> job_pb2.Job:
        given: dict[str, Any] = {"workspace_id": self.id, "project": project_message()} | fields
        request = renders_pb.StartRenderRequest(**given)
        return (await self.stubs.renders.StartRender(request)).job

    async def deliveries(self, **fields: Any) -> list[pb.WebhookDelivery]:
        return list((await self.call("ListWebhookDeliveries", **fields)).deliveries)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_stubs(
    _shared_database_url: str, valkey_server: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Stubs, Database]]:
    folder: Path = tmp_path_factory.mktemp("server")
    settings = settings_of(
        _shared_database_url,
        valkey_server.url,
        folder,
        auth="off",
        webhook_keys=SecretStr(",".join(KEYS)),
        webhook_allowed_hosts=("127.0.0.1", "hooks.internal"),
    )
    database = Database(_shared_database_url)
    async with serving(settings) as stubs:
        yield stubs, database
    await database.close()


@pytest.fixture
def workspace(shared_stubs: tuple[Stubs, Database]) -> Workspace:
    return Workspace(*shared_stubs)


async def test_a_webhook_is_answered_and_listed_as_it_is_stored_until_it_is_deleted(workspace: Workspace) -> None:
    first = await workspace.create("https://example.com/hooks?tenant=7")
    assert UUID(first.webhook_id)
    assert first.url == "https://example.com/hooks?tenant=7"
    assert list(first.statuses) == ENDS, "the three ends are said in so many words"
    second = await workspace.create(
        "https://例え.テスト/フック", statuses=[job_pb2.JOB_STATUS_PENDING] * 2, labels={"city": "Rome"}
    )
    assert list(second.statuses) == [job_pb2.JOB_STATUS_PENDING]
    assert dict(second.labels) == {"city": "Rome"}
    assert list((await workspace.call("ListWebhooks")).webhooks) == [first, second]
    await workspace.call("DeleteWebhook", webhook_id=first.webhook_id)
    assert list((await workspace.call("ListWebhooks")).webhooks) == [second]
    error = await refusal(workspace.call("DeleteWebhook", webhook_id=first.webhook_id))
    assert (error.code, error.metadata) == (grpc.StatusCode.NOT_FOUND, {"webhook_id": first.webhook_id})


async def test_an_address_is_stored_once_and_sixteen_in_all_however_many_ask_at_once(workspace: Workspace) -> None:
    answers = await asyncio.gather(
        *(workspace.create("https://example.com/same") for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(answer, pb.Webhook) for answer in answers) == 1
    answers = await asyncio.gather(
        *(workspace.create(f"https://example.com/{number}") for number in range(24)), return_exceptions=True
    )
    assert sum(isinstance(answer, pb.Webhook) for answer in answers) == 15
    assert len((await workspace.call("ListWebhooks")).webhooks) == 16
    error = await refusal(workspace.call("CreateWebhook", webhook=pb.Webhook(url="https://example.com/more")))
    assert (error.code, error.metadata) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        {"quota": "webhooks", "limit": "16"},
    )
    same = await refusal(workspace.call("CreateWebhook", webhook=pb.Webhook(url="https://example.com/same")))
    assert same.reason == "WEBHOOK_EXISTS"


HOSTILE = [
    "",
    "example.com/hooks",
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "https://user:password@example.com/",
    "https://10.0.0.1/",
    "https://169.254.169.254/latest",
    "https://[::1]/",
    "https://localhost/",
    "https://127.1/",
    "https://127.0.0.2/",
    "https://other.internal/",
    "https://example.com:22/",
    "https://example.com/ x",
    "https://example.com/" + "x" * 2_048,
    "https://",
]


@pytest.mark.parametrize("url", HOSTILE)
async def test_a_hostile_address_is_refused_by_its_field(workspace: Workspace, url: str) -> None:
    error = await refusal(workspace.call("CreateWebhook", webhook=pb.Webhook(url=url)))
    assert error.metadata == {"fields": "webhook.url"}
    assert await start_refused(workspace, url=url) == (grpc.StatusCode.INVALID_ARGUMENT, {"fields": "webhook.url"})
    assert list((await workspace.call("ListWebhooks")).webhooks) == []


async def start_refused(workspace: Workspace, **webhook: Any) -> tuple[grpc.StatusCode, dict[str, str]]:
    request = renders_pb.StartRenderRequest(
        workspace_id=workspace.id, project=project_message(), webhook=renders_pb.JobWebhook(**webhook)
    )
    error: Refusal = await refusal(workspace.stubs.renders.StartRender(request))
    return error.code, error.metadata


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/", "https://hooks.internal/", "http://hooks.internal:8080/x"])
async def test_hosts_that_the_operator_names_may_be_inside_and_without_tls(workspace: Workspace, url: str) -> None:
    assert (await workspace.create(url)).url == url


async def test_every_wrong_field_is_named(workspace: Workspace) -> None:
    wrong = pb.Webhook(url="nonsense", statuses=[0, 77], labels={"UPPER": "x"})  # type: ignore[list-item]
    error = await refusal(workspace.call("CreateWebhook", webhook=wrong))
    fields = ["webhook.statuses[0]", "webhook.statuses[1]", "webhook.url", "webhook.labels"]
    assert error.metadata == {"fields": ",".join(fields)}
    assert (await start_refused(workspace, url="nonsense", statuses=[0]))[1] == {
        "fields": "webhook.statuses[0],webhook.url"
    }


async def test_the_secrets_are_those_of_all_keys_the_first_one_first_and_of_this_workspace(
    workspace: Workspace,
) -> None:
    secrets = list((await workspace.call("GetWebhookSecret")).secrets)
    assert len(set(secrets)) == 2
    assert all(secret.startswith("whsec_") and len(secret) == 50 for secret in secrets)
    assert list((await workspace.call("GetWebhookSecret")).secrets) == secrets
    others = list((await workspace.call("GetWebhookSecret", workspace_id="another")).secrets)
    assert set(others).isdisjoint(secrets)
    assert not any(key in secret for key in KEYS for secret in secrets)


async def test_deliveries_are_listed_newest_first_by_webhook_job_and_state_in_pages(workspace: Workspace) -> None:
    first = await workspace.create("https://example.com/1", statuses=[job_pb2.JOB_STATUS_PENDING])
    await workspace.create("https://example.com/2", statuses=[job_pb2.JOB_STATUS_PENDING])
    own = renders_pb.JobWebhook(url="https://example.com/own", statuses=[job_pb2.JOB_STATUS_PENDING])
    jobs = [await workspace.start(webhook=own) for _ in range(5)]
    found = await workspace.deliveries(page_size=100)
    assert len(found) == 15
    assert found == sorted(found, key=lambda one: one.create_time.ToNanoseconds(), reverse=True)
    newest = found[0]
    assert (newest.job_id, newest.type, newest.sequence) == (jobs[-1].job_id, "job.pending", 1)
    assert newest.event_id == f"evt_{UUID(newest.job_id).hex}_1"
    assert (newest.state, newest.attempts, newest.http_status, newest.error) == (
        pb.WEBHOOK_DELIVERY_STATE_PENDING,
        0,
        0,
        "",
    )
    assert newest.HasField("next_attempt_time")
    assert not newest.HasField("attempt_time")
    assert {one.webhook_id for one in found if one.url.endswith("own")} == {""}
    assert len(await workspace.deliveries(webhook_id=first.webhook_id)) == 5
    assert len(await workspace.deliveries(job_id=jobs[0].job_id)) == 3
    assert await workspace.deliveries(states=[pb.WEBHOOK_DELIVERY_STATE_FAILED]) == []

    paged: list[pb.WebhookDelivery] = []
    token = ""
    while True:
        page = await workspace.call("ListWebhookDeliveries", page_size=4, page_token=token)
        paged += page.deliveries
        if not (token := page.next_page_token):
            break
    assert paged == found
    page = await workspace.call("ListWebhookDeliveries", page_size=4)
    error = await refusal(
        workspace.call(
            "ListWebhookDeliveries", page_token=page.next_page_token, states=[pb.WEBHOOK_DELIVERY_STATE_PENDING]
        )
    )
    assert error.reason == "INVALID_PAGE_TOKEN"


async def test_a_deleted_webhooks_deliveries_are_neither_listed_nor_sent_again(workspace: Workspace) -> None:
    webhook = await workspace.create("https://example.com/1", statuses=[job_pb2.JOB_STATUS_PENDING])
    await workspace.start()
    [delivery] = await workspace.deliveries()
    again = (await workspace.call("RedeliverWebhook", delivery_id=delivery.delivery_id)).delivery
    assert (again.delivery_id, again.state) == (delivery.delivery_id, pb.WEBHOOK_DELIVERY_STATE_PENDING)
    await workspace.call("DeleteWebhook", webhook_id=webhook.webhook_id)
    assert await workspace.deliveries() == []
    error = await refusal(workspace.call("RedeliverWebhook", delivery_id=delivery.delivery_id))
    assert error.reason == "DELIVERY_NOT_FOUND"


async def test_deleting_a_job_removes_its_deliveries(workspace: Workspace) -> None:
    await workspace.create("https://example.com/1")
    job = await workspace.start()
    ids = {"workspace_id": workspace.id, "job_id": job.job_id}
    await workspace.stubs.renders.CancelJob(renders_pb.CancelJobRequest(**ids))
    assert [one.type for one in await workspace.deliveries()] == ["job.cancelled"]
    await workspace.stubs.renders.DeleteJob(renders_pb.DeleteJobRequest(**ids))
    assert await workspace.deliveries() == []


async def test_the_same_request_with_another_webhook_is_another_request(workspace: Workspace) -> None:
    request_id = str(uuid4())
    await workspace.start(request_id=request_id, webhook=renders_pb.JobWebhook(url="https://example.com/1"))
    request = renders_pb.StartRenderRequest(
        workspace_id=workspace.id,
        project=project_message(),
        request_id=request_id,
        webhook=renders_pb.JobWebhook(url="https://example.com/2"),
    )
    assert (await refusal(workspace.stubs.renders.StartRender(request))).reason == "REQUEST_ID_REUSED"


async def test_who_made_read_and_sent_what_is_written_down_without_the_secret(workspace: Workspace) -> None:
    webhook = await workspace.create("https://example.com/1", statuses=[job_pb2.JOB_STATUS_PENDING])
    await refusal(workspace.call("CreateWebhook", webhook=pb.Webhook(url="https://example.com/1")))
    await workspace.start()
    [delivery] = await workspace.deliveries()
    await workspace.call("RedeliverWebhook", delivery_id=delivery.delivery_id)
    secrets = (await workspace.call("GetWebhookSecret")).secrets
    await workspace.call("DeleteWebhook", webhook_id=webhook.webhook_id)
    entries = await AuditLog(workspace.database).find(AuditFilter(workspace_id=workspace.id), limit=10)
    assert [(entry.action, entry.target) for entry in entries if entry.action is not Action.JOB_STARTED] == [
        (Action.WEBHOOK_DELETED, UUID(webhook.webhook_id)),
        (Action.WEBHOOK_SECRET_READ, None),
        (Action.WEBHOOK_REDELIVERED, UUID(delivery.delivery_id)),
        (Action.WEBHOOK_CREATED, UUID(webhook.webhook_id)),
    ]
    assert not any(secret in repr(entries) for secret in secrets)


async def test_a_server_without_a_key_lists_and_deletes_only(
    database_url: str, redis_url: str, tmp_path: Path, database: Database
) -> None:
    async with serving(settings_of(database_url, redis_url, tmp_path, auth="off")) as stubs:
        workspace = Workspace(stubs, database)
        for method, fields in (
            ("CreateWebhook", {"webhook": pb.Webhook(url="https://example.com/1")}),
            ("GetWebhookSecret", {}),
            ("RedeliverWebhook", {"delivery_id": str(uuid4())}),
        ):
            error = await refusal(workspace.call(method, **fields))
            assert error.reason == "WEBHOOKS_NOT_CONFIGURED"
            assert error.metadata == {"setting": "RENDER_WEBHOOK_KEYS"}
        assert list((await workspace.call("ListWebhooks")).webhooks) == []
        assert await workspace.deliveries() == []
        error = await refusal(workspace.call("DeleteWebhook", webhook_id=str(uuid4())))
        assert error.reason == "WEBHOOK_NOT_FOUND"
