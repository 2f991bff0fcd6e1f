"""Between the domain's webhooks and deliveries and `render.v1.Webhook` and `WebhookDelivery`."""

from render_client.v1 import webhook_service_pb2 as pb

from render_service.domain.webhooks.webhook import Delivery, DeliveryState, Webhook, event_id
from render_service.server.mapping.enums import JOB_STATUS, EnumTable
from render_service.server.mapping.times import optional_timestamp, timestamp

DELIVERY_STATE = EnumTable(pb.WebhookDeliveryState.DESCRIPTOR, DeliveryState)


def webhook_to_proto(webhook: Webhook) -> pb.Webhook:
    """Return the message of a webhook."""
    return pb.Webhook(
        webhook_id=str(webhook.id),
        url=webhook.receiver.url,
        statuses=[JOB_STATUS.number(status) for status in webhook.receiver.statuses],
        labels=webhook.labels,
        create_time=timestamp(webhook.create_time),
    )


def delivery_to_proto(delivery: Delivery) -> pb.WebhookDelivery:
    """Return the message of a delivery."""
    return pb.WebhookDelivery(
        delivery_id=str(delivery.id),
        event_id=event_id(delivery.job_id, delivery.sequence),
        webhook_id=str(delivery.webhook_id or ""),
        job_id=str(delivery.job_id),
        url=delivery.url,
        type=delivery.type,
        sequence=delivery.sequence,
        state=DELIVERY_STATE.number(delivery.state),
        attempts=delivery.attempts,
        http_status=delivery.http_status,
        error=delivery.error,
        create_time=timestamp(delivery.create_time),
        attempt_time=optional_timestamp(delivery.attempt_time),
        next_attempt_time=optional_timestamp(delivery.next_attempt_time),
    )
