"""Reads outlines in the notation of SVG paths (https://www.w3.org/TR/SVG2/paths.html)."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_PATH = 10_000
MAX_COMMANDS = 2_000

Point = tuple[float, float]
# Possessive: a long run of blanks is read once, also where what follows it is wrong.
_GAP = r"\s*+(?:,\s*+)?+"
_TOKEN = re.compile(_GAP + r"([MmLlHhVvCcSsQqTtAaZz]|[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d{1,2})?)")
_FLAG = re.compile(_GAP + r"([01])")
_PARAMETERS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}
# Straight lines a curve is drawn with.
_STEPS = 24
_FARTHEST = 1e6
# Shorter radii and distances make an arc a straight line.
_SHORTEST = 1e-9


@dataclass(frozen=True, slots=True)
class Contour:
    """A line of points, and whether its end is joined with its start."""

    points: tuple[Point, ...]
    is_closed: bool


def path_fault(path: str) -> str | None:
    """Return what is wrong with a path, in words that complete "<field>: ", or None."""
    if len(path) > MAX_PATH:
        return f"must have at most {MAX_PATH:,} characters"
    try:
        for _ in _moves(path):
            pass
    except ValueError as error:
        return str(error)
    return None


def parse_path(path: str) -> tuple[Contour, ...]:
    """Return the contours of a path, its curves as straight lines.

    Raises:
        ValueError: The path is wrong; the message says where, and what is expected.
    """
    contours: list[Contour] = []
    points: list[Point] = []
    before, handle = "", (0.0, 0.0)
    for command, numbers, here in _moves(path):
        if command == "M":
            _end(contours, points, is_closed=False)
            points = [(numbers[0], numbers[1])]
        elif command == "Z":
            _end(contours, points, is_closed=True)
            points = [points[0]]
        else:
            drawn, handle = _drawn(command, numbers, here, handle if before in _CURVES.get(command, "") else here)
            points.extend(drawn)
        before = command
    _end(contours, points, is_closed=False)
    return tuple(contours)


def _moves(path: str) -> Iterator[tuple[str, list[float], Point]]:
    """Yield the commands of a path in upper case, their absolute numbers, and the point at which each begins."""
    here = start = (0.0, 0.0)
    for letter, given in _commands(path):
        command = letter.upper()
        numbers = _absolute(command, given, here) if letter.islower() else given
        if any(abs(number) > _FARTHEST for number in numbers):
            raise ValueError(f"must have numbers from −{_FARTHEST:,.0f} to {_FARTHEST:,.0f}")
        yield command, numbers, here
        if command == "Z":
            here = start
        elif command in "HV":
            here = (numbers[0], here[1]) if command == "H" else (here[0], numbers[0])
        else:
            here = (numbers[-2], numbers[-1])
        if command == "M":
            start = here


# The commands whose last handle a smooth curve continues.
_CURVES = {"S": "CS", "T": "QT"}


def _end(contours: list[Contour], points: list[Point], *, is_closed: bool) -> None:
    if len(points) > 1:
        contours.append(Contour(tuple(points), is_closed))


def _commands(path: str) -> Iterator[tuple[str, list[float]]]:
    """Yield the commands of a path with their numbers; a letter that is omitted is repeated."""
    text = path.strip().rstrip(" \t\r\n,")
    if not text:
        raise ValueError("must not be empty")
    if text[0] not in "Mm":
        raise ValueError("must begin with the command M")
    position, letter = 0, ""
    for _ in range(MAX_COMMANDS):
        found = _TOKEN.match(text, position)
        if found is None:
            raise ValueError(f"must be a path in the notation of SVG: character {position + 1} is not understood")
        if found[1].isalpha():
            letter, position = found[1], found.end()
        elif letter in "Zz":
            raise ValueError(f"must have a command such as M or L before the number at character {position + 1}")
        numbers, position = _numbers(text, position, letter)
        yield letter, numbers
        # Further pairs after a move are lines.
        letter = {"M": "L", "m": "l"}.get(letter, letter)
        if position == len(text):
            return
    raise ValueError(f"must have at most {MAX_COMMANDS:,} commands")


def _numbers(text: str, position: int, letter: str) -> tuple[list[float], int]:
    """Return the numbers of a command, and where they end."""
    wanted = _PARAMETERS[letter.upper()]
    numbers = []
    for number in range(wanted):
        # The flags of an arc need nothing between them.
        pattern = _FLAG if letter in "Aa" and number in (3, 4) else _TOKEN
        found = pattern.match(text, position)
        if found is None or found[1].isalpha():
            raise ValueError(f"must have {wanted} numbers after {letter}")
        numbers.append(float(found[1]))
        position = found.end()
    return numbers, position


def _absolute(command: str, numbers: list[float], here: Point) -> list[float]:
    if command == "H":
        return [numbers[0] + here[0]]
    if command == "V":
        return [numbers[0] + here[1]]
    if command == "A":
        return [*numbers[:5], numbers[5] + here[0], numbers[6] + here[1]]
    return [number + here[at % 2] for at, number in enumerate(numbers)]


def _drawn(command: str, numbers: list[float], here: Point, handle: Point) -> tuple[list[Point], Point]:
    """Return the points of a command after `here`, and the handle that a smooth curve continues."""
    pairs = list(zip(numbers[::2], numbers[1::2], strict=False))
    mirrored = (2 * here[0] - handle[0], 2 * here[1] - handle[1])
    curves = {"C": (*pairs,), "S": (mirrored, *pairs), "Q": (*pairs,), "T": (mirrored, *pairs)}
    if command in curves:
        handles = curves[command]
        return _bezier(here, *handles), handles[-2]
    if command == "A":
        return _arc(here, numbers), here
    lines = {"H": (numbers[0], here[1]), "V": (here[0], numbers[0])}
    return [lines.get(command) or pairs[0]], here


def _bezier(*handles: Point) -> list[Point]:
    degree = len(handles) - 1
    points = []
    for step in range(1, _STEPS + 1):
        t = step / _STEPS
        weights = [math.comb(degree, k) * (1 - t) ** (degree - k) * t**k for k in range(degree + 1)]
        points.append(
            (
                sum(w * p[0] for w, p in zip(weights, handles, strict=True)),
                sum(w * p[1] for w, p in zip(weights, handles, strict=True)),
            )
        )
    return points


def _arc(here: Point, numbers: list[float]) -> list[Point]:
    """Return an elliptical arc, by the conversion of SVG 2, B.2.4 and B.2.5."""
    rx, ry, turn, large, sweep, x, y = numbers
    rx, ry, turn = abs(rx), abs(ry), math.radians(turn)
    if min(rx, ry, math.dist((x, y), here)) < _SHORTEST:
        return [(x, y)]
    cos, sin = math.cos(turn), math.sin(turn)
    dx, dy = (here[0] - x) / 2, (here[1] - y) / 2
    px, py = cos * dx + sin * dy, cos * dy - sin * dx
    short = math.sqrt(max(1.0, (px / rx) ** 2 + (py / ry) ** 2))
    rx, ry = rx * short, ry * short
    over = (rx * ry) ** 2 - (rx * py) ** 2 - (ry * px) ** 2
    root = math.sqrt(max(0.0, over / ((rx * py) ** 2 + (ry * px) ** 2)))
    root = -root if bool(large) == bool(sweep) else root
    cx, cy = root * rx * py / ry, -root * ry * px / rx
    first = math.atan2((py - cy) / ry, (px - cx) / rx)
    last = math.atan2((-py - cy) / ry, (-px - cx) / rx)
    if sweep and last < first:
        last += math.tau
    if not sweep and last > first:
        last -= math.tau
    mx, my = cos * cx - sin * cy + (here[0] + x) / 2, sin * cx + cos * cy + (here[1] + y) / 2
    points = []
    for step in range(1, 2 * _STEPS):
        angle = first + (last - first) * step / (2 * _STEPS)
        ex, ey = rx * math.cos(angle), ry * math.sin(angle)
        points.append((cos * ex - sin * ey + mx, sin * ex + cos * ey + my))
    return [*points, (x, y)]
