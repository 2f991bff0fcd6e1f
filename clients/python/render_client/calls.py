"""What the groups of calls of a client are built on: a way to make one call."""

from abc import ABC, abstractmethod
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from render_client.messages import Requests

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)


class Calls(ABC):
    """A group of calls of `RenderClient`."""

    _requests: Requests

    @abstractmethod
    def _call(
        self, method: "grpc.UnaryUnaryMultiCallable[Request, Response]", request: Request, *, repeatable: bool = True
    ) -> Response: ...


class AsyncCalls(ABC):
    """A group of calls of `AsyncRenderClient`."""

    _requests: Requests

    @abstractmethod
    async def _call(
        self,
        method: "grpc.aio.UnaryUnaryMultiCallable[Request, Response]",
        request: Request,
        *,
        repeatable: bool = True,
    ) -> Response: ...
