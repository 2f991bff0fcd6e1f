"""Records a request and its answer for every RPC, from a real run, for the API reference.

    python -m scripts.record_examples

It starts the whole service, makes every call of `example_calls.py` in order, and writes
docs/reference/api/examples.json. A test makes the same calls and compares the answers, except for values that differ in
every run (see `comparable`).
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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from render_client.v1 import (
    batch_service_pb2,
    brand_service_pb2,
    project_service_pb2,
    render_service_pb2,
    webhook_service_pb2,
)

from render_service.compositor.text import fonts
from render_service.embedded.ports import LOOPBACK, free_port
from render_service.embedded.stack import Stack
from render_service.runtime.health_probe import is_serving
from scripts.example_calls import BATCH, BRAND, CALLS, PROJECT, RECEIVER, RENDER, WEBHOOK, Call

_FONT = Path(fonts.__file__).parent / "font_files/families/Poppins-Regular.ttf"
EXAMPLES_FILE = Path(__file__).resolve().parent.parent / "docs/reference/api/examples.json"
SECOND_SERVER = {
    "RENDER_SPEECH_PROVIDER": "local",
    "STORAGE_URL": "s3://videos",
    "AWS_ENDPOINT_URL_S3": "https://s3.example.com",
    "AWS_REGION": "eu-north-1",
    "AWS_ACCESS_KEY_ID": "example-key",
    "AWS_SECRET_ACCESS_KEY": "example-secret",
}
"""Settings of a second server: speech, and a store with pre-signed URLs. It lists and signs without asking either."""
_HANG_SECONDS = 120.0
# Values of these fields differ in every run, or between machines.
_VARIABLE = re.compile(
    r"(job|task|project|webhook|delivery|event|request|font|batch)Id|etag|cursor|nextPageToken|sequence|sizeBytes|sha256|data|image|"
    r"secrets|url|timestamp|[a-z]+Time|heartbeat"
)


_FILES = {
    RENDER: render_service_pb2.DESCRIPTOR,
    PROJECT: project_service_pb2.DESCRIPTOR,
    WEBHOOK: webhook_service_pb2.DESCRIPTOR,
    BRAND: brand_service_pb2.DESCRIPTOR,
    BATCH: batch_service_pb2.DESCRIPTOR,
}


def record(stack: Stack, token: str = "") -> dict[str, Any]:
    """Make all calls against a running service that allows webhooks on this machine.

    Returns:
        The `request` and the `answers` of each RPC, by its name.
    """
    known: dict[str, Any] = {"font_file": b64encode(_FONT.read_bytes()).decode()}
    found: dict[str, Any] = {}
    with _receiver() as receiver, grpc.insecure_channel(stack.target) as channel, _second_server(stack) as other:
        for call in CALLS:
            request = _filled(call.request, known)
            sent = json.loads(json.dumps(request).replace(RECEIVER, receiver))
            try:
                answers = _answers(call, other if call.second else channel, sent, token)
            except grpc.RpcError as error:
                if not call.refused:
                    raise
                answers = [_status(error)]
            for name, path in call.keep.items():
                known[name] = _at(answers[0], path)
            if call.shown:
                # Whole numbers of a Struct arrive as floats; JSON shows them without a fraction.
                answers = json.loads(json.dumps(answers).replace(receiver, RECEIVER), parse_float=_number)
                abridged = [_abridged(answer) for answer in answers]
                found[call.name] = {"request": _abridged(request), "answers": abridged}
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
    """Return a request or an answer without bytes of files, secrets and most of a long list: only how they begin."""
    short = dict(answer)
    if "fonts" in short:
        short["fonts"] = [short["fonts"][0], short["fonts"][-1]]
    for field in ("data", "image", "content"):
        if field in short:
            short[field] = f"{short[field][:24]}…"
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


def _status(error: grpc.RpcError) -> dict[str, Any]:
    """Return the status of a refused call, with its details."""
    trailers: Any = error.trailing_metadata()
    raw = next(value for key, value in trailers if key == "grpc-status-details-bin")
    pool = error_details_pb2.DESCRIPTOR.pool  # the types of the details
    return json_format.MessageToDict(status_pb2.Status.FromString(raw), descriptor_pool=pool)


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
    if EXAMPLES_FILE.exists() and comparable(json.loads(EXAMPLES_FILE.read_text(encoding="utf-8"))) == comparable(
        examples
    ):
        print("The recorded examples are what the service answers; nothing is changed.")
        return
    EXAMPLES_FILE.write_text(json.dumps(examples, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
