"""The status that a call ends with, for metrics and tracing."""

from typing import TypeVar

import grpc

from render_service.server.interceptors.base import Call, Context, Middleware, Work

T = TypeVar("T")


class Outcome:
    """The status of a call: OK until `of` has seen it end otherwise."""

    def __init__(self) -> None:
        self.code = grpc.StatusCode.OK

    async def of(self, within: Middleware, call: Call, work: Work[T]) -> T:
        """Run a call inside the middleware that decides on its status, and keep that status."""
        try:
            return await within.run(call, work)
        except grpc.aio.AbortError:
            self.code = _status_code(call.context)
            raise
        except BaseException:  # cancelled by the caller, or by the end of the process
            self.code = grpc.StatusCode.CANCELLED
            raise


def _status_code(context: Context) -> grpc.StatusCode:
    code: object = context.code()
    if isinstance(code, grpc.StatusCode):
        return code
    return next((known for known in grpc.StatusCode if known.value[0] == code), grpc.StatusCode.UNKNOWN)
