"""Supervises one server process, so that it never outlives its parent, however the parent ends.

Run as a program, `python -I -S supervisor.py SPEC`: it starts one command, says `pid N` on stdout, and at the end
`exit N`. It imports nothing outside the standard library and has one thread, so that it starts fast and may fork.

Three mechanisms, because none is enough alone:

- Its stdin is a pipe whose other end only the parent holds. The pipe closing is the one signal for "stop": an orderly
  stop and a parent killed by SIGKILL take the same way. Unlike PR_SET_PDEATHSIG this does not fire when merely the
  *thread* that started the process ends, and it works on macOS.
- Should this program itself be killed, Linux sends the command its stop signal (PR_SET_PDEATHSIG). The setting is lost
  when credentials change, so it is made after dropping root; see prctl(2).
- It is the subreaper of all that the command starts (PR_SET_CHILD_SUBREAPER), so grandchildren orphaned by a crash are
  found and killed. macOS has neither of these last two: there, killing this program leaves the command running.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

LINUX = sys.platform == "linux"

# From linux/prctl.h and linux/capability.h.
_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_SET_CHILD_SUBREAPER = 36
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_LINUX_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_OVERRIDE = 1

_COMMAND_NOT_STARTED = 127


@dataclass(frozen=True)
class Spec:
    """What to start and how to end it.

    Args:
        argv: the program's absolute path and its arguments; no secrets, they show in process lists.
        log: file to which the program's stdout and stderr are appended.
        lock: file to hold locked while anything of the command lives; its text is the parent's process id.
        lock_seconds: how long to wait for a lock whose holder's parent is gone.
        stop_signal: number of the signal that asks the command to end.
        stop_seconds: how long it may take to end before it and all it started are killed.
        user: (uid, gid) to run it as, where we are root; `None` keeps the user.
        directory: working directory.
    """

    argv: list[str]
    log: str
    lock: str | None
    lock_seconds: float
    stop_signal: int
    stop_seconds: float
    user: tuple[int, int] | None
    directory: str

    def encode(self) -> str:
        """As the one argument of this program."""
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> "Spec":
        """The inverse of `encode`."""
        fields = json.loads(text)
        fields["user"] = tuple(fields["user"]) if fields["user"] else None
        return cls(**fields)


def descendants(ancestor: int) -> list[int]:
    """The process ids of all that `ancestor` started, directly or not, parents before children; without itself."""
    children: dict[int, list[int]] = {}
    for pid, parent in processes():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    todo = [ancestor]
    while todo:
        born = children.get(todo.pop(0), [])
        found += born
        todo += born
    return found


def processes() -> Iterator[tuple[int, int]]:
    """(pid, parent pid) of every living process; zombies are left out."""
    if not LINUX:
        listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True)
        for line in listing.stdout.splitlines():
            pid, parent, state = line.split()
            if not state.startswith("Z"):
                yield int(pid), int(parent)
        return
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            # The name in parentheses may hold anything, also spaces and parentheses: see proc(5).
            state, parent = stat.rpartition(")")[2].split()[:2]
            if state != "Z":
                yield int(entry.name), int(parent)


def send(pid: int, number: int) -> bool:
    """Send a signal, or with 0 only check; False where the process is already gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return number == 0
    return True


class _Supervisor:
    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._parent = os.getppid()
        self._stop_asked = False
        self._wakeup, wakeup_end = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(wakeup_end, False)
        signal.set_wakeup_fd(wakeup_end, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self) -> int:
        lock = self._acquire_lock()
        if LINUX:
            _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        child = _spawn(self._spec)
        _say(f"pid {child}")
        status = self._follow(child)
        _kill_leftovers()
        if lock is not None:
            os.close(lock)
        code = os.waitstatus_to_exitcode(status)
        _say(f"exit {code}")
        return 0

    def _ask_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_asked = True

    def _acquire_lock(self) -> int | None:
        if self._spec.lock is None:
            return None
        lock = os.open(self._spec.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        give_up = time.monotonic() + self._spec.lock_seconds
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if _has_living_parent(lock) or time.monotonic() > give_up or self._should_stop(0.05):
                    _say("locked")
                    sys.exit(1)
            else:
                os.ftruncate(lock, 0)
                os.pwrite(lock, str(self._parent).encode(), 0)
                return lock

    def _should_stop(self, seconds: float) -> bool:
        """Wait until a signal or the parent's end, at most `seconds`; True when it is time to stop."""
        readable, _, _ = select.select([sys.stdin.fileno(), self._wakeup], [], [], seconds)
        if self._wakeup in readable:
            os.read(self._wakeup, 4096)
        # The parent writes nothing, so readable means closed. A child that the parent forked may hold the pipe open
        # after the parent's death: the changed parent id then shows it.
        return self._stop_asked or sys.stdin.fileno() in readable or os.getppid() != self._parent

    def _follow(self, child: int) -> int:
        """Wait for the command's end, stopping it when asked; returns its wait status."""
        kill_at: float | None = None
        while (status := _reap(child)) is None:
            if kill_at is None:
                if self._should_stop(1.0):
                    kill_at = time.monotonic() + self._spec.stop_seconds
                    send(child, self._spec.stop_signal)
                    for pid in (child, *descendants(child)):
                        send(pid, signal.SIGCONT)
            elif time.monotonic() > kill_at:
                for pid in (child, *descendants(child)):
                    send(pid, signal.SIGKILL)
                time.sleep(0.01)
            else:
                # stdin stays readable once closed, so only signals are waited for here.
                readable, _, _ = select.select([self._wakeup], [], [], 0.1)
                if readable:
                    os.read(self._wakeup, 4096)
        return status


def _has_living_parent(lock: int) -> bool:
    """Whether the lock's holder has a living parent, and so is not about to stop."""
    holder = os.pread(lock, 32, 0).decode()
    return holder.isdigit() and send(int(holder), 0)


def _reap(child: int) -> int | None:
    """Collect every ended process; the wait status of `child` when it is among them."""
    found: int | None = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == child:
            found = status


def _kill_leftovers() -> None:
    """Kill what the command left running; as their subreaper we are the parent of all of them."""
    while left := descendants(os.getpid()):
        for pid in left:
            send(pid, signal.SIGKILL)
        _reap(0)
        time.sleep(0.005)


def _spawn(spec: Spec) -> int:
    supervisor = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        _become_command(spec, supervisor)
    except OSError as error:
        os.write(2, f"cannot start {spec.argv[0]}: {error}\n".encode())
    os._exit(_COMMAND_NOT_STARTED)


def _become_command(spec: Spec, supervisor: int) -> NoReturn:
    """In the forked child: set up descriptors, signals and user, and exec the command."""
    log = os.open(spec.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    signal.set_wakeup_fd(-1)
    # Python ignores SIGPIPE and SIGXFSZ, and exec keeps what is ignored.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.chdir(spec.directory)
    if spec.user is not None:
        _become_user(*spec.user)
    if LINUX:
        _prctl(_PR_SET_PDEATHSIG, spec.stop_signal)
        if os.getppid() != supervisor:  # it died before the line above
            os._exit(_COMMAND_NOT_STARTED)
    os.execv(spec.argv[0], spec.argv)  # noqa: S606 - no shell is wanted


def _become_user(uid: int, gid: int) -> None:
    """Drop root, keeping on Linux the one capability to pass through folders that only root may enter.

    Without it a server could only run if every folder above its program and its data were open to all, and the
    alternative, changing the modes of folders that are not ours, is worse. An ambient capability outlives exec; without
    the secure bit, access(2), with which initdb finds its other programs, would not count it. See capabilities(7).
    """
    if LINUX:
        _prctl(_PR_SET_KEEPCAPS, 1)
        _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, tolerate=(errno.EPERM,))
    os.setgroups([])
    # For root, each sets the real, the effective and the saved id.
    os.setgid(gid)
    os.setuid(uid)
    if LINUX:
        mask = 1 << _CAP_DAC_OVERRIDE
        header = (ctypes.c_uint32 * 2)(_LINUX_CAPABILITY_VERSION_3, 0)
        data = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)  # effective, permitted, inheritable; twice 32 bits
        # A sandbox may refuse: then folder modes decide, and the program's own message names the folder.
        if ctypes.CDLL(None, use_errno=True).capset(header, data) == 0:
            _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, tolerate=(errno.EPERM, errno.EINVAL))


def _prctl(option: int, *arguments: int, tolerate: tuple[int, ...] = ()) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    values = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)][:4]
    if libc.prctl(option, *values) != 0 and ctypes.get_errno() not in tolerate:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _say(line: str) -> None:
    # Without the parent, only cleaning up is left.
    with contextlib.suppress(BrokenPipeError):
        os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    sys.exit(_Supervisor(Spec.decode(sys.argv[1])).run())
