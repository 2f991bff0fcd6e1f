"""Where the parts of a card stand: texts set as large as fits, in pixels, as layers in fractions of the frame."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache, partial
from typing import Any

from render_service.compositor.captions.safe_areas import Rect
from render_service.compositor.cards.themes import Theme
from render_service.compositor.text.drawn_texts import clean_text
from render_service.compositor.text.fonts import text_language
from render_service.compositor.text.line_breaking import break_lines
from render_service.compositor.text.typesetting import LineStyle, measure
from render_service.domain.layers.model import (
    Anchor,
    Animation,
    AnimationDirection,
    AnimationKind,
    AnimationUnit,
    Box,
    BoxFit,
    Counter,
    Layer,
    PictureLayer,
    ShapeKind,
    ShapeLayer,
    TextAlign,
    TextLayer,
    TextStyle,
    VerticalAlign,
)

LEADING = 1.3
SMALLEST = 0.02
"""The smallest letters, as a share of the frame's shorter side."""
# As the painter of layers has them: what letters take above and below their baseline, and how sizes fall.
_REACH, _SHRINKING, _EVENNESS = 1.12, 0.94, 1.0
# A card takes its whole time to build up if it lasts so many seconds, else less.
_BUILD_UP = 4.0
# A last line shorter than this share of the longest looks lost.
_TAIL = 0.4


@dataclass(frozen=True, slots=True)
class Block:
    """A text with its line breaks; all lengths in pixels, `tail` is the width of its last line; `font` its family."""

    text: str
    size: int
    weight: int
    width: float
    height: float
    leading: float = LEADING
    spacing: float = 0.0
    tail: float = 0.0
    font: str = ""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A text in one size: its lines, its size in pixels, and whether no word is divided and no line too long."""

    lines: tuple[str, ...]
    width: float
    height: float
    is_whole: bool
    tail: float


@dataclass(frozen=True, slots=True)
class Stage:
    """What a card is arranged in.

    Args:
        frame: Width and height of the frame in pixels.
        area: The part of it that the card stays inside.
        language: BCP 47 tag of the texts of the video; may be empty.
        theme: Its colours.
        seconds: How long it is shown.
        lead: When it begins to build up.
        mirrored: Whether it is read from the right. Places count from the side where reading begins.
        sizes: Width and height of the pictures that it names, by field.
    """

    frame: tuple[int, int]
    area: Rect
    language: str
    theme: Theme
    seconds: float
    lead: float = 0.0
    mirrored: bool = False
    sizes: tuple[tuple[str, tuple[int, int]], ...] = ()

    @property
    def side(self) -> int:
        """The frame's shorter side, in pixels."""
        return min(self.frame)

    @property
    def width(self) -> float:
        """Width of the area in pixels."""
        return self.area.width

    @property
    def height(self) -> float:
        """Height of the area in pixels."""
        return self.area.height

    @property
    def is_wide(self) -> bool:
        """Whether parts stand beside each other rather than above each other."""
        return self.area.width > 1.3 * self.area.height

    def px(self, share: float) -> float:
        """Return a share of the frame's shorter side in pixels."""
        return share * self.side

    def time(self, seconds: float) -> timedelta:
        """Return a time of the card's build-up, shortened with the card."""
        pace = min(1.0, max(self.seconds - self.lead, 0.5) / _BUILD_UP)
        return timedelta(milliseconds=round(1000 * (self.lead + seconds * pace)))

    def span(self, seconds: float) -> timedelta:
        """Return a length of time, shortened with the card."""
        return max(self.time(seconds) - self.time(0), timedelta(milliseconds=1))

    def set(
        self,
        text: str,
        width: float,
        size: float,
        *,
        weight: int = 500,
        height: float = float("inf"),
        lines: int = 99,
        leading: float = LEADING,
        spacing: float = 0.0,
    ) -> Block:
        """Set a text in the largest letters in which it fits.

        Args:
            text: The text.
            width: Longest line in pixels.
            size: Largest letters, as a share of the frame's shorter side.
            weight: Of the letters.
            height: The most that it may take, in pixels.
            lines: The most lines.
            leading: Distance of lines in em.
            spacing: More space between letters, in em.

        Returns:
            The text; in the smallest letters it may have more lines than fit, of which the last is cut.
        """
        cleaned = clean_text(text)
        language, font = text_language(cleaned, self.language), self.theme.font(weight, size)
        sizes = _sizes(max(6, round(size * self.side)), max(6, round(SMALLEST * self.side)))
        # A quarter less, for letters that are narrower in larger sizes.
        letters = "".join(cleaned.split())
        length = 0.75 * (
            measure(letters, LineStyle(sizes[-1], weight, language, font)) / sizes[-1] + spacing * len(letters)
        )

        def attempt(pixels: int) -> _Attempt:
            kind = LineStyle(pixels, weight, language, font)
            return _broken(cleaned, kind, max(width, 1.0), leading=leading, spacing=spacing)

        def fits(pixels: int) -> bool:
            rows = max(0.0, min(lines, (height / pixels - _REACH) / leading + 1))
            if length * pixels > rows * (width + 1):
                return False
            tried = attempt(pixels)
            return tried.is_whole and tried.height <= height and len(tried.lines) <= lines

        pixels = sizes[first_fitting(len(sizes), lambda place: fits(sizes[place]))]
        found = attempt(pixels)
        shown = "\n".join(found.lines) if found.is_whole else cleaned
        needed = found.height
        if needed > height:
            # The painter cuts it after as many lines as fit.
            rows = max(1, int((height / pixels - _REACH) / leading + 1e-6) + 1)
            shown, needed = cleaned, pixels * (_REACH + leading * (rows - 1))
        return Block(shown, pixels, weight, min(found.width, width), needed, leading, spacing, found.tail, font)

    def set_large(self, text: str, width: float, size: float, **how: Any) -> Block:
        """Set a text as `set` does, but a little smaller if it ends with a line of hardly a word otherwise."""
        blocks = [self.set(text, width, share * size, **how) for share in (1.0, 0.94, 0.88, 0.82)]
        return next((block for block in blocks if block.tail >= _TAIL * block.width), blocks[0])

    def set_alike(self, texts: Sequence[str], width: float, size: float, **how: Any) -> list[Block]:
        """Set texts in letters of one size: the largest in which each fits."""
        blocks = [self.set(text, width, size, **how) for text in texts]
        smallest = min((block.size for block in blocks), default=0)
        return [
            block if block.size == smallest else self.set(text, width, smallest / self.side, **how)
            for text, block in zip(texts, blocks, strict=True)
        ]

    def box(self, x: float, y: float, width: float, height: float, **more: Any) -> Box:
        """Return a box; `x` counts from the side where reading begins, `y` from the top of the area, in pixels."""
        left = self.area.x + (self.area.width - x - width if self.mirrored else x)
        across, down = self.frame
        return Box(
            left / across,
            (self.area.y + y) / down,
            Anchor.TOP_LEFT,
            max(width, 1.0) / across,
            max(height, 1.0) / down,
            **more,
        )

    def text(
        self,
        block: Block,
        x: float,
        y: float,
        width: float,
        color: str,
        *,
        align: str = "start",
        counter: Counter | None = None,
        **layer: Any,
    ) -> Layer:
        """Return a text as a layer in a box of a width, its top at `y`; `align` is start, center or end."""
        ends = {"start": TextAlign.LEFT, "center": TextAlign.CENTER, "end": TextAlign.RIGHT}
        if self.mirrored:
            ends |= {"start": TextAlign.RIGHT, "end": TextAlign.LEFT}
        style = TextStyle(
            block.size / self.side,
            block.weight,
            color=color,
            line_height=block.leading,
            letter_spacing=block.spacing,
            align=ends[align],
            vertical_align=VerticalAlign.TOP,
            font=block.font,
        )
        # A pixel more: fractions are not exact, and the letters must not become smaller for it, nor lines break anew.
        box = self.box(x, y, width + 1, block.height + 1)
        return Layer(text=TextLayer(block.text, style, counter), box=box, **layer)

    def shape(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        color: str = "",
        *,
        kind: ShapeKind = ShapeKind.RECTANGLE,
        radius: float = 0.0,
        path: str = "",
        **layer: Any,
    ) -> Layer:
        """Return a shape as a layer; lengths and the radius of its corners in pixels."""
        box = self.box(x, y, width, height, corner_radius=min(radius / self.side, 0.5))
        return Layer(shape=ShapeLayer(kind, path, color), box=box, **layer)

    def picture(
        self,
        field: str,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fit: BoxFit = BoxFit.COVER,
        radius: float = 0.0,
        **layer: Any,
    ) -> Layer:
        """Return the picture that a field of the card names as a layer; its URI is the name of the field."""
        box = self.box(x, y, width, height, fit=fit, corner_radius=min(radius / self.side, 0.5))
        return Layer(picture=PictureLayer(field), box=box, **layer)

    def rise(self, at: float, *, by: AnimationUnit = AnimationUnit.LINE, seconds: float = 0.6) -> dict[str, Any]:
        """Return when and how a text comes: it rises into its place, part by part."""
        enter = Animation(
            AnimationKind.SLIDE, by, self.span(seconds), AnimationDirection.UP, "cubic-bezier(0.2,0.8,0.2,1)"
        )
        return {"start": self.time(at), "enter": enter}

    def fade(self, at: float, seconds: float = 0.5) -> dict[str, Any]:
        """Return when and how something becomes visible."""
        return {"start": self.time(at), "enter": Animation(AnimationKind.FADE, duration=self.span(seconds))}

    def pop(self, at: float, seconds: float = 0.5) -> dict[str, Any]:
        """Return when and how something pops in."""
        enter = Animation(AnimationKind.POP, duration=self.span(seconds), easing="spring(0.35)")
        return {"start": self.time(at), "enter": enter}

    def wipe(self, at: float, seconds: float = 0.7, *, up: bool = False) -> dict[str, Any]:
        """Return when and how something is uncovered: in the direction of reading, or upwards."""
        across = AnimationDirection.LEFT if self.mirrored else AnimationDirection.RIGHT
        direction = AnimationDirection.UP if up else across
        easing = "cubic-bezier(0.2,0.8,0.2,1)"
        return {
            "start": self.time(at),
            "enter": Animation(AnimationKind.WIPE, duration=self.span(seconds), direction=direction, easing=easing),
        }

    def within(self, x: float, y: float, width: float, height: float) -> "Stage":
        """Return a part of the area, its edges in pixels as in `box`."""
        left = self.area.x + (self.area.width - x - width if self.mirrored else x)
        return replace(self, area=Rect(round(left), round(self.area.y + y), round(width), round(height)))


@lru_cache(maxsize=4096)
def _broken(text: str, kind: LineStyle, width: float, *, leading: float, spacing: float) -> _Attempt:
    """Break a text into lines; the texts of a card are set again and again until all of them fit."""
    wide = partial(_spaced_width, kind=kind, spacing=spacing * kind.size)
    broken = break_lines(text, wide, width, kind.language, evenness=_EVENNESS)
    needed = kind.size * (_REACH + leading * (len(broken.lines) - 1))
    lines = tuple(line.of(text) for line in broken.lines)
    widths = [wide(line) for line in lines]
    is_whole = not (broken.torn or broken.hyphenated) and max(widths) <= width + 1
    return _Attempt(lines, max(widths), needed, is_whole, widths[-1])


def first_fitting(count: int, fits: Callable[[int], bool]) -> int:
    """Return the first of some places that fits, given that all after it do; the last if none does."""
    low, high = 0, count - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle + 1, high)
    return low


def shares(largest: float) -> list[float]:
    """Return sizes of letters to try, from the largest share of the frame's shorter side to the smallest."""
    found = [largest]
    while found[-1] > SMALLEST:
        found.append(max(SMALLEST, _SHRINKING * found[-1]))
    return found


def _sizes(largest: int, smallest: int) -> list[int]:
    found = [max(largest, smallest)]
    while found[-1] > smallest:
        found.append(max(smallest, min(found[-1] - 1, int(found[-1] * _SHRINKING))))
    return found


def _spaced_width(part: str, *, kind: LineStyle, spacing: float) -> float:
    return measure(part, kind) + spacing * len(part)
