"""Draws the packages and their imports from the table of the architecture page, or checks the drawing (`--check`)."""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from html import escape
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/explanation/architecture.md"
DRAWING = ROOT / "docs/images/architecture.svg"
WIDTH, BOX_WIDTH, LANE_WIDTH, BOX_HEIGHT, ROW_HEIGHT, MARGIN = 960, 112, 10, 34, 84, 24

Graph = Mapping[str, set[str]]

HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">
<style>
  rect.ground {{ fill: #ffffff }} rect.box {{ fill: #eef3fb; stroke: #33527a; stroke-width: 1.2 }}
  text {{ font: 14px system-ui, sans-serif; fill: #16263d; text-anchor: middle }}
  path {{ fill: none; stroke: #7d8fa9; stroke-width: 1.3 }}
</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0 8 4 0 8z" style="fill: #7d8fa9; stroke: none"/></marker></defs>
<rect class="ground" width="{width}" height="{height}"/>
"""


def read_packages(page: str) -> dict[str, set[str]]:
    """Return the packages that each package imports, from the page's first table."""
    section = page.partition("\n## Packages\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|.*\|([^|]*)\|$", section, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", cell)) for name, cell in rows}


def reduce(graph: Graph) -> dict[str, set[str]]:
    """Return a graph without the arrows that a longer path implies."""
    reachable: dict[str, set[str]] = {}
    for name in TopologicalSorter(graph).static_order():
        reachable[name] = graph[name].union(*(reachable[target] for target in graph[name]))
    return {name: targets - set().union(*(reachable[target] for target in targets)) for name, targets in graph.items()}


def depths(graph: Graph) -> dict[str, int]:
    """Return the row of each package, counted from the top, so that every arrow leads down."""
    importers: dict[str, set[str]] = {name: set() for name in graph}
    for name, targets in graph.items():
        for target in targets:
            importers[target].add(name)
    depth: dict[str, int] = {}
    for name in TopologicalSorter(importers).static_order():
        depth[name] = max((depth[importer] + 1 for importer in importers[name]), default=0)
    return depth


def routes(graph: Graph, depth: Mapping[str, int]) -> list[list[str]]:
    """Return each arrow as its points, one per row; those between its ends are named after the arrow."""
    return [
        [name, *(f"{name}>{target}@{row}" for row in range(depth[name] + 1, depth[target])), target]
        for name, targets in sorted(graph.items())
        for target in sorted(targets)
    ]


def place(arrows: Sequence[Sequence[str]], depth: Mapping[str, int]) -> dict[str, tuple[float, float]]:
    """Return the centre of every box and of every point of an arrow; nothing in a row overlaps.

    The order in a row follows the mean position of the neighbours in the row before, swept down and up (the barycentre
    method of Sugiyama, Tagawa and Toda, 1981).
    """
    rows: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    near: dict[str, list[str]] = {name: [] for name in depth}
    for name in sorted(depth):
        rows[depth[name]].append(name)
    for arrow in arrows:
        for number, point in enumerate(arrow[1:-1], start=depth[arrow[0]] + 1):
            rows[number].append(point)
        for one, other in pairwise(arrow):
            near.setdefault(one, []).append(other)
            near.setdefault(other, []).append(one)
    x = {point: float(index) for row in rows for index, point in enumerate(row)}
    for _ in range(24):
        for row in (*rows, *reversed(rows)):
            middle = {point: sum(x[other] for other in near[point]) / max(1, len(near[point])) for point in row}
            row.sort(key=lambda point: middle[point])
            spread = _spread(row, depth)
            x |= {point: spread[point] for point in row}
    return {
        point: (x[point], MARGIN + BOX_HEIGHT / 2 + number * ROW_HEIGHT)
        for number, row in enumerate(rows)
        for point in row
    }


def _spread(row: Sequence[str], depth: Mapping[str, int]) -> dict[str, float]:
    """Return the positions of a row's boxes and points, centred, with the free width shared between them."""
    widths = [BOX_WIDTH if point in depth else LANE_WIDTH for point in row]
    gap = (WIDTH - sum(widths)) / (len(row) + 1)
    return {point: gap * (index + 1) + sum(widths[:index]) + widths[index] / 2 for index, point in enumerate(row)}


def draw(graph: Graph) -> str:
    """Return the drawing as SVG."""
    depth = depths(graph)
    arrows = routes(graph, depth)
    at = place(arrows, depth)
    height = 2 * MARGIN + BOX_HEIGHT + max(depth.values()) * ROW_HEIGHT
    lines = [HEAD.format(width=WIDTH, height=height, label="Packages of render_service and their imports")]
    for arrow in arrows:
        x, y = at[arrow[0]]
        path = f"M{x:.0f} {y + BOX_HEIGHT / 2:.0f}"
        y += BOX_HEIGHT / 2
        for point in arrow[1:]:
            end_x, end_y = at[point]
            top = end_y - BOX_HEIGHT / 2 - (point in depth)
            bend = (top - y) / 2
            path += f"C{x:.0f} {y + bend:.0f} {end_x:.0f} {top - bend:.0f} {end_x:.0f} {top:.0f}"
            x, y = end_x, end_y + BOX_HEIGHT / 2
            path += "" if point in depth else f"V{y:.0f}"
        lines.append(f'<path d="{path}" marker-end="url(#tip)"/>\n')
    for name in sorted(depth):
        x, y = at[name]
        lines.append(
            f'<rect class="box" x="{x - BOX_WIDTH / 2:.0f}" y="{y - BOX_HEIGHT / 2:.0f}" width="{BOX_WIDTH}"'
            f' height="{BOX_HEIGHT}" rx="5"/><text x="{x:.0f}" y="{y + 5:.0f}">{escape(name)}</text>\n'
        )
    return "".join([*lines, "</svg>\n"])


def main() -> int:
    """Write the drawing, or check that it is current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 if the drawing is stale")
    check = parser.parse_args().check
    drawing = draw(reduce(read_packages(PAGE.read_text(encoding="utf-8"))))
    if check:
        if not DRAWING.is_file() or DRAWING.read_text(encoding="utf-8") != drawing:
            print("docs/images/architecture.svg is stale: run `make generate`")
            return 1
        return 0
    DRAWING.write_text(drawing, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
