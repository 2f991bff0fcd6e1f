"""The limits of worker processes: what one task may use, and the environment that a process sees."""

import platform
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

from render_service.confinement.environment import inherited_environment

_MIB = 1024 * 1024
# Enough for every file that a task has open at once, and its pipes.
_OPEN_FILES = 512


@dataclass(frozen=True, slots=True)
class TaskLimits:
    """What one task may use.

    Args:
        memory: Bytes of private memory of the whole process (`RLIMIT_DATA`).
        cpu_seconds: Seconds of processor time (`RLIMIT_CPU`).
    """

    memory: int
    cpu_seconds: int


PROBING = TaskLimits(memory=1536 * _MIB, cpu_seconds=900)
"""For one file of a caller: the largest picture allowed takes about 1 GiB, the longest sound some minutes."""
PROBING_PICTURE = TaskLimits(memory=1536 * _MIB, cpu_seconds=60)
"""For one picture of a caller: the slowest formats take seconds; an SVG may ask for more than it is worth."""
RENDERING = TaskLimits(memory=4096 * _MIB, cpu_seconds=3600)
"""For one segment, or all of a video: the encoder takes about 2 GiB at the largest frame size."""
MIXING = TaskLimits(memory=1536 * _MIB, cpu_seconds=3 * 3600)
"""For the sound of a whole video, which is read several times."""


def child_environment(scratch: Path) -> dict[str, str]:
    """Return the environment of a worker process.

    Args:
        scratch: A folder of the process's own, for temporary files of libraries.
    """
    return {
        **inherited_environment(),
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        # There are as many processes as cores already.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        # NumPy's sines and exponentials have other last bits with AVX-512, which some machines of a cloud have and
        # others have not: a segment would have other bytes on each.
        **({"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR"} if platform.machine() == "x86_64" else {}),
        # SVT-AV1 logs its settings for every segment otherwise; 1 is errors.
        "SVT_LOG": "1",
    }


def limit_process() -> None:
    """Limit this process for its whole life: no core dumps, few open files, at most the memory of `RENDERING`."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    if sys.platform == "linux":  # elsewhere the limit is not enforced
        _lower(resource.RLIMIT_DATA, RENDERING.memory)


def limit_task(limits: TaskLimits) -> None:
    """Limit this process for its next task; what earlier tasks used does not count."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime) + 1
    _set_soft(resource.RLIMIT_CPU, spent + limits.cpu_seconds)
    if sys.platform == "linux":
        _set_soft(resource.RLIMIT_DATA, limits.memory)


def _lower(which: int, most: int) -> None:
    _, hard = resource.getrlimit(which)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (most, most))


def _set_soft(which: int, most: int) -> None:
    _, hard = resource.getrlimit(which)
    resource.setrlimit(which, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
