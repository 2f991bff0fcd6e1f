"""Ctrl-C that is never lost."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

_REPEAT_SECONDS = 1.0


@contextlib.contextmanager
def repeated_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt at SIGINT, and once a second again until it leaves the block.

    Python drops an exception that a signal handler raises inside a finalizer, a callback of a weak reference or a
    callback from C ("Exception ignored in"), of which gRPC has many. A command would then go on as if nobody had
    pressed Ctrl-C. Does nothing where SIGINT is ignored, off the main thread, or on Windows, which has no timers.
    """
    replaceable = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not (replaceable and hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()):
        yield
        return

    def interrupt(_number: int, _frame: Any) -> None:
        signal.setitimer(signal.ITIMER_REAL, _REPEAT_SECONDS)
        raise KeyboardInterrupt

    former_alarm = signal.signal(signal.SIGALRM, interrupt)
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGALRM, former_alarm)
