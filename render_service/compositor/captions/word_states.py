"""How the words of a caption preset look in each frame: waiting, coming in, spoken, done."""

import math
from dataclasses import dataclass

from render_service.compositor.captions.look import Entrance

# How long words take to come in and to swell, in seconds.
_ENTRANCE_SECONDS = {Entrance.POP: 0.2, Entrance.RISE: 0.3, Entrance.DROP: 0.4, Entrance.TYPE: 0.0, Entrance.NONE: 0.0}
_SWELL_SECONDS = 0.1
SETTLED_SECONDS = 0.5
"""After this time every animation that began is over."""


@dataclass(frozen=True, slots=True)
class WordState:
    """A word in a frame.

    Args:
        opacity: 0–1.
        scale: Its size relative to its place in the line.
        lift: How far above its place it is, in em.
        spoken: How much of it is spoken, 0–1, along its reading direction.
        is_active: Whether it is being spoken.
    """

    opacity: float
    scale: float
    lift: float
    spoken: float
    is_active: bool


def word_state(
    frame: int, start: int, end: int, fps: int, *, entrance: Entrance, waiting: float, swell: float
) -> WordState:
    """Return how a word looks in a frame.

    Args:
        frame: The frame.
        start: The first frame in which the word is spoken.
        end: The frame after the last.
        fps: Frames a second.
        entrance: How it comes in.
        waiting: Its opacity before.
        swell: Its size while it is spoken.
    """
    if frame < start:
        return WordState(waiting, 1.0, 0.0, 0.0, is_active=False)
    spoken = min(1.0, (frame - start + 1) / max(1, end - start))
    is_active = frame < max(end, start + 1)
    seconds = (frame - start + 1) / fps
    whole = _ENTRANCE_SECONDS[entrance]
    done = min(1.0, seconds / whole) if whole else 1.0
    opacity, scale, lift = _coming_in(entrance, done)
    if swell > 1:
        grown = (
            min(1.0, seconds / _SWELL_SECONDS) if is_active else max(0.0, 1 - (frame - end + 1) / fps / _SWELL_SECONDS)
        )
        scale *= 1 + (swell - 1) * grown
    return WordState(waiting + (1 - waiting) * opacity, scale, lift, spoken, is_active)


def _coming_in(entrance: Entrance, done: float) -> tuple[float, float, float]:
    """Return opacity, scale and lift of a word of which a part 0–1 of the entrance is over."""
    if entrance is Entrance.POP:
        # Overshoots by a tenth, as a spring does.
        scale = 1 - 0.45 * math.exp(-5 * done) * math.cos(4.4 * done) if done < 1 else 1.0
        return min(1.0, 2.5 * done), scale, 0.0
    if entrance is Entrance.RISE:
        left = (1 - done) ** 3
        return 1 - left, 1.0, -0.45 * left
    if entrance is Entrance.DROP:
        return min(1.0, 3 * done), 1.0, 0.9 * abs(math.cos(1.5 * math.pi * done)) * (1 - done) ** 2
    return 1.0, 1.0, 0.0
