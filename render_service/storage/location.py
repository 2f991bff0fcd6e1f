"""Parses where the object store is: a local folder or an S3 bucket, from a URL, options and the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

if TYPE_CHECKING:
    # These exist for type checkers only.
    from obstore.store import ClientConfig, RetryConfig, S3Config

DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class S3Options:
    """How to reach S3. A value that is None comes from the environment (`AWS_*`), then from the machine's role.

    `endpoint` is the base URL of a store other than AWS. `public_endpoint` replaces it in pre-signed URLs where callers
    reach the store under another name than this service does. `path_style` puts the bucket into the path (SeaweedFS,
    MinIO) instead of the host name.
    """

    endpoint: str | None = None
    public_endpoint: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    path_style: bool = True

    def completed(self, environment: Mapping[str, str]) -> "S3Options":
        """Return these options, completed from the environment's `AWS_*` variables."""

        def first(*names: str) -> str | None:
            return next((environment[name] for name in names if environment.get(name)), None)

        own_keys = self.access_key_id is not None
        return S3Options(
            endpoint=self.endpoint or first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
            public_endpoint=self.public_endpoint,
            region=self.region or first("AWS_REGION", "AWS_DEFAULT_REGION") or DEFAULT_REGION,
            access_key_id=self.access_key_id or first("AWS_ACCESS_KEY_ID"),
            secret_access_key=self.secret_access_key or first("AWS_SECRET_ACCESS_KEY"),
            # A session token belongs to its keys: one from the environment does not match keys passed in.
            session_token=self.session_token if own_keys else first("AWS_SESSION_TOKEN"),
            path_style=self.path_style,
        )

    def bucket_url(self, bucket: str, *, public: bool = False) -> str:
        """Return the URL that keys are appended to, without a trailing slash."""
        domain = "amazonaws.com.cn" if (self.region or "").startswith("cn-") else "amazonaws.com"
        base = (self.public_endpoint if public else None) or self.endpoint or f"https://s3.{self.region}.{domain}"
        base = base.rstrip("/")
        if self.path_style:
            return f"{base}/{bucket}"
        scheme, _, host = base.partition("://")
        return f"{scheme}://{bucket}.{host}"


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """A folder on this machine."""

    folder: Path

    def open(self) -> LocalStore:
        """Open the folder, creating it if absent.

        Raises:
            ValueError: It cannot be created.
        """
        try:
            return LocalStore(self.folder, mkdir=True, automatic_cleanup=True)
        except (BaseError, OSError) as error:
            raise ValueError(f"storage folder {self.folder} cannot be used") from error


@dataclass(frozen=True, slots=True)
class S3Bucket:
    """A bucket with a prefix (empty: none) and completed options."""

    bucket: str
    prefix: str
    options: S3Options

    def open(self) -> S3Store:
        """Create a client of the bucket, without connecting.

        Raises:
            ValueError: The options contradict each other.
        """
        options = self.options
        config: S3Config = {
            "region": options.region or DEFAULT_REGION,
            "virtual_hosted_style_request": not options.path_style,
        }
        if options.endpoint:
            # With the bucket in the host name the client uses the endpoint unchanged.
            config["endpoint"] = options.endpoint if options.path_style else options.bucket_url(self.bucket)
        if options.access_key_id:
            config["access_key_id"] = options.access_key_id
        if options.secret_access_key:
            config["secret_access_key"] = options.secret_access_key
        if options.session_token:
            config["session_token"] = options.session_token
        client: ClientConfig = {
            "allow_http": (options.endpoint or "").startswith("http://"),
            "connect_timeout": timedelta(seconds=3),
            "timeout": timedelta(seconds=120),
        }
        retry: RetryConfig = {
            "max_retries": 4,
            "retry_timeout": timedelta(seconds=60),
            "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2)},
        }
        try:
            return S3Store(
                self.bucket, prefix=self.prefix or None, config=config, client_options=client, retry_config=retry
            )
        except BaseError as error:
            first_line = str(error).splitlines()[0]
            raise ValueError(f"storage bucket {self.bucket} cannot be used: {first_line}") from error


def locate(url: str, options: S3Options | None = None) -> LocalFolder | S3Bucket:
    """Parse where the object store is.

    Args:
        url: `file:///absolute/folder` or `s3://bucket/prefix`.
        options: How to reach S3; completed from the environment.

    Raises:
        ValueError: The URL has neither form, or an option it needs is missing.
    """
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise ValueError("storage URL must have no query and no fragment")
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/") or parts.path == "/":
            raise ValueError("storage URL names no absolute folder: write file:///absolute/folder")
        return LocalFolder(Path(unquote(parts.path)))
    if parts.scheme == "s3":
        if not parts.hostname or parts.netloc != parts.netloc.rpartition("@")[2]:
            raise ValueError("storage URL names no bucket: write s3://bucket/prefix, keys go into AWS_* variables")
        completed = (options or S3Options()).completed(os.environ)
        if bool(completed.access_key_id) != bool(completed.secret_access_key):
            raise ValueError("S3 needs both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither")
        return S3Bucket(parts.netloc, parts.path.strip("/"), completed)
    raise ValueError("storage URL must begin with file:// or s3://")
