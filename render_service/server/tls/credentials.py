"""The server's side of TLS: its certificate, and the authorities of its clients, renewed without a restart."""

import ssl
from pathlib import Path

import grpc

from render_service.config.settings import ConfigurationError, Settings
from render_service.server.tls.reloading_file import ReloadingFile


def server_credentials(settings: Settings) -> grpc.ServerCredentials | None:
    """Return what a port with TLS needs; None where TLS is off.

    Args:
        settings: The service's configuration.

    Raises:
        ConfigurationError: the files cannot be read or do not belong together.
    """
    cert, key, client_ca = settings.tls_cert, settings.tls_key, settings.tls_client_ca
    if cert is None and key is None:
        if client_ca is not None:
            raise ConfigurationError("RENDER_TLS_CLIENT_CA: needs RENDER_TLS_CERT and RENDER_TLS_KEY")
        return None
    if cert is None or key is None:
        raise ConfigurationError("RENDER_TLS_CERT: needs RENDER_TLS_KEY, and the other way round")
    files = [file for file in (cert, key, client_ca) if file is not None]
    try:
        reloading = ReloadingFile("TLS certificates", files, lambda: _read(cert, key, client_ca))
        initial = reloading.get()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else None
        raise ConfigurationError(
            f"RENDER_TLS_CERT, RENDER_TLS_KEY, RENDER_TLS_CLIENT_CA: {reason or 'no matching PEM files'}"
        ) from None
    # gRPC requests the configuration at every handshake, on its own thread; open connections are unaffected.
    return grpc.dynamic_ssl_server_credentials(initial, reloading.get, client_ca is not None)


def http_tls(settings: Settings) -> ssl.SSLContext | None:
    """Return what the port of HTTP needs for TLS; None where TLS is off.

    Its handshakes use the certificates as they are then, like those of `server_credentials`, which has checked them.
    """
    cert, key, client_ca = settings.tls_cert, settings.tls_key, settings.tls_client_ca
    if cert is None or key is None:
        return None

    def read() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(cert, key, password=_no_passphrase)
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    files = [file for file in (cert, key, client_ca) if file is not None]
    current = ReloadingFile("TLS certificates of HTTP", files, read)

    def renew(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = current.get()

    first = read()
    # Called in every handshake, with or without a name.
    first.sni_callback = renew
    return first


def _read(cert: Path, key: Path, client_ca: Path | None) -> grpc.ServerCertificateConfiguration:
    # gRPC accepts anything and then fails every handshake. OpenSSL checks at once whether key and certificate match.
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=_no_passphrase)
    authorities = client_ca.read_bytes() if client_ca is not None else None
    if authorities is not None:
        from cryptography import x509  # noqa: PLC0415 - X.509 is loaded only where there are client certificates

        x509.load_pem_x509_certificates(authorities)
    return grpc.ssl_server_certificate_configuration([(key.read_bytes(), cert.read_bytes())], authorities)


def _no_passphrase() -> str:
    # Without it, OpenSSL would prompt on the terminal.
    raise ValueError("keys must have no passphrase")
