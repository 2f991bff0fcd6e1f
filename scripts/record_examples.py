"""Records a request and its answer for every RPC, from a real run, for the API reference.

    python -m scripts.record_examples

It starts the whole service, makes every call of EXAMPLES in order, and writes docs/reference/api/examples.json. A test
makes the same calls and compares the answers, except for values that differ in every run (see `comparable`).
"""

import asyncio
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from render_client.v1 import project_service_pb2, render_service_pb2, webhook_service_pb2

from render_service.embedded.ports import LOOPBACK, free_port
from render_service.embedded.stack import Stack
from render_service.runtime.health_probe import is_serving

EXAMPLES_FILE = Path(__file__).resolve().parent.parent / "docs/reference/api/examples.json"
WORKSPACE = "films"
RECEIVER = "https://films.example.com"
"""Shown in place of the receiver of webhooks that the run starts on this machine."""
SECOND_SERVER = {
    "RENDER_SPEECH_PROVIDER": "local",
    "STORAGE_URL": "s3://videos",
    "AWS_ENDPOINT_URL_S3": "https://s3.example.com",
    "AWS_REGION": "eu-north-1",
    "AWS_ACCESS_KEY_ID": "example-key",
    "AWS_SECRET_ACCESS_KEY": "example-secret",
}
"""Settings of a second server: speech, and a store with pre-signed URLs. It lists and signs without asking either."""
_RENDER, _PROJECT, _WEBHOOK = "RenderService", "ProjectService", "WebhookService"
_HANG_SECONDS = 120.0
_STORYBOARD = {
    "shots": [
        {
            "id": "sea",
            "visual_description": "The sea before breakfast",
            "caption": "It begins early.",
            "duration": "2s",
        },
        {"id": "boats", "visual_description": "The boats are already out", "duration": "1s"},
    ]
}
_DRAFT = {"size": {"width": 320, "height": 180}, "quality": "QUALITY_PRESET_DRAFT"}
# Values of these fields differ in every run, or between machines.
_VARIABLE = re.compile(
    r"(job|task|project|webhook|delivery|event|request)Id|etag|cursor|nextPageToken|sequence|sizeBytes|sha256|data|"
    r"secrets|url|timestamp|[a-z]+Time|heartbeat"
)


@dataclass(frozen=True)
class Call:
    """One call of the run.

    Attributes:
        service: Name of its service.
        method: Name of its method.
        request: Its request in JSON; a value `<name>` is replaced by what an earlier answer had for that name.
        keep: Names under which values of the answer are kept, with their paths.
        until: Path and value that the answer must have; the call is repeated until then.
        messages: Maximum number of messages to take from a stream.
        races: Fields of the answer that depend on how far the worker is.
        shown: Whether the call is the example of its RPC.
        second: Whether it goes to the second server, which has speech and pre-signed URLs.
    """

    service: str
    method: str
    request: dict[str, Any]
    keep: dict[str, Sequence[str | int]] = field(default_factory=dict)
    until: tuple[Sequence[str | int], str] | None = None
    messages: int | None = None
    races: frozenset[str] = frozenset()
    shown: bool = True
    second: bool = False

    @property
    def name(self) -> str:
        """Name of the RPC, such as `RenderService/GetJob`."""
        return f"{self.service}/{self.method}"


_JOB = {"workspace_id": WORKSPACE, "job_id": "<job>"}
CALLS = (
    Call(
        _PROJECT,
        "CreateProject",
        {"workspace_id": WORKSPACE, "project": {"title": "A morning", "storyboard": _STORYBOARD}},
        keep={"project": ("project", "projectId")},
    ),
    Call(
        _PROJECT,
        "GetProject",
        {"workspace_id": WORKSPACE, "project_id": "<project>"},
        keep={"etag": ("project", "etag")},
    ),
    Call(
        _PROJECT,
        "UpdateProject",
        {
            "workspace_id": WORKSPACE,
            "project": {
                "project_id": "<project>",
                "etag": "<etag>",
                "title": "A morning by the sea",
                "storyboard": _STORYBOARD,
            },
        },
    ),
    Call(_PROJECT, "ListProjects", {"workspace_id": WORKSPACE, "page_size": 10}),
    Call(
        _WEBHOOK,
        "CreateWebhook",
        {
            "workspace_id": WORKSPACE,
            "webhook": {"url": f"{RECEIVER}/render", "statuses": ["JOB_STATUS_COMPLETED", "JOB_STATUS_FAILED"]},
        },
        keep={"webhook": ("webhook", "webhookId")},
    ),
    Call(_WEBHOOK, "GetWebhookSecret", {"workspace_id": WORKSPACE}),
    Call(_WEBHOOK, "ListWebhooks", {"workspace_id": WORKSPACE}),
    Call(
        _RENDER,
        "StartRender",
        {
            "workspace_id": WORKSPACE,
            "project_id": "<project>",
            "output": _DRAFT,
            "request_id": "7d3f7c1a-3c0b-4f43-9a53-0f6f6a1f2b7e",
            "labels": {"episode": "12"},
        },
        keep={"job": ("job", "jobId")},
    ),
    Call(_RENDER, "WatchProgress", _JOB, shown=False),
    Call(_RENDER, "WatchProgress", {**_JOB, "after_sequence": 0}, races=frozenset({"progress"})),
    Call(_RENDER, "GetJob", _JOB),
    Call(
        _RENDER,
        "ListJobs",
        {"workspace_id": WORKSPACE, "statuses": ["JOB_STATUS_COMPLETED"], "labels": {"episode": "12"}},
    ),
    Call(_RENDER, "WatchWorkspace", {"workspace_id": WORKSPACE, "from_oldest": True}, messages=2),
    Call(_RENDER, "DownloadVideo", {**_JOB, "artifact": "ARTIFACT_POSTER"}),
    Call(_RENDER, "CreateDownloadUrl", _JOB, second=True),
    Call(_RENDER, "ListVoices", {"workspace_id": WORKSPACE, "language": "zh", "page_size": 2}, second=True),
    Call(
        _WEBHOOK,
        "ListWebhookDeliveries",
        {"workspace_id": WORKSPACE, "job_id": "<job>"},
        keep={"delivery": ("deliveries", 0, "deliveryId")},
        until=(("deliveries", 0, "state"), "WEBHOOK_DELIVERY_STATE_DELIVERED"),
    ),
    Call(
        _WEBHOOK,
        "RedeliverWebhook",
        {"workspace_id": WORKSPACE, "delivery_id": "<delivery>"},
        # A worker may begin to send before the answer is read.
        races=frozenset({"state", "attempts", "attemptTime", "nextAttemptTime", "httpStatus"}),
    ),
    Call(_WEBHOOK, "DeleteWebhook", {"workspace_id": WORKSPACE, "webhook_id": "<webhook>"}),
    Call(
        _RENDER,
        "StartRender",
        {
            "workspace_id": WORKSPACE,
            "project": {"storyboard": {"shots": [{"visual_description": "Too long", "duration": "600s"}]}},
        },
        keep={"long job": ("job", "jobId")},
        shown=False,
    ),
    Call(
        _RENDER,
        "CancelJob",
        {"workspace_id": WORKSPACE, "job_id": "<long job>"},
        races=frozenset({"status", "stage", "message", "progress", "attempt", "startTime", "endTime", "errorMessage"}),
    ),
    Call(_RENDER, "DeleteJob", _JOB),
    Call(_PROJECT, "DeleteProject", {"workspace_id": WORKSPACE, "project_id": "<project>"}),
)
_FILES = {
    _RENDER: render_service_pb2.DESCRIPTOR,
    _PROJECT: project_service_pb2.DESCRIPTOR,
    _WEBHOOK: webhook_service_pb2.DESCRIPTOR,
}


def record(stack: Stack, token: str = "") -> dict[str, Any]:
    """Make all calls against a running service that allows webhooks on this machine.

    Returns:
        The `request` and the `answers` of each RPC, by its name.
    """
    known: dict[str, Any] = {}
    found: dict[str, Any] = {}
    with _receiver() as receiver, grpc.insecure_channel(stack.target) as channel, _second_server(stack) as other:
        for call in CALLS:
            request = _filled(call.request, known)
            sent = json.loads(json.dumps(request).replace(RECEIVER, receiver))
            answers = _answers(call, other if call.second else channel, sent, token)
            for name, path in call.keep.items():
                known[name] = _at(answers[0], path)
            if call.shown:
                # Whole numbers of a Struct arrive as floats; JSON shows them without a fraction.
                answers = json.loads(json.dumps(answers).replace(receiver, RECEIVER), parse_float=_number)
                found[call.name] = {"request": request, "answers": [_abridged(answer) for answer in answers]}
    return found


def comparable(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return recorded examples without the values that differ between runs: only the type of those is kept."""
    races = {call.name: call.races for call in CALLS if call.shown}
    return {name: _comparable(example, races[name]) for name, example in recorded.items()}


def _comparable(value: Any, races: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {
            key: type(each).__name__ if _VARIABLE.fullmatch(_camel(key)) else _comparable(each, races)
            for key, each in value.items()
            if key not in races
        }
    return [_comparable(each, races) for each in value] if isinstance(value, list) else value


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda letter: letter[1].upper(), name)


def _filled(value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, known) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, known) for each in value]
    return known[value[1:-1]] if isinstance(value, str) and value.startswith("<") else value


def _number(text: str) -> float | int:
    number = float(text)
    return int(number) if number.is_integer() else number


def _at(value: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        value = value[step]
    return value


def _abridged(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer without bytes of files and without secrets: only how they begin."""
    short = dict(answer)
    if "data" in short:
        short["data"] = f"{short['data'][:24]}…"
    if "secrets" in short:
        short["secrets"] = [f"{secret[:10]}…" for secret in short["secrets"]]
    return short


def _answers(call: Call, channel: grpc.Channel, request: dict[str, Any], token: str) -> list[dict[str, Any]]:
    """Make a call, again until its answer is the awaited one."""
    deadline = time.monotonic() + _HANG_SECONDS
    while True:
        answers = list(itertools.islice(_made(call, channel, request, token), call.messages))
        if call.until is None:
            return answers
        path, wanted = call.until
        try:
            if _at(answers[0], path) == wanted:
                return answers
        except (KeyError, IndexError):
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(f"{call.name} never answered {wanted}: {answers}")
        time.sleep(0.05)


def _made(call: Call, channel: grpc.Channel, request: dict[str, Any], token: str) -> Iterator[dict[str, Any]]:
    method = _FILES[call.service].services_by_name[call.service].methods_by_name[call.method]
    message = json_format.ParseDict(request, GetMessageClass(method.input_type)())
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    stub: Any = channel.unary_stream if method.server_streaming else channel.unary_unary
    answer = stub(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=GetMessageClass(method.input_type).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )(message, metadata=metadata, timeout=_HANG_SECONDS)
    if not method.server_streaming:
        yield json_format.MessageToDict(answer)
        return
    try:
        yield from (json_format.MessageToDict(each) for each in answer if _says_something(each))
    finally:
        answer.cancel()


def _says_something(message: Message) -> bool:
    return message.WhichOneof("update") != "heartbeat" if "update" in message.DESCRIPTOR.oneofs_by_name else True


class _Accepting(BaseHTTPRequestHandler):
    """Accepts every delivery."""

    def do_POST(self) -> None:
        """Answer 204."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing."""


@contextmanager
def _receiver() -> Iterator[str]:
    """Run a receiver of webhooks; gives its URL."""
    with ThreadingHTTPServer((LOOPBACK, 0), _Accepting) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://{LOOPBACK}:{server.server_port}"
        finally:
            server.shutdown()


@contextmanager
def _second_server(stack: Stack) -> Iterator[grpc.Channel]:
    """Run a second server on the same database, with other settings; gives a channel to it."""
    target = f"{LOOPBACK}:{free_port()}"
    environment = {**os.environ, **stack.settings, **SECOND_SERVER, "RENDER_LISTEN": target}
    with (stack.data_dir / "second-server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "render_service", "serve"], env=environment, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + _HANG_SECONDS
        while not asyncio.run(is_serving(target, timeout_seconds=1)):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((stack.data_dir / "second-server.log").read_text(encoding="utf-8"))
            time.sleep(0.05)
        with grpc.insecure_channel(target) as channel:
            yield channel
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Record the examples."""
    with tempfile.TemporaryDirectory(prefix="render-") as name:
        settings = {
            "RENDER_AUTH": "off",
            "RENDER_WEBHOOK_KEYS": b64encode(bytes(32)).decode(),
            "RENDER_WEBHOOK_ALLOWED_HOSTS": LOOPBACK,
        }
        stack = Stack(Path(name), environment=settings, durable=False)
        asyncio.run(stack.start())
        try:
            examples = record(stack)
        finally:
            asyncio.run(stack.stop())
    EXAMPLES_FILE.write_text(json.dumps(examples, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
