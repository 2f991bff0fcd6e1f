"""Settings of webhooks: signing keys, allowed hosts and retention."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from render_service.config.keys import decode_key
from render_service.config.names import WITH_PREFIX

_LEAST_KEY_BYTES = 32


class WebhookSettings(BaseSettings):
    """The settings of webhooks, which server and worker share."""

    model_config = WITH_PREFIX

    webhook_keys: SecretStr | None = None
    """RENDER_WEBHOOK_KEYS: keys that the secrets of all workspaces are derived from, the same for servers and workers:
    base64 of at least 32 random bytes each, separated by `,`. The first is the current one. Deliveries are signed with
    all of them, so that you can rotate keys without interruption. If unset, webhooks are off."""
    webhook_allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(default=())
    """RENDER_WEBHOOK_ALLOWED_HOSTS: hosts inside the network, separated by `,`, to which deliveries may be sent, also
    over plain `http://`; the same for servers and workers; none by default."""
    webhook_retention_days: float = Field(default=30.0, gt=0)
    """RENDER_WEBHOOK_RETENTION_DAYS: how long deliveries are kept for listing and redelivery."""

    @field_validator("webhook_keys")
    @classmethod
    def _decodable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value().strip():
            return None
        if None in _decoded(value):
            raise ValueError(f"must be base64 of at least {_LEAST_KEY_BYTES} bytes, or several separated by ,")
        return value

    @field_validator("webhook_allowed_hosts", mode="before")
    @classmethod
    def _split_webhook_hosts(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(host.strip().strip("[]").lower() for host in value.split(",") if host.strip())
        return value

    @property
    def webhook_signing_keys(self) -> tuple[bytes, ...]:
        """The signing keys, the current one first; empty if webhooks are off."""
        return () if self.webhook_keys is None else tuple(key for key in _decoded(self.webhook_keys) if key is not None)

    @property
    def webhook_retention(self) -> timedelta:
        """How long deliveries are kept."""
        return timedelta(days=self.webhook_retention_days)


def _decoded(keys: SecretStr) -> tuple[bytes | None, ...]:
    """Return the keys, each None if it is invalid."""
    return tuple(decode_key(text, least_bytes=_LEAST_KEY_BYTES) for text in keys.get_secret_value().split(","))
