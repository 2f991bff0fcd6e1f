"""Settings of the edge: TLS, authentication, quotas and retention."""

import re
from datetime import timedelta
from pathlib import Path

from pydantic import Field, HttpUrl, field_validator
from pydantic_settings import BaseSettings

from render_service.config.names import WITH_PREFIX
from render_service.domain.access.quota import Quotas
from render_service.domain.jobs.retention_policy import RetentionPolicy

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?|https?://\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?", re.ASCII)
AUTH_METHODS = frozenset({"api-keys", "jwt", "mtls"})


class EdgeSettings(BaseSettings):
    """The settings that only the server needs, except `metrics_listen`."""

    model_config = WITH_PREFIX

    listen: str = "127.0.0.1:50051"
    """RENDER_LISTEN: host:port of the gRPC server; port 0 picks a free one."""
    http_listen: str | None = None
    """RENDER_HTTP_LISTEN: host:port of HTTP beside gRPC: JSON, server-sent events, downloads; port 0 picks a free one.
    If unset, there is none. The rules of `RENDER_LISTEN` apply, and `RENDER_TLS_CERT` turns TLS on for both."""
    http_origins: str = ""
    """RENDER_HTTP_ORIGINS: origins of web pages, separated by `,`, whose scripts may call the port of
    `RENDER_HTTP_LISTEN` (CORS), such as `https://studio.example`; none by default."""
    server_workers: int = Field(default=1, ge=1, le=64)
    """RENDER_SERVER_WORKERS: how many server processes share the port of `RENDER_LISTEN`, one per core; more than one
    needs Linux. The status page of process n, counted from 0, listens on the port of `RENDER_METRICS_LISTEN` plus n."""
    insecure_listen: bool = False
    """RENDER_INSECURE_LISTEN: whether to listen outside loopback without TLS, because a mesh or proxy adds it."""
    unauthenticated_listen: bool = False
    """RENDER_UNAUTHENTICATED_LISTEN: whether to listen outside loopback with `RENDER_AUTH=off`: anyone who reaches the
    port may then do everything."""
    reflection: bool = True
    """RENDER_REFLECTION: whether the server answers gRPC server reflection, which needs no credentials."""
    max_streams: int = Field(default=1000, ge=1, le=100_000)
    """RENDER_MAX_STREAMS: how many calls and watches one connection may have open at a time."""
    max_connections: int = Field(default=10_000, ge=1, le=1_000_000)
    """RENDER_MAX_CONNECTIONS: how many connections the server has open at a time; further ones are closed at once."""
    max_idle_seconds: float = Field(default=3600.0, ge=1, le=86_400)
    """RENDER_MAX_IDLE_SECONDS: how long a connection without calls stays open; clients connect again by themselves."""
    max_font_bytes: int = Field(default=8 * 1024 * 1024, ge=1, le=11 * 1024 * 1024)
    """RENDER_MAX_FONT_BYTES: size of the largest font file that can be uploaded, in bytes."""
    metrics_listen: str | None = None
    """RENDER_METRICS_LISTEN: host:port of plain HTTP with `/metrics` for Prometheus and `/healthz` and `/readyz` for
    probes, for servers and workers; if unset, there is none. Expose it only to your own machines."""
    tls_cert: Path | None = None
    """RENDER_TLS_CERT: PEM file with the server's certificate and its chain; together with `RENDER_TLS_KEY` it turns
    TLS on. Replaced files take effect without a restart."""
    tls_key: Path | None = None
    """RENDER_TLS_KEY: PEM file with the key of `RENDER_TLS_CERT`, without a passphrase."""
    tls_client_ca: Path | None = None
    """RENDER_TLS_CLIENT_CA: PEM file with the authorities of client certificates; if set, every client must present
    one."""
    tls_subjects: Path | None = None
    """RENDER_TLS_SUBJECTS: JSON file that maps the subjects of client certificates to workspaces. Replaced files take
    effect without a restart."""

    auth: str = "api-keys"
    """RENDER_AUTH: how callers authenticate: one or more of `api-keys`, `jwt` and `mtls`, separated by `,`; or `off`
    (outside loopback only with `RENDER_UNAUTHENTICATED_LISTEN`)."""
    jwt_issuer: str | None = None
    """RENDER_JWT_ISSUER: required `iss` of tokens."""
    jwt_audience: str | None = None
    """RENDER_JWT_AUDIENCE: required `aud` of tokens."""
    jwt_jwks_url: HttpUrl | None = None
    """RENDER_JWT_JWKS_URL: URL at which the issuer publishes its keys; `http://` only on loopback."""
    jwt_workspaces_claim: str = "workspaces"
    """RENDER_JWT_WORKSPACES_CLAIM: the claim that lists the workspaces of a token: a list, or words separated by
    blanks."""
    jwt_write_scope: str = "render:write"
    """RENDER_JWT_WRITE_SCOPE: the word in the claim `scope` or `scp` that allows changes; a token without it can only
    read."""

    quota_running_jobs: int = Field(default=100, ge=0)
    """RENDER_QUOTA_RUNNING_JOBS: how many jobs of a workspace run at a time; more wait. 0: any number. This and
    the other quotas are for workspaces without their own quotas (`render-service quotas set`)."""
    quota_queued_jobs: int = Field(default=10_000, ge=0)
    """RENDER_QUOTA_QUEUED_JOBS: how many jobs of a workspace may wait. 0: any number."""
    quota_requests_per_second: int = Field(default=2_000, ge=0)
    """RENDER_QUOTA_REQUESTS_PER_SECOND: how many calls a second of a workspace each server takes. 0: any number."""
    quota_watchers: int = Field(default=5_000, ge=0)
    """RENDER_QUOTA_WATCHERS: how many watches of a workspace may be open at each server. 0: any number."""
    quota_stored_bytes: int = Field(default=1024**4, ge=0)
    """RENDER_QUOTA_STORED_BYTES: how many bytes of finished videos a workspace may have before it can start no more
    jobs; default: 1 TiB. 0: any number."""

    job_retention_days: float = Field(default=0.0, ge=0)
    """RENDER_JOB_RETENTION_DAYS: how long ended jobs are kept, with their videos and history. 0: forever."""
    video_retention_days: float = Field(default=0.0, ge=0)
    """RENDER_VIDEO_RETENTION_DAYS: how long videos are kept, with posters and captions; their jobs stay. 0: forever."""
    clip_retention_days: float = Field(default=0.0, ge=0)
    """RENDER_CLIP_RETENTION_DAYS: how long clips generated by paid providers are kept for reuse in later jobs. 0:
    forever."""
    segment_retention_days: float = Field(default=30.0, ge=0)
    """RENDER_SEGMENT_RETENTION_DAYS: how long rendered segments are cached; older ones are rendered again. 0:
    forever."""
    asset_retention_days: float = Field(default=30.0, ge=0)
    """RENDER_ASSET_RETENTION_DAYS: how long copies of callers' files are cached for the workers. 0: forever."""
    audit_retention_days: float = Field(default=365.0, ge=0)
    """RENDER_AUDIT_RETENTION_DAYS: how long the audit trail is kept. 0: forever."""

    @property
    def retention(self) -> RetentionPolicy:
        """How long data is kept."""
        return RetentionPolicy(
            jobs=_days(self.job_retention_days),
            videos=_days(self.video_retention_days),
            clips=_days(self.clip_retention_days),
            segments=_days(self.segment_retention_days),
            assets=_days(self.asset_retention_days),
            audit=_days(self.audit_retention_days),
        )

    @property
    def quotas(self) -> Quotas:
        """The default quotas of workspaces."""
        return Quotas(
            running_jobs=self.quota_running_jobs or None,
            queued_jobs=self.quota_queued_jobs or None,
            requests_per_second=self.quota_requests_per_second or None,
            watchers=self.quota_watchers or None,
            stored_bytes=self.quota_stored_bytes or None,
        )

    @field_validator("auth")
    @classmethod
    def _known_methods(cls, value: str) -> str:
        methods = [part.strip() for part in value.split(",")]
        if methods != ["off"] and not set(methods) <= AUTH_METHODS:
            raise ValueError("must be off, or some of api-keys, jwt and mtls, separated by ,")
        return ",".join(methods)

    @field_validator("http_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        origins = [part.strip() for part in value.split(",") if part.strip()]
        if wrong := [origin for origin in origins if not _ORIGIN.fullmatch(origin)]:
            raise ValueError(f"{wrong[0]} is not an origin, such as https://studio.example")
        return ",".join(origins)

    @property
    def auth_methods(self) -> frozenset[str]:
        """How callers authenticate; empty if authentication is off."""
        return frozenset() if self.auth == "off" else frozenset(self.auth.split(","))


def _days(days: float) -> timedelta | None:
    return timedelta(days=days) if days else None
