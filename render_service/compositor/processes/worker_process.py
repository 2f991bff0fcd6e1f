"""The inside of a worker process: runs one function after the other, as told on its standard input."""

import contextlib
import ctypes
import importlib
import os
import pickle
import signal
import struct
import sys
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

from render_service.domain.errors import RenderFailure

# Every message is a pickle, preceded by its length in bytes. Both ends are the same program, and the pipe is private.
LENGTH = struct.Struct("<I")


def write_message(file: BinaryIO, message: object) -> None:
    """Send a message down a pipe."""
    content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    file.write(LENGTH.pack(len(content)) + content)
    file.flush()


def read_message(file: BinaryIO) -> Any:
    """Wait for a message.

    Raises:
        EOFError: The other end is gone.
    """
    head = file.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    return pickle.loads(file.read(LENGTH.unpack(head)[0]))  # noqa: S301 - written by our own parent process


def main() -> None:
    """Serve until standard input ends."""
    _die_with_parent()
    # What libraries print must not get between the messages.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    questions = sys.stdin.buffer
    for module in sys.argv[1:]:
        importlib.import_module(module)
    _set_up_opencv()
    write_message(answers, ("ready", None))
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            function, arguments, reports = read_message(questions)
            _answer(answers, function, arguments, reports=reports)


def _answer(answers: BinaryIO, function: Callable[..., Any], arguments: tuple[Any, ...], *, reports: bool) -> None:
    def report(progress: Any) -> None:
        write_message(answers, ("report", progress))

    try:
        result = function(*arguments, report) if reports else function(*arguments)
    except RenderFailure as failure:
        told = (failure.reason, failure.message, failure.metadata, failure.retryable)
        write_message(answers, ("failure", told))
    except Exception as error:  # noqa: BLE001 - told to the parent, which decides
        write_message(answers, ("error", (type(error).__name__, traceback.format_exc())))
    else:
        write_message(answers, ("result", result))


def _set_up_opencv() -> None:
    import cv2  # noqa: PLC0415 - not needed by the parent, which imports this module for the messages

    # There are as many processes as cores already.
    cv2.setNumThreads(1)
    # Intel's library rounds otherwise than OpenCV's own code (cubic resizing does), and chooses its code by processor:
    # a segment must have the same bytes on every machine.
    cv2.ipp.setUseIPP(False)


def _die_with_parent() -> None:
    """Ask Linux to kill this process when its parent is gone, however that ended; elsewhere standard input tells."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        set_parent_death_signal = 1  # PR_SET_PDEATHSIG, prctl(2)
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


if __name__ == "__main__":
    main()
