"""An S3 that is slow, answers 503 or breaks off in the middle delays transfers, and fails none of them."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from render_service.storage.errors import StorageUnavailable
from render_service.storage.location import S3Options
from render_service.storage.store import ObjectStore
from tests.integration.storage.faulty_proxy import FaultyProxy, LineFault, faulty_proxy

MIB = 1024 * 1024
SIZE = 20 * MIB + 7


@pytest.fixture
async def proxy(s3_options: S3Options) -> AsyncIterator[FaultyProxy]:
    assert s3_options.endpoint is not None
    async with faulty_proxy(s3_options.endpoint) as proxy:
        yield proxy


@pytest.fixture
def url() -> str:
    return f"s3://films/{uuid4()}"


@pytest.fixture
def direct(url: str, s3_options: S3Options) -> ObjectStore:
    """The store without the proxy, whose connections are not yet open when the faults begin."""
    return ObjectStore(url, s3=s3_options)


@pytest.fixture
def proxied(url: str, proxy: FaultyProxy, s3_options: S3Options) -> ObjectStore:
    return ObjectStore(url, s3=replace(s3_options, endpoint=proxy.url))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(os.urandom(SIZE))
    return path


async def test_a_download_resumes_where_each_connection_breaks_off(
    proxy: FaultyProxy, proxied: ObjectStore, direct: ObjectStore, source: Path, tmp_path: Path
) -> None:
    await direct.put_file("k", source, content_type="video/mp4")
    proxy.fault_of = lambda number: LineFault(cut_down=MIB)
    assert await proxied.fetch_to("k", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    assert proxy.connections >= SIZE // (4 * MIB), "it broke off, again and again"
    data = b"".join([piece async for piece in proxied.read("k", offset=5 * MIB)])
    assert data == source.read_bytes()[5 * MIB :]


async def test_an_upload_repeats_the_parts_whose_connection_breaks_off(
    proxy: FaultyProxy, proxied: ObjectStore, source: Path, tmp_path: Path
) -> None:
    proxy.fault_of = lambda number: LineFault(cut_up=MIB) if number < 3 else LineFault()
    await proxied.put_file("k", source, content_type="video/mp4")
    assert proxy.connections > 3
    assert await proxied.fetch_to("k", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("fault", [LineFault(unavailable=True), LineFault(delay=0.5)], ids=["503", "slow"])
async def test_refusals_and_delays_are_waited_for(
    fault: LineFault, proxy: FaultyProxy, proxied: ObjectStore, source: Path, tmp_path: Path
) -> None:
    proxy.fault_of = lambda number: fault if number % 2 == 0 else LineFault()
    await proxied.put_file("k", source, content_type="video/mp4")
    assert await proxied.head("k") is not None
    assert [info.key async for info in proxied.list("")] == ["k"]
    assert await proxied.fetch_to("k", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    await proxied.delete("k")
    assert await proxied.head("k") is None
    assert proxy.connections > 1


async def test_a_download_without_progress_fails_as_unavailable_and_leaves_no_file(
    proxy: FaultyProxy,
    proxied: ObjectStore,
    direct: ObjectStore,
    source: Path,
    tmp_path: Path,
) -> None:
    await direct.put_file("k", source, content_type="video/mp4")
    # The first connection carries the HEAD and a part of the first range.
    proxy.fault_of = lambda number: LineFault(cut_down=2 * MIB) if number == 0 else LineFault(unavailable=True)
    with pytest.raises(StorageUnavailable):
        await proxied.fetch_to("k", tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
