"""Serves the fake service on a port, over a connection that can be cut."""

import contextlib
import socket
import threading
from concurrent import futures

import grpc
from render_client.v1.batch_service_pb2_grpc import add_BatchServiceServicer_to_server
from render_client.v1.brand_service_pb2_grpc import add_BrandServiceServicer_to_server
from render_client.v1.project_service_pb2_grpc import add_ProjectServiceServicer_to_server
from render_client.v1.render_service_pb2_grpc import add_RenderServiceServicer_to_server
from render_client.v1.webhook_service_pb2_grpc import add_WebhookServiceServicer_to_server

from tests.unit.client.fake_service import FakeService


class FakeServer:
    """Serves a FakeService at one address through any number of stops and starts."""

    def __init__(self, service: FakeService, credentials: grpc.ServerCredentials | None = None) -> None:
        self.service = service
        self._credentials = credentials
        self._server: grpc.Server | None = None
        self.port = 0

    def start(self) -> None:
        """Begin to serve, at the same port as before."""
        self._server = grpc.server(futures.ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0)])
        add_RenderServiceServicer_to_server(self.service, self._server)
        add_ProjectServiceServicer_to_server(self.service, self._server)
        add_WebhookServiceServicer_to_server(self.service.webhooks, self._server)
        add_BrandServiceServicer_to_server(self.service.brands, self._server)
        add_BatchServiceServicer_to_server(self.service.batches, self._server)
        address = f"127.0.0.1:{self.port}"
        self.port = (
            self._server.add_secure_port(address, self._credentials)
            if self._credentials
            else self._server.add_insecure_port(address)
        )
        self._server.start()

    def stop(self) -> None:
        """Break off everything at once."""
        if self._server:
            self._server.stop(0).wait()
            self._server = None


class Line:
    """A TCP relay to a server; cutting it resets every connection, as when the server's machine dies."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.target = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Reset every connection; new ones are taken again at once."""
        with self._lock:
            for end in self._sockets:
                # Lingering for zero seconds makes the close a reset.
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            self._sockets.clear()

    def close(self) -> None:
        """Cut, and take no new connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._port))
            except OSError:
                near.close()
                continue
            with self._lock:
                self._sockets |= {near, far}
            for source, drain in ((near, far), (far, near)):
                threading.Thread(target=self._relay, args=(source, drain), daemon=True).start()

    def _relay(self, source: socket.socket, drain: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                drain.sendall(data)
        with self._lock:
            for end in (source, drain):
                self._sockets.discard(end)
                end.close()
