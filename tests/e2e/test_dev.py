"""`render-service dev` as a person uses it: what it prints works when pasted, and Ctrl-C stops all of it."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from render_service.embedded.supervisor import descendants
from tests.parent import left

REPOSITORY = Path(__file__).parents[2]
# A shell in which nothing was activated.
BARE = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
PAGES_WITH_SETTINGS = ("clients/grpcurl/README.md", "docs/tutorial/first-video.md")


def without_values(line: str) -> str:
    """Return a line of settings without port and key, which differ from run to run."""
    return re.sub(r":\d+|rk_\S+", "", line)


class Dev:
    """A running `render-service dev`, and what it printed until it was ready."""

    def __init__(self, data: Path) -> None:
        argv = [sys.executable, "-m", "render_service", "dev", "--port", "0", "--data", str(data)]
        self.process = subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.printed = ""
        for line in self.process.stdout:
            self.printed += line
            if "Ctrl-C" in line:
                break
        self.family = descendants(self.process.pid)

    def interrupt(self) -> int:
        """Press Ctrl-C; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def printed_line(self, start: str) -> str:
        found = re.search(rf"^ *(\S*{start}.*)$", self.printed, re.MULTILINE)
        assert found, self.printed
        return found[1]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def dev(data: Path) -> Iterator[Dev]:
    dev = Dev(data)
    yield dev
    dev.close()


async def test_what_it_prints_works_when_pasted_and_ctrl_c_leaves_nothing(dev: Dev, data: Path) -> None:
    def paste(text: str) -> str:
        done = subprocess.run(text, shell=True, cwd=REPOSITORY, env=BARE, capture_output=True, text=True, check=True)
        return done.stdout

    list_jobs = dev.printed_line("grpcurl ")
    assert json.loads(paste(list_jobs)) == {}
    token = dev.printed_line("token ").split()[-1]
    settings = dev.printed_line("export ")
    for page in PAGES_WITH_SETTINGS:
        shown = re.search("^ *(export RENDER_TARGET=.*)$", (REPOSITORY / page).read_text(), re.MULTILINE)
        assert shown
        assert without_values(shown[1]) == without_values(settings)
    start = dev.printed_line("render start ")
    # The same line, with the provider that needs little time.
    paste(f"{settings} && {start} --provider mock")
    (job,) = json.loads(paste(list_jobs))["jobs"]
    assert job["status"] == "JOB_STATUS_COMPLETED"
    secrets = paste(list_jobs.replace("RenderService/ListJobs", "WebhookService/GetWebhookSecret"))
    assert "whsec_" in secrets
    assert dev.interrupt() == 0
    assert not await left(dev.family, within=1)

    again = Dev(data)
    try:
        assert again.printed_line("token ").split()[-1] == token
        list_jobs = again.printed_line("grpcurl ")
        assert [job["jobId"]] == [kept["jobId"] for kept in json.loads(paste(list_jobs))["jobs"]]
        assert paste(list_jobs.replace("RenderService/ListJobs", "WebhookService/GetWebhookSecret")) == secrets
    finally:
        again.close()
    assert not await left(again.family)
