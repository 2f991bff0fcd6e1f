"""What was measured, and what of it was promised."""

import os
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Results:
    """Prints each result, and keeps whether all targets are met."""

    met: int = 0
    missed: list[str] = field(default_factory=list)

    def show(
        self, name: str, value: float, unit: str, *, at_least: float | None = None, at_most: float | None = None
    ) -> None:
        """Print a result, and its target where it has one.

        Args:
            name: What was measured.
            value: How much.
            unit: Of the value and its target.
            at_least: The least that meets the target.
            at_most: The most that meets the target.
        """
        target = ""
        if at_least is not None or at_most is not None:
            good = (at_least is None or value >= at_least) and (at_most is None or value <= at_most)
            target = f"(≥ {at_least:.4g})" if at_least is not None else f"(≤ {at_most:.4g})"
            target = f"{target:12} {'ok' if good else 'MISSED'}"
            if good:
                self.met += 1
            else:
                self.missed.append(name)
        print(f"{name:58} {value:10.2f} {unit:6} {target}".rstrip(), flush=True)

    def verdict(self) -> str:
        """Return the last line of the report."""
        if not self.missed:
            return f"PASS: all {self.met} targets are met"
        return f"FAIL: {len(self.missed)} of {self.met + len(self.missed)} targets are missed: {', '.join(self.missed)}"


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process, its threads and its children so far; see proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return (int(fields[11]) + int(fields[12])) / _TICKS + sum(processor_seconds(int(child)) for child in children)


def private_kib(pid: int) -> int:
    """Return the memory that only this process has, in KiB; see smaps_rollup in proc(5)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
