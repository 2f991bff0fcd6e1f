"""Bodies of requests: large ones from authenticated callers only, and at a cost in proportion to their size."""

import json
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from google.rpc import code_pb2
from render_client.v1 import render_service_pb2 as pb
from starlette.requests import Request

from render_service.domain.errors import FieldFault
from render_service.gateway import bodies
from render_service.gateway.bodies import LARGE_BYTES, BodyReader
from render_service.gateway.documents import read_document
from render_service.gateway.errors import RequestRefused, refuse, refuse_fields
from render_service.gateway.transcoding import read_json

JSON = ("application/json",)


class Arriving(Request):
    """A request whose body arrives piece by piece; `taken` is how many were read."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        super().__init__({"type": "http", "headers": [(b"content-type", b"application/json")]})
        self._pieces = pieces
        self.taken = 0

    async def stream(self) -> AsyncIterator[bytes]:  # type: ignore[override]
        for piece in self._pieces:
            self.taken += 1
            yield piece


async def refuse_stranger() -> None:
    raise refuse(code_pb2.UNAUTHENTICATED, "who is it?", 401)


async def admit() -> None:
    pass


async def test_a_stranger_cannot_send_a_large_body() -> None:
    request = Arriving([b" " * LARGE_BYTES, b" ", *[b" " * LARGE_BYTES] * 20])
    with pytest.raises(RequestRefused) as refused:
        await BodyReader().read(request, JSON, refuse_stranger)
    assert (refused.value.http_status, request.taken) == (401, 2)
    assert await BodyReader().read(Arriving([b"{}"]), JSON, refuse_stranger) == b"{}"


async def test_so_many_large_bodies_arrive_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_MAX_ARRIVING", 0)
    reader, large = BodyReader(), [b" " * (LARGE_BYTES + 1)]
    with pytest.raises(RequestRefused) as refused:
        await reader.read(Arriving(large), JSON, admit)
    assert (refused.value.http_status, refused.value.headers["Retry-After"]) == (503, "1")
    monkeypatch.setattr(bodies, "_MAX_ARRIVING", 1)
    for _ in range(2):  # one after the other
        assert len(await reader.read(Arriving(large), JSON, admit)) == LARGE_BYTES + 1


def faults_of(body: bytes) -> list[str]:
    faults: list[FieldFault] = []
    read_json(body, faults)
    return [fault.description for fault in faults]


def test_a_repeated_name_among_many_is_found_in_proportion_to_their_number() -> None:
    names = [f"name-{number}" for number in range(30_000)]
    body = ("{" + ",".join(f'"{name}":1' for name in (*names, names[-1])) + "}").encode()
    began = time.thread_time()
    assert faults_of(body) == ["has 'name-29999' twice in one object"]
    assert time.thread_time() - began < 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"a":[' + b"{}," * 300_000 + b"{}]}", "has more than 300,000 fields"),
        (b'{"a":[' + b"1," * 2_000_001 + b"1]}", "has too many values"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "has a number with too many digits"),
    ],
)
def test_a_document_is_bounded_by_what_it_takes_in_memory(body: bytes, said: str) -> None:
    assert faults_of(body) == [said]


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"\ud800": 1}, "\\ud800"),
        ({"labels": {"\udfff": "a"}}, "labels[\\udfff]"),
        ({"variables": {"a": "\ud800"}}, "variables[a]"),
    ],
)
def test_half_a_character_is_named_wherever_it_is(document: dict[str, Any], field: str) -> None:
    faults: list[FieldFault] = []
    read_document(json.loads(json.dumps(document)), pb.StartRenderRequest(), faults)
    (violation,) = [refuse_fields(faults)]
    assert field in violation.status.message
