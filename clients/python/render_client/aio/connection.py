"""The connection of a client: how one call and one stream are made, retried, resumed and ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
from google.protobuf.message import Message

from render_client.aio.primitives import ClosedFlag, Stream, open_channel
from render_client.config import DEFAULT_TIMEOUT, DEFAULT_WORKSPACE, TLS, ClientConfig, MetadataHook
from render_client.durations import Seconds, as_optional_seconds, as_seconds
from render_client.errors import ClientClosedError, RenderError, translate
from render_client.messages import Requests
from render_client.retry import Attempts, RetryPolicy
from render_client.v1.batch_service_pb2_grpc import BatchServiceStub
from render_client.v1.brand_service_pb2_grpc import BrandServiceStub
from render_client.v1.project_service_pb2_grpc import ProjectServiceStub
from render_client.v1.render_service_pb2_grpc import RenderServiceStub
from render_client.v1.webhook_service_pb2_grpc import WebhookServiceStub
from render_client.watch import Position, ended_without_end

if TYPE_CHECKING:
    from typing_extensions import Self

    from render_client.aio.primitives import StreamMethod, UnaryMethod

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)
News = TypeVar("News")
Item = TypeVar("Item")


class AsyncConnection:
    """What the groups of methods of a client are built on; see the client for the arguments."""

    def __init__(
        self,
        target: str,
        *,
        token: str | None = None,
        workspace: str | None = None,
        tls: bool | TLS | None = None,
        timeout: Seconds = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = None,
        metadata: MetadataHook | None = None,
    ) -> None:
        self.config = ClientConfig(
            target,
            token,
            workspace or DEFAULT_WORKSPACE,
            tls,
            as_seconds(timeout),
            retry or RetryPolicy(),
            metadata,
        )
        self._channel = open_channel(self.config)
        self._render = RenderServiceStub(self._channel)
        self._projects = ProjectServiceStub(self._channel)
        self._webhooks = WebhookServiceStub(self._channel)
        self._brands = BrandServiceStub(self._channel)
        self._batches = BatchServiceStub(self._channel)
        self._requests = Requests(self.config.workspace)
        self._reached = False
        self._closed = ClosedFlag()

    @classmethod
    def from_config(cls, config: ClientConfig) -> Self:
        """Create a client from a configuration, such as `ClientConfig.load()` returns."""
        return cls(
            config.target,
            token=config.token,
            workspace=config.workspace,
            tls=config.tls,
            timeout=config.timeout,
            retry=config.retry,
            metadata=config.more_metadata,
        )

    async def close(self) -> None:
        """Close the connection; calls in progress raise `ClientClosedError`."""
        self._closed.set()
        await self._channel.close()

    async def __aenter__(self) -> Self:
        """Return the client; leaving the block closes it."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connection."""
        await self.close()

    async def _call(
        self,
        method: UnaryMethod[Request, Response],
        request: Request,
        *,
        repeatable: bool = True,
        at_least: float = 0,
    ) -> Response:
        most = self.config.retry.call_attempts if repeatable else 1
        attempts = Attempts(self.config.retry, timeout=max(at_least, self.config.timeout), most=most)
        while True:
            self._check_open()
            try:
                with self._closed.ending(_closed_error()):
                    response = await method(request, timeout=attempts.remaining(), metadata=self.config.metadata())
            except grpc.RpcError as error:
                ending = self._translated(error)
            else:
                self._reached = True
                return response
            await self._pause(attempts.delay_after(ending))

    async def _follow(
        self,
        method: StreamMethod[Request, Response],
        position: Position[Request, Response, News],
        timeout: Seconds | None,
    ) -> Stream[News]:
        attempts = self._stream_attempts(timeout)
        while True:
            self._check_open()
            call = method(position.request(), timeout=attempts.remaining(), metadata=self.config.metadata())
            try:
                with self._closed.ending(_closed_error()):
                    async for response in call:
                        self._reached = True
                        if (news := position.accept(response)) is not None:
                            yield news
                        # After the yield, so that the time the caller takes does not count as time without progress.
                        attempts.progressed()
                        if position.ended:
                            return
                ending: RenderError = ended_without_end()
            except grpc.RpcError as error:
                ending = self._translated(error)
            finally:
                call.cancel()
            await self._pause(attempts.delay_after(ending))

    async def _pages(
        self, method: UnaryMethod[Request, Response], first: Request, items: Callable[[Response], Iterable[Item]]
    ) -> Stream[Item]:
        """Iterate over the items of all pages; each page is fetched on demand."""
        request: Any = first
        while True:
            page: Any = await self._call(method, request)
            for item in items(page):
                yield item
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def _stream_attempts(self, timeout: Seconds | None) -> Attempts:
        retry = self.config.retry
        most = None if self._reached else retry.call_attempts
        return Attempts(retry, timeout=as_optional_seconds(timeout), most=most, longest=retry.longest_stream)

    def _translated(self, error: grpc.RpcError) -> RenderError:
        plaintext = self.config.credentials() is None
        return translate(error, first_on_plaintext=plaintext and not self._reached)

    async def _pause(self, seconds: float) -> None:
        if await self._closed.wait(seconds):
            raise _closed_error()

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise _closed_error()


def _closed_error() -> ClientClosedError:
    return ClientClosedError("the client was closed")
