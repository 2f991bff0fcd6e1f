# Generated from render_client/aio by `make generate`; do not edit.
"""Methods of the client for webhooks and their deliveries."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from render_client.messages import DeliveryStateName, StatusName
from render_client.sync.connection import Connection
from render_client.sync.primitives import Stream
from render_client.v1 import webhook_service_pb2 as pb


class WebhookMethods(Connection):
    """Methods of the client for webhooks and their deliveries."""

    def create_webhook(
        self, url: str, *, statuses: Collection[StatusName] = (), labels: Mapping[str, str] | None = None
    ) -> pb.Webhook:
        """Create a webhook that is notified of the workspace's jobs from now on.

        Args:
            url: Public `https` URL that deliveries are sent to.
            statuses: Statuses to notify of; PROCESSING includes every change of stage. Empty means the three
                terminal ones.
            labels: Only jobs that have all of these labels.

        Raises:
            AlreadyExistsError: If the workspace already has a webhook with this URL (`WEBHOOK_EXISTS`).
        """
        request = self._requests.create_webhook(url, statuses, labels)
        return (self._call(self._webhooks.CreateWebhook, request, repeatable=False)).webhook

    def list_webhooks(self) -> tuple[pb.Webhook, ...]:
        """Return all webhooks of the workspace, oldest first."""
        return tuple((self._call(self._webhooks.ListWebhooks, self._requests.list_webhooks())).webhooks)

    def delete_webhook(self, webhook_id: str) -> None:
        """Delete a webhook and its deliveries."""
        self._call(self._webhooks.DeleteWebhook, self._requests.delete_webhook(webhook_id), repeatable=False)

    def webhook_secret(self) -> tuple[str, ...]:
        """Return the signing secrets valid now, usually one, to pass to `render_client.webhooks.verify`."""
        return tuple((self._call(self._webhooks.GetWebhookSecret, self._requests.webhook_secret())).secrets)

    def list_webhook_deliveries(
        self, *, webhook_id: str | None = None, job_id: str | None = None, states: Collection[DeliveryStateName] = ()
    ) -> Stream[pb.WebhookDelivery]:
        """Iterate over deliveries, newest first; pages are fetched on demand.

        Args:
            webhook_id: Only deliveries of this webhook.
            job_id: Only deliveries of this job.
            states: Only deliveries in one of these states; empty means all.
        """
        request = self._requests.list_webhook_deliveries(webhook_id, job_id, states)
        return self._pages(self._webhooks.ListWebhookDeliveries, request, lambda page: page.deliveries)

    def redeliver_webhook(self, delivery_id: str) -> pb.WebhookDelivery:
        """Send a delivery again under the same id, whatever its state; return its current state."""
        request = self._requests.redeliver_webhook(delivery_id)
        return (self._call(self._webhooks.RedeliverWebhook, request)).delivery
