"""Reads Lottie animations of callers. What is drawn is written anew from what was checked here.

Shapes, solids, precompositions, mattes and masks are drawn. Nothing outside of the file can be named, and nothing in it
is a program: pictures, texts, sounds and expressions are refused by name.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from render_service.compositor.lotties.allowed import allowed

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
"""Of values within each other."""
MAX_VALUES = 400_000
MAX_WORK = 4_000
"""Shapes of a frame once precompositions and repeaters are followed; what takes longer to draw counts as many."""
MAX_SECONDS = 600
_MOST_NESTED = 16
_LARGEST_SIDE = 10_000
_LARGEST_NUMBER = 1e6
_MOST_COPIES, _MOST_POINTS = 200, 500
# Shorter dashes, as a part of the longer side, cannot be seen, but take time in proportion.
_SHORTEST_DASH = 1 / 1000
_MATTE, _MASK, _EFFECT, _NESTED = 60, 30, 300, 60
# A layer that is blended otherwise, or is translucent as a whole, is drawn apart and composed over the whole picture.
_BLENDED, _BLENDED_BY_HUE, _FADED = 120, 400, 20
_BY_HUE = (12, 13, 14, 15)
_DRAWN = frozenset((0, 1, 3, 4))
_REFUSED = {
    2: ("a picture", "draw it with shapes, or lay it as a picture of its own"),
    5: ("a text", "convert it to shapes, or lay it as a text of its own"),
    6: ("a sound", "remove it, and name it in sounds"),
    13: ("a camera", "export it without one"),
}
_SIMPLE_KEY = re.compile(r"\w{1,24}")


class LottieError(Exception):
    """An animation cannot be drawn; the message names the value, the fault and the remedy."""


@dataclass(frozen=True, slots=True)
class LottieDocument:
    """A checked animation.

    Args:
        width: Its own width in pixels.
        height: Its height.
        fps: Its own frames per second.
        frames: Its length in its own frames; fractions count.
        content: The animation as JSON.
    """

    width: int
    height: int
    fps: float
    frames: float
    content: bytes

    @property
    def shape(self) -> float:
        """Its width by its height."""
        return self.width / self.height

    def frame_at(self, seconds: float, *, once: bool) -> float:
        """Return which frame is seen at a time since its start, ≥ 0; fractions lie between frames."""
        frame = seconds * self.fps
        last = max(self.frames - 1, 0.0)
        # Rounded, so that frames that are the same are drawn once.
        return round(min(frame, last) if once else math.fmod(frame, self.frames), 3)


def read_lottie(data: bytes) -> LottieDocument:
    """Read an animation.

    Args:
        data: A Lottie file (JSON).

    Raises:
        LottieError: It is none, holds what is not drawn, or is too expensive to draw.
    """
    if len(data) > MAX_BYTES:
        raise LottieError(f"the animation has more than {MAX_BYTES // 2**20} MiB; simplify it")
    try:
        document = json.loads(data.decode("utf-8-sig"), parse_constant=_not_finite)
    except (ValueError, RecursionError) as error:
        raise LottieError("the file is no Lottie animation in JSON; export it again, not as dotLottie") from error
    if not isinstance(document, dict) or not isinstance(document.get("layers"), list):
        raise LottieError("the file is no Lottie animation: it has no layers; export it again")
    for path, value in _values(document):
        _check_value(path, value)
    if document.get("slots"):
        raise LottieError("slots: values that are filled in are not drawn; export the animation with its values")
    # What draws trusts the file: from here on there is nothing else than what is checked.
    document = allowed(document)
    width, height = (_number(document, side, 1, _LARGEST_SIDE) for side in ("w", "h"))
    fps = _number(document, "fr", 1, 240)
    frames = _number(document, "op", -_LARGEST_NUMBER, _LARGEST_NUMBER) - _number(
        document, "ip", -_LARGEST_NUMBER, _LARGEST_NUMBER
    )
    if not 0 < frames <= MAX_SECONDS * fps:
        raise LottieError(f"the animation does not last 0 to {MAX_SECONDS} s (op − ip over fr); correct them")
    work = _Work(document, max(width, height)).of_layers(document["layers"], "layers", 0)
    if work > MAX_WORK:
        raise LottieError(
            f"the animation draws about {work:,.0f} shapes in a frame, more than {MAX_WORK:,}; simplify it"
        )
    content = json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")
    return LottieDocument(round(width), round(height), fps, frames, content)


def _not_finite(name: str) -> float:
    raise ValueError(name)


def _values(document: object) -> Iterator[tuple[str, Any]]:
    """Yield each value with its path."""
    waiting: list[tuple[str, Any, int]] = [("", document, 0)]
    count = 0
    while waiting:
        path, value, depth = waiting.pop()
        count += 1
        if count > MAX_VALUES:
            raise LottieError(f"the animation has more than {MAX_VALUES:,} values; simplify it")
        if depth > MAX_DEPTH:
            raise LottieError(
                f"{path[:80]}: the animation has more than {MAX_DEPTH} values within each other; simplify it"
            )
        yield path, value
        if isinstance(value, dict):
            waiting += [(_joined(path, key), inner, depth + 1) for key, inner in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [(f"{path}[{index}]", inner, depth + 1) for index, inner in reversed(list(enumerate(value)))]


def _joined(path: str, key: str) -> str:
    name = key if _SIMPLE_KEY.fullmatch(key) else "…"
    return f"{path}.{name}" if path else name


def _check_value(path: str, value: object) -> None:
    if value is None and path.endswith("]"):
        raise LottieError(f"{path[-80:]}: is null; export the animation again")
    if isinstance(value, (int, float)) and not abs(value) <= _LARGEST_NUMBER:
        raise LottieError(f"{path}: is beyond ±{_LARGEST_NUMBER:,.0f}; correct it")
    if isinstance(value, dict) and isinstance(value.get("x"), str):
        raise LottieError(f"{path}.x: is an expression, which is not run; bake it into keyframes")


def _number(holder: dict[str, Any], name: str, least: float, most: float) -> float:
    value = holder.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise LottieError(f"{name}: is no number from {least:g} to {most:g}; export the animation again")
    return float(value)


class _Work:
    """Counts what drawing a frame takes at most."""

    def __init__(self, document: dict[str, Any], side: float) -> None:
        self._side = side
        self._assets: dict[str, Any] = {}
        for index, asset in enumerate(_list(document.get("assets"))):
            if not isinstance(asset, dict):
                continue
            if not isinstance(asset.get("layers"), list):
                raise LottieError(f"assets[{index}]: is a file, which is not loaded; draw it with shapes")
            self._assets[str(asset.get("id", ""))] = (f"assets[{index}].layers", asset["layers"])
        self._counted: dict[str, float] = {}
        self._open: set[str] = set()

    def of_layers(self, layers: list[Any], path: str, nested: int) -> float:
        """Return the work of layers, with all that they refer to."""
        return sum(self._of_layer(layer, f"{path}[{index}]", nested) for index, layer in enumerate(layers))

    def _of_layer(self, layer: object, path: str, nested: int) -> float:
        if not isinstance(layer, dict):
            raise LottieError(f"{path}: is no layer; export the animation again")
        kind = layer.get("ty")
        if not isinstance(kind, int) or isinstance(kind, bool) or kind not in _DRAWN:
            what, remedy = _REFUSED.get(kind if isinstance(kind, int) else -1, ("of an unknown kind", "remove it"))
            raise LottieError(f"{path}: is {what}, which is not drawn; {remedy}")
        work = 1.0 + _MATTE * bool(layer.get("tt")) + _MASK * len(_list(layer.get("masksProperties")))
        work += _EFFECT * len(_list(layer.get("ef"))) + _FADED * _is_faded(layer.get("ks"))
        if blending := layer.get("bm"):
            work += _BLENDED_BY_HUE if blending in _BY_HUE else _BLENDED
        if kind == 0:
            work += _NESTED + self._of_asset(str(layer.get("refId", "")), path, nested + 1)
        elif kind == 4:
            work += self._of_shapes(_list(layer.get("shapes")), f"{path}.shapes")
        return work

    def _of_asset(self, name: str, path: str, nested: int) -> float:
        if name not in self._assets:
            raise LottieError(f"{path}.refId: names no precomposition of the file; export the animation again")
        if name in self._open or nested > _MOST_NESTED:
            raise LottieError(f"{path}.refId: precompositions hold themselves, or are nested too deeply; simplify them")
        if name not in self._counted:
            place, layers = self._assets[name]
            self._open.add(name)
            self._counted[name] = self.of_layers(layers, place, nested)
            self._open.discard(name)
        return self._counted[name]

    def _of_shapes(self, shapes: list[Any], path: str) -> float:
        work, copies = 0.0, 1.0
        for index, shape in enumerate(shapes):
            place = f"{path}[{index}]"
            if not isinstance(shape, dict):
                raise LottieError(f"{place}: is no shape; export the animation again")
            _check_shape(shape, place)
            work += 1
            match shape.get("ty"):
                case "gr":
                    work += self._of_shapes(_list(shape.get("it")), f"{place}.it")
                case "tr":
                    work += _FADED * _is_faded(shape)
                case "rc" | "rd" if _reached(shape.get("r"), f"{place}.r")[0] < -_LARGEST_SIDE:
                    # ThorVG follows the loops of such corners step by step.
                    raise LottieError(f"{place}.r: is less than {-_LARGEST_SIDE}; raise it to 0")
                case "rp":
                    copies *= max(1.0, _most(shape.get("c"), f"{place}.c", _MOST_COPIES))
                case "sr":
                    work += _most(shape.get("pt"), f"{place}.pt", _MOST_POINTS) / 20
                case "sh":
                    work += _points(shape.get("ks")) / 20
                case "st" | "gs":
                    work += 20 * self._dashes(shape.get("d"), f"{place}.d")
        return work * copies

    def _dashes(self, dashes: object, path: str) -> int:
        found = _list(dashes)
        for index, dash in enumerate(found):
            if isinstance(dash, dict) and dash.get("n") == "d":
                shortest, _ = _reached(dash.get("v"), f"{path}[{index}].v")
                if shortest < self._side * _SHORTEST_DASH:
                    raise LottieError(f"{path}[{index}].v: is shorter than a thousandth of the picture; make it longer")
        return len(found)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _numbers(value: object) -> Iterator[float]:
    """Yield the numbers that a property takes."""
    if isinstance(value, (int, float)):
        yield float(value)
    elif isinstance(value, dict):
        for name in ("k", "s", "e"):
            yield from _numbers(value.get(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _numbers(inner)


def _is_faded(transform: object) -> bool:
    """Return whether what a transform moves is translucent at some time."""
    return isinstance(transform, dict) and any(number != 100 for number in _numbers(transform.get("o")))


def _most(value: object, path: str, limit: int) -> float:
    _, most = _reached(value, path)
    if most > limit:
        raise LottieError(f"{path}: is more than {limit}; lower it")
    return most


def _reached(value: object, path: str) -> tuple[float, float]:
    """Return the least and the greatest number that a property reaches; between keyframes it may swing beyond them."""
    numbers = list(_numbers(value))
    low, high = min(numbers, default=0.0), max(numbers, default=0.0)
    under, over = 0.0, 1.0
    for frame in _frames(value):
        for name in ("i", "o") if "i" in frame else ():
            easing = frame.get(name)
            times, ends = (_plain(easing.get(axis)) if isinstance(easing, dict) else [] for axis in ("x", "y"))
            if not times or not ends or not all(0 <= number <= 1 for number in times):
                raise LottieError(f"{path}: has an easing that is incomplete or goes back in time; correct it")
            under, over = min([under, *ends]), max([over, *ends])
    beyond = (high - low) * max(-under, over - 1)
    return low - beyond, high + beyond


def _frames(value: object) -> list[dict[str, Any]]:
    """Return the keyframes of a property."""
    frames = _list(value.get("k")) if isinstance(value, dict) else []
    return [frame for frame in frames if isinstance(frame, dict)]


def _check_shape(shape: dict[str, Any], path: str) -> None:
    kind = shape.get("ty")
    if kind == "op":
        # ThorVG reads beyond the ends of the paths that it offsets.
        raise LottieError(f"{path}: is an offset path, which is not drawn; expand it into a path")
    if kind in ("gf", "gs"):
        _check_gradient(shape.get("g"), f"{path}.g")


def _check_gradient(value: object, path: str) -> None:
    """Check that a gradient has as many colors as it says, in each keyframe: what draws reads beyond the end else."""
    gradient = value if isinstance(value, dict) else {}
    count, colors = gradient.get("p"), gradient.get("k")
    rows = [colors.get("k") if isinstance(colors, dict) else None]
    if frames := _frames(colors):
        named = [[frame[name] for name in ("s", "e") if name in frame] for frame in frames]
        # The last keyframe may have its values from the end of the one before.
        ends = [False, *("e" in frame for frame in frames[:-1])]
        rows = [row for own, end in zip(named, ends, strict=True) for row in (own if own or end else [None])]
    lengths = {len(row) if _are_numbers(row) else 0 for row in map(_list, rows)}
    if isinstance(count, bool) or not isinstance(count, int) or count < 1 or len(lengths) != 1:
        raise LottieError(f"{path}: has not as many colors everywhere; export the animation again")
    if min(lengths) < 4 * count:
        raise LottieError(f"{path}: has fewer than p colors; export the animation again")


def _plain(value: object) -> list[float]:
    """Return a number, or numbers of a list; none if there is anything else."""
    values: list[Any] = value if isinstance(value, list) else [value]
    return values if _are_numbers(values) else []


def _are_numbers(values: list[Any]) -> bool:
    return all(isinstance(value, (int, float)) for value in values)


def _points(value: object) -> int:
    """Return how many points the largest outline of a path has."""
    if isinstance(value, dict):
        own = value.get("v")
        inner = max((_points(value.get(name)) for name in ("k", "s", "e")), default=0)
        return max(len(own) if isinstance(own, list) else 0, inner)
    return max(map(_points, value), default=0) if isinstance(value, list) else 0
