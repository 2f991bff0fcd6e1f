"""Builds the authenticator that the settings describe."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from render_service.config.settings import ConfigurationError, Settings
from render_service.server.auth.authenticator import Authenticator, KeyReader, TokenReader
from render_service.server.auth.client_certificates import SubjectReader
from render_service.server.tls.loopback import is_loopback


@asynccontextmanager
async def make_authenticator(settings: Settings, keys: KeyReader) -> AsyncIterator[Authenticator | None]:
    """Open the configured authenticator; None if authentication is off.

    Args:
        settings: The service's configuration.
        keys: Authenticates API keys.

    Raises:
        ConfigurationError: a setting that a method needs is missing or wrong.
    """
    methods = settings.auth_methods
    if not methods:
        yield None
        return
    certificates = _subjects(settings) if "mtls" in methods else None
    tokens: list[TokenReader] = [keys] if "api-keys" in methods else []
    if "jwt" not in methods:
        yield Authenticator(tokens, certificates)
        return
    issuer, audience, url = settings.jwt_issuer, settings.jwt_audience, settings.jwt_jwks_url
    if not issuer or not audience or url is None:
        raise ConfigurationError(
            "RENDER_AUTH: jwt needs RENDER_JWT_ISSUER, RENDER_JWT_AUDIENCE and RENDER_JWT_JWKS_URL"
        )
    if url.scheme != "https" and not is_loopback(httpx.URL(str(url)).host):
        raise ConfigurationError("RENDER_JWT_JWKS_URL: must start with https://")
    from render_service.server.auth.jwks import KeySet  # noqa: PLC0415 - PyJWT is loaded only where it is needed
    from render_service.server.auth.jwt import JwtReader  # noqa: PLC0415

    key_set = KeySet(str(url))
    try:
        tokens.append(
            JwtReader(
                key_set,
                issuer=issuer,
                audience=audience,
                workspaces_claim=settings.jwt_workspaces_claim,
                write_scope=settings.jwt_write_scope,
            )
        )
        yield Authenticator(tokens, certificates)
    finally:
        await key_set.close()


def _subjects(settings: Settings) -> SubjectReader:
    if settings.tls_client_ca is None or settings.tls_subjects is None:
        raise ConfigurationError("RENDER_AUTH: mtls needs RENDER_TLS_CLIENT_CA and RENDER_TLS_SUBJECTS")
    try:
        return SubjectReader(settings.tls_subjects)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "must hold subjects with their workspaces, as JSON"
        raise ConfigurationError(f"RENDER_TLS_SUBJECTS: {reason}") from None
