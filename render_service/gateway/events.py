"""Watches as server-sent events (the HTML standard, 9.2): resumable, with heartbeats, and complete to the end."""

from collections.abc import AsyncIterator
from typing import Any

from google.protobuf.message import Message
from render_client.v1 import batch_service_pb2, job_pb2
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from render_service.domain.errors import FieldFault
from render_service.gateway.calls import Responses, Server, metadata_of, peer_of
from render_service.gateway.errors import RequestRefused, refuse_fields, status_json
from render_service.gateway.rules import HttpRule
from render_service.gateway.transcoding import read_request, to_json

# What a watch is refused for is known at once; a resumed one may have nothing new to say.
_FIRST_SECONDS = 1.0
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_ENDED = frozenset({job_pb2.JOB_STATUS_COMPLETED, job_pb2.JOB_STATUS_FAILED, job_pb2.JOB_STATUS_CANCELLED})
_RUNNING = batch_service_pb2.BATCH_STATE_RUNNING
_MAX_MADE = 64
_MADE: dict[int, tuple[object, bytes]] = {}
_HEARTBEAT = b": heartbeat\n\n"
_LAST_ID = "Last-Event-ID"
# The end of a batch has the cursor of its last row, which a caller may have seen without the end.
_END = ".end"


async def watch_over_http(server: Server, rule: HttpRule, request: Request, resume_field: str) -> Response:
    """Return the response that streams a watch.

    Each event has its JSON as `data` and, as `id`, what resumes the stream after it: browsers send it back as
    `Last-Event-ID` by themselves. A resumed watch of a job or batch whose end the caller has seen is 204 No Content, at
    which browsers stop. A watch that fails on the way ends with an event `error`, whose data is the status.

    Args:
        server: The gRPC server.
        rule: WatchProgress, WatchWorkspace or WatchBatch.
        request: The request.
        resume_field: The field of the RPC's request that resumes it.

    Raises:
        RequestRefused: The watch is refused.
    """
    query = request.query_params.multi_items()
    last_id = request.headers.get(_LAST_ID, "")
    if last_id:
        if resume_field == "after_sequence" and not last_id.isdecimal():
            raise refuse_fields([FieldFault(_LAST_ID, "must be the id of an event of this stream")])
        # A browser that connects again repeats the URL; what it has seen since counts.
        query = [(name, value) for name, value in query if name not in (resume_field, "from_oldest")]
        query.append((resume_field, last_id))
    if rule.method.name == "WatchBatch":
        query = [(name, value.removesuffix(_END) if name == resume_field else value) for name, value in query]
    message = read_request(rule, request.path_params, query, b"")
    responses = server.stream(rule.call, message.SerializeToString(), metadata_of(request), peer_of(request))
    try:
        first = await responses.first(within_seconds=_FIRST_SECONDS)
    except BaseException:
        await responses.cancel()
        raise
    if first is not None and _is_repeated_end(first, last_id):
        await responses.cancel()
        return Response(status_code=204, headers=_HEADERS)
    return StreamingResponse(_events(responses, first), headers=_HEADERS, media_type="text/event-stream")


async def _events(responses: Responses, response: Message | None) -> AsyncIterator[bytes]:
    try:
        if response is None:
            yield _HEARTBEAT
            response = await responses.next()
        while response is not None:
            yield _event(response)
            response = await responses.next()
    except RequestRefused as error:
        yield b"event: error\ndata: " + status_json(error.status) + b"\n\n"
    finally:
        await responses.cancel()


def _event(response: Any) -> bytes:
    """Return a response of a watch as an event."""
    cursor = getattr(response, "cursor", "")
    kind = response.WhichOneof("update")
    if kind in ("batch", "ended"):
        return _batch_event(kind, cursor, getattr(response, kind))
    if kind != "event":
        # An id without data moves the browser's place without an event.
        return f"id: {cursor}\n: heartbeat\n\n".encode() if cursor else _HEARTBEAT
    if (found := _MADE.get(id(response))) is not None and found[0] is response:
        return found[1]
    event = response.event
    kind = "end" if not cursor and event.status in _ENDED else "update"
    made = b"event: %s\nid: %s\ndata: %s\n\n" % (
        kind.encode(),
        (cursor or str(event.sequence)).encode(),
        to_json(event),
    )
    # All watchers of a job receive the same message: it is written once.
    _MADE[id(response)] = (response, made)
    if len(_MADE) > _MAX_MADE:
        del _MADE[next(iter(_MADE))]
    return made


def _batch_event(kind: str, cursor: str, content: Any) -> bytes:
    """Return what a watch of a batch reports: `row` for the end of a job, `update` or `end` for the batch."""
    name = "row" if kind == "ended" else "update" if content.state == _RUNNING else "end"
    if name == "end":
        cursor += _END
    return b"event: %s\nid: %s\ndata: %s\n\n" % (name.encode(), cursor.encode(), to_json(content))


def _is_repeated_end(response: Any, last_id: str) -> bool:
    """Whether a response is the end of a job or batch that the caller has seen already."""
    match response.WhichOneof("update"):
        case "batch":
            return last_id.endswith(_END) and response.batch.state != _RUNNING
        case "event":
            event = response.event
            return last_id.isdecimal() and event.status in _ENDED and event.sequence <= int(last_id)
    return False
