"""Several server processes on one port: starts them, restarts those that end, and stops them together.

Each process listens on the port itself (SO_REUSEPORT), and the kernel distributes connections over them. They are
forked from this one, which has imported everything but runs neither a thread nor an event loop: they are ready sooner,
and share the memory of what was imported.
"""

import ctypes
import os
import platform
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from render_service.config.settings import ConfigurationError, Settings
from render_service.server.listener import check_listen
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_STABLE_SECONDS = 60.0
_LEAST_PAUSE_SECONDS, _MOST_PAUSE_SECONDS = 0.25, 30.0
# Longer than a server takes to end its calls.
_STOP_SECONDS = 20.0
_INVALID_CONFIGURATION = 2

Serve = Callable[[Settings, Callable[[], None]], NoReturn]
"""Runs a server with its settings, calls the function when it is ready, and ends the process."""


def run_processes(settings: Settings, count: int, serve: Serve) -> int:
    """Run server processes until SIGTERM or SIGINT.

    Args:
        settings: Their configuration. The status page of process n, from 0, listens on the configured port plus n.
        count: How many, at least 2.
        serve: Runs in each of them.

    Returns:
        The exit code: 2 where a process cannot start with this configuration, 1 where one had to be killed, else 0.

    Raises:
        ConfigurationError: The address is taken, or the system does not distribute connections.
    """
    if sys.platform != "linux":
        system = {"Darwin": "macOS"}.get(platform.system(), platform.system())
        raise ConfigurationError(
            f"RENDER_SERVER_WORKERS: several server processes need Linux, since {system} does not distribute "
            "connections over processes; set it to 1, or put a load balancer in front of several servers"
        )
    check_listen(settings)
    with _reserve(settings.listen) as reserved:
        listen = f"{settings.listen.rpartition(':')[0]}:{reserved.getsockname()[1]}"

        def serve_nth(number: int, on_ready: Callable[[], None]) -> NoReturn:
            metrics = settings.metrics_listen and _nth_address(settings.metrics_listen, number)
            serve(settings.model_copy(update={"listen": listen, "metrics_listen": metrics}), on_ready)

        return _Supervisor(count, serve_nth, listen).run()


def _reserve(listen: str) -> socket.socket:
    """Return a socket that keeps an address for the server processes, also while none of them listens.

    It is bound, but does not listen: the kernel gives it no connections.

    Raises:
        ConfigurationError: The address is taken or not of this machine.
    """
    host, _, port = listen.rpartition(":")
    reserved = None
    try:
        family, kind, _, _, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        if port != "0":
            # Sharing alone would let two services share the port, and each other's calls, silently.
            with socket.socket(family, kind) as exclusive:
                exclusive.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                exclusive.bind(address)
        reserved = socket.socket(family, kind)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Only while it binds: closed connections of a server before must not keep the port, but a second service must.
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(address)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    except OSError:
        if reserved is not None:
            reserved.close()
        raise ConfigurationError(f"RENDER_LISTEN: cannot listen on {listen}") from None
    return reserved


@dataclass(slots=True)
class _Process:
    """One of the processes, while it runs and while it is going to be started again."""

    pid: int | None = None
    started: float = 0.0
    was_ready: bool = False
    is_ready: bool = False
    early_ends: int = 0
    start_at: float = 0.0


class _Supervisor:
    """Starts the processes, and waits for signals, for their ends, and for what they report."""

    def __init__(self, count: int, serve: Callable[[int, Callable[[], None]], NoReturn], listen: str) -> None:
        self._processes = [_Process() for _ in range(count)]
        self._serve = serve
        self._listen = listen
        self._parent = os.getpid()
        self._reports, self._reporting = os.pipe()
        self._signals, self._signalling = os.pipe()
        for end in (self._reports, self._signals, self._signalling):
            os.set_blocking(end, False)
        self._exit_code = 0
        self._is_stopping = False
        self._kill_at: float | None = None

    def run(self) -> int:
        """Run until all processes were stopped; return the exit code."""
        before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        woken = signal.set_wakeup_fd(self._signalling)
        try:
            while not self._is_stopping or any(process.pid for process in self._processes):
                self._advance(time.monotonic())
                self._wait(time.monotonic())
                self._reap()
        finally:
            signal.set_wakeup_fd(woken)
            for number, handler in before.items():
                signal.signal(number, handler)
            for end in (self._reports, self._reporting, self._signals, self._signalling):
                os.close(end)
        _log.info("server processes stopped")
        return self._exit_code

    def _on_signal(self, number: int, _frame: object) -> None:
        self._is_stopping = self._is_stopping or number != signal.SIGCHLD

    def _advance(self, now: float) -> None:
        """Start what is due; where the service stops, stop what runs."""
        if not self._is_stopping:
            for number, process in enumerate(self._processes):
                if process.pid is None and process.start_at <= now:
                    self._start(number, process)
        elif self._kill_at is None:
            self._kill_at = now + _STOP_SECONDS
            self._send(signal.SIGTERM)
        elif now >= self._kill_at:
            self._exit_code = self._exit_code or 1
            self._send(signal.SIGKILL)

    def _wait(self, now: float) -> None:
        """Wait until a signal or a report arrives, or something is due."""
        due = [self._kill_at] if self._is_stopping else [p.start_at for p in self._processes if p.pid is None]
        pause = max(0.0, min(at for at in due if at is not None) - now) if any(due) else None
        readable, _, _ = select.select([self._signals, self._reports], [], [], pause)
        if self._signals in readable:
            os.read(self._signals, 4096)
        if self._reports in readable:
            for number in os.read(self._reports, 4096):
                self._processes[number].is_ready = self._processes[number].was_ready = True
            if all(process.is_ready for process in self._processes):
                _log.info("all server processes ready", processes=len(self._processes), listen=self._listen)

    def _reap(self) -> None:
        for number, process in enumerate(self._processes):
            if process.pid is None:
                continue
            pid, status = os.waitpid(process.pid, os.WNOHANG)
            if pid:
                process.pid, process.is_ready = None, False
                self._on_end(number, process, os.waitstatus_to_exitcode(status))

    def _on_end(self, number: int, process: _Process, code: int) -> None:
        if self._is_stopping:
            return
        if code == _INVALID_CONFIGURATION and not process.was_ready:
            self._exit_code, self._is_stopping = code, True
            return
        now = time.monotonic()
        process.early_ends = 0 if now - process.started > _STABLE_SECONDS else process.early_ends + 1
        pause = min(_MOST_PAUSE_SECONDS, _LEAST_PAUSE_SECONDS * 2.0 ** (process.early_ends - 1))
        process.start_at = now + pause
        _log.error("server process ended", process=number, exit_code=code, starts_again_after_seconds=pause)

    def _start(self, number: int, process: _Process) -> None:
        # A signal that arrives before the process handles its own must not be lost in a handler of this one.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            process.pid, process.started = os.fork(), time.monotonic()
            if process.pid == 0:
                self._become_server(number)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def _become_server(self, number: int) -> NoReturn:
        """Serve in the new process, and end it."""
        try:
            signal.set_wakeup_fd(-1)
            for handled in _SIGNALS:
                signal.signal(handled, signal.SIG_DFL)
            _stop_with_parent(self._parent)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            for end in (self._reports, self._signals, self._signalling):
                os.close(end)
            self._serve(number, lambda: _report(self._reporting, number))
        except BaseException:  # noqa: BLE001 - nothing of this process may reach the code of its parent
            traceback.print_exc()
        finally:
            os._exit(1)

    def _send(self, number: signal.Signals) -> None:
        for process in self._processes:
            if process.pid is not None:
                os.kill(process.pid, number)


def _report(reporting: int, number: int) -> None:
    os.write(reporting, bytes([number]))


def _stop_with_parent(parent: int) -> None:
    """Ask Linux to send SIGTERM to this process when its parent ends for any reason."""
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG, prctl(2)
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def _nth_address(listen: str, number: int) -> str:
    """Return an address with its port plus a number; port 0 picks a free one for each process."""
    host, _, port = listen.rpartition(":")
    return f"{host}:{int(port) + number}" if port.isdigit() and port != "0" else listen
