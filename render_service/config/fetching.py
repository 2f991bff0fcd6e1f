"""Settings of fetching: which URLs of callers are fetched, how large they may be, and how long they may take."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

from render_service.config.names import WITH_PREFIX

_MIB = 1024**2
_GIB = 1024**3


class FetchSettings(BaseSettings):
    """The settings of fetching, which workers need; servers check URLs by the first two."""

    model_config = WITH_PREFIX

    file_roots: Annotated[tuple[Path, ...], NoDecode] = ()
    """RENDER_FILE_ROOTS: folders, separated by `:`, below which `file://` assets are allowed; none by default."""
    allow_http_assets: bool = False
    """RENDER_ALLOW_HTTP_ASSETS: whether assets may also be fetched over plain `http://`."""
    max_asset_bytes: int = Field(default=512 * _MIB, gt=0)
    """RENDER_MAX_ASSET_BYTES: largest asset, in bytes."""
    asset_timeout_seconds: float = Field(default=300.0, gt=0, le=3600)
    """RENDER_ASSET_TIMEOUT_SECONDS: longest fetch of one asset, from the first request to the last byte. A slower one
    fails the job with `ASSET_INVALID` and is not retried."""
    max_job_asset_bytes: int = Field(default=4 * _GIB, gt=0)
    """RENDER_MAX_JOB_ASSET_BYTES: largest size of all assets of a job together, in bytes."""
    job_fetch_seconds: float = Field(default=1800.0, gt=0, le=86400)
    """RENDER_JOB_FETCH_SECONDS: longest time of all fetches of a job's attempt together; up to 8 run at once, and each
    counts."""
    workspace_scratch_bytes: int = Field(default=16 * _GIB, gt=0)
    """RENDER_WORKSPACE_SCRATCH_BYTES: bytes of assets that the running jobs of one workspace hold on a worker's scratch
    disk; a job that would exceed it is retried later."""
    workspace_fetches: int = Field(default=16, ge=1, le=1000)
    """RENDER_WORKSPACE_FETCHES: how many assets of one workspace a worker fetches at a time; more wait."""

    @field_validator("file_roots", mode="before")
    @classmethod
    def _split_roots(cls, value: object) -> object:
        return tuple(Path(part) for part in value.split(":") if part) if isinstance(value, str) else value

    @property
    def asset_timeout(self) -> timedelta:
        """Longest fetch of one asset."""
        return timedelta(seconds=self.asset_timeout_seconds)

    @property
    def job_fetch_time(self) -> timedelta:
        """Longest time of all fetches of an attempt together."""
        return timedelta(seconds=self.job_fetch_seconds)
