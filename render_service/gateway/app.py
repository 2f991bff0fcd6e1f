"""The ASGI application: finds the RPC that a request stands for, and answers with what it returns."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from google.protobuf.message import Message
from google.rpc import code_pb2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from render_service.domain.errors import FieldFault
from render_service.gateway import earlier
from render_service.gateway.bodies import BodyReader, encode
from render_service.gateway.calls import Server, metadata_of, peer_of
from render_service.gateway.connect import call_stream, call_unary
from render_service.gateway.downloads import download
from render_service.gateway.errors import RequestRefused, error_response, refuse, refuse_fields
from render_service.gateway.events import watch_over_http
from render_service.gateway.openapi import DOCUMENT
from render_service.gateway.rules import HttpRule, load_rules
from render_service.gateway.transcoding import read_request, to_json
from render_service.telemetry.logging import get_logger

Respond = Callable[[Request], Awaitable[Response]]

_JSON = ("application/json",)
_RESUME_FIELDS = {"WatchProgress": "after_sequence", "WatchWorkspace": "cursor", "WatchBatch": "cursor"}
_CORS_HEADERS = (
    "Authorization",
    "Connect-Protocol-Version",
    "Connect-Timeout-Ms",
    "Content-Type",
    "Idempotency-Key",
    "Last-Event-ID",
    "Range",
    "traceparent",
)
_CORS_EXPOSED = ("Content-Range", "ETag", "Retry-After")
_log = get_logger(__name__)


def make_app(server: Server, *, origins: Sequence[str] = (), hosts: Sequence[str] = ("*",)) -> Starlette:
    """Return the application.

    Args:
        server: The gRPC server.
        origins: Origins of web pages that may call it, such as `https://studio.example`; `*` for any.
        hosts: Names and addresses by which it may be called; `*` for any.
    """
    rules = load_rules()
    by_name = {rule.method.name: rule for rule in rules}
    endpoints = _Endpoints(server)
    routes: dict[str, dict[str, Respond]] = {}
    for rule in rules:
        routes.setdefault(rule.route, {})[rule.verb] = _guard(endpoints.of(rule))
        routes[rule.call] = {"POST": _guard(endpoints.of_connect(rule))}
    start = partial(endpoints.start_as_before, by_name["StartRender"])
    get = partial(endpoints.get_as_before, by_name["GetJob"])
    routes["/openapi.json"] = {"GET": _describe}
    routes[earlier.GET] = {"GET": _guard(get, earlier.refused)}
    routes[earlier.START] = {"POST": _guard(start, earlier.refused)}
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=_CORS_HEADERS,
        expose_headers=_CORS_EXPOSED,
        max_age=600,
    )
    trusted = Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    return Starlette(
        routes=[_route(path, by_verb) for path, by_verb in routes.items()],
        middleware=[trusted, cors] if origins else [trusted],
        exception_handlers={HTTPException: _answer_http_exception, Exception: _answer_fault},
    )


class _Endpoints:
    """The endpoints of all RPCs.

    Args:
        server: The gRPC server.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._bodies = BodyReader()

    def of(self, rule: HttpRule) -> Respond:
        """Return the endpoint of an RPC."""
        name = rule.method.name
        if (resume_field := _RESUME_FIELDS.get(name)) is not None:
            return lambda request: watch_over_http(self._server, rule, request, resume_field)
        if name == "DownloadVideo":
            return partial(download, self._server, rule)
        if name == "RenderFrame":
            return partial(self._render_frame, rule)
        return partial(self._respond, rule)

    def of_connect(self, rule: HttpRule) -> Respond:
        """Return the endpoint of an RPC for the Connect protocol."""
        answer = call_stream if rule.method.server_streaming else call_unary
        return partial(answer, self._server, self._bodies, rule)

    async def start_as_before(self, rule: HttpRule, request: Request) -> Response:
        """Start a render of a stored project as earlier callers do."""
        return earlier.started(await self._call(rule, request))

    async def get_as_before(self, rule: HttpRule, request: Request) -> Response:
        """Return a job as earlier callers read it."""
        return earlier.job_fields(await self._call(rule, request))

    async def _respond(self, rule: HttpRule, request: Request) -> Response:
        return await _json(await self._call(rule, request))

    async def _render_frame(self, rule: HttpRule, request: Request) -> Response:
        frame: Any = await self._call(rule, request)
        # Who asks for a picture gets the picture.
        if request.headers.get("Accept", "").startswith("image/"):
            return Response(frame.image, headers={"Cache-Control": "no-store"}, media_type=frame.content_type)
        return await _json(frame)

    async def _call(self, rule: HttpRule, request: Request) -> Message:
        caller = (metadata_of(request), peer_of(request))
        body = await self._bodies.read(request, _JSON, partial(self._server.admit, rule.call, *caller))
        message = await self._bodies.parse(body, partial(self._read, rule, request))
        return await self._server.call(rule.call, message.SerializeToString(), *caller)

    def _read(self, rule: HttpRule, request: Request, body: bytes) -> Message:
        path, query = request.path_params, request.query_params.multi_items()
        known = {name: value for name, value in path.items() if "{" + name + "}" in rule.route}
        read = read_request(rule, known, query, body)
        message: Any = read
        for name in path.keys() - known.keys():
            setattr(message, name, path[name])
        is_idempotent = "request_id" in rule.method.input_type.fields_by_name
        if (key := request.headers.get("Idempotency-Key")) and is_idempotent:
            if message.request_id not in ("", key):
                raise refuse_fields([FieldFault("request_id", "contradicts the header Idempotency-Key")])
            message.request_id = key
        return read


def _guard(respond: Respond, refused: Callable[[RequestRefused], Response] = error_response) -> Respond:
    async def guarded(request: Request) -> Response:
        try:
            return await respond(request)
        except RequestRefused as error:
            return refused(error)
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)

    return guarded


def _route(path: str, by_verb: Mapping[str, Respond]) -> Route:
    """Return the route of a path, which knows all its verbs: so that 405 names those that are allowed."""
    heads = {"HEAD": by_verb["GET"]} if "GET" in by_verb else {}
    endpoints = {**by_verb, **heads}

    async def respond(request: Request) -> Response:
        return await endpoints[request.method](request)

    return Route(path, respond, methods=list(by_verb))


async def _json(message: Message) -> Response:
    content = await encode(message.ByteSize(), partial(to_json, message))
    return Response(content, headers={"Cache-Control": "no-store"}, media_type="application/json")


async def _describe(_: Request) -> Response:
    return FileResponse(DOCUMENT, media_type="application/json")


async def _answer_http_exception(request: Request, exception: Exception) -> Response:
    """Answer for a path that there is not, or a verb that a path does not take."""
    assert isinstance(exception, HTTPException), "registered for these"
    code = code_pb2.NOT_FOUND if exception.status_code == HTTPStatus.NOT_FOUND else code_pb2.UNIMPLEMENTED
    message = f"{request.method} {request.url.path}: {exception.detail.lower()}; see /openapi.json for what there is"
    error = refuse(code, message, exception.status_code, exception.headers)
    return earlier.refused(error) if request.url.path.startswith("/api/") else error_response(error)


async def _answer_fault(request: Request, _: Exception) -> Response:
    _log.exception("request failed by a fault of the gateway", method=request.method)
    return error_response(refuse(code_pb2.INTERNAL, "an internal fault", HTTPStatus.INTERNAL_SERVER_ERROR))
