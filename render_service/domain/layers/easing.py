"""Easings of animations, in the notation of CSS (https://www.w3.org/TR/css-easing-1/), and springs."""

import math
import re
from collections.abc import Callable
from functools import lru_cache

Easing = Callable[[float], float]
"""Maps the time 0–1 of an animation to its progress: 0 at 0, 1 at 1, beyond them where it overshoots."""

_NAMED = {
    "linear": (0.0, 0.0, 1.0, 1.0),
    "ease": (0.25, 0.1, 0.25, 1.0),
    "ease-in": (0.42, 0.0, 1.0, 1.0),
    "ease-out": (0.0, 0.0, 0.58, 1.0),
    "ease-in-out": (0.42, 0.0, 0.58, 1.0),
}
_FUNCTION = re.compile(r"(cubic-bezier|steps|spring)\(([^()]*)\)")
MAX_EASING = 60
_MAX_STEPS = 100
# How much a spring is damped over its time: what is left of the motion at its end is below a hundredth.
_DAMPING = 7.0
_HELP = "must be linear, ease, ease-in, ease-out, ease-in-out, cubic-bezier(x1, y1, x2, y2), steps(n) or spring(bounce)"


def easing_fault(text: str) -> str | None:
    """Return what is wrong with an easing, in words that complete "<field>: ", or None."""
    try:
        parse_easing(text)
    except ValueError as error:
        return str(error)
    return None


@lru_cache(maxsize=256)
def parse_easing(text: str) -> Easing:
    """Return an easing.

    Raises:
        ValueError: The text is none; the message says what is expected.
    """
    if text in _NAMED:
        return _bezier(*_NAMED[text])
    found = _FUNCTION.fullmatch(text) if len(text) <= MAX_EASING else None
    if found is None:
        raise ValueError(_HELP)
    try:
        numbers = [float(part) for part in found[2].split(",")]
    except ValueError:
        raise ValueError(_HELP) from None
    name = found[1]
    if name == "cubic-bezier" and len(numbers) == 4:
        x1, y1, x2, y2 = numbers
        if not (0 <= x1 <= 1 and 0 <= x2 <= 1 and abs(y1) <= 5 and abs(y2) <= 5):
            raise ValueError("must have x1 and x2 from 0 to 1, y1 and y2 from −5 to 5")
        return _bezier(x1, y1, x2, y2)
    if name == "steps" and len(numbers) == 1:
        if not (1 <= numbers[0] <= _MAX_STEPS and numbers[0].is_integer()):
            raise ValueError(f"must have 1 to {_MAX_STEPS} steps")
        return lambda time: math.floor(time * numbers[0] + 1e-9) / numbers[0]
    if name == "spring" and len(numbers) == 1:
        if not 0 <= numbers[0] <= 1:
            raise ValueError("must have a bounce from 0 (none) to 1")
        return _spring(numbers[0])
    raise ValueError(_HELP)


def _bezier(x1: float, y1: float, x2: float, y2: float) -> Easing:
    def at(first: float, second: float, t: float) -> float:
        return 3 * first * t * (1 - t) ** 2 + 3 * second * t * t * (1 - t) + t**3

    def ease(time: float) -> float:
        if not 0 < time < 1:
            return min(max(time, 0.0), 1.0)
        low, high = 0.0, 1.0
        # x grows with t: halving finds it to a millionth.
        for _ in range(20):
            middle = (low + high) / 2
            low, high = (middle, high) if at(x1, x2, middle) < time else (low, middle)
        return at(y1, y2, (low + high) / 2)

    return ease


def _spring(bounce: float) -> Easing:
    """Return a damped spring that comes to rest at the end; `bounce` 0 is critically damped."""
    damped = 1 - 0.75 * bounce
    speed = _DAMPING * math.sqrt(1 / damped**2 - 1)

    def at(time: float) -> float:
        swing = _DAMPING * time if not speed else _DAMPING / speed * math.sin(speed * time)
        return 1 - math.exp(-_DAMPING * time) * (math.cos(speed * time) + swing)

    # What is left of the motion at the end is spread over all of it.
    end = at(1)
    return lambda time: at(time) / end if 0 < time < 1 else min(max(time, 0.0), 1.0)
