"""Things for worker processes to do."""

import errno
import os
import pickle
import resource
import signal
import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import av
import numpy as np

import render_service
from render_service.domain.errors import ErrorReason, RenderFailure

PARENT_PROGRAM = """
import asyncio, pathlib, sys
from render_service.compositor.processes.pool import ProcessPool

async def main():
    pool = ProcessPool(2)
    await pool.start()
    pathlib.Path(sys.argv[1]).write_text(" ".join(map(str, pool.pids)) + "\\n")
    await asyncio.Event().wait()

asyncio.run(main())
"""


def square(number: int) -> int:
    """Return the square."""
    return number * number


def print_and_return(text: str) -> str:
    """Print to standard output, where answers go."""
    print(text * 1000)
    os.write(1, b"raw")
    return text


def count_to(most: int, report: Callable[[int], None]) -> int:
    """Report every number."""
    for number in range(1, most + 1):
        report(number)
    return most


def fail_with_reason() -> None:
    """Fail as the compositor does."""
    raise RenderFailure(ErrorReason.ASSET_INVALID, "the picture is broken", {"shot_id": "one"})


def divide_by_zero() -> float:
    """Fail as nobody foresaw."""
    return 1 / 0


def busy_for_ever(note: Path) -> None:
    """Write down the process' id, and never give the processor back."""
    note.write_text(str(os.getpid()))
    while True:
        pass


def die() -> None:
    """End the process as the kernel does when memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_the_first_time(note: Path) -> str:
    """Die, unless it was done before."""
    if note.exists():
        return "done"
    note.touch()
    die()
    return "never"


def environment() -> dict[str, str]:
    """Return the environment that a decoder sees."""
    return dict(os.environ)


def limits() -> list[tuple[int, int]]:
    """Return the limits of the process: core dumps, open files, private memory."""
    return [resource.getrlimit(which) for which in (resource.RLIMIT_CORE, resource.RLIMIT_NOFILE, resource.RLIMIT_DATA)]


def fill_memory(mebibytes: int) -> int:
    """Take memory as a decoder does whose file promises a huge picture."""
    return int(np.ones((mebibytes, 1 << 20), np.uint8).sum())


def crash() -> None:
    """End the process as a decoder does that reads where it must not."""
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGSEGV)


class _Payload:
    """Unpickled, it makes a file."""

    def __init__(self, note: Path) -> None:
        self.note = note

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.note,)


def answer_with_a_pickle(note: Path) -> None:
    """Answer as a decoder does that was taken over: with a pickle whose loading runs code."""
    content = pickle.dumps(("result", _Payload(note)))
    for entry in list(Path("/proc/self/fd").iterdir()):
        if int(entry.name) > 2 and entry.exists() and str(entry.readlink()).startswith("pipe:"):
            os.write(int(entry.name), struct.pack("<I", len(content)) + content)


def return_another_type() -> int:
    """Promise a number and return a text."""
    return "not a number"  # type: ignore[return-value]


def fail_to_decode() -> None:
    """Raise what FFmpeg raises."""
    raise av.error.ArgumentError(22, "Invalid argument")


def library_without_space() -> None:
    """Raise what writing to a full disk raises."""
    raise OSError(errno.ENOSPC, "No space left on device")


def errors_of_escapes(pid: int, port: int, outside: Path) -> dict[str, str]:
    """Try what a decoder does that was taken over; return how each attempt ends.

    Args:
        pid: A process that it wants to spy on and to stop.
        port: A port of this machine on which something listens.
        outside: A file that is not of the render.
    """
    escapes: dict[str, Callable[[], object]] = {
        "environment": lambda: Path(f"/proc/{pid}/environ").read_bytes(),
        "memory": lambda: Path(f"/proc/{pid}/mem").open("rb").close(),
        "signal": lambda: os.kill(pid, signal.SIGCONT),
        "limits": lambda: resource.prlimit(pid, resource.RLIMIT_CORE),
        "network": lambda: socket.create_connection(("127.0.0.1", port), timeout=5).close(),
        "datagrams": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
        "local sockets": lambda: socket.socket(socket.AF_UNIX).close(),
        "program": lambda: os.execv("/bin/sh", ["sh", "-c", "true"]),
        "process": _fork,
        "read": outside.read_bytes,
        "read beside the code": (Path(render_service.__file__).parents[1] / "pyproject.toml").read_bytes,
        "write": lambda: outside.write_bytes(b""),
        "make": (outside.parent / "made").mkdir,
        "remove": outside.unlink,
    }
    return {name: _end_of(escape) for name, escape in escapes.items()}


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _end_of(escape: Callable[[], object]) -> str:
    try:
        escape()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


def start_a_thread() -> int:
    """Start a thread, as encoders do; return how many threads the process has without it."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: len(list(Path("/proc/self/task").iterdir())) - 1).result()


def write_and_move(folder: Path) -> str:
    """Write a temporary file and move it to the folder of the render; return what is read back."""
    folder.mkdir()
    with NamedTemporaryFile(delete=False) as file:
        file.write(b"picture")
    moved = Path(file.name).rename(folder / "picture")
    Path(os.devnull).write_bytes(b"")
    return moved.read_text()


def numpy_uses_avx512() -> bool:
    """Whether NumPy uses AVX-512 in this process."""
    extensions: Any = np.show_config(mode="dicts")
    return any("AVX512" in name or name == "X86_V4" for name in extensions["SIMD Extensions"]["found"])
