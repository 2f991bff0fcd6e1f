"""Short ids, readers that go away, and Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from render_client.cli.interruptions import repeated_interrupts
from render_client.v1 import webhook_service_pb2

from tests.unit.client.command.conftest import Run
from tests.unit.client.fake_server import FakeServer
from tests.unit.client.fake_service import FakeService

COMMAND = [sys.executable, "-m", "render_client"]


def test_a_short_id_is_accepted_wherever_it_is_unique(run: Run, service: FakeService, tmp_path: Path) -> None:
    job_id = service.new_job()
    service.run_to_end(job_id)
    short = job_id[:8]
    assert job_id in run("get", short).stdout
    assert run("url", short).stdout == f"https://videos.example/{job_id}\n"
    assert run("watch", short.upper()).exit_code == 0
    assert run("download", short, str(tmp_path / "v.mp4")).exit_code == 0
    assert run("cancel", job_id[:13]).exit_code == 0
    assert run("delete", short).exit_code == 0
    assert not service.jobs


def test_projects_webhooks_and_deliveries_have_short_ids_too(run: Run, service: FakeService, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("title: Sea\n")
    project_id = run("projects", "create", str(tmp_path / "p.yaml")).stdout.strip()
    short = project_id[:8]
    assert "Sea" in run("projects", "get", short).stdout
    assert run("projects", "update", short, str(tmp_path / "p.yaml")).exit_code == 0
    assert run("start", "--project-id", short).exit_code == 0
    assert service.calls["StartRender"][0].project_id == project_id  # type: ignore[attr-defined]
    assert run("list", "--project-id", short).exit_code == 0
    assert service.calls["ListJobs"][-1].project_id == project_id  # type: ignore[attr-defined]
    assert run("projects", "delete", short).exit_code == 0

    run("webhooks", "create", "https://example.com/")
    (webhook_id,) = service.webhooks.webhooks
    delivery_id = "0b5f2c6e-8a4b-4d0f-9a53-0d7b2e5a1f10"
    service.webhooks.deliveries.append(webhook_service_pb2.WebhookDelivery(delivery_id=delivery_id))
    assert delivery_id in run("webhooks", "redeliver", delivery_id[:8]).stdout
    assert run("webhooks", "deliveries", "--webhook", webhook_id[:8]).exit_code == 0
    assert service.calls["ListWebhookDeliveries"][-1].webhook_id == webhook_id  # type: ignore[attr-defined]
    assert run("webhooks", "delete", webhook_id[:8]).exit_code == 0
    assert run("webhooks", "redeliver", "ffffffff").stderr == (
        "error: delivery ffffffff: none of the newest 2,000 deliveries has an id that begins so\n"
    )


def test_an_ambiguous_or_unknown_short_id_is_refused(run: Run, service: FakeService) -> None:
    stored = service.jobs[service.new_job()]
    twins = [f"0b5f2c6e-8a4b-4d0f-9a53-0d7b2e5a1f1{digit}" for digit in "01"]
    service.jobs.clear()
    for twin in twins:
        service.jobs[twin] = type(stored)(type(stored.job)(job_id=twin))
    ambiguous = run("get", "0b5f2c6e")
    assert (ambiguous.exit_code, all(twin in ambiguous.stderr for twin in twins)) == (2, True)
    unknown = run("get", "ffffffff")
    assert (unknown.exit_code, "none of the newest" in unknown.stderr) == (2, True)
    assert not service.calls["GetJob"]


def test_a_closed_pipe_ends_the_command_quietly(service: FakeService, server: FakeServer) -> None:
    for _ in range(3_000):
        service.new_job()
    environment = {**os.environ, "RENDER_TARGET": f"127.0.0.1:{server.port}"}
    with subprocess.Popen(
        [*COMMAND, "list", "--json", "--limit", "3000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as listing:
        assert listing.stdout is not None
        assert listing.stderr is not None
        listing.stdout.readline()
        listing.stdout.close()
        assert listing.stderr.read() == b""
    assert listing.returncode == 141


def test_an_interrupted_watch_names_the_job_and_how_to_go_on(service: FakeService, server: FakeServer) -> None:
    job_id = service.new_job()
    environment = {**os.environ, "RENDER_TARGET": f"127.0.0.1:{server.port}"}
    with subprocess.Popen(
        [*COMMAND, "watch", job_id[:8]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as watching:
        service.wait_for_watchers(1)
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate(timeout=60)
    assert watching.returncode == 130
    for line in (f"job {job_id} continues", f"render watch {job_id}", f"render cancel {job_id}"):
        assert line in said


def test_an_interrupt_that_a_finalizer_swallows_is_raised_again(monkeypatch: pytest.MonkeyPatch) -> None:
    swallowed: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", swallowed.append)

    class Interrupted:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0)

    def work() -> None:
        with repeated_interrupts():
            Interrupted()
            time.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert len(swallowed) == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_an_ignored_interrupt_stays_ignored() -> None:
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with repeated_interrupts():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, former)
