"""Checks the health of a gRPC server: in this process, or as a program for container probes, `python -m …health`."""

import asyncio
import os
import sys
from http.client import HTTPConnection

import grpc
from grpc_health.v1 import health_pb2

_DEFAULT_LISTEN = "127.0.0.1:50051"
_CHECK = "/grpc.health.v1.Health/Check"


async def is_serving(target: str, *, timeout_seconds: float = 3.0) -> bool:
    """Return whether a server reports SERVING.

    Args:
        target: host:port, without TLS.
        timeout_seconds: Time to wait for the response.
    """
    async with grpc.aio.insecure_channel(target) as channel:
        check = channel.unary_unary(
            _CHECK,
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer = await check(health_pb2.HealthCheckRequest(), timeout=timeout_seconds)
        except grpc.aio.AioRpcError:
            return False
    return answer.status == health_pb2.HealthCheckResponse.SERVING


def local_target(listen: str) -> str:
    """Return the address by which this machine reaches a server that listens on `listen`.

    Args:
        listen: host:port as in RENDER_LISTEN; the host may stand for all addresses.
    """
    host, _, port = listen.rpartition(":")
    if host in ("", "*", "0.0.0.0"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    elif host in ("::", "[::]"):
        host = "[::1]"
    return f"{host}:{port}"


def is_ready_over_http(listen: str, *, timeout_seconds: float = 3.0) -> bool:
    """Return whether `/readyz` of a server reports that it is ready; works with TLS on the gRPC port.

    Args:
        listen: host:port as in RENDER_METRICS_LISTEN.
        timeout_seconds: Time to wait for the response.
    """
    host, _, port = local_target(listen).rpartition(":")
    connection = HTTPConnection(host.strip("[]"), int(port), timeout=timeout_seconds)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def main() -> int:
    """Return 0 where the server that the environment's settings describe can serve."""
    if page := os.environ.get("RENDER_METRICS_LISTEN"):
        return 0 if is_ready_over_http(page) else 1
    return 0 if asyncio.run(is_serving(local_target(os.environ.get("RENDER_LISTEN", _DEFAULT_LISTEN)))) else 1


if __name__ == "__main__":
    sys.exit(main())
