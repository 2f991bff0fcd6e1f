"""Layers as segments name them, and which of them a segment shows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Self, TypeVar

from render_service.compositor.segments.captions import DrawnCaption
from render_service.compositor.segments.marks import DrawnMark
from render_service.compositor.text.drawn_texts import clean_text
from render_service.domain.layers.changing import settled, settling_time
from render_service.domain.layers.model import (
    Animation,
    AnimationKind,
    ClipLayer,
    Layer,
    layer_field,
    lut_field,
    mask_field,
)
from render_service.domain.projects.project import Project
from render_service.domain.projects.timeline import Timeline, frames_covering, frames_in
from render_service.domain.warning import JobWarning, WarningCode

Span = TypeVar("Span", bound="LayerSpan")

# How long layers come and go if the project does not say: the whole animation, and a letter of a typed text.
_ANIMATION = timedelta(seconds=0.5)
_TYPED_LETTER = timedelta(seconds=0.04)
_LONGEST = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class LayerSpan:
    """When a layer is there.

    Args:
        layer: What is drawn and where, without its id, times and URL.
        start: First frame in which it is seen, counted from the first of what it lies over; may lie before it.
        end: The frame after the last.
        enter: Frames over which it comes; 0 is at once.
        exit: Frames over which it goes.
    """

    layer: Layer
    start: int
    end: int
    enter: int = 0
    exit: int = 0


@dataclass(frozen=True, slots=True)
class DrawnLayer(LayerSpan):
    """A layer over a stretch of frames.

    Args:
        file: SHA-256 of its file; empty for texts and shapes.
        language: BCP 47 tag of the texts of the video; empty for what is no text.
        group: The group that it moves with.
    """

    file: str = ""
    language: str = ""
    group: LayerSpan | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """The SHA-256 of all files that it is drawn from."""
        mask = self.layer.mask.picture_uri if self.layer.mask else ""
        lut = self.layer.filters.lut if self.layer.filters else None
        return tuple(filter(None, (self.file, mask, lut.uri if lut else "")))

    def within(self, first: int, frames: int, fps: int) -> Self:
        """Return it for a stretch of frames, counted from its first, without all that cannot be seen in there.

        So a segment stays the same when a layer changes its times elsewhere.
        """
        group = self.group and _within(self.group, first, frames, fps, "")
        return replace(_within(self, first, frames, fps, self.language), group=group)


AnyDrawn = DrawnLayer | DrawnCaption | DrawnMark
"""What is drawn over frames: when and where, and by its class what."""

Drawn = TypeVar("Drawn", DrawnLayer, AnyDrawn)


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
    whole = LayerSpan(Layer(), 0, frames)
    groups = {layer.id: _span(bare_layer(layer), layer, whole, fps) for layer in layers if layer.group}
    for index, layer in enumerate(layers):
        bare, group = bare_layer(layer), groups.get(layer.parent)
        span = _span(bare, layer, group or whole, fps)
        if span.start < span.end and layer.group is None and (bare.text is None or bare.text.text):
            file = hashes[layer_field(index, layer)] if layer.picture or layer.clip else ""
            tag = language if layer.text else ""
            bare = _named_by_content(bare, index, hashes)
            span = replace(span, layer=bare)
            drawn.append(DrawnLayer(bare, span.start, span.end, span.enter, span.exit, file, tag, group))
    return tuple(drawn)


def _named_by_content(layer: Layer, index: int, hashes: Mapping[str, str]) -> Layer:
    """Return a layer whose mask and table of colors are named by their content, as all that decides a picture is."""
    if layer.mask and layer.mask.picture_uri:
        layer = replace(layer, mask=replace(layer.mask, picture_uri=hashes[mask_field(index)]))
    if layer.filters and layer.filters.lut:
        lut = replace(layer.filters.lut, uri=hashes[lut_field(index)])
        layer = replace(layer, filters=replace(layer.filters, lut=lut))
    return layer


def layer_warnings(project: Project, timeline: Timeline) -> Iterator[JobWarning]:
    """Yield a warning for each layer that is never seen."""
    held = [(shot.shot.layers, shot.frames, shot.shot_id) for shot in timeline.shots]
    for layers, frames, shot_id in (*held, (project.layers, timeline.frames, "")):
        for index, layer in enumerate(layers):
            group = next((one for one in layers if one.group and one.id == layer.parent), None)
            fault = _unseen(layer, group, frames, timeline.fps)
            if fault is not None:
                field, what = fault
                place = f"layers[{index}].{field}"
                named = f"{shot_id}.{place}" if shot_id else place
                yield JobWarning(WarningCode.LAYER_NOT_SEEN, f"{named}: {what}", shot_id, place)


def _unseen(layer: Layer, group: Layer | None, frames: int, fps: int) -> tuple[str, str] | None:
    """Return the field that keeps a layer from being seen, and how; None where it is seen."""
    bare, holder = bare_layer(layer), LayerSpan(Layer(), 0, frames)
    if bare.text is not None and not bare.text.text:
        return "text.text", "the text has no characters that can be drawn; give it some, or leave the layer out"
    if group is not None:
        holder = _span(bare_layer(group), group, holder, fps)
    span = _span(bare, layer, holder, fps)
    if span.start < span.end:
        return None
    held = "the group" if group is not None else "what it lies over"
    length = max(0, holder.end - holder.start) / fps
    return "start", f"the layer starts after the end of {held}, which lasts {length:.3f} s; let it start earlier"


def _span(bare: Layer, layer: Layer, holder: LayerSpan, fps: int) -> LayerSpan:
    start = holder.start + frames_in(layer.start, fps)
    length = holder.end if layer.duration is None else max(1, frames_in(layer.duration, fps))
    end = min(holder.end, start + length)
    return LayerSpan(bare, start, end, *_fades(bare, max(0, end - start), fps))


def _fades(layer: Layer, length: int, fps: int) -> tuple[int, int]:
    """Return over how many frames a layer comes and goes, together at most its length."""
    enter, leave = (_animation_frames(animation, layer, fps) for animation in (layer.enter, layer.exit))
    if enter + leave > length:
        enter = enter * length // (enter + leave)
        leave = min(leave, length - enter)
    return enter, leave


def _animation_frames(animation: Animation | None, layer: Layer, fps: int) -> int:
    if animation is None:
        return 0
    typed = _TYPED_LETTER * len(layer.text.text) if layer.text else _ANIMATION
    default = typed if animation.kind is AnimationKind.TYPE else _ANIMATION
    return max(1, frames_in(animation.duration or min(default, _LONGEST), fps))


def bare_layer(layer: Layer) -> Layer:
    """Return a layer without what changes no pixel of it."""
    bare = replace(layer, id="", parent="", start=timedelta(0), duration=None)
    if bare.text:
        return replace(bare, text=replace(bare.text, text=clean_text(bare.text.text)))
    if bare.clip:
        return replace(bare, clip=ClipLayer(""))
    return replace(bare, picture=replace(bare.picture, uri="")) if bare.picture else bare


def seen_layers(layers: Iterable[Drawn], first: int, frames: int, fps: int) -> tuple[Drawn, ...]:
    """Return what is seen in a stretch of frames, counted from its first; see `DrawnLayer.within`."""
    return tuple(one.within(first, frames, fps) for one in layers if one.start < first + frames and one.end > first)


def _within(one: Span, first: int, frames: int, fps: int, language: str) -> Span:
    layer, enter, leave = one.layer, one.enter, one.exit
    start, end = one.start - first, one.end - first
    if start + enter <= 0:
        # Once it has come and its keyframes are past, it does not matter since when it has been there.
        # A clip or an animation shows another frame in each.
        moving = frames_covering(settling_time(layer), fps)
        past = start if layer.is_played else max(start, -moving)
        layer, enter, start = replace(layer, enter=None), 0, past
        if start <= -moving:
            layer = settled(layer, language)
    if end - leave >= frames:
        layer, leave, end = replace(layer, exit=None), 0, frames
    return replace(one, layer=layer, start=start, end=end, enter=enter, exit=leave)
