"""Files of jobs over HTTP, whole or in ranges, so that browsers can play and seek (RFC 9110, 13 and 14)."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from google.rpc import code_pb2
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from render_service.gateway.calls import Responses, Server, metadata_of, peer_of
from render_service.gateway.errors import RequestRefused, refuse
from render_service.gateway.rules import HttpRule
from render_service.gateway.transcoding import read_request

# Of several ranges, of another unit, or malformed: the whole file, as RFC 9110, 14.2 allows.
_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*")


@dataclass(frozen=True, slots=True)
class _Range:
    """Offsets of the first byte, and after the last."""

    start: int
    end: int


async def download(server: Server, rule: HttpRule, request: Request) -> Response:
    """Return the response that sends a file.

    Args:
        server: The gRPC server.
        rule: DownloadVideo.
        request: The request, GET or HEAD.

    Raises:
        RequestRefused: The call failed, or the range lies beyond the end of the file.
    """
    message: Any = read_request(rule, request.path_params, request.query_params.multi_items(), b"")
    metadata, peer = metadata_of(request), peer_of(request)
    offset = message.offset
    # A player that seeks names the byte at which it goes on: the download begins there, if the file reaches so far.
    message.offset = begun = offset or _first_wanted(request)
    responses = server.stream(rule.call, message.SerializeToString(), metadata, peer)
    try:
        try:
            first: Any = await responses.next()
        except RequestRefused as error:
            if begun == offset or error.status.code != code_pb2.OUT_OF_RANGE:
                raise
            message.offset = begun = offset
            responses = server.stream(rule.call, message.SerializeToString(), metadata, peer)
            first = await responses.next()
        size, headers = first.size_bytes, _headers(first)
        if "ETag" in headers and request.headers.get("If-None-Match") in (headers["ETag"], "*"):
            await responses.cancel()
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        wanted = None if offset else _range_of(request, size, headers.get("ETag"))
        status, part = HTTPStatus.OK, wanted or _Range(offset, size)
        if wanted is not None:
            status = HTTPStatus.PARTIAL_CONTENT
            headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{size}"
        headers["Content-Length"] = str(part.end - part.start)
        if request.method == "HEAD":
            await responses.cancel()
            return Response(status_code=status, headers=headers, media_type=first.content_type)
        if part.start != begun:
            await responses.cancel()
            message.offset = part.start
            responses = server.stream(rule.call, message.SerializeToString(), metadata, peer)
            first = await responses.next()
    except BaseException:
        await responses.cancel()
        raise
    return StreamingResponse(
        _pieces(responses, first, part.end - part.start), status, headers, media_type=first.content_type
    )


def _first_wanted(request: Request) -> int:
    """Return the first byte that a request asks for; 0 if that depends on the size of the file."""
    found = _RANGE.fullmatch(request.headers.get("Range", ""))
    return int(found[1]) if found is not None and found[1] else 0


def _headers(first: Any) -> dict[str, str]:
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, no-cache", "Content-Disposition": "inline"}
    if first.sha256:
        headers["ETag"] = f'"{first.sha256}"'
    return headers


def _range_of(request: Request, size: int, etag: str | None) -> _Range | None:
    """Return the range that a request asks for; None for the whole file.

    Raises:
        RequestRefused: 416, the range lies beyond the end.
    """
    found = _RANGE.fullmatch(request.headers.get("Range", ""))
    if found is None or request.headers.get("If-Range", etag) != etag or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= size:
        raise refuse(
            code_pb2.OUT_OF_RANGE,
            f"Range: begins at byte {start}; the file has {size}",
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            {"Content-Range": f"bytes */{size}"},
        )
    return _Range(start, end)


async def _pieces(responses: Responses, piece: Any, left: int) -> AsyncIterator[bytes]:
    """Yield so many bytes. An error on the way breaks the connection: the caller resumes with another range."""
    try:
        while piece is not None and left > 0:
            yield piece.data[:left]
            left -= len(piece.data)
            piece = await responses.next() if left > 0 else None
    finally:
        await responses.cancel()
    if left > 0:
        raise ConnectionAbortedError("the file ended early")
