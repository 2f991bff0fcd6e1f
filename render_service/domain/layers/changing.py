"""What a layer holds at a time: numbers that count, and outlines that are drawn bit by bit."""

from dataclasses import replace
from datetime import timedelta

from render_service.domain.layers.easing import parse_easing
from render_service.domain.layers.model import Counter, Keyframe, Layer, Trim
from render_service.domain.layers.numbers import written

NUMBER = "{number}"
"""Where a text shows the number of its counter."""
COUNTING = timedelta(seconds=1.5)
_INTO_KEYFRAME = "ease-in-out"
_COUNTING_EASING = "ease-out"
_TRIMS = ("trim_start", "trim_end")


def keyed_value(keyframes: tuple[Keyframe, ...], name: str, own: float, seconds: float) -> float:
    """Return the value that keyframes give a property.

    Args:
        keyframes: Those of a layer.
        name: The property.
        own: Its value without keyframes.
        seconds: Time since the start of the layer, ≥ 0.
    """
    before, value = 0.0, own
    for keyframe in keyframes:
        wanted: float | None = getattr(keyframe, name)
        if wanted is None:
            continue
        time = keyframe.time.total_seconds()
        if seconds < time:
            progress = parse_easing(keyframe.easing or _INTO_KEYFRAME)((seconds - before) / (time - before))
            return value + (wanted - value) * progress
        before, value = time, wanted
    return value


def changes(layer: Layer) -> bool:
    """Return whether what a layer holds changes with time."""
    counts = layer.text is not None and layer.text.counter is not None
    return counts or any((one.trim_start, one.trim_end) != (None, None) for one in layer.keyframes)


def settling_time(layer: Layer) -> timedelta:
    """Return how long after its start the keyframes and the counter of a layer change it."""
    keyed = layer.keyframes[-1].time if layer.keyframes else timedelta(0)
    counter = layer.text.counter if layer.text else None
    return max(keyed, (counter.duration or COUNTING) if counter else timedelta(0))


def content_at(layer: Layer, seconds: float, language: str) -> Layer:
    """Return a layer with what it holds at a time since its start; nothing of that changes any more.

    Args:
        layer: The layer.
        seconds: The time, ≥ 0.
        language: BCP 47 tag that decides how numbers are written.
    """
    if layer.text and layer.text.counter:
        counter = layer.text.counter
        text = with_number(layer.text.text, counter, number_at(counter, seconds), language)
        return replace(layer, text=replace(layer.text, text=text, counter=None))
    if layer.shape and changes(layer):
        own = layer.shape.trim or Trim()
        start, end = (
            min(max(keyed_value(layer.keyframes, name, value, seconds), 0.0), 1.0)
            for name, value in zip(_TRIMS, (own.start, own.end), strict=True)
        )
        rest = (replace(one, trim_start=None, trim_end=None) for one in layer.keyframes)
        keyframes = tuple(one for one in rest if one != Keyframe(one.time, easing=one.easing))
        return replace(layer, shape=replace(layer.shape, trim=Trim(start, end)), keyframes=keyframes)
    return layer


def settled(layer: Layer, language: str) -> Layer:
    """Return a layer with what it holds in the end."""
    return content_at(layer, settling_time(layer).total_seconds(), language) if changes(layer) else layer


def number_at(counter: Counter, seconds: float) -> float:
    """Return the number of a counter at a time since the start of its layer."""
    progress = seconds / (counter.duration or COUNTING).total_seconds()
    if progress >= 1:
        return counter.end
    done = parse_easing(counter.easing or _COUNTING_EASING)(max(progress, 0.0))
    return counter.start + (counter.end - counter.start) * done


def with_number(text: str, counter: Counter, number: float, language: str) -> str:
    """Return the text of a counter with a number."""
    return text.replace(NUMBER, written(number, counter.decimals, language))
