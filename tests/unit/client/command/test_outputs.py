"""The `render` command and jobs with several videos."""

from pathlib import Path

import pytest
from render_client.v1 import output_pb2, render_service_pb2

from tests.unit.client.command.conftest import Run
from tests.unit.client.fake_service import FakeService


def test_download_and_url_choose_an_output(
    run: Run, service: FakeService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    job_id = service.new_job()
    run("download", job_id, "--output", "square")
    run("url", job_id, "--output", "tall")
    assert [path.name for path in tmp_path.iterdir()] == [f"{job_id}-square.mp4"]
    asked = (service.calls[call][0] for call in ("DownloadVideo", "CreateDownloadUrl"))
    assert [request.output for request in asked] == ["square", "tall"]  # type: ignore[attr-defined]


def test_a_stream_is_downloaded_as_a_folder(
    run: Run, service: FakeService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    job_id = service.new_job()
    service.jobs[job_id].job.video.stream_files.add(name="master.m3u8", size_bytes=1, sha256="")
    result = run("download", job_id, "--artifact", "hls")
    assert result.exit_code == 0, result.output
    assert [path.name for path in (tmp_path / f"{job_id}-stream").iterdir()] == ["master.m3u8"]


@pytest.fixture
def project_file(tmp_path: Path) -> Path:
    file = tmp_path / "project.json"
    file.write_text('{"storyboard": {"shots": [{"caption": "Hello"}]}}', encoding="utf-8")
    return file


def started(service: FakeService) -> render_service_pb2.StartRenderRequest:
    (request,) = service.calls["StartRender"]
    assert isinstance(request, render_service_pb2.StartRenderRequest)
    return request


def test_start_asks_for_several_outputs_that_share_its_other_options(
    run: Run, service: FakeService, project_file: Path
) -> None:
    described = ["hd", "tall=9:16,hevc,50fps,captions", "small=640x360,webm,high,podcast,no-captions"]
    given = [part for output in described for part in ("--output", output)]
    result = run("start", str(project_file), "--quality", "draft", "--sidecar", "chapters", *given)
    assert result.exit_code == 0, result.output
    request = started(service)
    assert not request.HasField("output")
    hd, tall, small = request.outputs
    assert [output.name for output in request.outputs] == ["hd", "tall", "small"]
    assert all(output.output.sidecars.chapters for output in request.outputs)
    assert hd.output.quality == tall.output.quality == output_pb2.QUALITY_PRESET_DRAFT
    assert not hd.HasField("burn_captions")
    assert (tall.output.aspect_ratio, tall.output.codec, tall.output.fps, tall.burn_captions) == (
        output_pb2.ASPECT_RATIO_9_16,
        output_pb2.VIDEO_CODEC_HEVC,
        50,
        True,
    )
    assert (small.output.size.width, small.output.size.height) == (640, 360)
    assert (small.output.container, small.output.quality) == (
        output_pb2.CONTAINER_WEBM,
        output_pb2.QUALITY_PRESET_HIGH,
    )
    assert small.output.loudness == output_pb2.LOUDNESS_TARGET_PODCAST
    assert small.HasField("burn_captions")
    assert not small.burn_captions


@pytest.mark.parametrize(
    ("described", "fault"),
    [
        (["=9:16"], "must have the form NAME=OPTIONS"),
        (["9:16"], "must have the form NAME=OPTIONS"),
        (["tall=9:17"], "unknown option 9:17"),
        (["tall=9:16,640x360"], "640x360 is given beside 9:16"),
        (["tall", "tall=9:16"], "repeated"),
    ],
)
def test_wrong_outputs_are_usage_errors(
    run: Run, service: FakeService, project_file: Path, described: list[str], fault: str
) -> None:
    given = [part for output in described for part in ("--output", output)]
    result = run("start", str(project_file), *given)
    assert result.exit_code == 2
    assert fault in " ".join(result.output.split())
    assert "StartRender" not in service.calls


def test_start_labels_generated_videos(run: Run, service: FakeService, project_file: Path) -> None:
    run("start", str(project_file), "--ai-label")
    run("start", str(project_file), "--ai-label-text", "Made by AI", "--ai-producer", "Harbour Films", "--output", "hd")
    run("start", str(project_file))
    plain, named, without = service.calls["StartRender"]
    assert plain.output.ai_label == output_pb2.AiLabel()  # type: ignore[attr-defined]
    assert plain.output.HasField("ai_label")  # type: ignore[attr-defined]
    wanted = output_pb2.AiLabel(text="Made by AI", producer="Harbour Films")
    assert named.outputs[0].output.ai_label == wanted  # type: ignore[attr-defined]
    assert not without.output.HasField("ai_label")  # type: ignore[attr-defined]


def test_start_downloads_each_output_under_its_name(
    run: Run, service: FakeService, project_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_job = service.new_job

    def done_at_once(**fields: str) -> str:
        job_id = new_job(**fields)
        service.run_to_end(job_id)
        return job_id

    monkeypatch.setattr(service, "new_job", done_at_once)
    given = ("--output", "hd", "--output", "tall=9:16", "--download", str(tmp_path / "film.mp4"))
    result = run("start", str(project_file), *given)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in tmp_path.glob("film*")) == ["film-hd.mp4", "film-tall.mp4"]
    assert [call.output for call in service.calls["DownloadVideo"]] == ["hd", "tall"]  # type: ignore[attr-defined]
