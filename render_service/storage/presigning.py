"""Pre-signed download URLs of S3: the bearer can read one object until the URL expires.

The client library presigns URLs too, but without the parameters for a download's file name and type, so the signature
is computed here (AWS Signature Version 4, as in the S3 API reference, "Authenticating Requests: Using Query
Parameters").
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

from render_service.storage.location import DEFAULT_REGION, S3Bucket

MAX_EXPIRY = timedelta(days=7)  # S3's own limit


@dataclass(frozen=True, slots=True)
class PresignedUrl:
    """A URL that needs no credentials, and when it expires (aware UTC)."""

    url: str
    expire_time: datetime


def content_disposition(filename: str) -> str:
    """Return the Content-Disposition header that names a download (RFC 6266).

    Args:
        filename: Any text; its directory part and control characters are dropped.
    """
    name = "".join(c for c in filename.replace("\\", "/").rpartition("/")[2] if c.isprintable()) or "download"
    plain = "".join(c if c.isascii() and c not in '"%;' else "_" for c in name)
    if plain == name:
        return f'attachment; filename="{plain}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def presign(
    bucket: S3Bucket, key: str, *, now: datetime, expires_in: timedelta, filename: str | None, content_type: str | None
) -> PresignedUrl:
    """Presign a GET of one object, with long-lived or session keys.

    Args:
        bucket: The bucket; its options hold both keys.
        key: A valid key below the bucket's prefix.
        now: Time of signing, aware UTC.
        expires_in: 1 second to `MAX_EXPIRY`.
        filename: The file name of the download; None leaves it to the client.
        content_type: The media type of the response; None for the stored one.

    Raises:
        ValueError: `expires_in` is out of range or the keys are missing.
    """
    options = bucket.options
    if not options.access_key_id or not options.secret_access_key:
        raise ValueError("presigning needs both keys")
    check_expiry(expires_in)
    now = now.replace(microsecond=0)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{options.region or DEFAULT_REGION}/s3/aws4_request"
    full_key = f"{bucket.prefix}/{key}" if bucket.prefix else key
    target = urlsplit(f"{options.bucket_url(bucket.bucket, public=True)}/{quote(full_key, safe='/-_.~')}")

    parameters = [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", f"{options.access_key_id}/{scope}"),
        ("X-Amz-Date", stamp),
        ("X-Amz-Expires", str(int(expires_in.total_seconds()))),
        ("X-Amz-SignedHeaders", "host"),
    ]
    if options.session_token:
        parameters.append(("X-Amz-Security-Token", options.session_token))
    if filename is not None:
        parameters.append(("response-content-disposition", content_disposition(filename)))
    if content_type is not None:
        parameters.append(("response-content-type", content_type))
    query = _canonical_query(parameters)

    request = "\n".join(("GET", target.path, query, f"host:{target.netloc}", "", "host", "UNSIGNED-PAYLOAD"))
    to_sign = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    signing_key = f"AWS4{options.secret_access_key}".encode()
    for part in scope.split("/"):
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    signature = hmac.digest(signing_key, to_sign.encode(), "sha256").hex()
    url = f"{target.scheme}://{target.netloc}{target.path}?{query}&X-Amz-Signature={signature}"
    return PresignedUrl(url, now + expires_in)


def check_expiry(expires_in: timedelta) -> None:
    """Reject a lifetime that S3 does not accept.

    Raises:
        ValueError: It is under a second or over `MAX_EXPIRY`.
    """
    if not timedelta(seconds=1) <= expires_in <= MAX_EXPIRY:
        raise ValueError(f"a pre-signed URL lives 1 second to {MAX_EXPIRY.days} days, not {expires_in}")


def _canonical_query(parameters: Sequence[tuple[str, str]]) -> str:
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in parameters)
    return "&".join(f"{name}={value}" for name, value in encoded)
