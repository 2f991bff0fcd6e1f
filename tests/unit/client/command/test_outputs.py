"""The `render` command and jobs with several videos."""

from pathlib import Path

import pytest

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
