"""Files over HTTP: whole, in ranges, and not again."""

import httpx
import pytest

from tests.integration.server.conftest import CONTENT, Service

pytestmark = pytest.mark.asyncio(loop_scope="module")
SIZE = len(CONTENT)


async def finished(service: Service) -> str:
    """Return the path of a finished video."""
    job = await service.start()
    await service.finish(job.job_id)
    return f"/jobs/{job.job_id}/file"


async def test_ranges(service: Service, http: httpx.AsyncClient) -> None:
    path = await finished(service)
    for wanted, start, end in [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
        ("bytes=-5", SIZE - 5, SIZE),
        (f"bytes=-{SIZE * 2}", 0, SIZE),
        (f"bytes=5-{SIZE * 2}", 5, SIZE),
        ("bytes=1200000-1200009", 1_200_000, 1_200_010),
    ]:
        part = await http.get(path, headers={"Range": wanted})
        assert (part.status_code, part.content) == (206, CONTENT[start:end]), wanted
        assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/{SIZE}"
        head = await http.head(path, headers={"Range": wanted})
        assert (head.status_code, head.headers["Content-Length"], head.content) == (206, str(end - start), b"")


async def test_ranges_that_mean_the_whole_file(service: Service, http: httpx.AsyncClient) -> None:
    path = await finished(service)
    for wanted in ("bytes=0-1,5-6", "bytes=9-5", "bytes=-", "lines=1-2", "bytes=a-b", ""):
        whole = await http.get(path, headers={"Range": wanted})
        assert (whole.status_code, whole.content) == (200, CONTENT), wanted
    changed = await http.get(path, headers={"Range": "bytes=0-0", "If-Range": '"another"'})
    assert (changed.status_code, len(changed.content)) == (200, SIZE)


async def test_a_range_beyond_the_end(service: Service, http: httpx.AsyncClient) -> None:
    path = await finished(service)
    for wanted in (f"bytes={SIZE}-", "bytes=99999999999-", "bytes=-0"):
        beyond = await http.get(path, headers={"Range": wanted})
        assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{SIZE}"), wanted


async def test_what_the_caller_has_is_not_sent_again(service: Service, http: httpx.AsyncClient) -> None:
    path = await finished(service)
    first = await http.head(path)
    assert (first.headers["Content-Length"], first.headers["Accept-Ranges"]) == (str(SIZE), "bytes")
    again = await http.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    same = await http.get(path, headers={"Range": "bytes=3-4", "If-Range": first.headers["ETag"]})
    assert same.status_code == 206


async def test_files_that_are_not_there(service: Service, http: httpx.AsyncClient) -> None:
    job = await service.start()
    early = await http.get(f"/jobs/{job.job_id}/file")
    assert (early.status_code, early.json()["details"][0]["reason"]) == (400, "VIDEO_NOT_READY")
