"""Callers of yesterday do their main job with today's service: start, watch to the end, get, download.

They are the Python client as it was, and a program that knows nothing but the recorded image of the contract.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2, json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from render_service.embedded.stack import Stack

ROOT = Path(__file__).parents[2]
IMAGE = ROOT / "proto" / "recorded" / "render-v1.binpb"
PROJECT = {
    "title": "Yesterday",
    "storyboard": {"shots": [{"id": "one", "visualDescription": "One", "caption": "Yesterday", "duration": "1s"}]},
    "output": {"size": {"width": 320, "height": 180}, "fps": 24, "quality": "QUALITY_PRESET_DRAFT"},
}
# What the client of any commit can do.
PROGRAM = """
import json, sys
from pathlib import Path
import render_client
from google.protobuf import json_format
try:
    import render_client.v1 as stubs
    from render_client.v1 import project_pb2
except ImportError:  # where the stubs were before
    import render.v1 as stubs
    from render.v1 import project_pb2

target, folder, project = sys.argv[1:]
for package in (render_client, stubs):
    assert Path(package.__file__).is_relative_to(folder), package.__file__
with render_client.RenderClient(target, workspace="compatibility") as client:
    job = client.start(json_format.Parse(project, project_pb2.Project()), provider="local")
    sequences = [event.sequence for event in client.watch(job.job_id)]
    assert sequences == sorted(set(sequences)), sequences
    job = client.get(job.job_id)
    print(json.dumps({"status": job.status, "progress": job.progress, "sha256": job.video.sha256}))
    client.download(job.job_id, sys.argv[2] + "/video.mp4")
"""
COMPLETED = 3
# Without history, as in an archive of the sources, the recorded image alone speaks for yesterday.
REVISIONS = ("HEAD~1", "before its latest change") if (ROOT / ".git").exists() else ()


def git(*arguments: str) -> str:
    ran = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    too_short = "where history is missing, fetch more of it, such as by `git fetch --deepen=100`"
    assert ran.returncode == 0, f"git {' '.join(arguments)}: {ran.stderr.strip()}; {too_short}"
    return ran.stdout.strip()


def commit_of(revision: str) -> str:
    """The commit whose client is meant; fails where the history does not reach back so far."""
    if revision != "HEAD~1":
        changed = git("log", "--max-count=1", "--format=%H", "HEAD", "--", "clients/python", "proto")
        revision = f"{changed}~1"
    return git("rev-parse", "--verify", f"{revision}^{{commit}}")


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_client_of_an_earlier_commit_still_works(stack: Stack, tmp_path: Path, revision: str) -> None:
    archive = subprocess.run(
        ["git", "archive", commit_of(revision), "clients/python"], cwd=ROOT, capture_output=True, check=True
    )
    subprocess.run(["tar", "--extract", "--directory", str(tmp_path)], input=archive.stdout, check=True)
    client = tmp_path / "clients" / "python"
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, stack.target, str(client), json.dumps(PROJECT)],
        env={**os.environ, "PYTHONPATH": str(client)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    job = json.loads(ran.stdout)
    assert (job["status"], job["progress"]) == (COMPLETED, 100)
    assert hashlib.sha256((client / "video.mp4").read_bytes()).hexdigest() == job["sha256"]


class Caller:
    """Calls RenderService as the recorded contract describes it; messages are of classes made from it, too."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self._pool = DescriptorPool()
        # An image of buf is a FileDescriptorSet with extra fields, its files in the order of their imports.
        for file in descriptor_pb2.FileDescriptorSet.FromString(IMAGE.read_bytes()).file:
            self._pool.AddSerializedFile(file.SerializeToString())
        self._service = self._pool.FindServiceByName("render.v1.RenderService")

    def call(self, name: str, **fields: object) -> Any:
        """Make a call, and return its one answer."""
        (answer,) = self.stream(name, **fields)
        return answer

    def stream(self, name: str, **fields: object) -> Iterator[Any]:
        """Make a call, and give its answers as they come."""
        method: MethodDescriptor = self._service.methods_by_name[name]
        request = json_format.ParseDict(fields, GetMessageClass(method.input_type)())
        send: grpc.UnaryStreamMultiCallable[Message, Message] = self._channel.unary_stream(
            f"/{self._service.full_name}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        return iter(send(request, timeout=90))


def test_a_caller_that_knows_the_recorded_contract_alone_still_works(stack: Stack) -> None:
    with grpc.insecure_channel(stack.target) as channel:
        caller = Caller(channel)
        job_id = caller.call("StartRender", workspaceId="compatibility", project=PROJECT, provider="local").job.job_id
        named = {"workspaceId": "compatibility", "jobId": job_id}
        events = [answer.event for answer in caller.stream("WatchProgress", **named) if answer.HasField("event")]
        sequences = [event.sequence for event in events]
        assert sequences == sorted(set(sequences))
        assert events[-1].status == COMPLETED
        job = caller.call("GetJob", **named).job
        assert (job.status, job.progress, job.video.frames) == (COMPLETED, 100, 24)
        video = b"".join(piece.data for piece in caller.stream("DownloadVideo", **named))
        assert hashlib.sha256(video).hexdigest() == job.video.sha256


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  string script = 6;", ""),
        ("  string script = 6;", "  string script = 66;"),
        ("  string script = 6;", "  bytes script = 6;"),
        ("  PROJECT_MODE_SHORT = 2;", ""),
    ],
    ids=["removed", "renumbered", "retyped", "value removed"],
)
def test_the_recorded_contract_refuses_what_would_break_a_caller(tmp_path: Path, before: str, after: str) -> None:
    shutil.copytree(ROOT / "proto" / "render", tmp_path / "render")
    file = tmp_path / "render" / "v1" / "project.proto"
    compared = ["buf", "breaking", str(tmp_path), "--against", str(IMAGE)]
    subprocess.run(compared, check=True)
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")
    refused = subprocess.run(compared, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "project.proto" in refused.stdout
