"""A stream in a real S3: one pre-signed URL leads to all of it."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import av
import httpx
import pytest

from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.job import Artifact, Video
from render_service.server.services.downloads import Downloads
from render_service.storage.store import ObjectStore
from tests.integration.compositor.streaming.conftest import JOB, hls, signed

pytestmark = pytest.mark.asyncio(loop_scope="session")


def validity(url: str) -> tuple[datetime, timedelta]:
    """Return when a pre-signed URL expires, and how long it is valid in all."""
    query = httpx.URL(url).params
    begun = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    lifetime = timedelta(seconds=int(query["X-Amz-Expires"]))
    return begun + lifetime, lifetime


async def text_of(url: str) -> str:
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        answer = await client.get(url)
    assert answer.status_code == 200
    return answer.text


async def test_the_first_output_lists_all_files_of_the_stream(video: Video) -> None:
    assert [bool(named.video.stream_files) for named in video.outputs] == [True, False, False, False]
    files = video.stream_files
    assert {"master.m3u8", "manifest.mpd", "video-large.mp4", "video-small.m3u8", "audio.mp4"} <= files.keys()
    assert {file.key for file in files.values()} <= video.stored_files.keys()
    assert all(file.key == f"videos/team/{JOB}/1/.stream/{name}" for name, file in files.items())


async def test_ffmpeg_plays_all_of_it_by_one_signed_url(store: ObjectStore, video: Video) -> None:
    url, _ = await signed(store, hls(video))

    def play() -> tuple[int, int]:
        with av.open(url) as stream:
            pictures = sum(1 for _ in stream.decode(video=0))
        with av.open(url) as stream:
            return pictures, sum(frame.samples for frame in stream.decode(audio=0))

    pictures, samples = await asyncio.to_thread(play)
    assert pictures == video.frames
    assert samples == pytest.approx(video.frames / 24 * 48_000, abs=1024)


async def test_no_url_within_expires_before_the_first_or_is_valid_longer_than_set(
    store: ObjectStore, video: Video
) -> None:
    valid_for = timedelta(hours=11)  # no other test shares these playlists
    url, expires = await signed(store, hls(video), 11)
    addresses = [url]
    master = await text_of(url)
    names = re.findall(r'(?m)^http\S+|(?<=URI=")[^"]+', master)
    assert len(names) == 8
    for name in names:
        playlist = await text_of(name)
        media = set(re.findall(r'(?m)^http\S+|(?<=URI=")[^"]+', playlist))
        assert len(media) == 1
        addresses += [name, *media]
    for address in addresses:
        until, lifetime = validity(address)
        assert expires <= until
        assert 0.75 * valid_for <= lifetime <= valid_for


async def test_the_manifest_leads_to_every_file(store: ObjectStore, video: Video) -> None:
    url, _ = await signed(store, video.files[Artifact.DASH])
    root = ElementTree.fromstring(await text_of(url))
    urls = [one.text or "" for one in root.iter("{urn:mpeg:dash:schema:mpd:2011}BaseURL")]
    assert len(urls) == 5
    for address in urls:
        assert await text_of(address)


async def test_calls_of_a_while_share_what_is_signed_and_what_expired_goes(store: ObjectStore, video: Video) -> None:
    folder = f"videos/team/{JOB}/1/.signed"
    first, second = (await signed(store, hls(video), 5))[0], (await signed(store, hls(video), 5))[0]
    assert httpx.URL(first).path == httpx.URL(second).path
    expired = f"{folder}/20200101T000000Z.master.m3u8"
    await store.put_bytes(expired, b"old", content_type="text/plain")
    await signed(store, hls(video), 7)
    keys = [info.key async for info in store.list(folder)]
    assert expired not in keys
    assert any(key in httpx.URL(first).path for key in keys)


async def test_a_lost_file_is_told_from_a_store_without_urls(store: ObjectStore, video: Video) -> None:
    playlist = hls(video)
    gone = replace(playlist, parts=playlist.parts[1:])
    with pytest.raises(DomainError) as lost:
        await Downloads(store, valid_for=timedelta(hours=3)).url(JOB, gone)
    assert lost.value.reason is ErrorReason.FILE_LOST
