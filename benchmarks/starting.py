"""`make bench-starting`: how long each program takes to start, and what processor time it takes.

The least of several runs counts: on a busy machine elapsed time says little, and processor time too much. The last line
is the verdict; the exit code is 1 where a target is missed.
"""

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from benchmarks.service import stack
from benchmarks.service.results import Results, processor_seconds
from render_service.compositor.tasks import PROCESS_MODULES
from render_service.embedded.supervisor import descendants

_BIN = Path(sys.executable).parent
_MODULES = {
    "Python alone": "sys",
    "server's modules": "render_service.cli.main, render_service.server.server",
    "worker's modules": "render_service.cli.main, render_service.worker.worker",
    "compose process's modules": ", ".join(("render_service.compositor.processes.worker_process", *PROCESS_MODULES)),
    "client's modules": "render_client.sync",
}


@dataclass(frozen=True, slots=True)
class Start:
    """How long a program took until it was ready or ended, and its processor time, in seconds."""

    elapsed: float
    processor: float


def run(command: list[str], runs: int, environment: Mapping[str, str] | None = None) -> Start:
    """Return the least that a command took, from its start to its end.

    Args:
        command: Program and arguments; it must end by itself with exit code 0.
        runs: How often it runs, at least 1.
        environment: Its variables beside those of this process.
    """
    found = []
    for _ in range(runs):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
        took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(Start(took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    return least(found)


def least(starts: list[Start]) -> Start:
    """Return the least time and the least processor time of several starts."""
    return Start(min(start.elapsed for start in starts), min(start.processor for start in starts))


def show(results: Results, name: str, start: Start, *, at_most: float) -> None:
    """Print a start, whose elapsed time has a target."""
    results.show(name, start.elapsed, "s", at_most=at_most)
    results.show(f"{name}, processor time", start.processor, "s")


async def show_service(results: Results, runs: int) -> None:
    """Measure server, worker and the calls of a client, on stores that run."""
    async with stack.stores() as stores:
        servers, workers = [], []
        compose: list[float] = []
        for _ in range(runs):
            async with stack.server(stores) as running:
                servers.append(Start(running.started_in, processor_seconds(running.pid)))
            async with stack.worker(stores, 2) as running:
                workers.append(Start(running.started_in, processor_seconds(running.pid)))
                compose += map(processor_seconds, descendants(running.pid))
        show(results, "server until it is ready", least(servers), at_most=0.7)
        show(results, "worker until it is ready", least(workers), at_most=1.0)
        results.show("each of its compose processes, processor time", min(compose), "s")
        async with stack.server(stores) as running:
            caller = {"RENDER_TARGET": f"127.0.0.1:{running.port}", "RENDER_WORKSPACE": "default"}
            job_id = await asyncio.to_thread(_start_job, stores.folder, caller)
            get = [str(_BIN / "render"), "get", job_id]
            show(results, "render get", await asyncio.to_thread(run, get, runs, caller), at_most=0.35)


def _start_job(folder: Path, caller: Mapping[str, str]) -> str:
    project = folder / "project.json"
    project.write_text('{"title": "Bench", "storyboard": {"shots": [{"id": "only", "duration": "1s"}]}}')
    command = [str(_BIN / "render"), "start", str(project), "--provider", "mock"]
    environment = {**os.environ, **caller}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


def main(runs: int) -> int:
    """Measure everything; return the exit code."""
    results = Results()
    for name, option in product(("render", "render-service"), ("--help", "--version")):
        seconds = run([str(_BIN / name), option], runs).processor
        results.show(f"{name} {option}, processor time", seconds, "s", at_most=0.25)
    for name, modules in _MODULES.items():
        results.show(f"{name}, processor time", run([sys.executable, "-c", f"import {modules}"], runs).processor, "s")
    asyncio.run(show_service(results, runs))
    print(results.verdict())
    return 1 if results.missed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="how often each program is started")
    sys.exit(main(parser.parse_args().runs))
