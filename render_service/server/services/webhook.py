"""The wire side of WebhookService."""

from uuid import uuid4

from render_client.v1 import webhook_service_pb2 as pb
from render_client.v1 import webhook_service_pb2_grpc

from render_service.db.webhooks.webhook_deliveries import DeliveryFilter, WebhookDeliveries
from render_service.db.webhooks.webhooks import Webhooks
from render_service.domain.access.audit import Action
from render_service.domain.faults import Faults
from render_service.server.interceptors.audit import AuditRecorder
from render_service.server.interceptors.authentication import current_origin
from render_service.server.interceptors.base import Context
from render_service.server.mapping import page_token
from render_service.server.mapping.ids import (
    labels_field,
    optional_uuid_field,
    page_size_field,
    uuid_field,
    workspace_field,
)
from render_service.server.mapping.webhook import DELIVERY_STATE, delivery_to_proto, webhook_to_proto
from render_service.server.services.webhook_input import WebhookTargets


class WebhookServicer(webhook_service_pb2_grpc.WebhookServiceServicer):
    """Manages webhooks and lists their deliveries; workers send them.

    Args:
        webhooks: The webhooks in Postgres.
        deliveries: The deliveries in Postgres.
        webhook_targets: Validates webhooks, and derives their secrets.
        audit: Writes the audit log.
    """

    def __init__(
        self,
        webhooks: Webhooks,
        deliveries: WebhookDeliveries,
        webhook_targets: WebhookTargets,
        *,
        audit: AuditRecorder,
    ) -> None:
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._webhook_targets = webhook_targets
        self._audit = audit

    async def CreateWebhook(self, request: pb.CreateWebhookRequest, context: Context) -> pb.CreateWebhookResponse:
        """Store a webhook."""
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        receiver = self._webhook_targets.read(request.webhook, "webhook", faults)
        labels = labels_field(request.webhook.labels, "webhook.labels", faults)
        faults.raise_if_any()
        assert receiver is not None
        self._webhook_targets.check_configured()
        webhook = await self._webhooks.create(uuid4(), request.workspace_id, receiver, labels, origin=current_origin())
        return pb.CreateWebhookResponse(webhook=webhook_to_proto(webhook))

    async def ListWebhooks(self, request: pb.ListWebhooksRequest, context: Context) -> pb.ListWebhooksResponse:
        """Return all webhooks of a workspace."""
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        faults.raise_if_any()
        found = await self._webhooks.list(request.workspace_id)
        return pb.ListWebhooksResponse(webhooks=[webhook_to_proto(webhook) for webhook in found])

    async def DeleteWebhook(self, request: pb.DeleteWebhookRequest, context: Context) -> pb.DeleteWebhookResponse:
        """Remove a webhook."""
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        webhook_id = uuid_field(request.webhook_id, "webhook_id", faults)
        faults.raise_if_any()
        await self._webhooks.delete(request.workspace_id, webhook_id, origin=current_origin())
        return pb.DeleteWebhookResponse()

    async def GetWebhookSecret(
        self, request: pb.GetWebhookSecretRequest, context: Context
    ) -> pb.GetWebhookSecretResponse:
        """Return the secrets that verify signatures."""
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        faults.raise_if_any()
        secrets = self._webhook_targets.secrets(request.workspace_id)
        await self._audit.record(Action.WEBHOOK_SECRET_READ, request.workspace_id, None)
        return pb.GetWebhookSecretResponse(secrets=secrets)

    async def ListWebhookDeliveries(
        self, request: pb.ListWebhookDeliveriesRequest, context: Context
    ) -> pb.ListWebhookDeliveriesResponse:
        """Return a page of deliveries."""
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        limit = page_size_field(request.page_size, "page_size", faults)
        wanted = DeliveryFilter(
            webhook_id=optional_uuid_field(request.webhook_id, "webhook_id", faults),
            job_id=optional_uuid_field(request.job_id, "job_id", faults),
            states=DELIVERY_STATE.read_all(request.states, "states", faults),
        )
        faults.raise_if_any()
        binding = page_token.binding_of(request)
        after = page_token.decode(request.page_token, binding=binding) if request.page_token else None
        found, end = await self._deliveries.list(request.workspace_id, wanted, after=after, limit=limit)
        return pb.ListWebhookDeliveriesResponse(
            deliveries=[delivery_to_proto(delivery) for delivery in found],
            next_page_token=page_token.encode(end, binding=binding) if end else "",
        )

    async def RedeliverWebhook(
        self, request: pb.RedeliverWebhookRequest, context: Context
    ) -> pb.RedeliverWebhookResponse:
        """Have a delivery sent again."""
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        delivery_id = uuid_field(request.delivery_id, "delivery_id", faults)
        faults.raise_if_any()
        self._webhook_targets.check_configured()
        await self._deliveries.get(request.workspace_id, delivery_id)  # what is absent leaves no entry
        await self._audit.record(Action.WEBHOOK_REDELIVERED, request.workspace_id, delivery_id)
        delivery = await self._deliveries.redeliver(request.workspace_id, delivery_id)
        return pb.RedeliverWebhookResponse(delivery=delivery_to_proto(delivery))
