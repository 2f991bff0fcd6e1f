"""A fetch ends within its limits: with the whole file, its size and hash, or with an error that names the cause."""

import asyncio
import gzip
import hashlib
import os
import time
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from render_service.fetch.errors import FetchError, FetchErrorKind
from render_service.fetch.fetcher import Fetched
from render_service.fetch.policy import FetchPolicy
from tests.integration.fetch.web import Chunks, Web, answer, fetching, redirect, serve

MIB = 1024 * 1024
POLICY = FetchPolicy(
    allow_http=True,
    allowed_networks=(IPv4Network("127.0.0.0/8"),),
    max_bytes=8 * MIB,
)
# For responses that never end: a busy machine delays others by more than this.
IMPATIENT = replace(
    POLICY,
    connect_timeout=timedelta(seconds=2),
    idle_timeout=timedelta(milliseconds=300),
    total_timeout=timedelta(seconds=1),
)


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def _fetch(web: Web, path: str, folder: Path, chunks: Chunks, policy: FetchPolicy = POLICY) -> Fetched:
    web.answers[path] = chunks
    async with fetching(policy) as fetcher:
        return await fetcher.fetch(web.url(path), folder / "file")


async def _failed(path: str, folder: Path, chunks: Chunks, policy: FetchPolicy = POLICY) -> FetchError:
    async with serve() as web:
        with pytest.raises(FetchError) as raised:
            await _fetch(web, path, folder, chunks, policy)
    assert _names(folder) == []
    return raised.value


async def test_a_file_comes_whole_with_size_hash_and_type(tmp_path: Path) -> None:
    body = os.urandom(5 * MIB + 3)
    async with serve() as web:
        fetched = await _fetch(web, "/film.mp4?x=%2F", tmp_path, answer(body, "200 OK", "Content-Type: Video/MP4; a=b"))
    assert fetched == Fetched(tmp_path / "file", len(body), hashlib.sha256(body).hexdigest(), "video/mp4")
    assert fetched.path.read_bytes() == body
    assert _names(tmp_path) == ["file"]


async def test_chunked_and_closed_answers_are_whole_too(tmp_path: Path) -> None:
    chunked = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"]
    until_closed = [b"HTTP/1.1 200 OK\r\n\r\n", b"abc", b"de"]
    async with serve() as web:
        for chunks in (chunked, until_closed):
            fetched = await _fetch(web, "/a", tmp_path, list(chunks))
            assert fetched.path.read_bytes() == b"abcde"
            assert fetched.content_type == "application/octet-stream"


async def test_redirects_are_followed_to_their_end_and_no_further(tmp_path: Path) -> None:
    async with serve() as web, fetching(POLICY) as fetcher:
        for number in range(10):
            web.answers[f"/{number}"] = redirect(f"../{number + 1}" if number % 2 else web.url(f"/{number + 1}"))
        web.answers["/10"] = answer(b"film")
        assert (await fetcher.fetch(web.url("/5"), tmp_path / "file")).size_bytes == 4
        with pytest.raises(FetchError) as raised:
            await fetcher.fetch(web.url("/4"), tmp_path / "other")
    assert raised.value.kind is FetchErrorKind.TOO_MANY_REDIRECTS
    assert _names(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        ("204 No Content", False),
        ("206 Partial Content", False),
        ("304 Not Modified", False),
        ("400 Bad Request", False),
        ("401 Unauthorized", False),
        ("404 Not Found", False),
        ("408 Request Timeout", True),
        ("429 Too Many Requests", True),
        ("500 Internal Server Error", True),
        ("501 Not Implemented", False),
        ("503 Service Unavailable", True),
    ],
)
async def test_other_answers_than_200_are_errors_that_say_whether_to_repeat(
    status: str, retryable: bool, tmp_path: Path
) -> None:
    error = await _failed("/a?token=secret", tmp_path, answer(b"", status))
    assert (error.kind, error.retryable, error.status) == (FetchErrorKind.HTTP_STATUS, retryable, int(status[:3]))
    assert error.message == f"127.0.0.1 answered {status[:3]}"


@pytest.mark.parametrize(
    "chunks",
    [
        answer(b"half", length=8),
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"8\r\nhalf"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"4\r\nhalf\r\n"],
        answer(gzip.compress(b"a whole film")[:-4], "200 OK", "Content-Encoding: gzip"),
    ],
    ids=["length", "chunk", "last chunk", "gzip"],
)
async def test_a_file_that_breaks_off_is_never_taken_for_whole(chunks: Chunks, tmp_path: Path) -> None:
    error = await _failed("/a", tmp_path, chunks)
    assert (error.kind, error.retryable) == (FetchErrorKind.TRUNCATED, True)


@pytest.mark.parametrize(
    "chunks",
    [
        answer(b"", length=8 * MIB + 1),
        [b"HTTP/1.1 200 OK\r\n\r\n", *[bytes(MIB)] * 20],
        answer(gzip.compress(bytes(9 * MIB)), "200 OK", "Content-Encoding: gzip"),
    ],
    ids=["announced", "unannounced", "decoded"],
)
async def test_a_file_over_the_limit_is_refused(chunks: Chunks, tmp_path: Path) -> None:
    error = await _failed("/a", tmp_path, chunks)
    assert (error.kind, error.retryable) == (FetchErrorKind.TOO_LARGE, False)
    assert error.message == "the file is larger than the 8,388,608 bytes allowed"


async def test_a_limit_of_the_call_overrides_the_policys(tmp_path: Path) -> None:
    async with serve() as web, fetching(POLICY) as fetcher:
        web.answers["/a"] = answer(b"12345")
        assert (await fetcher.fetch(web.url("/a"), tmp_path / "file", max_bytes=5)).size_bytes == 5
        with pytest.raises(FetchError, match="4 bytes"):
            await fetcher.fetch(web.url("/a"), tmp_path / "other", max_bytes=4)


async def test_a_bomb_does_not_fill_the_memory(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(100 * MIB), 9)
    tracemalloc.start()
    try:
        error = await _failed("/a", tmp_path, answer(bomb, "200 OK", "Content-Encoding: gzip"))
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()
    assert error.kind is FetchErrorKind.TOO_LARGE


async def test_a_well_behaved_gzip_answer_is_decoded(tmp_path: Path) -> None:
    async with serve() as web:
        chunks = answer(gzip.compress(b"film" * 1000), "200 OK", "Content-Encoding: gzip")
        fetched = await _fetch(web, "/a", tmp_path, chunks)
        assert "Accept-Encoding: identity" in web.requests[0]
    assert fetched.size_bytes == 4000
    assert fetched.sha256 == hashlib.sha256(b"film" * 1000).hexdigest()


@pytest.mark.parametrize(
    "chunks",
    [
        [b"SSH-2.0-OpenSSH_9.6\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000 + b"\r\n\r\n"],
        answer(b"not gzip", "200 OK", "Content-Encoding: gzip"),
    ],
    ids=["no HTTP", "endless header", "broken encoding"],
)
async def test_responses_that_are_not_http_are_reported_as_such(chunks: Chunks, tmp_path: Path) -> None:
    assert (await _failed("/a", tmp_path, chunks)).kind is FetchErrorKind.BAD_ANSWER


async def test_redirects_without_an_address_are_refused(tmp_path: Path) -> None:
    error = await _failed("/a", tmp_path, answer(b"", "302 Found"))
    assert error.kind is FetchErrorKind.FORBIDDEN


@pytest.mark.parametrize(
    ("chunks", "retryable"),
    [
        ([15.0], True),
        ([*answer(b"half", length=8), 15.0], True),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", *[b"x", 0.1] * 150], False),
        ([b"H", 0.1, b"T", 0.1, b"T", 0.1, *[b"P", 0.1] * 150], False),
    ],
    ids=["silent", "silent in the middle", "dripping body", "dripping head"],
)
async def test_slow_responses_end_by_their_deadlines(chunks: Chunks, retryable: bool, tmp_path: Path) -> None:
    started = time.monotonic()
    error = await _failed("/a", tmp_path, chunks, IMPATIENT)
    assert (error.kind, error.retryable) == (FetchErrorKind.TIMED_OUT, retryable)
    assert time.monotonic() - started < 9


async def test_names_and_hosts_that_are_not_there_are_unreachable(tmp_path: Path) -> None:
    async with serve() as web:
        gone = web.url("/a")
    async with fetching(POLICY) as fetcher:
        with pytest.raises(FetchError) as raised:
            await fetcher.fetch(gone, tmp_path / "file")
        assert (raised.value.kind, raised.value.retryable) == (FetchErrorKind.UNREACHABLE, True)
        with pytest.raises(FetchError) as raised:
            await fetcher.fetch("https://films.invalid/a", tmp_path / "file")
        assert raised.value.kind is FetchErrorKind.UNREACHABLE
    assert _names(tmp_path) == []


async def test_a_lookup_that_hangs_is_abandoned_in_time(tmp_path: Path) -> None:
    async def hanging(host: str, port: int, workspace_id: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    async with fetching(IMPATIENT, resolver=hanging) as fetcher:
        with pytest.raises(FetchError) as raised:
            await fetcher.fetch("https://films.example/a", tmp_path / "file")
    assert raised.value.kind is FetchErrorKind.TIMED_OUT


async def test_the_next_address_is_tried_when_one_does_not_answer(tmp_path: Path) -> None:
    async def two(host: str, port: int, workspace_id: str) -> list[str]:
        return ["127.0.0.3", "127.0.0.1"]

    async with serve("127.0.0.1") as web, fetching(POLICY, resolver=two) as fetcher:
        web.answers["/a"] = answer(b"film")
        assert (await fetcher.fetch(web.url("/a", "films.example"), tmp_path / "file")).size_bytes == 4


async def test_a_cancelled_fetch_leaves_no_file(tmp_path: Path) -> None:
    async with serve() as web, fetching(POLICY) as fetcher:
        web.answers["/a"] = [*answer(b"half", length=8), 15.0]
        task = asyncio.create_task(fetcher.fetch(web.url("/a"), tmp_path / "file"))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert _names(tmp_path) == []


async def test_many_fetches_run_at_once_and_stay_apart(tmp_path: Path) -> None:
    async with serve() as web, fetching(POLICY) as fetcher:
        for number in range(40):
            web.answers[f"/{number}"] = answer(bytes([number]) * (100_000 + number))
        files = await asyncio.gather(
            *(fetcher.fetch(web.url(f"/{number}"), tmp_path / str(number)) for number in range(40))
        )
    for number, fetched in enumerate(files):
        assert fetched.path.read_bytes() == bytes([number]) * (100_000 + number)
