"""Layers as segments name them, and which of them a segment shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from render_service.compositor.text.drawn_texts import clean_text
from render_service.domain.layers.model import Layer, layer_field
from render_service.domain.projects.timeline import frames_in


@dataclass(frozen=True, slots=True)
class DrawnLayer:
    """A layer over a stretch of frames.

    Args:
        layer: What is drawn and where, without its id, times and URL.
        start: First frame in which it is seen, counted from the first of what it lies over; may lie before it.
        end: The frame after the last.
        file: SHA-256 of its file; empty for texts and shapes.
        language: BCP 47 tag of the texts of the video; empty for what is no text.
    """

    layer: Layer
    start: int
    end: int
    file: str = ""
    language: str = ""


def drawn_layers(
    layers: Sequence[Layer], frames: int, fps: int, hashes: Mapping[str, str], language: str
) -> tuple[DrawnLayer, ...]:
    """Return layers as they are drawn over something.

    Args:
        layers: The layers of a shot or project.
        frames: Length of what they lie over.
        fps: Frames per second.
        hashes: SHA-256 of their files, by `layer_field`.
        language: BCP 47 tag of the texts of the video.

    Returns:
        Those that are seen at all, their frames counted from the start of what they lie over.
    """
    drawn = []
    for index, layer in enumerate(layers):
        start = frames_in(layer.start, fps)
        length = frames if layer.duration is None else max(1, frames_in(layer.duration, fps))
        bare = bare_layer(layer)
        if start < frames and (bare.text is None or bare.text.text):
            file = hashes[layer_field(index)] if layer.picture else ""
            tag = language if layer.text else ""
            drawn.append(DrawnLayer(bare, start, min(frames, start + length), file, tag))
    return tuple(drawn)


def bare_layer(layer: Layer) -> Layer:
    """Return a layer without what changes no pixel of it."""
    bare = replace(layer, id="", start=timedelta(0), duration=None)
    if bare.text:
        return replace(bare, text=replace(bare.text, text=clean_text(bare.text.text)))
    return replace(bare, picture=replace(bare.picture, uri="")) if bare.picture else bare


def seen_layers(layers: Sequence[DrawnLayer], first: int, frames: int) -> tuple[DrawnLayer, ...]:
    """Return the layers that are seen in a stretch of frames, counted from its first.

    What cannot be seen in the stretch is forgotten, so that it stays the same when a layer changes its times elsewhere.
    """
    return tuple(
        replace(one, start=max(one.start - first, 0), end=min(one.end - first, frames))
        for one in layers
        if one.start < first + frames and one.end > first
    )
