"""Settings of callbacks: providers that tell when a clip is done."""

import base64
import binascii

from pydantic import Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from render_service.domain.jobs.job import ProviderName

CALLBACK_PATH = "/callbacks"
_PREFIX = "whsec_"
_LEAST_KEY_BYTES = 24


class CallbackSettings(BaseSettings):
    """Where providers call back, and how they prove that it is they."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True)

    callback_url: HttpUrl | None = Field(default=None, validation_alias="RENDER_CALLBACK_URL")
    """RENDER_CALLBACK_URL: public base address at which providers reach `RENDER_CALLBACK_LISTEN`; set for servers and
    workers alike. Left out, providers are not asked to call back."""
    callback_listen: str | None = Field(default=None, validation_alias="RENDER_CALLBACK_LISTEN")
    """RENDER_CALLBACK_LISTEN: host:port of plain HTTP in the server for the callbacks of providers; left out, there is
    none. Whoever can reach it can only have its signature checked, but what providers send is readable on the way:
    beyond this machine put something in front that adds TLS."""
    custom_video_webhook_secret: SecretStr | None = None
    """CUSTOM_VIDEO_WEBHOOK_SECRET: what the provider `custom` signs its callbacks with, as `whsec_` and at least 24
    random bytes in Base64 (Standard Webhooks). Left out, `custom` is not asked to call back."""
    pika_webhook_jwks_url: HttpUrl = HttpUrl("https://rest.fal.ai/.well-known/jwks.json")
    """PIKA_WEBHOOK_JWKS_URL: where fal publishes the keys that it signs its callbacks with; `http://` only on this
    machine itself."""

    def callback_url_of(self, provider: ProviderName) -> str | None:
        """Return where a provider is asked to call back, to be followed by `/` and the task's id; None for not at all.

        Args:
            provider: Whoever makes the clip. Runway knows no callbacks.
        """
        if self.callback_url is None or provider not in self.callback_providers:
            return None
        return f"{str(self.callback_url).rstrip('/')}{CALLBACK_PATH}/{provider}"

    @property
    def callback_providers(self) -> frozenset[ProviderName]:
        """The providers whose callbacks can be checked."""
        if self.custom_video_webhook_secret is None:
            return frozenset({ProviderName.PIKA})
        return frozenset({ProviderName.PIKA, ProviderName.CUSTOM})

    @field_validator("custom_video_webhook_secret")
    @classmethod
    def _is_a_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and webhook_key(value) is None:
            raise ValueError(f"must be {_PREFIX} and at least {_LEAST_KEY_BYTES} bytes in Base64")
        return value


def webhook_key(secret: SecretStr) -> bytes | None:
    """Return the key inside a secret of Standard Webhooks; None where it is none."""
    text = secret.get_secret_value()
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if text.startswith(_PREFIX) and len(key) >= _LEAST_KEY_BYTES else None
