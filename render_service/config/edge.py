"""Settings of the edge: TLS, who may call, and how much."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field, HttpUrl, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from render_service.domain.access.quota import Quotas
from render_service.domain.jobs.retention_policy import RetentionPolicy

AUTH_METHODS = frozenset({"api-keys", "jwt", "mtls"})


class EdgeSettings(BaseSettings):
    """The settings that only the server needs, but for `metrics_listen`."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True)

    listen: str = Field(default="127.0.0.1:50051", validation_alias="RENDER_LISTEN")
    """RENDER_LISTEN: host:port of the gRPC server; port 0 picks a free one."""
    insecure_listen: bool = Field(default=False, validation_alias="RENDER_INSECURE_LISTEN")
    """RENDER_INSECURE_LISTEN: whether to listen beyond this machine without TLS, where a mesh or proxy provides it."""
    unauthenticated_listen: bool = Field(default=False, validation_alias="RENDER_UNAUTHENTICATED_LISTEN")
    """RENDER_UNAUTHENTICATED_LISTEN: whether to listen beyond this machine with `RENDER_AUTH=off`: whoever reaches the
    port may do everything."""
    metrics_listen: str | None = Field(default=None, validation_alias="RENDER_METRICS_LISTEN")
    """RENDER_METRICS_LISTEN: host:port of plain HTTP with `/metrics` for Prometheus, `/healthz` and `/readyz` for
    probes, of a server as of a worker; left out, there is none. Open it to machines of your own only."""
    tls_cert: Path | None = Field(default=None, validation_alias="RENDER_TLS_CERT")
    """RENDER_TLS_CERT: PEM file with the server's certificate and those between it and the authority; together with
    `RENDER_TLS_KEY` it turns TLS on. Replaced files are taken up without a restart."""
    tls_key: Path | None = Field(default=None, validation_alias="RENDER_TLS_KEY")
    """RENDER_TLS_KEY: PEM file with the key of `RENDER_TLS_CERT`, without a passphrase."""
    tls_client_ca: Path | None = Field(default=None, validation_alias="RENDER_TLS_CLIENT_CA")
    """RENDER_TLS_CLIENT_CA: PEM file with the authorities of client certificates; every client must then have one."""
    tls_subjects: Path | None = Field(default=None, validation_alias="RENDER_TLS_SUBJECTS")
    """RENDER_TLS_SUBJECTS: JSON file that tells which workspaces the subject of a client certificate opens. Replaced
    files are taken up without a restart."""

    auth: str = Field(default="api-keys", validation_alias="RENDER_AUTH")
    """RENDER_AUTH: how callers prove who they are: one or more of `api-keys`, `jwt` and `mtls`, separated by `,`; or
    `off` (beyond a loopback address only with `RENDER_UNAUTHENTICATED_LISTEN`)."""
    jwt_issuer: str | None = Field(default=None, validation_alias="RENDER_JWT_ISSUER")
    """RENDER_JWT_ISSUER: the `iss` that tokens must have."""
    jwt_audience: str | None = Field(default=None, validation_alias="RENDER_JWT_AUDIENCE")
    """RENDER_JWT_AUDIENCE: the `aud` that tokens must have."""
    jwt_jwks_url: HttpUrl | None = Field(default=None, validation_alias="RENDER_JWT_JWKS_URL")
    """RENDER_JWT_JWKS_URL: where the issuer publishes its keys; `http://` only on this machine itself."""
    jwt_workspaces_claim: str = Field(default="workspaces", validation_alias="RENDER_JWT_WORKSPACES_CLAIM")
    """RENDER_JWT_WORKSPACES_CLAIM: the claim that names the workspaces a token opens: a list, or words in one text."""
    jwt_write_scope: str = Field(default="render:write", validation_alias="RENDER_JWT_WRITE_SCOPE")
    """RENDER_JWT_WRITE_SCOPE: the word in the claim `scope` or `scp` that allows changes; a token without it
    only reads."""

    quota_running_jobs: int = Field(default=0, ge=0, validation_alias="RENDER_QUOTA_RUNNING_JOBS")
    """RENDER_QUOTA_RUNNING_JOBS: how many jobs of a workspace run at a time; more wait. 0: any number. This and
    the other quotas are for workspaces that `render-service quotas set` has given none of their own."""
    quota_queued_jobs: int = Field(default=0, ge=0, validation_alias="RENDER_QUOTA_QUEUED_JOBS")
    """RENDER_QUOTA_QUEUED_JOBS: how many jobs of a workspace may wait. 0: any number."""
    quota_requests_per_second: int = Field(default=0, ge=0, validation_alias="RENDER_QUOTA_REQUESTS_PER_SECOND")
    """RENDER_QUOTA_REQUESTS_PER_SECOND: how many calls a second of a workspace each server takes. 0: any number."""
    quota_watchers: int = Field(default=0, ge=0, validation_alias="RENDER_QUOTA_WATCHERS")
    """RENDER_QUOTA_WATCHERS: how many watches of a workspace may be open at each server. 0: any number."""
    quota_stored_bytes: int = Field(default=0, ge=0, validation_alias="RENDER_QUOTA_STORED_BYTES")
    """RENDER_QUOTA_STORED_BYTES: how many bytes of finished videos a workspace may have before it can start no more
    jobs. 0: any number."""

    job_retention_days: float = Field(default=0.0, ge=0, validation_alias="RENDER_JOB_RETENTION_DAYS")
    """RENDER_JOB_RETENTION_DAYS: how long ended jobs are kept, with their videos and history. 0: for ever."""
    video_retention_days: float = Field(default=0.0, ge=0, validation_alias="RENDER_VIDEO_RETENTION_DAYS")
    """RENDER_VIDEO_RETENTION_DAYS: how long videos are kept, with posters and captions; their jobs stay.
    0: for ever."""
    clip_retention_days: float = Field(default=0.0, ge=0, validation_alias="RENDER_CLIP_RETENTION_DAYS")
    """RENDER_CLIP_RETENTION_DAYS: how long clips made by paid providers are kept for use in later jobs. 0: for ever."""
    segment_retention_days: float = Field(default=30.0, ge=0, validation_alias="RENDER_SEGMENT_RETENTION_DAYS")
    """RENDER_SEGMENT_RETENTION_DAYS: how long rendered segments are kept; older ones are made again. 0: for ever."""
    asset_retention_days: float = Field(default=30.0, ge=0, validation_alias="RENDER_ASSET_RETENTION_DAYS")
    """RENDER_ASSET_RETENTION_DAYS: how long copies of callers' files are kept for the workers. 0: for ever."""
    audit_retention_days: float = Field(default=365.0, ge=0, validation_alias="RENDER_AUDIT_RETENTION_DAYS")
    """RENDER_AUDIT_RETENTION_DAYS: how long the audit trail is kept. 0: for ever."""

    @property
    def ages(self) -> RetentionPolicy:
        """How long things are kept."""
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
        """What workspaces may use that have no quotas of their own."""
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

    @property
    def auth_methods(self) -> frozenset[str]:
        """How callers prove who they are; empty where they are not asked."""
        return frozenset() if self.auth == "off" else frozenset(self.auth.split(","))


def _days(days: float) -> timedelta | None:
    return timedelta(days=days) if days else None
