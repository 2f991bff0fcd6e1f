"""Lays out captions: style, safe area, line breaking, and fitting to the frame."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise

from render_service.compositor.captions.look import Backing, CaptionLook
from render_service.compositor.captions.preset_table import chosen_look
from render_service.compositor.captions.safe_areas import Rect, even_up, safe_area
from render_service.compositor.text import bidi
from render_service.compositor.text.drawn_texts import render_language
from render_service.compositor.text.fonts import CAPTION_WEIGHT, is_wide, regional_face, text_language
from render_service.compositor.text.line_breaking import LineSpan, break_lines
from render_service.compositor.text.typesetting import Line, LineStyle, measure, set_line
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.looks.captions import Platform
from render_service.domain.projects.looks.modes import MODE_PRESETS
from render_service.domain.projects.project import CaptionStyle


@dataclass(frozen=True, slots=True)
class CaptionGeometry:
    """The measures of a caption that depend on its style.

    Args:
        stroke: Width of the outline, in em.
        shadow: How far the shadow reaches, in em.
        pad_x: Space between letters and the box's sides, in em.
        pad_y: Space between letters and the box's top and bottom, in em.
        density: Opacity of the shadow relative to letters blurred by the same radius.
    """

    stroke: float
    shadow: float
    pad_x: float
    pad_y: float
    density: float

    def margin(self, size: int) -> int:
        """Return the margin around the lines' boxes that drawing needs, in pixels."""
        return math.ceil(size * (self.stroke + self.shadow) + 2)


GEOMETRY = {
    CaptionStyle.PLAIN: CaptionGeometry(0.0, 0.3, 0.0, 0.0, 2.4),
    CaptionStyle.OUTLINE: CaptionGeometry(0.075, 0.24, 0.0, 0.0, 1.4),
    CaptionStyle.BOX: CaptionGeometry(0.0, 0.0, 0.55, 0.26, 0.0),
}


@dataclass(frozen=True, slots=True)
class CaptionFormat:
    """The style of captions.

    Args:
        style: Plain, outline or box.
        scale: Factor on the size derived from the frame's shorter side.
        language: BCP 47 tag of the texts; empty means guess for each text.
        look: A preset, which replaces the style; None without one.
        platform: The application whose controls captions keep clear of; None for any.
        font: Name of the font; empty for the service's own.
    """

    style: CaptionStyle = CaptionStyle.OUTLINE
    scale: float = 1.0
    language: str = ""
    look: CaptionLook | None = None
    platform: Platform | None = None
    font: str = ""

    @property
    def geometry(self) -> CaptionGeometry:
        """The measures of its captions."""
        if self.look is None:
            return GEOMETRY[self.style]
        pad_x, pad_y = (0.0, 0.0) if self.look.backing is Backing.NONE else (0.34, 0.16)
        return CaptionGeometry(self.look.stroke, self.look.shadow, pad_x, pad_y, 0.0)

    @property
    def weight(self) -> int:
        """The weight of the letters."""
        return CAPTION_WEIGHT if self.look is None else self.look.weight

    def area(self, width: int, height: int) -> Rect:
        """Return the part of a frame, its sides in pixels, that captions stay inside."""
        return safe_area(width, height, self.platform)


def look_format(spec: RenderSpec) -> CaptionFormat | None:
    """Return how captions are drawn with the preset that a project names; None where it names none."""
    options = spec.project.captions
    look = chosen_look(options)
    if look is None:
        return None
    return CaptionFormat(
        scale=options.letter_scale,
        language=render_language(spec.project),
        look=look,
        platform=options.platform,
        font=options.font,
    )


def caption_format(spec: RenderSpec) -> CaptionFormat:
    """Return the caption style of a render, without its preset: the project's own, with the defaults of its mode."""
    preset, options = MODE_PRESETS[spec.project.mode], spec.project.captions
    return CaptionFormat(
        options.style or preset.caption_style,
        preset.caption_scale * options.letter_scale,
        render_language(spec.project),
        platform=options.platform,
        font=options.font,
    )


# Shares of the frame's shorter side and of the em.
_SIZE = 0.05
_LEADING = 1.34
_ASCENT = 0.88
_DESCENT = 0.24
# Longest line in em: East Asian subtitles keep to 16–18 characters, others to about 42, half an em each.
_WIDE_MEASURE = 18.0
_NARROW_MEASURE = 22.0
_SMALLEST = 6
# Frames longer than this multiple of their shorter side are strips, and how much larger their letters are at most.
_STRIP = 2.4
_MOST_STRETCH = 1.7
# Size of a second language's lines as a part of the first's, and how many lines both may have together.
_MINOR = 0.76
_BILINGUAL_LINES = 4
# Full-width marks whose ink fills the left or the right half of their cell only.
_BLANK_RIGHT = frozenset("，。、；：）」』】》〉")
_BLANK_LEFT = frozenset("（「『【《〈")
# Space between captions and a watermark, as a part of the frame's shorter side.
_MARK_GAP = 0.015
# Below this share of the full size a caption may take more lines than usual.
_CROWDED = 0.7
# Below this share a URL may be divided.
_TORN = 0.45


def caption_area(width: int, height: int, fmt: CaptionFormat, mark: Rect | None) -> Rect:
    """Return the part of a frame that the captions of a video stay inside: the safe area, clear of the watermark.

    Where the longest line that the style allows could touch the watermark, captions keep to the rows above it, or below
    it if it is in the upper half. The text does not matter, so that captions do not jump up and down in a video.

    Args:
        width: Frame width in pixels, even.
        height: Frame height in pixels, even.
        fmt: The style of the captions.
        mark: The rectangle of the watermark; None without one.

    Returns:
        The area, its edges on even pixels.
    """
    area = fmt.area(width, height)
    if mark is None:
        return area
    geometry, size = fmt.geometry, caption_size(width, height, fmt)
    edge = geometry.margin(size) + geometry.pad_x * size
    # A line can be off centre by the optical correction.
    reach = min(area.width / 2, (_NARROW_MEASURE / 2 + 0.25) * size + edge)
    if mark.x >= width / 2 + reach or mark.x + mark.width <= width / 2 - reach:
        return area
    gap = even_up(_MARK_GAP * min(width, height))
    top, bottom = area.y, area.y + area.height
    if mark.y + mark.height / 2 >= height / 2:
        bottom = min(bottom, (mark.y - gap) // 2 * 2)
    else:
        top = max(top, even_up(mark.y + mark.height + gap))
    return Rect(area.x, top, area.width, bottom - top)


@dataclass(frozen=True, slots=True)
class CaptionLayout:
    """A caption's lines, laid out and placed.

    Args:
        size: Em size of the main lines, in pixels; those of a second language are smaller.
        lines: From top to bottom.
        spans: For each line, its place in the text.
        shifts: For each line, its optical correction to the right of centred, in pixels.
        area: The part of the frame that the lines fit into.
    """

    size: int
    lines: tuple[Line, ...]
    spans: tuple[LineSpan, ...]
    shifts: tuple[float, ...]
    area: Rect


def max_lines(width: int, height: int) -> int:
    """Return the most lines of a caption before its size shrinks: two in landscape, three in tall frames."""
    return 2 if width > height else 3


@dataclass(frozen=True, slots=True)
class _Span:
    """A line before layout: its place in the text, its style, and its paragraph's bidi level."""

    line: LineSpan
    kind: LineStyle
    base: int


@lru_cache(maxsize=64)
def lay_out_caption(
    text: str,
    width: int,
    height: int,
    fmt: CaptionFormat,
    *,
    words: tuple[int | None, ...] | None = None,
    area: Rect | None = None,
) -> CaptionLayout | None:
    """Lay out a caption at its full size if it fits, else smaller.

    In a bilingual caption (some paragraphs East Asian, others not) the paragraphs that are not in the render's main
    language are smaller, as in bilingual subtitles.

    Args:
        text: The caption; line feeds force line breaks.
        width: Frame width in pixels.
        height: Frame height in pixels.
        fmt: Its style.
        words: For each character the number of its word.
        area: The part of the frame to stay inside; None takes the safe area.

    Returns:
        The layout, or None where the text is blank.
    """
    if not text.strip():
        return None
    area = area or fmt.area(width, height)
    full = size = caption_size(width, height, fmt)
    usual = max_lines(width, height) if fmt.look is None else fmt.look.lines
    limit = max(usual, text.strip().count("\n") + 1)
    if is_bilingual(text):
        limit = max(limit, _BILINGUAL_LINES)
    while True:
        spans, torn = _fit(text, size, area, fmt, full)
        fits = block_height([span.kind.size for span in spans], fmt.geometry) <= area.height
        # Before a long word is divided it is set smaller, a URL much smaller; a long text, before it takes more lines.
        crowded = len(spans) > limit or any(span.line.hyphenated for span in spans)
        fits = fits and not (crowded and size > _CROWDED * full) and not (torn and size > _TORN * full)
        if fits or size <= _SMALLEST:
            break
        size = max(_SMALLEST, int(size * 0.94))
    while len(spans) > 1 and block_height([span.kind.size for span in spans], fmt.geometry) > area.height:
        spans = spans[:-1]
    lines = tuple(
        set_line(
            span.line.of(text),
            span.kind,
            base=span.base,
            words=_words_of(span.line, words) if words is not None else None,
        )
        for span in spans
    )
    shifts = tuple(_optical_shift(span.line.of(text), span.kind) for span in spans)
    return CaptionLayout(size, lines, tuple(span.line for span in spans), shifts, area)


def _words_of(line: LineSpan, words: Sequence[int | None]) -> Sequence[int | None]:
    """Return the word of each drawn character of a line: a hyphen belongs to the word that it divides."""
    found = words[line.first : line.last]
    return (*found, found[-1]) if line.hyphenated else found


def _optical_shift(line: str, kind: LineStyle) -> float:
    """Return how far right to move a centred line to balance the blank half of its outer full-width marks."""
    centred_marks = regional_face(kind.language) in (regional_face("zh-Hant"), regional_face("zh-HK"))
    blank_right = line[-1] in _BLANK_RIGHT and not (centred_marks and line[-1] in "，。、；：")
    return kind.size / 4 * (blank_right - (line[0] in _BLANK_LEFT))


def is_bilingual(text: str) -> bool:
    """Return whether some paragraphs of a caption are East Asian and others are not."""
    return len({_is_wide(paragraph) for paragraph in text.split("\n") if paragraph.strip()}) == 2


def _is_wide(text: str) -> bool:
    return sum(map(is_wide, text)) * 3 > len(text)


def caption_size(width: int, height: int, fmt: CaptionFormat) -> int:
    """Return the full em size of captions, in pixels."""
    share = _SIZE
    if fmt.look is not None:
        share = fmt.look.tall_size if 4 * height > 5 * width else fmt.look.size
    short, long = sorted((width, height))
    # A strip has room for larger letters than its shorter side alone would give.
    stretch = min(_MOST_STRETCH, max(1.0, long / short / _STRIP))
    return max(_SMALLEST, round(short * share * fmt.scale * stretch))


def caption_measure(text: str, width: int, height: int, fmt: CaptionFormat) -> tuple[Callable[[str], float], float]:
    """Return how to measure a caption at full size, and its longest line.

    Args:
        text: The whole caption; its language is guessed if `fmt` names none.
        width: Frame width in pixels.
        height: Frame height in pixels.
        fmt: Its style.

    Returns:
        A function that returns the width of a text, and the maximum width of a line, both in pixels.
    """
    kind = LineStyle(caption_size(width, height, fmt), fmt.weight, text_language(text, fmt.language), fmt.font)
    return partial(measure, kind=kind), _max_line_width(text, kind.size, fmt.area(width, height), fmt, kind.size)


def _max_line_width(text: str, size: int, area: Rect, fmt: CaptionFormat, full: int) -> float:
    geometry = fmt.geometry
    available = area.width - 2 * (geometry.margin(size) + geometry.pad_x * size)
    return max(min(available, (_WIDE_MEASURE if _is_wide(text) else _NARROW_MEASURE) * full), size)


def _fit(text: str, size: int, area: Rect, fmt: CaptionFormat, full: int) -> tuple[list[_Span], bool]:
    """Break a caption into lines of a size; also return whether a URL or the like is divided."""
    bilingual = is_bilingual(text)
    main_is_wide = text_language(text, fmt.language).lower().startswith(("zh", "ja", "ko", "yue"))
    spans, start, torn = [], 0, False
    for paragraph in text.split("\n"):
        minor = bilingual and _is_wide(paragraph) != main_is_wide
        paragraph_size = max(_SMALLEST, round(_MINOR * size)) if minor else size
        kind = LineStyle(paragraph_size, fmt.weight, text_language(paragraph, fmt.language), fmt.font)
        # Lines of the second language are smaller, so they hold more letters at the same length.
        # So do those of a caption that is set smaller to fit.
        longest = _max_line_width(paragraph, size, area, fmt, full)
        broken = break_lines(paragraph, partial(measure, kind=kind), longest, kind.language)
        for first, last, hyphenated in broken.lines:
            spans.append(_Span(LineSpan(start + first, start + last, hyphenated), kind, bidi.base_level(paragraph)))
        torn = torn or broken.torn
        start += len(paragraph) + 1
    return spans, torn


def baselines(sizes: Sequence[int]) -> list[float]:
    """Return the baselines of a block's lines, in pixels below its top, given the lines' em sizes."""
    found = [_ASCENT * sizes[0]]
    for above, below in pairwise(sizes):
        found.append(found[-1] + _LEADING * (above + below) / 2)
    return found


def block_height(sizes: Sequence[int], geometry: CaptionGeometry) -> float:
    """Return the height in pixels of a caption whose lines have these em sizes, padding and margin included."""
    size = max(sizes)
    return baselines(sizes)[-1] + _DESCENT * sizes[-1] + 2 * geometry.pad_y * size + 2 * geometry.margin(size)
