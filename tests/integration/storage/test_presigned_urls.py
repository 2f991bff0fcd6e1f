"""Signed URLs work with a plain HTTP client, and only as long and as far as they were signed."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx

from render_service.storage.store import ObjectStore
from tests.objects import put_object

DATA = bytes(range(256)) * 64
KEY = "videos/w/j/video.mp4"


async def _get(url: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        return await client.get(url, headers=headers)


async def test_a_signed_url_downloads_with_name_and_type(s3_store: ObjectStore) -> None:
    await put_object(s3_store, KEY, DATA, content_type="video/mp4")
    signed = await s3_store.presigned_url(
        KEY, expires_in=timedelta(hours=1), filename="春 1.mp4", content_type="video/x-own"
    )
    assert signed is not None
    assert timedelta(minutes=59) < signed.expire_time - datetime.now(UTC) <= timedelta(hours=1)
    answer = await _get(signed.url)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["content-type"] == "video/x-own"
    disposition = answer.headers["content-disposition"]
    assert disposition == "attachment; filename=\"_ 1.mp4\"; filename*=UTF-8''%E6%98%A5%201.mp4"


async def test_without_wishes_the_stored_type_is_answered(s3_store: ObjectStore) -> None:
    await put_object(s3_store, KEY, DATA, content_type="video/mp4")
    signed = await s3_store.presigned_url(KEY, expires_in=timedelta(minutes=1))
    assert signed is not None
    answer = await _get(signed.url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")


async def test_a_signed_url_gives_ranges(s3_store: ObjectStore) -> None:
    await put_object(s3_store, KEY, DATA, content_type="video/mp4")
    signed = await s3_store.presigned_url(KEY, expires_in=timedelta(minutes=1), filename="a.mp4")
    assert signed is not None
    answer = await _get(signed.url, Range="bytes=100-199")
    assert (answer.status_code, answer.content) == (206, DATA[100:200])
    assert answer.headers["content-range"] == f"bytes 100-199/{len(DATA)}"


async def test_a_changed_or_expired_url_is_refused(s3_store: ObjectStore) -> None:
    await put_object(s3_store, KEY, DATA, content_type="video/mp4")
    await put_object(s3_store, "videos/w/j/other.mp4", DATA, content_type="video/mp4")
    signed = await s3_store.presigned_url(KEY, expires_in=timedelta(seconds=1), filename="a.mp4")
    assert signed is not None
    assert (await _get(signed.url.replace("video.mp4", "other.mp4"))).status_code == 403
    assert (await _get(signed.url.replace("a.mp4", "b.mp4"))).status_code == 403
    assert (await _get(signed.url.partition("?")[0])).status_code == 403
    past_its_end = signed.expire_time + timedelta(seconds=1)  # S3 counts whole seconds
    await asyncio.sleep((past_its_end - datetime.now(UTC)).total_seconds())
    assert (await _get(signed.url)).status_code == 403


async def test_a_folder_has_no_urls(folder_store: ObjectStore) -> None:
    assert await folder_store.presigned_url(KEY, expires_in=timedelta(hours=1), filename="a.mp4") is None
