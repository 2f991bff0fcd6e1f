"""The worked examples of clients/grpcurl, run as they stand, with the real grpcurl against the running service."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor import ServiceDescriptor
from render_client.v1 import (
    batch_service_pb2,
    brand_service_pb2,
    project_service_pb2,
    render_service_pb2,
    webhook_service_pb2,
)

from render_service.embedded.stack import Stack
from tests.unit.fonts.building import truetype

PAGE = Path(__file__).parents[2] / "clients" / "grpcurl" / "README.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
MARK = "=== block "


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples are run: with a virtual environment that has only what `activate` is."""
    folder = tmp_path_factory.mktemp("grpcurl")
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "AcmeSans.ttf").write_bytes(truetype())
    return folder


@pytest.fixture(scope="module")
def answers(stack: Stack, grpcurl: str, folder: Path) -> list[str]:
    """What each block printed; all run in one shell, as when pasted from top to bottom."""
    script = "set -eu\n" + "\n".join(f"echo '{MARK}{number}'\n{block}" for number, block in enumerate(BLOCKS))
    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{Path(grpcurl).parent}:{os.environ['PATH']}",
            "RENDER_TARGET": stack.target,
            "RENDER_TOKEN": "rk_example",
            "RENDER_WORKSPACE": "grpcurl",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-2000:]
    return re.split(rf"^{MARK}\d+\n", ran.stdout, flags=re.MULTILINE)[1:]


def answer_of(answers: list[str], method: str) -> str:
    return next(answer for block, answer in zip(BLOCKS, answers, strict=True) if block.rstrip().endswith(method))


@pytest.mark.parametrize(
    "service",
    [
        render_service_pb2.DESCRIPTOR.services_by_name["RenderService"],
        project_service_pb2.DESCRIPTOR.services_by_name["ProjectService"],
        webhook_service_pb2.DESCRIPTOR.services_by_name["WebhookService"],
        brand_service_pb2.DESCRIPTOR.services_by_name["BrandService"],
        batch_service_pb2.DESCRIPTOR.services_by_name["BatchService"],
    ],
    ids=lambda service: service.name,
)
def test_every_rpc_has_its_example(service: ServiceDescriptor) -> None:
    calls = [f"{service.full_name}/{method.name}" for method in service.methods]
    assert [call for call in calls if call not in "\n".join(BLOCKS)] == []


def test_the_examples_run_from_top_to_bottom_and_give_a_video(answers: list[str], folder: Path) -> None:
    assert json.loads(answer_of(answers, "grpc.health.v1.Health/Check")) == {"status": "SERVING"}
    project = json.loads(answer_of(answers, "ProjectService/GetProject"))["project"]
    assert [shot["visualDescription"] for shot in project["storyboard"]["shots"]] == ["Hello, render", "你好，世界"]
    assert '"status": "JOB_STATUS_COMPLETED"' in answer_of(answers, "RenderService/WatchProgress")
    listed = json.loads(answer_of(answers, "RenderService/ListJobs"))["jobs"]
    assert len(listed) == 1
    video = (folder / "hello.mp4").read_bytes()
    assert hashlib.sha256(video).hexdigest() == listed[0]["video"]["sha256"]
    for picture in ("hello.jpg", "frame.jpg"):
        assert (folder / picture).read_bytes().startswith(b"\xff\xd8")


def test_a_delivery_is_listed_and_sent_again(answers: list[str]) -> None:
    [secret] = json.loads(answer_of(answers, "WebhookService/GetWebhookSecret"))["secrets"]
    assert secret.startswith("whsec_")
    again = json.loads(answer_of(answers, "WebhookService/RedeliverWebhook"))["delivery"]
    assert (again["url"], again["state"]) == ("http://127.0.0.1:8000/render", "WEBHOOK_DELIVERY_STATE_PENDING")


def test_a_refusal_names_reason_and_fields(answers: list[str]) -> None:
    refusal = answers[-1]
    for word in ("INVALID_FIELD", "project.storyboard.shots[0].duration", "provider"):
        assert word in refusal
