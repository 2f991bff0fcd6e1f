"""The `render` command: what it prints for people and for machines, and how it exits."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from render_client.v1 import job_pb2, project_service_pb2, render_service_pb2

from tests.programs import program
from tests.unit.client.command.conftest import Run
from tests.unit.client.fake_server import FakeServer
from tests.unit.client.fake_service import FakeService, refusal


@pytest.fixture
def project(tmp_path: Path) -> str:
    """A project file."""
    (tmp_path / "project.json").write_text('{"title": "Sea", "storyboard": {"shots": [{"caption": "海"}]}}')
    return str(tmp_path / "project.json")


def test_start_prints_the_id_and_nothing_else_on_standard_output(run: Run, service: FakeService, project: str) -> None:
    result = run("start", project)
    assert result.exit_code == 0
    assert result.stdout.split() == list(service.jobs)


def test_start_sends_what_its_options_say(run: Run, service: FakeService, project: str) -> None:
    options = (
        "--provider mock --aspect-ratio 9:16 --fps 25 --quality high --format webm --codec av1 -l team=sea -l a=b=c"
    )
    request_id = "0198c0de-7a11-7c3e-9f00-5e1f5e1f5e1f"
    result = run("-w", "films", "start", project, "--json", "--request-id", request_id, *options.split())
    assert result.exit_code == 0
    sent = service.calls["StartRender"][0]
    assert json.loads(result.stdout)["labels"] == {"team": "sea", "a": "b=c"}
    expected = """workspace_id: "films" project { title: "Sea" storyboard { shots { caption: "海" } } } provider: "mock"
        output { aspect_ratio: ASPECT_RATIO_9_16 fps: 25 quality: QUALITY_PRESET_HIGH container: CONTAINER_WEBM
            codec: VIDEO_CODEC_AV1 }
        request_id: "0198c0de-7a11-7c3e-9f00-5e1f5e1f5e1f" """
    del sent.labels["team"], sent.labels["a"]  # type: ignore[attr-defined]
    assert str(sent).encode().decode("unicode_escape").encode("latin-1").decode().split() == expected.split()


def test_start_sends_variables_priority_model_and_webhook(run: Run, service: FakeService, project: str) -> None:
    options = ["--var", "city=Oslo=Norway", "--var", "year=", "--priority", "-5", "--model", "gen4.5"]
    assert run("start", project, *options, "--webhook", "https://example.com/").exit_code == 0
    sent = service.calls["StartRender"][0]
    assert isinstance(sent, render_service_pb2.StartRenderRequest)
    assert (dict(sent.variables), sent.priority) == ({"city": "Oslo=Norway", "year": ""}, -5)
    assert (sent.provider_options.model, sent.webhook.url) == ("gen4.5", "https://example.com/")


def test_deleted_jobs_are_gone_and_reported(run: Run, service: FakeService) -> None:
    jobs = [service.new_job() for _ in range(3)]
    assert run("delete", *jobs[:2]).exit_code == 0
    assert list(service.jobs) == jobs[2:]
    assert json.loads(run("delete", jobs[2], "--json").stdout) == {"job_id": jobs[2], "deleted": True}
    assert run("delete", jobs[2]).exit_code == 4


def test_start_can_stay_until_the_video_is_there(
    run: Run, service: FakeService, project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_job = service.new_job

    def done_at_once(**fields: str) -> str:
        job_id = new_job(**fields)
        service.run_to_end(job_id)
        return job_id

    monkeypatch.setattr(service, "new_job", done_at_once)
    result = run("start", project, "--watch", "--download", str(tmp_path / "out.mp4"))
    assert result.exit_code == 0
    assert (tmp_path / "out.mp4").read_bytes() == service.file
    assert "100 %  COMPLETED  done" in result.stderr
    assert "saved" in result.stderr


@pytest.mark.parametrize(
    ("status", "code"),
    [(job_pb2.JOB_STATUS_COMPLETED, 0), (job_pb2.JOB_STATUS_FAILED, 1), (job_pb2.JOB_STATUS_CANCELLED, 5)],
)
def test_watch_exits_as_the_job_ended(
    run: Run, service: FakeService, status: job_pb2.JobStatus.ValueType, code: int
) -> None:
    job_id = service.new_job()
    service.run_to_end(job_id, status, "that was it")
    result = run("watch", job_id)
    assert result.exit_code == code
    assert "that was it" in result.stderr


def test_watch_gives_machines_a_line_of_json_for_each_change(run: Run, service: FakeService) -> None:
    job_id = service.new_job()
    service.run_to_end(job_id)
    result = run("watch", job_id, "--after-sequence", "2", "--json")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["sequence"] for event in events] == ["3", "4", "5", "6"]
    assert events[0]["stage"] == "JOB_STAGE_COMPOSING"
    assert events[-1]["status"] == "JOB_STATUS_COMPLETED"
    assert result.stderr == ""


def test_watch_shows_many_jobs_and_exits_with_the_worst_end(run: Run, service: FakeService) -> None:
    ids = [service.new_job() for _ in range(3)]
    ends = (job_pb2.JOB_STATUS_COMPLETED, job_pb2.JOB_STATUS_FAILED, job_pb2.JOB_STATUS_CANCELLED)
    for job_id, end in zip(ids, ends, strict=True):
        service.run_to_end(job_id, end)
    result = run("watch", *ids)
    assert result.exit_code == 1
    assert all(job_id[:8] in result.stderr for job_id in ids)


def test_a_job_that_cannot_be_watched_leaves_the_others_alone(run: Run, service: FakeService) -> None:
    job_id = service.new_job()
    service.run_to_end(job_id)
    result = run("watch", "nothing", job_id)
    assert result.exit_code == 4
    assert "COMPLETED" in result.stderr
    assert "error: no such job" in result.stderr


def test_get_shows_what_matters(run: Run, service: FakeService) -> None:
    job_id = service.new_job()
    service.run_to_end(job_id, job_pb2.JOB_STATUS_FAILED, "the [sky] is missing")
    result = run("get", job_id)
    assert result.exit_code == 0
    for word in (job_id, "FAILED", "90 %", "the [sky] is missing"):
        assert word in result.stdout


def test_list_shows_the_newest_up_to_the_limit(run: Run, service: FakeService) -> None:
    ids = [service.new_job() for _ in range(5)]
    result = run("list", "--limit", "3", "--json")
    assert [json.loads(line)["job_id"] for line in result.stdout.splitlines()] == ids[:3]
    assert len(service.calls["ListJobs"]) == 2
    assert ids[4] in run("list").stdout
    assert "no jobs" in run("list", "--status", "failed").stderr


def test_cancel_shows_the_cancelled_job(run: Run, service: FakeService) -> None:
    assert "CANCELLED" in run("cancel", service.new_job()).stdout


def test_download_saves_video_or_poster(run: Run, service: FakeService, tmp_path: Path) -> None:
    job_id = service.new_job()
    result = run("download", job_id, str(tmp_path / "p.jpg"), "--artifact", "poster", "--json")
    assert json.loads(result.stdout) == {
        "job_id": job_id,
        "path": str(tmp_path / "p.jpg"),
        "size_bytes": len(service.file),
    }
    assert service.calls["DownloadVideo"][0].artifact == 2  # type: ignore[attr-defined]


def test_every_wrong_field_has_a_line_and_usage_errors_an_exit_code(
    run: Run, service: FakeService, project: str
) -> None:
    faults = {"provider": "must be one of local, mock", "project.storyboard.shots[0].duration": "must be above 0"}
    status = refusal(grpc.StatusCode.INVALID_ARGUMENT, "two", "INVALID_FIELD", faults=faults)
    service.refusals["StartRender"] = [status, status]
    result = run("start", project)
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "error: provider: must be one of local, mock",
        f"error: {project}:1:43: storyboard.shots[0].duration: must be above 0",
    ]
    error = json.loads(run("start", project, "--json").stderr)["error"]
    assert (error["reason"], error["fields"]) == ("INVALID_FIELD", faults)


def test_every_fault_of_a_project_file_has_a_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("titel: Sea\nmode: big\n")
    result = run("start", str(file))
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"error: {file}:1:1: titel: no such field; did you mean title?",
        f"error: {file}:2:7: mode: must be one of standard, short, slideshow",
    ]
    first, second = json.loads(run("start", str(file), "--json").stderr)["error"]["faults"]
    assert first == {"line": 1, "column": 1, "field": "titel", "message": "no such field; did you mean title?"}
    assert second["field"] == "mode"


def test_what_is_not_there_exits_as_refused(run: Run) -> None:
    result = run("get", "nothing")
    assert (result.exit_code, result.stderr) == (4, "error: no such job\n")


@pytest.mark.parametrize("command", [["get", "x"], ["watch", "x"], ["list"]])
def test_an_unreachable_service_has_its_own_exit_code(run: Run, server: FakeServer, command: list[str]) -> None:
    server.stop()
    result = run("--timeout", "1", *command)
    assert result.exit_code == 3
    assert re.match(r"error: cannot reach the service at 127\.0\.0\.1:\d+: .*\n$", result.stderr)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["start"], "exactly one of FILE and --project-id"),
        (["start", "/no/such/file"], "/no/such/file: No such file or directory"),
        (["start", "--project-id", "x", "--label", "team"], "--label team: must have the form NAME=VALUE"),
        (["start", "--project-id", "x", "--var", "=a"], "--var =a: must have the form NAME=VALUE"),
        (["start", "--project-id", "x", "--var", "a=b", "--var", "a=c"], "--var a: repeated"),
        (["watch", "a", "b", "--download", "x"], "for a single job"),
        (["--timeout", "soon", "list"], "timeout (--timeout): 'soon' is not a number of seconds"),
        (["list", "--status", "lost"], "lost"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_wrong_usage_is_reported_and_exits_with_2(run: Run, arguments: list[str], complaint: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_a_folder_that_cannot_be_written_is_reported(run: Run, service: FakeService, tmp_path: Path) -> None:
    result = run("download", service.new_job(), str(tmp_path / "no" / "v.mp4"))
    assert result.exit_code == 4
    assert "No such file or directory" in result.stderr


def test_init_writes_a_sample_that_can_be_rendered_and_overwrites_nothing(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "new.json"
    assert run("init", str(file)).exit_code == 0
    assert run("start", str(file)).exit_code == 0
    again = run("init", str(file))
    assert (again.exit_code, again.stderr) == (4, f"error: {file}: File exists\n")


def test_preview_saves_poster_and_contact_sheet(run: Run, service: FakeService, tmp_path: Path) -> None:
    job_id = service.new_job()
    assert run("preview", job_id, "--no-show", "--folder", str(tmp_path)).exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {f"{job_id}.jpg", f"{job_id}-contact-sheet.jpg"}


def test_preview_draws_a_frame_of_a_project_file(run: Run, service: FakeService, project: str, tmp_path: Path) -> None:
    options = ["--at", "3.2", "--shot", "intro", "--aspect-ratio", "9:16", "--var", "a=b", "--format", "jpeg"]
    result = run("preview", project, "--no-show", "-o", str(tmp_path / "frame.jpg"), *options)
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'frame.jpg'}\n")
    assert (tmp_path / "frame.jpg").read_bytes() == b"picture"
    sent = service.calls["RenderFrame"][0]
    assert isinstance(sent, render_service_pb2.RenderFrameRequest)
    assert (sent.shot_id, sent.time.ToMilliseconds(), dict(sent.variables)) == ("intro", 3200, {"a": "b"})
    assert (sent.project.title, sent.format) == ("Sea", render_service_pb2.IMAGE_FORMAT_JPEG)


def test_preview_draws_again_when_the_file_is_saved(
    service: FakeService, server: FakeServer, project: str, tmp_path: Path
) -> None:
    command = [program("render"), "preview", project, "--no-show", "--watch", "-o", str(tmp_path / "frame.png")]
    environment = os.environ | {"RENDER_TARGET": f"127.0.0.1:{server.port}", "RENDER_TOKEN": "a-token"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == f"{tmp_path / 'frame.png'}\n"
        Path(project).write_text('{"title": ')  # saved half-way
        assert "project.json" in process.stderr.readline()
        Path(project).write_text('{"title": "Sky", "storyboard": {"shots": [{"caption": "天"}]}}')
        assert process.stdout.readline() == f"{tmp_path / 'frame.png'}\n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    titles = [sent.project.title for sent in service.calls["RenderFrame"]]  # type: ignore[attr-defined]
    assert titles == ["Sea", "Sky"]


def test_a_download_without_a_path_is_named_after_its_job(
    run: Run, service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job_id = service.new_job()
    service.jobs[job_id].job.video.content_type = "video/webm"
    assert run("download", job_id).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"{job_id}.webm"]


def test_projects_are_kept_shown_changed_and_deleted(
    run: Run, service: FakeService, project: str, tmp_path: Path
) -> None:
    made = run("projects", "create", project)
    project_id = made.stdout.strip()
    assert list(service.projects) == [project_id]
    assert [project_id in run("projects", "list").stdout, "Sea" in run("projects", "list").stdout] == [True, True]
    stored = json.loads(run("projects", "get", project_id).stdout)
    (tmp_path / "stored.json").write_text(json.dumps(stored | {"title": "Ocean"}))
    assert run("projects", "update", project_id, str(tmp_path / "stored.json")).exit_code == 0
    assert service.projects[project_id].title == "Ocean"
    assert json.loads(run("projects", "delete", project_id, "--with-jobs", "--json").stdout)["deleted"] is True
    (sent,) = service.calls["DeleteProject"]
    assert isinstance(sent, project_service_pb2.DeleteProjectRequest)
    assert sent.delete_jobs
    assert run("projects", "list").stderr == "no projects\n"


def test_an_estimate_is_reported_and_nothing_is_started(run: Run, service: FakeService, project: str) -> None:
    result = run("estimate", project, "--provider", "runway", "--var", "city=Oslo")
    assert (result.exit_code, "total 25 runway-credits" in result.stdout) == (0, True)
    assert json.loads(run("estimate", project, "--json").stdout) == {
        "cost": [{"unit": "runway-credits", "amount": "25"}]
    }
    assert not service.jobs


def test_the_address_of_a_file_is_printed(run: Run, service: FakeService) -> None:
    job_id = service.new_job()
    assert run("url", job_id, "-a", "poster").stdout == f"https://videos.example/{job_id}\n"


def test_webhooks_are_made_listed_and_removed(run: Run, service: FakeService) -> None:
    made = json.loads(run("webhooks", "create", "https://example.com/", "--status", "failed", "--json").stdout)
    assert made["statuses"] == ["JOB_STATUS_FAILED"]
    for command in (["list"], ["deliveries"], ["deliveries", "--job", "x"], ["secret"], ["redeliver", "d"]):
        assert run("webhooks", *command).exit_code == 0
    assert "https://example.com/" in run("webhooks", "list").stdout
    assert run("webhooks", "delete", made["webhook_id"]).exit_code == 0


def test_voices_are_listed_by_language(run: Run) -> None:
    everything = run("voices").stdout
    assert "af_heart" in everything
    assert "zm_yunxi" in everything
    chinese = run("voices", "--language", "zh").stdout
    assert "af_heart" not in chinese
    assert "male" in chinese
    assert "no voices" in run("voices", "--language", "fr").stderr


def test_events_are_shown_until_interrupted_and_can_be_gone_on_from(service: FakeService, server: FakeServer) -> None:
    service.run_to_end(service.new_job())
    cursors: list[str] = []
    for start in ("oldest", "3"):
        command = [sys.executable, "-m", "render_client", "--target", f"127.0.0.1:{server.port}"]
        with subprocess.Popen(
            [*command, "events", "--json", "--from", start], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as shown:
            assert shown.stdout is not None
            try:
                cursors += [json.loads(shown.stdout.readline())["cursor"] for _ in range(3)]
                shown.send_signal(signal.SIGINT)
                shown.communicate(timeout=60)
            finally:
                shown.kill()
        assert shown.returncode == 130
    assert cursors == ["1", "2", "3", "4", "5", "6"]


COMMANDS = ["start", "estimate", "get", "list", "watch", "events", "cancel", "delete", "download", "url", "preview"]
GROUPS = [["projects", command] for command in ("create", "update", "list", "delete")] + [
    ["webhooks", command] for command in ("create", "list", "delete", "secret", "deliveries", "redeliver")
]


@pytest.mark.parametrize("command", [[command] for command in COMMANDS] + GROUPS, ids=" ".join)
def test_every_command_explains_itself(run: Run, command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert "--json" in result.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_can_complete_commands(shell: str) -> None:
    environment = {**os.environ, "_RENDER_COMPLETE": f"source_{shell}"}
    completion = subprocess.run([program("render")], env=environment, capture_output=True, text=True, check=True)
    assert "_RENDER_COMPLETE=complete_" in completion.stdout


def test_the_shell_completes_commands_and_options() -> None:
    for words, expected in (
        ("render pro", "projects"),
        ("render projects cre", "create"),
        ("render start --va", "--var"),
    ):
        environment = {**os.environ, "_RENDER_COMPLETE": "complete_bash", "COMP_WORDS": words}
        environment["COMP_CWORD"] = str(words.count(" "))
        completion = subprocess.run([program("render")], env=environment, capture_output=True, text=True, check=True)
        assert expected in completion.stdout.split()


def test_without_its_extra_the_command_says_what_to_install() -> None:
    program = "import sys; sys.modules['typer'] = None; from render_client.__main__ import main; sys.exit(main())"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (2, "the render command needs typer: pip install 'render-client[cli]'\n")
