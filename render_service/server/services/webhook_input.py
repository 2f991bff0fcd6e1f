"""Validates webhook receivers, and refuses them where no signing key is configured."""

from collections.abc import Sequence

from render_client.v1.render_service_pb2 import JobWebhook
from render_client.v1.webhook_service_pb2 import Webhook

from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.faults import Faults
from render_service.domain.jobs.job import JobStatus
from render_service.domain.jobs.receiver import Receiver
from render_service.domain.webhooks.webhook import ENDS
from render_service.server.mapping.job import statuses_from_proto
from render_service.webhooks.signing import secrets_of
from render_service.webhooks.url_policy import WebhookUrlPolicy, host_of


class WebhookTargets:
    """Validates receivers, and derives the secrets that they verify signatures with.

    Args:
        keys: The service's signing keys, the current one first; empty where there are no webhooks.
        urls: Decides which URLs deliveries may go to.
    """

    def __init__(self, keys: Sequence[bytes], urls: WebhookUrlPolicy) -> None:
        self._keys = keys
        self._urls = urls

    def read(self, message: Webhook | JobWebhook, path: str, faults: Faults) -> Receiver | None:
        """Return a receiver; None, with a fault, if it is invalid."""
        named = statuses_from_proto(message.statuses, f"{path}.statuses", faults)
        if fault := self._urls.fault(message.url):
            faults.add(f"{path}.url", fault)
            return None
        statuses = tuple(status for status in JobStatus if status in named) or ENDS
        return Receiver(message.url, host_of(message.url), statuses)

    def check_configured(self) -> None:
        """Refuse a request that needs a signing key if there is none.

        Raises:
            DomainError: WEBHOOKS_NOT_CONFIGURED.
        """
        if not self._keys:
            raise DomainError(
                ErrorReason.WEBHOOKS_NOT_CONFIGURED,
                "this server has no key to sign deliveries with: RENDER_WEBHOOK_KEYS is not set",
                {"setting": "RENDER_WEBHOOK_KEYS"},
            )

    def secrets(self, workspace_id: str) -> tuple[str, ...]:
        """Return the secrets that verify a workspace's deliveries, the current one first."""
        self.check_configured()
        return secrets_of(workspace_id, self._keys)
