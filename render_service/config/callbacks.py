"""Settings of callbacks: providers report when a clip is done."""

from pydantic import Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import BaseSettings

from render_service.config.keys import decode_key
from render_service.config.names import WITH_PREFIX
from render_service.domain.jobs.job import ProviderName

CALLBACK_PATH = "/callbacks"
_PREFIX = "whsec_"
_LEAST_KEY_BYTES = 24


class CallbackSettings(BaseSettings):
    """Where providers call back, and how their callbacks are authenticated."""

    model_config = WITH_PREFIX

    callback_url: HttpUrl | None = None
    """RENDER_CALLBACK_URL: public base URL at which providers reach `RENDER_CALLBACK_LISTEN`; the same for servers and
    workers. If unset, providers are not asked to call back."""
    callback_listen: str | None = None
    """RENDER_CALLBACK_LISTEN: host:port of plain HTTP in the server for the callbacks of providers; if unset, there is
    none. It accepts only signed requests, but what providers send is readable on the way: outside loopback, put a proxy
    that terminates TLS in front."""
    custom_video_webhook_secret: SecretStr | None = Field(default=None, validation_alias="CUSTOM_VIDEO_WEBHOOK_SECRET")
    """CUSTOM_VIDEO_WEBHOOK_SECRET: secret that the provider `custom` signs its callbacks with: `whsec_` and at least 24
    random bytes in Base64 (Standard Webhooks). If unset, `custom` is not asked to call back."""
    pika_webhook_jwks_url: HttpUrl = Field(
        default=HttpUrl("https://rest.fal.ai/.well-known/jwks.json"), validation_alias="PIKA_WEBHOOK_JWKS_URL"
    )
    """PIKA_WEBHOOK_JWKS_URL: URL at which fal publishes the keys that it signs its callbacks with; `http://` only on
    loopback."""

    def callback_url_of(self, provider: ProviderName) -> str | None:
        """Return the callback URL for a provider, to be followed by `/` and the task's id; None if there is none.

        Args:
            provider: The provider of the clip. Runway has no callbacks.
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
    """Return the key in a Standard Webhooks secret; None if the secret is invalid."""
    text = secret.get_secret_value()
    return decode_key(text.removeprefix(_PREFIX), least_bytes=_LEAST_KEY_BYTES) if text.startswith(_PREFIX) else None
