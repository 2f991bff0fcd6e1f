"""The rules for layers; the contract's comments name the same limits."""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta

from render_service.domain.layers.brand_names import color_fault, is_color_name
from render_service.domain.layers.changing import NUMBER
from render_service.domain.layers.colors import is_color
from render_service.domain.layers.easing import easing_fault
from render_service.domain.layers.fonts import font_fault
from render_service.domain.layers.model import (
    Animation,
    AnimationKind,
    AnimationUnit,
    Blend,
    Box,
    BoxFit,
    ClipLayer,
    Counter,
    Filters,
    Gradient,
    Layer,
    Mask,
    Shadow,
    ShapeKind,
    ShapeLayer,
    Stroke,
    TextLayer,
    TextStyle,
    WritingMode,
)
from render_service.domain.layers.path_data import MAX_PATH, path_fault
from render_service.domain.visible_text import is_visible

MAX_LAYERS = 20
MAX_ALL_LAYERS = 1_000
MAX_ALL_PATHS = 300_000
"""Characters of all paths of a project; reading so many takes some tenths of a second, during which calls wait."""
MAX_LAYER_TEXT = 1_000
MAX_STOPS = 16
MAX_KEYFRAMES = 50
LONGEST_LAYER = timedelta(hours=3)
LONGEST_ANIMATION = timedelta(seconds=10)
LONGEST_COUNTING = timedelta(seconds=60)
MOST_COUNTED = 1e12
MOST_DECIMALS = 4

_ZERO = timedelta(0)
_GROUP_ANIMATIONS = (AnimationKind.FADE, AnimationKind.SLIDE, AnimationKind.ZOOM, AnimationKind.POP)
# The properties that keyframes set, with their limits.
_ANIMATED = {
    "x": (-1, 2),
    "y": (-1, 2),
    "scale": (0, 4),
    "rotation": (-3600, 3600),
    "opacity": (0, 1),
    "trim_start": (0, 1),
    "trim_end": (0, 1),
}
_LAYER_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class LayerCheck:
    """Checks the layers of a project.

    Args:
        add_fault: Receives the path and the description of each fault.
        check_uri: Checks a required URI at a path.
        pieces: Returns what is known of a text: more than one piece where it has variables.

    Attributes:
        is_branded: Whether a brand kit is still to give colors to shapes and strokes without any.
    """

    def __init__(
        self,
        add_fault: Callable[[str, str], None],
        check_uri: Callable[[str, str], None],
        pieces: Callable[[str], tuple[str, ...]],
    ) -> None:
        self._fault = add_fault
        self._uri = check_uri
        self._pieces = pieces
        self._path_characters = 0
        self.is_branded = False

    def layers(self, layers: Sequence[Layer], path: str, *, over: str = "") -> None:
        """Check the layers of a shot or project.

        Args:
            layers: The layers.
            path: The path of their list.
            over: What they lie over where no camera moves there, such as `a clip`; empty where one may move.
        """
        if len(layers) > MAX_LAYERS:
            self._fault(path, f"must have at most {MAX_LAYERS} layers")
        seen: dict[str, int] = {}
        groups = {layer.id for layer in layers if layer.group}
        for index, layer in enumerate(layers[:MAX_LAYERS]):
            self._layer(layer, f"{path}[{index}]")
            self._number(layer.parallax, f"{path}[{index}].parallax", 0, 2)
            if layer.parallax and (layer.group or over):
                what = "a group" if layer.group else f"a layer over {over}"
                self._fault(f"{path}[{index}].parallax", f"must be 0 for {what}")
            if layer.group and layer.parent:
                self._fault(f"{path}[{index}].parent", "must be empty for a group")
            elif layer.parent and layer.parent not in groups:
                self._fault(f"{path}[{index}].parent", "must be the id of a group in the same list")
            first = seen.setdefault(layer.id, index)
            if first != index:
                self._fault(f"{path}[{index}].id", f"must be unique; layers[{first}] has the same")

    def _layer(self, layer: Layer, path: str) -> None:
        if not _LAYER_ID.fullmatch(layer.id):
            self._fault(f"{path}.id", "must be 1 to 64 characters A–Z a–z 0–9 _ -")
        self._content(layer, path)
        self._box(layer.box, f"{path}.box")
        self._times(layer, path)
        self._number(layer.opacity, f"{path}.opacity", 0, 1)
        if layer.shadow:
            self._shadow(layer.shadow, f"{path}.shadow")
        if layer.stroke:
            self._stroke(layer.stroke, f"{path}.stroke")
        if layer.mask:
            self._mask(layer.mask, f"{path}.mask")
        if layer.filters:
            self._filters(layer.filters, layer, f"{path}.filters")

    def _content(self, layer: Layer, path: str) -> None:
        if layer.text:
            self._text(layer.text, f"{path}.text")
        elif layer.picture:
            self._uri(layer.picture.uri, f"{path}.picture.uri")
            if layer.picture.lottie:
                self._number(layer.picture.lottie.speed, f"{path}.picture.lottie.speed", 0.25, 4)
        elif layer.shape:
            self._shape(layer.shape, layer.stroke, path)
        elif layer.clip:
            self._clip(layer, layer.clip, path)
        elif layer.group:
            self._group(layer, path)
        else:
            self._fault(path, "must have a text, a picture, a shape, a clip or a group")

    def _times(self, layer: Layer, path: str) -> None:
        if not _ZERO <= layer.start <= LONGEST_LAYER:
            self._fault(f"{path}.start", f"must be 0 s to {LONGEST_LAYER.total_seconds():,g} s")
        if layer.duration is not None and not _ZERO < layer.duration <= LONGEST_LAYER:
            self._fault(f"{path}.duration", f"must be more than 0 s, at most {LONGEST_LAYER.total_seconds():,g} s")
        for name, animation in (("enter", layer.enter), ("exit", layer.exit)):
            if animation:
                self._animation(animation, layer.text is not None, f"{path}.{name}")
        self._keyframes(layer, f"{path}.keyframes")

    def _clip(self, layer: Layer, clip: ClipLayer, path: str) -> None:
        self._uri(clip.uri, f"{path}.clip.uri")
        if layer.box.fit is BoxFit.FILL:
            self._fault(f"{path}.box.fit", "must be COVER or CONTAIN for a clip")
        if layer.blend is not Blend.NORMAL:
            self._fault(f"{path}.blend", "must be NORMAL for a clip")

    def _group(self, layer: Layer, path: str) -> None:
        for name in ("shadow", "stroke", "mask", "filters"):
            if getattr(layer, name) is not None:
                self._fault(f"{path}.{name}", "must be omitted for a group")
        if layer.blend is not Blend.NORMAL:
            self._fault(f"{path}.blend", "must be NORMAL for a group")
        for name, animation in (("enter", layer.enter), ("exit", layer.exit)):
            if animation and animation.kind not in _GROUP_ANIMATIONS:
                self._fault(f"{path}.{name}.kind", "must be FADE, SLIDE, ZOOM or POP for a group")

    def _text(self, text: TextLayer, path: str) -> None:
        pieces = self._pieces(text.text)
        if sum(map(len, pieces)) > MAX_LAYER_TEXT or (len(pieces) == 1 and not is_visible(pieces[0])):
            limits = f"1 to {MAX_LAYER_TEXT:,} characters, not only blanks and zero-width characters"
            self._fault(f"{path}.text", f"must have {limits}")
        self._style(text.style, f"{path}.style")
        if text.counter:
            self._counter(text.counter, f"{path}.counter")
            if len(pieces) == 1 and NUMBER not in pieces[0]:
                self._fault(f"{path}.text", f"must have {NUMBER} where the counter is shown")

    def _counter(self, counter: Counter, path: str) -> None:
        for name in ("start", "end"):
            if not abs(getattr(counter, name)) <= MOST_COUNTED:
                self._fault(f"{path}.{name}", "must be −10¹² to 10¹²")
        self._number(counter.decimals, f"{path}.decimals", 0, MOST_DECIMALS)
        if counter.duration is not None and not _ZERO < counter.duration <= LONGEST_COUNTING:
            self._fault(f"{path}.duration", f"must be more than 0 s, at most {LONGEST_COUNTING.total_seconds():g} s")
        self._easing(counter.easing, f"{path}.easing")

    def _style(self, style: TextStyle, path: str) -> None:
        self._number(style.size, f"{path}.size", 0.01, 1)
        self._number(style.weight, f"{path}.weight", 100, 900)
        self._fill(style.color, style.gradient, path)
        self._color(style.background, f"{path}.background")
        self._number(style.padding, f"{path}.padding", 0, 2)
        self._number(style.line_height, f"{path}.line_height", 0.8, 3)
        self._number(style.letter_spacing, f"{path}.letter_spacing", -0.1, 1)
        font = self._pieces(style.font)
        if style.font and len(font) == 1 and (fault := font_fault(font[0])):
            self._fault(f"{path}.font", fault)
        if style.writing_mode is WritingMode.VERTICAL:
            self._fault(f"{path}.writing_mode", "must be HORIZONTAL: vertical lines are not supported")

    def _shape(self, shape: ShapeLayer, stroke: Stroke | None, path: str) -> None:
        place = f"{path}.shape"
        self._fill(shape.color, shape.gradient, place)
        self._path(shape.kind, shape.path, f"{place}.path")
        if shape.trim:
            self._number(shape.trim.start, f"{place}.trim.start", 0, 1)
            self._number(shape.trim.end, f"{place}.trim.end", 0, 1)
            if stroke is None:
                self._fault(f"{path}.stroke", "must be set where the shape has a trim")
        if shape.kind is ShapeKind.LINE:
            if stroke is None:
                self._fault(f"{path}.stroke", "must be set: a LINE is drawn with its stroke")
            if shape.color or shape.gradient:
                self._fault(f"{place}.color", "must be empty for a LINE: set the color of its stroke")
        elif not (shape.color or shape.gradient or stroke or self.is_branded):
            self._fault(f"{place}.color", "must be set where there is neither a gradient nor a stroke")

    def _path(self, kind: ShapeKind, outline: str, path: str) -> None:
        pieces = self._pieces(outline)
        if kind is ShapeKind.PATH:
            known = len(outline) if len(pieces) == 1 else 0
            self._path_characters += known
            if self._path_characters > MAX_ALL_PATHS:
                fault: str | None = f"must have at most {MAX_ALL_PATHS:,} characters in all paths of the project"
            else:
                fault = path_fault(outline) if known or not outline else None
            if fault:
                self._fault(path, fault)
        elif outline:
            self._fault(path, f"must be empty for a {kind.name}, at most {MAX_PATH:,} characters else")

    def _mask(self, mask: Mask, path: str) -> None:
        if mask.kind is ShapeKind.LINE:
            self._fault(f"{path}.kind", "must be RECTANGLE, ELLIPSE or PATH")
        self._path(mask.kind, mask.path, f"{path}.path")
        if mask.picture_uri:
            self._uri(mask.picture_uri, f"{path}.picture_uri")
            if mask.kind is not ShapeKind.RECTANGLE:
                self._fault(f"{path}.kind", "must be omitted with picture_uri")
        if mask.box:
            self._box(mask.box, f"{path}.box")
            if mask.box.rotation:
                self._fault(f"{path}.box.rotation", "must be 0: masks do not turn")
        self._number(mask.feather, f"{path}.feather", 0, 0.2)

    def _filters(self, filters: Filters, layer: Layer, path: str) -> None:
        for name in ("brightness", "contrast", "saturation"):
            self._number(getattr(filters, name), f"{path}.{name}", 0, 4)
        self._number(filters.blur, f"{path}.blur", 0, 0.2)
        if filters.lut:
            self._uri(filters.lut.uri, f"{path}.lut.uri")
            self._number(filters.lut.strength, f"{path}.lut.strength", 0, 1)
        key = filters.chroma_key
        if key is None:
            return
        if not (layer.picture or layer.clip):
            self._fault(f"{path}.chroma_key", "must be omitted: only a picture or a clip is keyed")
        self._color(key.color, f"{path}.chroma_key.color", required=True)
        self._number(key.similarity, f"{path}.chroma_key.similarity", 0.01, 1)
        self._number(key.softness, f"{path}.chroma_key.softness", 0, 1)

    def _fill(self, color: str, gradient: Gradient | None, path: str) -> None:
        self._color(color, f"{path}.color")
        if gradient is None:
            return
        if color:
            self._fault(f"{path}.color", "must be empty where gradient is given")
        place = f"{path}.gradient"
        self._number(gradient.angle, f"{place}.angle", -360, 360)
        if not 2 <= len(gradient.stops) <= MAX_STOPS:
            self._fault(f"{place}.stops", f"must have 2 to {MAX_STOPS} stops")
        before = 0.0
        for index, stop in enumerate(gradient.stops[:MAX_STOPS]):
            self._color(stop.color, f"{place}.stops[{index}].color", required=True)
            if not before <= stop.position <= 1:
                self._fault(f"{place}.stops[{index}].position", "must be 0 to 1, and not before the stop before it")
            before = max(before, stop.position)

    def _box(self, box: Box, path: str) -> None:
        for name, place in (("x", box.x), ("y", box.y)):
            if place is not None:
                self._number(place, f"{path}.{name}", -1, 2)
        for name, side in (("width", box.width), ("height", box.height)):
            if side is not None:
                self._number(side, f"{path}.{name}", 0.001, 2)
        self._number(box.rotation, f"{path}.rotation", -360, 360)
        self._number(box.corner_radius, f"{path}.corner_radius", 0, 0.5)

    def _animation(self, animation: Animation, is_text: bool, path: str) -> None:
        if not is_text and animation.kind is AnimationKind.TYPE:
            self._fault(f"{path}.kind", "must not be TYPE: only a text is typed")
        elif not is_text and animation.unit is not AnimationUnit.WHOLE:
            self._fault(f"{path}.by", "must be WHOLE or omitted: only a text has lines, words and letters")
        if animation.duration is not None and not _ZERO < animation.duration <= LONGEST_ANIMATION:
            self._fault(f"{path}.duration", f"must be more than 0 s, at most {LONGEST_ANIMATION.total_seconds():g} s")
        self._easing(animation.easing, f"{path}.easing")

    def _keyframes(self, layer: Layer, path: str) -> None:
        keyframes = layer.keyframes
        if len(keyframes) > MAX_KEYFRAMES:
            self._fault(path, f"must have at most {MAX_KEYFRAMES} keyframes")
        before = timedelta(microseconds=-1)
        for index, keyframe in enumerate(keyframes[:MAX_KEYFRAMES]):
            place = f"{path}[{index}]"
            if not before < keyframe.time <= LONGEST_LAYER:
                limits = f"0 s to {LONGEST_LAYER.total_seconds():,g} s"
                self._fault(f"{place}.time", f"must be {limits}, and later than the keyframe before it")
            before = max(before, keyframe.time)
            for name, (least, most) in _ANIMATED.items():
                value = getattr(keyframe, name)
                if value is not None:
                    self._number(value, f"{place}.{name}", least, most)
                    if name.startswith("trim") and not (layer.shape and layer.stroke):
                        self._fault(f"{place}.{name}", "must be omitted: only a shape with a stroke is trimmed")
            if all(getattr(keyframe, name) is None for name in _ANIMATED):
                self._fault(place, f"must set one of {', '.join(_ANIMATED)}")
            self._easing(keyframe.easing, f"{place}.easing")

    def _easing(self, easing: str, path: str) -> None:
        pieces = self._pieces(easing)
        fault = easing_fault(pieces[0]) if len(pieces) == 1 and pieces[0] else None
        if fault:
            self._fault(path, fault)

    def _shadow(self, shadow: Shadow, path: str) -> None:
        self._color(shadow.color, f"{path}.color")
        self._number(shadow.blur, f"{path}.blur", 0, 0.2)
        self._number(shadow.x, f"{path}.x", -0.2, 0.2)
        self._number(shadow.y, f"{path}.y", -0.2, 0.2)

    def _stroke(self, stroke: Stroke, path: str) -> None:
        self._color(stroke.color, f"{path}.color", required=not self.is_branded)
        self._number(stroke.width, f"{path}.width", 0.0005, 0.2)

    def _color(self, color: str, path: str, *, required: bool = False) -> None:
        pieces = self._pieces(color)
        if len(pieces) > 1:
            return
        if (pieces[0] or required) and not is_color(pieces[0]) and not is_color_name(pieces[0]):
            self._fault(path, color_fault(pieces[0], "#FFC940 or #FFC94080"))

    def _number(self, value: float, path: str, least: float, most: float) -> None:
        if not least <= value <= most:
            self._fault(path, f"must be {least:g} to {most:g}".replace("-", "−"))
