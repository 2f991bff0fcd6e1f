"""The inside of a worker process: runs the tasks that arrive on its standard input, one after the other."""

import contextlib
import ctypes
import gc
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from render_service.compositor.media.decode_errors import Fault, fault_of
from render_service.compositor.processes.limits import limit_process, limit_task
from render_service.compositor.processes.messages import Answer, Kind, Task, read_task, write_answer
from render_service.confinement.confine import confine
from render_service.domain.errors import RenderFailure

_KINDS = {
    Fault.MEMORY: Kind.OUT_OF_MEMORY,
    Fault.MACHINE: Kind.MACHINE_FAULT,
    Fault.MEDIA: Kind.UNDECODABLE,
    Fault.OTHER: Kind.ERROR,
}


def main() -> None:
    """Serve until standard input ends.

    The first argument is the only folder that the process may change, or empty; the second, files and folders that it
    may read as well, separated like the entries of PATH; the others are modules to import.
    """
    _die_with_parent()
    limit_process()
    # What libraries print must not get between the messages.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    tasks = sys.stdin.buffer
    folder, readable, *modules = sys.argv[1:]
    _import(modules)
    _set_up_opencv()
    confine(Path(folder) if folder else None, [Path(path) for path in readable.split(os.pathsep) if path])
    write_answer(answers, Answer(Kind.READY))
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            _answer(answers, read_task(tasks))


def _import(modules: Sequence[str]) -> None:
    """Import modules without collecting garbage, and keep what they made out of later collections."""
    gc.disable()
    for module in modules:
        importlib.import_module(module)
    gc.freeze()
    gc.enable()


def _answer(answers: BinaryIO, task: Task) -> None:
    def report(progress: Any) -> None:
        write_answer(answers, Answer(Kind.REPORT, progress))

    limit_task(task.limits)
    try:
        result = task.function(*task.arguments, report) if task.reports else task.function(*task.arguments)
        answer = Answer(Kind.RESULT, result)
    except RenderFailure as failure:
        answer = Answer(
            Kind.FAILURE,
            message=failure.message,
            reason=failure.reason,
            metadata=failure.metadata,
            retryable=failure.retryable,
        )
    except Exception as error:  # noqa: BLE001 - the parent decides what it means for the job
        kind = _KINDS[fault_of(error)]
        # Without the path, which is of no use to the job's owner.
        message = getattr(error, "strerror", None) or type(error).__name__
        answer = Answer(kind, message=message, trace=traceback.format_exc())
    write_answer(answers, answer)


def _set_up_opencv() -> None:
    import cv2  # noqa: PLC0415 - after the limits are set

    # There are as many processes as cores already.
    cv2.setNumThreads(1)
    # Intel's library rounds otherwise than OpenCV's own code (cubic resizing does), and chooses its code by processor:
    # a segment must have the same bytes on every machine.
    cv2.ipp.setUseIPP(False)


def _die_with_parent() -> None:
    """Ask Linux to kill this process when its parent ends for any reason; elsewhere standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        set_parent_death_signal = 1  # PR_SET_PDEATHSIG, prctl(2)
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


if __name__ == "__main__":
    main()
