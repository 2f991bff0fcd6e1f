"""Signed URLs: the signature is AWS's, names of files survive in any script."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from render_service.storage.location import S3Bucket, S3Options
from render_service.storage.presigning import content_disposition, presign


def test_the_signature_is_the_one_of_amazons_own_example() -> None:
    """The worked example of the S3 API reference, "Authenticating Requests: Using Query Parameters"."""
    options = S3Options(
        region="us-east-1",
        endpoint="https://s3.amazonaws.com",
        access_key_id="AKIAIOSFODNN7EXAMPLE",
        secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        path_style=False,
    )
    signed = presign(
        S3Bucket("examplebucket", "", options),
        "test.txt",
        now=datetime(2013, 5, 24, tzinfo=UTC),
        expires_in=timedelta(seconds=86400),
        filename=None,
        content_type=None,
    )
    assert signed.url.startswith("https://examplebucket.s3.amazonaws.com/test.txt?")
    assert parse_qs(urlsplit(signed.url).query)["X-Amz-Signature"] == [
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    ]
    assert signed.expire_time == datetime(2013, 5, 25, tzinfo=UTC)


@pytest.mark.parametrize("expires_in", [timedelta(0), timedelta(seconds=-5), timedelta(days=7, seconds=1)])
def test_lifetimes_that_s3_refuses_are_refused_here(expires_in: timedelta) -> None:
    bucket = S3Bucket("b", "", S3Options(access_key_id="id", secret_access_key="secret"))
    with pytest.raises(ValueError, match="1 second to 7 days"):
        presign(bucket, "k", now=datetime.now(UTC), expires_in=expires_in, filename=None, content_type=None)


@pytest.mark.parametrize(
    ("filename", "header"),
    [
        ("video.mp4", 'attachment; filename="video.mp4"'),
        ("春天.mp4", "attachment; filename=\"__.mp4\"; filename*=UTF-8''%E6%98%A5%E5%A4%A9.mp4"),
        ('a"b.mp4', "attachment; filename=\"a_b.mp4\"; filename*=UTF-8''a%22b.mp4"),
        ("../../etc/passwd", 'attachment; filename="passwd"'),
        ("a\r\nX-Evil: 1.mp4", 'attachment; filename="aX-Evil: 1.mp4"'),
        ("", 'attachment; filename="download"'),
    ],
)
def test_a_filename_cannot_break_out_of_its_header(filename: str, header: str) -> None:
    assert content_disposition(filename) == header
