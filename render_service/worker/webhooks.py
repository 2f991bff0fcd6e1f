"""Builds the webhook sender of a worker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from render_service.config.settings import Settings
from render_service.db.database import Database
from render_service.db.webhooks.webhook_outbox import WebhookOutbox
from render_service.webhooks.delivery_attempt import DeliveryClient
from render_service.webhooks.sender import WebhookSender
from render_service.webhooks.url_policy import WebhookUrlPolicy

_CONNECTIONS = 4


@asynccontextmanager
async def webhook_sender(settings: Settings) -> AsyncIterator[WebhookSender | None]:
    """Yield a sender, not yet running; None without a signing key.

    It has its own Postgres connections, so that deliveries never block jobs.

    Args:
        settings: The service's configuration.
    """
    keys = settings.webhook_signing_keys
    if not keys:
        yield None
        return
    database = Database(settings.database_url, size=_CONNECTIONS)
    try:
        client = DeliveryClient(keys, WebhookUrlPolicy(settings.webhook_allowed_hosts))
        yield WebhookSender(WebhookOutbox(database), client)
    finally:
        await database.close()
