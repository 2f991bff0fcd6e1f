"""Layers over a shot or the whole video.

Places are fractions of the frame's width and height from the top left; letters, strokes, radii and shadows are
fractions of its shorter side. Colors are `#RRGGBB` or `#RRGGBBAA`; an empty one means: none, or the default.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Anchor(StrEnum):
    """The point of a box that its position places."""

    CENTER = "center"
    TOP_LEFT = "top_left"
    TOP = "top"
    TOP_RIGHT = "top_right"
    LEFT = "left"
    RIGHT = "right"
    BOTTOM_LEFT = "bottom_left"
    BOTTOM = "bottom"
    BOTTOM_RIGHT = "bottom_right"

    @property
    def across(self) -> float:
        """Its place in the box: 0 at the left edge, 1 at the right one."""
        return 0.0 if self.value.endswith("left") else 1.0 if self.value.endswith("right") else 0.5

    @property
    def down(self) -> float:
        """Its place in the box: 0 at the top edge, 1 at the bottom one."""
        return 0.0 if self.value.startswith("top") else 1.0 if self.value.startswith("bottom") else 0.5


class BoxFit(StrEnum):
    """How a picture of another shape fills its box."""

    COVER = "cover"
    CONTAIN = "contain"
    FILL = "fill"


class Blend(StrEnum):
    """How a layer and what lies under it become one; see CSS `mix-blend-mode`."""

    NORMAL = "normal"
    MULTIPLY = "multiply"
    SCREEN = "screen"
    OVERLAY = "overlay"
    ADD = "add"


class ShapeKind(StrEnum):
    """Forms of shapes."""

    RECTANGLE = "rectangle"
    ELLIPSE = "ellipse"
    LINE = "line"
    PATH = "path"


class GradientKind(StrEnum):
    """Forms of gradients."""

    LINEAR = "linear"
    RADIAL = "radial"


class TextAlign(StrEnum):
    """Where lines lie in their box."""

    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"
    START = "start"


class VerticalAlign(StrEnum):
    """Where a text lies in a box that is higher."""

    TOP = "top"
    MIDDLE = "middle"
    BOTTOM = "bottom"


class WritingMode(StrEnum):
    """Directions of lines; VERTICAL is refused."""

    HORIZONTAL = "horizontal"
    VERTICAL = "vertical"


class AnimationKind(StrEnum):
    """How a layer comes and goes."""

    FADE = "fade"
    SLIDE = "slide"
    ZOOM = "zoom"
    WIPE = "wipe"
    POP = "pop"
    TYPE = "type"
    BLUR = "blur"


class AnimationUnit(StrEnum):
    """What of a text comes or goes one after the other."""

    WHOLE = "whole"
    LINE = "line"
    WORD = "word"
    LETTER = "letter"


class AnimationDirection(StrEnum):
    """Where an animation moves to: with LEFT a layer comes in from the right edge."""

    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class ColorStop:
    """A color of a gradient; `position` 0–1."""

    color: str
    position: float = 0.0


@dataclass(frozen=True, slots=True)
class Gradient:
    """Colors that blend into each other; `angle` in degrees as in CSS: 0 runs upwards, 90 to the right."""

    kind: GradientKind = GradientKind.LINEAR
    angle: float = 180.0
    stops: tuple[ColorStop, ...] = ()


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line along an edge."""

    color: str
    width: float = 0.005


@dataclass(frozen=True, slots=True)
class Shadow:
    """A shadow: how far its edge reaches out, and where it lies."""

    color: str = ""
    blur: float = 0.02
    x: float = 0.0
    y: float = 0.006


@dataclass(frozen=True, slots=True)
class Box:
    """The place of a layer; None means: it follows from the anchor, or from what the box holds. Degrees clockwise."""

    x: float | None = None
    y: float | None = None
    anchor: Anchor = Anchor.CENTER
    width: float | None = None
    height: float | None = None
    fit: BoxFit = BoxFit.COVER
    rotation: float = 0.0
    corner_radius: float = 0.0


@dataclass(frozen=True, slots=True)
class TextStyle:
    """How a text is set; padding, line height and letter spacing in em."""

    size: float = 0.07
    weight: int = 600
    italic: bool = False
    color: str = ""
    gradient: Gradient | None = None
    background: str = ""
    padding: float = 0.35
    line_height: float = 1.3
    letter_spacing: float = 0.0
    align: TextAlign | None = None
    vertical_align: VerticalAlign = VerticalAlign.MIDDLE
    writing_mode: WritingMode = WritingMode.HORIZONTAL
    font: str = ""


@dataclass(frozen=True, slots=True)
class Animation:
    """How a layer comes or goes; None and an empty easing mean: the default of its kind."""

    kind: AnimationKind = AnimationKind.FADE
    by: AnimationUnit | None = None
    duration: timedelta | None = None
    direction: AnimationDirection | None = None
    easing: str = ""

    @property
    def unit(self) -> AnimationUnit:
        """What comes one after the other."""
        return self.by or (AnimationUnit.LETTER if self.kind is AnimationKind.TYPE else AnimationUnit.WHOLE)


@dataclass(frozen=True, slots=True)
class Keyframe:
    """Values of a layer's properties at a time from its start; None leaves a property alone."""

    time: timedelta = timedelta(0)
    x: float | None = None
    y: float | None = None
    scale: float | None = None
    rotation: float | None = None
    opacity: float | None = None
    easing: str = ""
    trim_start: float | None = None
    trim_end: float | None = None


@dataclass(frozen=True, slots=True)
class Counter:
    """A number that counts from `start` to `end`; `duration` None and an empty easing mean: the default."""

    start: float = 0.0
    end: float = 0.0
    decimals: int = 0
    duration: timedelta | None = None
    easing: str = ""


@dataclass(frozen=True, slots=True)
class TextLayer:
    """A text; with a counter it shows a number where it has `{number}`."""

    text: str
    style: TextStyle = field(default_factory=TextStyle)
    counter: Counter | None = None


@dataclass(frozen=True, slots=True)
class LottiePlayback:
    """How a Lottie animation is played: `speed` 0.25–4; `once`: its last frame stays, otherwise it begins again."""

    speed: float = 1.0
    once: bool = False


@dataclass(frozen=True, slots=True)
class PictureLayer:
    """A still picture, or with `lottie` an animation."""

    uri: str
    lottie: LottiePlayback | None = None


@dataclass(frozen=True, slots=True)
class Trim:
    """The part of an outline that its stroke follows, in shares 0–1 of its length."""

    start: float = 0.0
    end: float = 1.0


@dataclass(frozen=True, slots=True)
class ShapeLayer:
    """A shape, filled with a color, a gradient or nothing; `path` in units of which its box has 100 × 100."""

    kind: ShapeKind = ShapeKind.RECTANGLE
    path: str = ""
    color: str = ""
    gradient: Gradient | None = None
    trim: Trim | None = None


@dataclass(frozen=True, slots=True)
class ClipLayer:
    """A video; `sound`: whether it is heard."""

    uri: str
    sound: bool = True


@dataclass(frozen=True, slots=True)
class GroupLayer:
    """Moves the layers that name it as their parent."""


@dataclass(frozen=True, slots=True)
class ChromaKey:
    """A colour that becomes transparent, by its distance in Cb and Cr, each −0.5 to 0.5."""

    color: str
    similarity: float = 0.2
    softness: float = 0.1


@dataclass(frozen=True, slots=True)
class Lut:
    """A table of colours in a `.cube` file; `strength` is how much of its change is made, 0–1."""

    uri: str
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class Filters:
    """Changes of a layer's colours; `blur` is how far edges reach out."""

    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    blur: float = 0.0
    chroma_key: ChromaKey | None = None
    lut: Lut | None = None


@dataclass(frozen=True, slots=True)
class Mask:
    """The shape within which a layer is seen, or outside of it; `box` None: the layer's own.

    With `picture_uri` a picture covers the box: the layer is seen by its opacity, or by its brightness if it is opaque.
    """

    kind: ShapeKind = ShapeKind.RECTANGLE
    path: str = ""
    box: Box | None = None
    inverted: bool = False
    feather: float = 0.0
    picture_uri: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """Something drawn over a shot or the whole video: exactly one of text, picture, shape, clip and group.

    `start` counts from the start of what it lies over; `duration` None: until that ends. `opacity` 0–1.
    `parallax` is the share of the movement over the shot's picture that the layer follows, 0–2.
    """

    id: str = ""
    text: TextLayer | None = None
    picture: PictureLayer | None = None
    shape: ShapeLayer | None = None
    clip: ClipLayer | None = None
    group: GroupLayer | None = None
    box: Box = field(default_factory=Box)
    start: timedelta = timedelta(0)
    duration: timedelta | None = None
    enter: Animation | None = None
    exit: Animation | None = None
    keyframes: tuple[Keyframe, ...] = ()
    opacity: float = 1.0
    blend: Blend = Blend.NORMAL
    shadow: Shadow | None = None
    stroke: Stroke | None = None
    mask: Mask | None = None
    filters: Filters | None = None
    parent: str = ""
    parallax: float = 0.0

    @property
    def is_played(self) -> bool:
        """Whether it holds a clip or an animation, which shows another picture in every frame."""
        return self.clip is not None or (self.picture is not None and self.picture.lottie is not None)


def layer_field(index: int, layer: Layer) -> str:
    """Return the field that names the file of a layer; `index` is its place in its list."""
    return f"layers[{index}].{'clip' if layer.clip else 'picture'}.uri"


def mask_field(index: int) -> str:
    """Return the field that names the picture of a layer's mask; `index` is the layer's place in its list."""
    return f"layers[{index}].mask.picture_uri"


def lut_field(index: int) -> str:
    """Return the field that names the table of a layer's colours; `index` is the layer's place in its list."""
    return f"layers[{index}].filters.lut.uri"


def layer_files(layers: Sequence[Layer]) -> Iterator[tuple[str, str]]:
    """Yield field and URI of each file that layers name."""
    for index, layer in enumerate(layers):
        source = layer.picture or layer.clip
        if source is not None:
            yield layer_field(index, layer), source.uri
        if layer.mask is not None and layer.mask.picture_uri:
            yield mask_field(index), layer.mask.picture_uri
        if layer.filters is not None and layer.filters.lut is not None:
            yield lut_field(index), layer.filters.lut.uri
