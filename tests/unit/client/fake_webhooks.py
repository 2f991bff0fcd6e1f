"""The webhooks of the fake service: stored in memory, with as many deliveries as a test puts there."""

import uuid
from collections.abc import Callable

import grpc
from google.protobuf.message import Message
from render_client.v1 import webhook_service_pb2 as pb
from render_client.v1.webhook_service_pb2_grpc import WebhookServiceServicer
from typing_extensions import override

Admit = Callable[[str, Message, grpc.ServicerContext], None]


class FakeWebhooks(WebhookServiceServicer):
    """Webhooks and deliveries in memory.

    Attributes:
        webhooks: By id.
        deliveries: What there is to list, in pages of two.
    """

    def __init__(self, admit: Admit) -> None:
        self._admit = admit
        self.webhooks: dict[str, pb.Webhook] = {}
        self.deliveries: list[pb.WebhookDelivery] = []

    @override
    def CreateWebhook(
        self, request: pb.CreateWebhookRequest, context: grpc.ServicerContext
    ) -> pb.CreateWebhookResponse:
        self._admit("CreateWebhook", request, context)
        webhook = pb.Webhook(webhook_id=str(uuid.uuid4()))
        webhook.MergeFrom(request.webhook)
        self.webhooks[webhook.webhook_id] = webhook
        return pb.CreateWebhookResponse(webhook=webhook)

    @override
    def ListWebhooks(self, request: pb.ListWebhooksRequest, context: grpc.ServicerContext) -> pb.ListWebhooksResponse:
        self._admit("ListWebhooks", request, context)
        return pb.ListWebhooksResponse(webhooks=self.webhooks.values())

    @override
    def DeleteWebhook(
        self, request: pb.DeleteWebhookRequest, context: grpc.ServicerContext
    ) -> pb.DeleteWebhookResponse:
        self._admit("DeleteWebhook", request, context)
        del self.webhooks[request.webhook_id]
        return pb.DeleteWebhookResponse()

    @override
    def GetWebhookSecret(
        self, request: pb.GetWebhookSecretRequest, context: grpc.ServicerContext
    ) -> pb.GetWebhookSecretResponse:
        self._admit("GetWebhookSecret", request, context)
        return pb.GetWebhookSecretResponse(secrets=["whsec_bmV3", "whsec_b2xk"])

    @override
    def ListWebhookDeliveries(
        self, request: pb.ListWebhookDeliveriesRequest, context: grpc.ServicerContext
    ) -> pb.ListWebhookDeliveriesResponse:
        self._admit("ListWebhookDeliveries", request, context)
        first = int(request.page_token or 0)
        token = str(first + 2) if first + 2 < len(self.deliveries) else ""
        return pb.ListWebhookDeliveriesResponse(deliveries=self.deliveries[first : first + 2], next_page_token=token)

    @override
    def RedeliverWebhook(
        self, request: pb.RedeliverWebhookRequest, context: grpc.ServicerContext
    ) -> pb.RedeliverWebhookResponse:
        self._admit("RedeliverWebhook", request, context)
        delivery = pb.WebhookDelivery(delivery_id=request.delivery_id, state=pb.WEBHOOK_DELIVERY_STATE_PENDING)
        return pb.RedeliverWebhookResponse(delivery=delivery)
