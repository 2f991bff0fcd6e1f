"""`make bench-starting`: processor time that each program takes to start, and the modules that it loads.

User and system time, the least of several runs: elapsed time means little on a busy machine. Server, worker and compose
process are measured up to the end of their imports. The last line is the verdict; the exit code is 1 where a limit is
exceeded.
"""

import argparse
import resource
import subprocess
import sys
from itertools import product
from pathlib import Path

from render_service.compositor.tasks import PROCESS_MODULES

_BIN = Path(sys.executable).parent
_COUNT = "; import sys; print(sum(map(bool, sys.modules.values())))"
_MOST_SECONDS = 0.25
_PROGRAMS = {
    "Python alone": "sys",
    "server": "render_service.cli.main, render_service.server.server",
    "worker": "render_service.cli.main, render_service.worker.worker",
    "compose process": ", ".join(("render_service.compositor.processes.worker_process", *PROCESS_MODULES)),
    "client": "render_client.sync",
}


def processor_seconds(command: list[str], runs: int) -> float:
    """Return the least processor time of a command, in seconds.

    Args:
        command: Program and arguments; it must end by itself with exit code 0.
        runs: How often it runs, at least 1.
    """
    least = float("inf")
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return least


def main(runs: int) -> int:
    """Measure everything; return the exit code."""
    missed = 0
    for name, option in product(("render", "render-service"), ("--help", "--version")):
        seconds = processor_seconds([str(_BIN / name), option], runs)
        missed += seconds > _MOST_SECONDS
        print(f"{f'{name} {option}':26} {seconds:6.2f} s  (at most {_MOST_SECONDS})", flush=True)
    for name, modules in _PROGRAMS.items():
        program = [sys.executable, "-c", f"import {modules}{_COUNT}"]
        count = subprocess.run(program, check=True, capture_output=True, text=True).stdout.strip()
        print(f"{name:26} {processor_seconds(program, runs):6.2f} s  {count} modules", flush=True)
    print(f"FAIL: {missed} limits exceeded" if missed else "ok")
    return 1 if missed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="how often each program is started")
    sys.exit(main(parser.parse_args().runs))
