"""The object store's promises, against a folder and against a real S3."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from render_service.domain.errors import ErrorReason
from render_service.embedded.ports import free_port
from render_service.storage.errors import ObjectAbsent, StorageUnavailable
from render_service.storage.location import S3Options
from render_service.storage.store import READ_WINDOW_BYTES, ObjectStore
from tests.objects import put_object
from tests.seaweedfs import S3Server

LARGE = 20 * 1024 * 1024 + 7  # several parts, and a last one that is not full


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


async def _read(store: ObjectStore, key: str, **options: int) -> list[bytes]:
    return [piece async for piece in store.read(key, **options)]


async def test_a_large_file_comes_back_as_it_was_put(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(LARGE))
    before = datetime.now(UTC) - timedelta(seconds=2)
    await store.put_file("videos/w/j/video.mp4", source, content_type="video/mp4")

    info = await store.head("videos/w/j/video.mp4")
    assert info is not None
    assert (info.key, info.size_bytes) == ("videos/w/j/video.mp4", LARGE)
    assert before <= info.updated <= datetime.now(UTC) + timedelta(seconds=2)
    assert info.updated.utcoffset() == timedelta(0)
    pieces = await _read(store, "videos/w/j/video.mp4", chunk_bytes=100_000)
    assert {len(piece) for piece in pieces[:-1]} == {100_000}
    assert b"".join(pieces) == source.read_bytes()


async def test_reading_starts_at_any_byte(store: ObjectStore) -> None:
    data = os.urandom(READ_WINDOW_BYTES + 1000)
    await put_object(store, "a/b", data, content_type="application/octet-stream")
    for offset in (0, 1, READ_WINDOW_BYTES - 1, READ_WINDOW_BYTES, len(data) - 1, len(data)):
        assert b"".join(await _read(store, "a/b", offset=offset)) == data[offset:]
    with pytest.raises(ValueError, match="offset"):
        await _read(store, "a/b", offset=len(data) + 1)


async def test_an_empty_object_is_an_object(store: ObjectStore, tmp_path: Path) -> None:
    await put_object(store, "empty", b"", content_type="text/plain")
    assert (await _read(store, "empty")) == []
    assert await store.fetch_to("empty", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b""


async def test_an_absent_object_is_distinguished_from_a_failure(store: ObjectStore, tmp_path: Path) -> None:
    assert await store.head("no/thing") is None
    assert not await store.fetch_to("no/thing", tmp_path / "copy")
    assert _files(tmp_path) == []
    with pytest.raises(ObjectAbsent):
        await _read(store, "no/thing")
    await store.delete("no/thing")
    with pytest.raises(FileNotFoundError):
        await store.put_file("no/thing", tmp_path / "missing", content_type="text/plain")


async def test_fetching_replaces_a_file_whole(store: ObjectStore, tmp_path: Path) -> None:
    data = os.urandom(9 * 1024 * 1024)
    await put_object(store, "k", data, content_type="text/plain")
    target = tmp_path / "target"
    target.write_bytes(b"old")
    assert await store.fetch_to("k", target)
    assert target.read_bytes() == data
    assert _files(tmp_path) == ["target"]


async def test_putting_again_replaces(store: ObjectStore) -> None:
    await put_object(store, "k", b"first, longer", content_type="text/plain")
    await put_object(store, "k", b"second", content_type="text/plain")
    assert await _read(store, "k") == [b"second"]


async def test_lists_and_prefixes_go_by_whole_segments(store: ObjectStore) -> None:
    for key in ("videos/a/1", "videos/a/2/x", "videos/ab/3", "other/4"):
        await put_object(store, key, key.encode(), content_type="text/plain")
    assert {info.key: info.size_bytes async for info in store.list("videos/a")} == {
        "videos/a/1": 10,
        "videos/a/2/x": 12,
    }
    assert len([info async for info in store.list("")]) == 4
    assert [info async for info in store.list("nothing")] == []

    assert await store.delete_prefix("videos/a/") == 2
    assert {info.key async for info in store.list("")} == {"videos/ab/3", "other/4"}
    assert await store.delete_prefix("videos/a") == 0
    with pytest.raises(ValueError, match="prefix"):
        await store.delete_prefix("")


async def test_many_objects_are_listed_and_removed(store: ObjectStore) -> None:
    keys = [f"many/{number // 100}/{number}" for number in range(1100)]
    for start in range(0, len(keys), 50):
        await asyncio.gather(*(put_object(store, key, b"x", content_type="t/p") for key in keys[start : start + 50]))
    assert {info.key async for info in store.list("many")} == set(keys)
    assert await store.delete_prefix("many") == len(keys)
    assert [info async for info in store.list("")] == []


async def test_two_who_delete_the_same_prefix_do_not_fail(store: ObjectStore) -> None:
    for number in range(30):
        await put_object(store, f"p/{number}", b"x", content_type="text/plain")
    await asyncio.gather(store.delete_prefix("p"), store.delete_prefix("p"))
    assert [info async for info in store.list("p")] == []


async def test_a_cancelled_put_leaves_nothing_to_see(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(60 * 1024 * 1024))
    task = asyncio.create_task(store.put_file("k", source, content_type="video/mp4"))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.head("k") is None
    assert [info async for info in store.list("")] == []


async def test_unsound_keys_never_reach_the_store(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a key"):
        await put_object(store, "../outside", b"x", content_type="text/plain")
    with pytest.raises(ValueError, match="not a key"):
        await store.fetch_to("/etc/passwd", tmp_path / "copy")


async def test_a_working_store_passes_its_check_and_stays_clean(store: ObjectStore) -> None:
    await store.check()
    assert [info async for info in store.list("")] == []


CRASHING_PUT = """
import asyncio, sys
from pathlib import Path
from render_service.storage.location import S3Options
from render_service.storage.store import ObjectStore
url, source = sys.argv[1:]
store = ObjectStore(url)
print("ready", flush=True)
asyncio.run(store.put_file("k", Path(source), content_type="video/mp4"))
"""


@pytest.mark.parametrize("kind", ["folder", "s3"])
async def test_a_killed_writer_leaves_nothing_to_see(kind: str, s3_server: S3Server, tmp_path: Path) -> None:
    url = (tmp_path / "store").as_uri() if kind == "folder" else "s3://films/killed"
    source = tmp_path / "source"
    source.write_bytes(bytes(200 * 1024 * 1024))
    command = [sys.executable, "-c", CRASHING_PUT, url, str(source)]
    writer = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, env={**os.environ, **s3_server.environment}
    )
    assert writer.stdout is not None
    assert await writer.stdout.readline() == b"ready\n"
    await asyncio.sleep(0.05)
    writer.kill()
    assert await writer.wait() == -signal.SIGKILL
    store = ObjectStore(url, s3=s3_server.options)
    assert await store.head("k") is None
    assert [info async for info in store.list("")] == []


async def test_a_folder_that_cannot_be_written_fails_its_check(tmp_path: Path) -> None:
    store = ObjectStore((tmp_path / "store").as_uri())
    (tmp_path / "store").rmdir()
    (tmp_path / "store").write_text("a file where the folder was")
    with pytest.raises(StorageUnavailable, match="Storage folder"):
        await store.check()


async def test_wrong_keys_are_named_as_the_cause(s3_options: S3Options) -> None:
    wrong = replace(s3_options, secret_access_key="wrong-secret")
    with pytest.raises(StorageUnavailable, match="refuses these credentials") as raised:
        await ObjectStore("s3://films", s3=wrong).check()
    assert "wrong-secret" not in str(raised.value)


async def test_an_absent_server_is_unavailable_and_the_error_holds_no_address() -> None:
    port = free_port()
    store = ObjectStore(
        "s3://films", s3=S3Options(f"http://127.0.0.1:{port}", access_key_id="i", secret_access_key="s")
    )
    with pytest.raises(StorageUnavailable) as raised:
        await store.head("k")
    assert raised.value.reason is ErrorReason.STORE_UNAVAILABLE
    assert raised.value.metadata == {"store": "object-store"}
    assert raised.value.retry_after_seconds
    assert str(port) not in raised.value.message
    assert "films" not in raised.value.message
    with pytest.raises(StorageUnavailable, match="S3 bucket films"):
        await store.check()
