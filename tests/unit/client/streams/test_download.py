"""Both clients' downloads: resumed by offset, checked, and put in place only when whole."""

import hashlib
from pathlib import Path

import pytest
from render_client import DownloadError, NotFoundError, PreconditionError, RenderClient, UnavailableError

from tests.unit.client.fake_server import Line
from tests.unit.client.fake_service import PIECE, FakeService


@pytest.fixture
def job_id(service: FakeService) -> str:
    """A COMPLETED job."""
    job_id = service.new_job()
    service.run_to_end(job_id)
    return job_id


def offsets(service: FakeService) -> list[int]:
    return [request.offset for request in service.calls["DownloadVideo"]]  # type: ignore[attr-defined]


def test_a_download_is_the_file(client: RenderClient, service: FakeService, job_id: str, tmp_path: Path) -> None:
    reported: list[tuple[int, int]] = []
    path = client.download(job_id, tmp_path / "v.mp4", on_progress=lambda got, size: reported.append((got, size)))
    assert path.read_bytes() == service.file
    assert [got for got, _ in reported] == list(range(PIECE, len(service.file) + 1, PIECE))
    assert {size for _, size in reported} == {len(service.file)}
    assert [each.name for each in tmp_path.iterdir()] == ["v.mp4"]


def test_an_interrupted_download_resumes(
    client: RenderClient, service: FakeService, job_id: str, tmp_path: Path
) -> None:
    service.pieces_before_break = [3, 0, 5]
    assert client.download(job_id, tmp_path / "v.mp4").read_bytes() == service.file
    assert offsets(service) == [0, 3 * PIECE, 3 * PIECE, 8 * PIECE]


def test_a_download_outlives_cuts_of_the_line(
    client: RenderClient, service: FakeService, job_id: str, tmp_path: Path, line: Line
) -> None:
    # More than what gRPC and the relay hold in their buffers, so that a cut meets a download under way.
    service.file *= 24
    service.sha256 = hashlib.sha256(service.file).hexdigest()
    cuts = iter(range(3))

    def trouble(got: int, size: int) -> None:
        if got > size // 4 and next(cuts, None) is not None:
            line.cut()

    assert client.download(job_id, tmp_path / "v.mp4", on_progress=trouble).read_bytes() == service.file
    assert len(offsets(service)) > 1


def test_a_later_download_resumes_an_earlier_one(
    client: RenderClient, service: FakeService, job_id: str, tmp_path: Path
) -> None:
    def stop(got: int, size: int) -> None:
        if got > size // 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        client.download(job_id, tmp_path / "v.mp4", on_progress=stop)
    assert not (tmp_path / "v.mp4").exists()
    assert client.download(job_id, tmp_path / "v.mp4").read_bytes() == service.file
    assert offsets(service)[1] > len(service.file) // 2


@pytest.mark.parametrize("length", [1000, 1024 * 1024, 1024 * 1024 + 5])
def test_wrong_leftovers_are_thrown_away(
    client: RenderClient, service: FakeService, job_id: str, tmp_path: Path, length: int
) -> None:
    (tmp_path / f"v.mp4.{job_id}.part").write_bytes(b"x" * length)
    assert client.download(job_id, tmp_path / "v.mp4").read_bytes() == service.file
    assert offsets(service) == [length, 0]


def test_a_wrong_checksum_leaves_the_old_file_alone(
    client: RenderClient, service: FakeService, job_id: str, tmp_path: Path
) -> None:
    (tmp_path / "v.mp4").write_text("old")
    service.sha256 = hashlib.sha256(b"another").hexdigest()
    with pytest.raises(DownloadError):
        client.download(job_id, tmp_path / "v.mp4")
    assert (tmp_path / "v.mp4").read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["v.mp4"]


def test_a_file_that_changes_between_two_tries_is_fetched_anew(
    client: RenderClient, service: FakeService, job_id: str, tmp_path: Path
) -> None:
    service.pieces_before_break = [4]

    def change(got: int, size: int) -> None:
        if got == 4 * PIECE and service.file[0] != 0:
            service.file = bytes(8 * PIECE)
            service.sha256 = hashlib.sha256(service.file).hexdigest()

    assert client.download(job_id, tmp_path / "v.mp4", on_progress=change).read_bytes() == bytes(8 * PIECE)


def test_no_trace_is_left_of_a_refused_download(client: RenderClient, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        client.download("nothing", tmp_path / "v.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_os_error(client: RenderClient, job_id: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        client.download(job_id, tmp_path / "no" / "v.mp4")


def test_a_download_has_the_time_it_is_given(
    client: RenderClient, service: FakeService, job_id: str, tmp_path: Path
) -> None:
    service.pieces_before_break = [0] * 100_000
    with pytest.raises(UnavailableError):
        client.download(job_id, tmp_path / "v.mp4", timeout=0.3)


def stream_of(service: FakeService, job_id: str, *names: str) -> None:
    for name in names:
        service.jobs[job_id].job.video.stream_files.add(name=name, size_bytes=len(service.file), sha256=service.sha256)


def test_a_stream_is_downloaded_into_a_folder(
    client: RenderClient, service: FakeService, job_id: str, tmp_path: Path
) -> None:
    stream_of(service, job_id, "master.m3u8", "video.mp4")
    (tmp_path / "stream").mkdir()
    (tmp_path / "stream/video.mp4").write_bytes(service.file)
    reported: list[tuple[int, int]] = []
    paths = client.download_stream(
        job_id, tmp_path / "stream", on_progress=lambda got, size: reported.append((got, size))
    )
    assert [path.name for path in paths] == ["master.m3u8", "video.mp4"]
    assert all(path.read_bytes() == service.file for path in paths)
    # What was there already is not downloaded again.
    asked = [request.stream_file for request in service.calls["DownloadVideo"]]  # type: ignore[attr-defined]
    assert asked == ["master.m3u8"]
    assert reported == sorted(reported)
    assert reported[-1] == (2 * len(service.file), 2 * len(service.file))


def test_a_job_without_a_stream_says_so(
    client: RenderClient, service: FakeService, job_id: str, tmp_path: Path
) -> None:
    with pytest.raises(PreconditionError, match="has no stream; ask for one"):
        client.download_stream(job_id, tmp_path / "stream")
    assert not [*tmp_path.iterdir()]


def test_no_file_of_a_stream_leaves_its_folder(
    client: RenderClient, service: FakeService, job_id: str, tmp_path: Path
) -> None:
    stream_of(service, job_id, "../video.mp4")
    with pytest.raises(ValueError, match="is no name of a file"):
        client.download_stream(job_id, tmp_path / "stream")
