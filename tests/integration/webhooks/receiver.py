"""A receiver of deliveries on loopback, which can misbehave as scripted, and a sender that polls often."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from render_service.db.database import Database
from render_service.db.webhooks.webhook_outbox import WebhookOutbox
from render_service.db.webhooks.webhooks import Webhooks
from render_service.domain.access.audit import Origin
from render_service.domain.jobs.job import JobStatus
from render_service.domain.jobs.receiver import Receiver
from render_service.domain.webhooks.webhook import ENDS, Webhook
from render_service.fetch.resolver import Resolver, system_resolver
from render_service.webhooks.delivery_attempt import DeliveryClient
from render_service.webhooks.sender import WebhookSender
from render_service.webhooks.url_policy import WebhookUrlPolicy, host_of
from tests.fakes.http_server import FakeServer, Request, Response

LOOPBACK = "127.0.0.1"
KEY = bytes(range(32))
KEYS_SETTING = base64.b64encode(KEY).decode()
ORIGIN = Origin("anonymous", "anonymous", "ipv4:127.0.0.1:1", None)
EVERY = tuple(JobStatus)


@dataclass(frozen=True)
class AcceptedDelivery:
    """A delivery that was accepted."""

    id: str
    path: str
    body: bytes

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.body)["data"]
        return data


class ReceivingServer(FakeServer):
    """Accepts deliveries, unless a fault was scripted."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.accepted: list[AcceptedDelivery] = []
        self.connections = 0

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await super()._talk(reader, writer)

    async def handle(self, request: Request) -> Response:
        self.accepted.append(AcceptedDelivery(request.headers["webhook-id"], request.path, request.body))
        return Response(204)

    @property
    def ids(self) -> list[str]:
        return [delivery.id for delivery in self.accepted]

    def sequences(self, job_id: UUID | str) -> list[int]:
        """The sequences delivered for a job, each in the order of its first arrival."""
        found = [delivery.data["sequence"] for delivery in self.accepted if delivery.data["job_id"] == str(job_id)]
        return list(dict.fromkeys(found))

    async def until(self, number: int, *, seconds: float = 60) -> None:
        """Wait until so many deliveries were accepted."""
        async with asyncio.timeout(seconds):
            while len(self.accepted) < number:
                await asyncio.sleep(0.01)


async def add_webhook(
    database: Database,
    url: str,
    *,
    workspace: str = "team",
    statuses: Sequence[JobStatus] = ENDS,
    labels: dict[str, str] | None = None,
) -> Webhook:
    """Store a webhook."""
    receiver = Receiver(url, host_of(url), tuple(statuses))
    return await Webhooks(database).create(uuid4(), workspace, receiver, labels or {}, origin=ORIGIN)


@asynccontextmanager
async def sending(
    database: Database,
    *,
    keys: Sequence[bytes] = (KEY,),
    hosts: Sequence[str] = (LOOPBACK,),
    lease: timedelta = timedelta(seconds=30),
    attempt_timeout: timedelta = timedelta(seconds=15),
    resolver: Resolver = system_resolver,
) -> AsyncIterator[WebhookSender]:
    """Run a sender that polls every 50 ms."""
    client = DeliveryClient(keys, WebhookUrlPolicy(hosts), timeout=attempt_timeout, resolver=resolver)
    sender = WebhookSender(WebhookOutbox(database, lease=lease), client, interval_seconds=0.05)
    task = asyncio.create_task(sender.run())
    try:
        yield sender
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
