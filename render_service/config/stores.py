"""Settings of the stores: Postgres, Redis and the object store."""

import re

from pydantic import field_validator
from pydantic_settings import BaseSettings

from render_service.config.names import WITHOUT_PREFIX

# URLs with nothing unusual in them need no parser: to load SQLAlchemy and the client of Redis takes a fifth of a
# second, and a worker has better things to do first.
_USER = r"(?:[\w.~%+-]+(?::[\w.~%+-]*)?@)?"
_HOST = r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?"
_PLAIN_POSTGRES = re.compile(rf"(?:postgres|postgresql(?:\+psycopg)?)://{_USER}{_HOST}/[\w-]*", re.ASCII)
_PLAIN_REDIS = re.compile(rf"rediss?://{_USER}{_HOST}(?:/[0-9]{{1,4}})?", re.ASCII)


class StoreSettings(BaseSettings):
    """URLs of the stores, the same for servers and workers."""

    model_config = WITHOUT_PREFIX

    database_url: str = "postgresql://render@127.0.0.1:5432/render"
    """DATABASE_URL: Postgres, as `postgresql://user:password@host:port/database`."""
    redis_url: str = "redis://127.0.0.1:6379/0"
    """REDIS_URL: Redis or Valkey, as `redis://`, `rediss://` or `unix://`."""
    storage_url: str = "file:///var/lib/render-service/objects"
    """STORAGE_URL: the object store, as `file:///folder` or `s3://bucket/prefix`."""

    @field_validator("database_url")
    @classmethod
    def _postgres(cls, value: str) -> str:
        if not value.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
            raise ValueError("must start with postgresql://")
        if _PLAIN_POSTGRES.fullmatch(value):
            return value
        import sqlalchemy as sa  # noqa: PLC0415 - see above

        try:
            sa.make_url(value)
        except (sa.exc.ArgumentError, ValueError):
            # Not the parser's message: it may quote the password.
            raise ValueError("must have the form postgresql://user:password@host:port/database") from None
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str) -> str:
        if not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://")
        if _PLAIN_REDIS.fullmatch(value):
            return value
        import redis  # noqa: PLC0415 - see above

        try:
            redis.Redis.from_url(value)
        except ValueError:
            raise ValueError("must have the form redis://user:password@host:port/number") from None
        return value

    @field_validator("storage_url")
    @classmethod
    def _storage(cls, value: str) -> str:
        if not value.startswith(("file:///", "s3://")):
            raise ValueError("must start with file:/// or s3://")
        return value
