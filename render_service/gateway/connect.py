"""The Connect protocol, for browsers: `POST /render.v1.RenderService/GetJob` (https://connectrpc.com/docs/protocol).

Unary and server-streaming calls, in JSON or protobuf, uncompressed. Connect's own package for Python brings another
implementation of protobuf and an HTTP client with it, for the few lines that the protocol takes.
"""

import asyncio
import json
import struct
from base64 import b64encode
from collections.abc import AsyncIterator
from functools import partial
from http import HTTPStatus
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2, status_pb2
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from render_service.domain.errors import FieldFault
from render_service.gateway.bodies import BodyReader, encode, media_type_of
from render_service.gateway.calls import Responses, Server, metadata_of, peer_of
from render_service.gateway.documents import read_document
from render_service.gateway.errors import RequestRefused, refuse, refuse_fields
from render_service.gateway.rules import HttpRule
from render_service.gateway.transcoding import read_json

_UNARY, _STREAM = ("application/json", "application/proto"), ("application/connect+json", "application/connect+proto")
_ENVELOPE = struct.Struct(">BI")
_COMPRESSED, _LAST = 1, 2
_NO_STORE = {"Cache-Control": "no-store"}
# What a call is refused for is known at once; its status is that of the response, as long as nothing was sent.
_FIRST_SECONDS = 1.0


async def call_unary(server: Server, bodies: BodyReader, rule: HttpRule, request: Request) -> Response:
    """Answer a unary call; what fails is answered with Connect's JSON of an error."""
    kind = media_type_of(request)
    try:
        caller = (metadata_of(request), peer_of(request))
        body = await bodies.read(request, _UNARY, partial(server.admit, rule.call, *caller))
        data = await bodies.parse(body, partial(_read, rule, is_json=kind == _UNARY[0]))
        response = await _within(request, server.call(rule.call, data, *caller))
    except RequestRefused as error:
        headers = error.headers | {"Content-Type": "application/json"}
        return Response(json.dumps(_error(error.status)), error.http_status, headers)
    content = await encode(response.ByteSize(), partial(_encode, response, is_json=kind == _UNARY[0]))
    return Response(content, headers=_NO_STORE, media_type=kind)


async def call_stream(server: Server, bodies: BodyReader, rule: HttpRule, request: Request) -> Response:
    """Answer a call with a stream of responses; what fails is told in its last envelope."""
    kind = media_type_of(request)
    if kind not in _STREAM:
        headers = {"Accept-Post": ", ".join(_STREAM)}
        return Response(status_code=HTTPStatus.UNSUPPORTED_MEDIA_TYPE, headers=headers)
    is_json = kind == _STREAM[0]
    try:
        caller = (metadata_of(request), peer_of(request))
        body = await bodies.read(request, _STREAM, partial(server.admit, rule.call, *caller))
        data = await bodies.parse(_opened(body), partial(_read, rule, is_json=is_json))
        responses = server.stream(rule.call, data, *caller)
        try:
            first = await responses.first(within_seconds=_FIRST_SECONDS)
        except BaseException:
            await responses.cancel()
            raise
    except RequestRefused as error:
        return Response(_end(error.status), headers=_NO_STORE, media_type=kind)
    return StreamingResponse(_envelopes(responses, first, is_json=is_json), headers=_NO_STORE, media_type=kind)


async def _envelopes(responses: Responses, response: Message | None, *, is_json: bool) -> AsyncIterator[bytes]:
    status = None
    try:
        if response is None:
            response = await responses.next()
        while response is not None:
            data = _encode(response, is_json=is_json)
            yield _ENVELOPE.pack(0, len(data)) + data
            response = await responses.next()
    except RequestRefused as error:
        status = error.status
    finally:
        await responses.cancel()
    yield _end(status)


def _opened(body: bytes) -> bytes:
    """Return what the one envelope of a request holds.

    Raises:
        RequestRefused: It is not one envelope, or is compressed.
    """
    if len(body) >= _ENVELOPE.size:
        flags, size = _ENVELOPE.unpack_from(body)
        if flags & _COMPRESSED:
            raise refuse(code_pb2.UNIMPLEMENTED, "messages must not be compressed", HTTPStatus.NOT_IMPLEMENTED)
        if not flags and len(body) == _ENVELOPE.size + size:
            return body[_ENVELOPE.size :]
    raise refuse_fields([FieldFault("body", "must be one envelope: 0, four bytes with the length, and the message")])


def _end(status: status_pb2.Status | None) -> bytes:
    """Return the last envelope of a stream."""
    data = json.dumps({} if status is None else {"error": _error(status)}).encode()
    return _ENVELOPE.pack(_LAST, len(data)) + data


def _error(status: status_pb2.Status) -> dict[str, Any]:
    details = [
        {
            "type": detail.type_url.rpartition("/")[2],
            "value": b64encode(detail.value).decode().rstrip("="),
        }
        for detail in status.details
    ]
    code = code_pb2.Code.Name(status.code).lower().replace("cancelled", "canceled")
    return {"code": code, "message": status.message, "details": details}


def _read(rule: HttpRule, data: bytes, *, is_json: bool) -> bytes:
    """Return the request of an RPC, serialised; the server itself parses protobuf, within its limits."""
    if not is_json:
        return data
    message: Message = GetMessageClass(rule.method.input_type)()
    faults: list[FieldFault] = []
    read_document(read_json(data, faults), message, faults)
    if faults:
        raise refuse_fields(faults)
    return message.SerializeToString()


def _encode(message: Message, *, is_json: bool) -> bytes:
    if not is_json:
        return message.SerializeToString()
    return json.dumps(json_format.MessageToDict(message), ensure_ascii=False, separators=(",", ":")).encode()


async def _within(request: Request, call: Any) -> Message:
    """Return the response of a call within the time that the caller gives it.

    Raises:
        RequestRefused: It failed, or took longer.
    """
    given = request.headers.get("Connect-Timeout-Ms", "")
    seconds = int(given) / 1000 if given.isdecimal() and len(given) <= 10 else None
    try:
        async with asyncio.timeout(seconds):
            response: Message = await call
    except TimeoutError:
        message = f"took longer than {given} ms"
        raise refuse(code_pb2.DEADLINE_EXCEEDED, message, HTTPStatus.GATEWAY_TIMEOUT) from None
    return response
