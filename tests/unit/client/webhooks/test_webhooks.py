"""Both clients keep webhooks, and a receiver knows genuine deliveries from all others."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from uuid import UUID

import pytest
from render_client import RenderClient
from render_client.v1 import job_pb2
from render_client.v1 import render_service_pb2 as renders_pb
from render_client.v1 import webhook_service_pb2 as pb
from render_client.webhooks import InvalidDelivery, verify

from render_service.webhooks.signing import secrets_of, signed_headers
from tests.unit.client.fake_service import FakeService

ID = "0198c0de-7a11-4c3e-9f00-5e1f5e1f5e1f"
SECRETS = secrets_of("team", [bytes(32), b"k" * 40])
TOLD = {
    "type": "job.failed",
    "timestamp": "2026-11-22T10:00:00.250000Z",
    "data": {
        "job_id": ID,
        "task_id": ID,
        "workspace_id": "team",
        "sequence": 7,
        "status": "FAILED",
        "stage": None,
        "progress": 40,
        "message": "Failed",
        "attempt": 2,
        "error_reason": "ASSET_INVALID",
        "error_message": "no picture — 没有图片",
        "labels": {"city": "Rome"},
        "something_new": [1],
    },
}
BODY = json.dumps(TOLD).encode()


def headers_of(body: bytes = BODY, *, at: float = 0.0, secrets: tuple[str, ...] = SECRETS) -> Mapping[str, str]:
    return signed_headers("evt_1", int(time.time() + at), body, secrets)


def test_a_genuine_delivery_is_read_into_an_event() -> None:
    event = verify(BODY, headers_of(), SECRETS)
    assert (event.id, event.type, event.job_id, event.workspace_id) == ("evt_1", "job.failed", ID, "team")
    assert (event.sequence, event.status, event.stage, event.progress, event.attempt) == (7, "FAILED", "", 40, 2)
    assert (event.error_reason, event.error_message) == ("ASSET_INVALID", "no picture — 没有图片")
    assert event.timestamp == datetime(2026, 11, 22, 10, 0, 0, 250_000, UTC)
    assert event.labels == {"city": "Rome"}
    assert event.data["something_new"] == [1]
    assert UUID(event.job_id)


@pytest.mark.parametrize("secrets", [SECRETS[0], SECRETS[:1], SECRETS[1:], SECRETS], ids=["one", "new", "old", "both"])
def test_any_of_the_secrets_is_enough_while_one_replaces_the_other(secrets: tuple[str, ...] | str) -> None:
    assert verify(BODY, headers_of(), secrets).id == "evt_1"


def test_headers_are_found_in_any_case_and_other_versions_of_signatures_are_passed_over() -> None:
    headers = {name.title(): value for name, value in headers_of().items()}
    headers["Webhook-Signature"] = f"v1a,AAAA v2,!! v1,*** {headers['Webhook-Signature']}"
    assert verify(BODY, headers, SECRETS).id == "evt_1"


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_request_without_one_of_the_headers_is_refused(missing: str) -> None:
    headers = {name: value for name, value in headers_of().items() if name != missing}
    with pytest.raises(InvalidDelivery):
        verify(BODY, headers, SECRETS)


@pytest.mark.parametrize(
    ("body", "headers", "secrets"),
    [
        (BODY + b" ", headers_of, SECRETS),
        (BODY, lambda: {**headers_of(), "webhook-id": "evt_2"}, SECRETS),
        (BODY, lambda: {**headers_of(), "webhook-timestamp": str(int(time.time()) + 30)}, SECRETS),
        (BODY, lambda: {**headers_of(), "webhook-timestamp": "soon"}, SECRETS),
        (BODY, lambda: {**headers_of(), "webhook-signature": "v1,AAAA"}, SECRETS),
        (BODY, lambda: {**headers_of(), "webhook-signature": "nonsense"}, SECRETS),
        (BODY, headers_of, secrets_of("others", [bytes(32)])),
        (BODY, lambda: headers_of(at=-400), SECRETS),
        (BODY, lambda: headers_of(at=400), SECRETS),
        (b"[]", lambda: headers_of(b"[]"), SECRETS),
        (b"\xff", lambda: headers_of(b"\xff"), SECRETS),
    ],
)
def test_what_was_changed_forged_or_kept_too_long_is_refused(
    body: bytes, headers: Callable[[], Mapping[str, str]], secrets: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidDelivery):
        verify(body, headers(), secrets)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64"])
def test_a_secret_that_is_none_is_an_error_of_the_receiver(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        verify(BODY, headers_of(), secret)


def test_webhooks_are_stored_listed_and_deleted(client: RenderClient, service: FakeService) -> None:
    made = client.create_webhook("https://example.com/", statuses=["COMPLETED"], labels={"city": "Rome"})
    assert client.list_webhooks() == (made,)
    [request] = service.calls["CreateWebhook"]
    assert isinstance(request, pb.CreateWebhookRequest)
    assert request.workspace_id == "default"
    assert list(request.webhook.statuses) == [job_pb2.JOB_STATUS_COMPLETED]
    assert dict(request.webhook.labels) == {"city": "Rome"}
    client.delete_webhook(made.webhook_id)
    assert client.list_webhooks() == ()
    assert client.webhook_secret() == ("whsec_bmV3", "whsec_b2xk")


def test_deliveries_are_iterated_over_all_pages(client: RenderClient, service: FakeService) -> None:
    service.webhooks.deliveries = [pb.WebhookDelivery(delivery_id=str(number)) for number in range(5)]
    found = client.list_webhook_deliveries(webhook_id="w", job_id="j", states=["FAILED", "PENDING"])
    assert [delivery.delivery_id for delivery in found] == ["0", "1", "2", "3", "4"]
    requests = service.calls["ListWebhookDeliveries"]
    assert len(requests) == 3
    for request in requests:
        assert isinstance(request, pb.ListWebhookDeliveriesRequest)
        assert (request.webhook_id, request.job_id) == ("w", "j")
        assert list(request.states) == [pb.WEBHOOK_DELIVERY_STATE_FAILED, pb.WEBHOOK_DELIVERY_STATE_PENDING]
    assert client.redeliver_webhook("3").state == pb.WEBHOOK_DELIVERY_STATE_PENDING


def test_a_job_can_be_started_with_an_address_of_its_own(client: RenderClient, service: FakeService) -> None:
    client.start(project_id=ID, webhook_url="https://example.com/", webhook_statuses=["FAILED"])
    client.start(project_id=ID)
    notified, untold = service.calls["StartRender"]
    assert isinstance(notified, renders_pb.StartRenderRequest)
    assert isinstance(untold, renders_pb.StartRenderRequest)
    assert (notified.webhook.url, list(notified.webhook.statuses)) == (
        "https://example.com/",
        [job_pb2.JOB_STATUS_FAILED],
    )
    assert not untold.HasField("webhook")
