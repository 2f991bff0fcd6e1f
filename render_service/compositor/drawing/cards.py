"""Designed cards for shots without a picture and for titles: a calm gradient with light in it, and large letters."""

import hashlib
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from render_service.compositor.captions.safe_areas import safe_area
from render_service.compositor.cards.branding import palette_for
from render_service.compositor.cards.palettes import LIGHT, Palette, Rgb
from render_service.compositor.text import bidi
from render_service.compositor.text.drawn_texts import clean_text
from render_service.compositor.text.emoji import EmojiPicture, emoji_of
from render_service.compositor.text.fonts import text_language
from render_service.compositor.text.line_breaking import break_lines
from render_service.compositor.text.shortening import whole_letters
from render_service.compositor.text.typesetting import (
    LineStyle,
    draw_line,
    letter_starts,
    measure,
    new_mask,
    set_line,
)
from render_service.domain.layers.brand import Brand

Picture = NDArray[np.float32]


_LEADING = 1.34
# Letter sizes tried from large to small, as parts of the frame's shorter side.
_SIZES = (0.088, 0.08, 0.072, 0.065, 0.058, 0.052, 0.047)
_TITLE_SIZES = (0.125, 0.112, 0.1, 0.09, 0.08, 0.072, 0.064, 0.057, 0.05, 0.042)
# Longest line in em: beyond it the eye loses the way back.
_MEASURE = 19.0
_TITLE_MEASURE = 13.0
# Down to this share of the largest letters, no word is divided.
_WHOLE_WORDS = 0.6
# More than any card can hold at its smallest letters.
_MOST_CHARACTERS = 800


def draw_card(
    text: str, width: int, height: int, *, seed: str, language: str = "", theme: str = "", brand: Brand | None = None
) -> NDArray[np.uint8]:
    """Draw the card of a shot that has no picture: its text, left-aligned (right-aligned if written so).

    The foot of the card stays free for captions. A text that would need letters too small to read is cut after as many
    lines as fit, with an ellipsis.

    Args:
        text: What to write; may be empty.
        width: Frame width in pixels, ≥ 128.
        height: Frame height in pixels, ≥ 128.
        seed: Decides where the light is; the shot's id. The same arguments give the same bytes.
        language: BCP 47 tag of most texts of the video; empty guesses it.
        theme: Decides the colours, so that the cards of one video can share them; empty takes `seed`.
        brand: Decides colours and fonts.

    Returns:
        sRGB picture of shape (height, width, 3).
    """
    palette = palette_for(theme or seed, brand)
    picture = _background(width, height, seed, palette)
    cleaned = _drawable(text)
    if cleaned:
        area = safe_area(width, height)
        left = max(area.x, round(0.105 * width))
        block = _fit(
            cleaned,
            text_language(cleaned, language),
            (width - 2 * left, round(0.5 * height)),
            min(width, height),
            font=palette.body,
        )
        top = 0.46 * height - block.height / 2
        rightwards = bidi.base_level(cleaned) == 0
        _write(
            picture,
            block,
            palette.ink,
            top=top,
            x=left if rightwards else width - left,
            align="left" if rightwards else "right",
        )
        bar = (round(0.07 * min(width, height)), max(2, round(0.0055 * min(width, height))))
        _rule(picture, left if rightwards else width - left - bar[0], top - 0.05 * min(width, height), bar, palette)
    return _rounded(picture)


def draw_title_card(
    title: str,
    subtitle: str,
    width: int,
    height: int,
    *,
    seed: str,
    language: str = "",
    theme: str = "",
    brand: Brand | None = None,
) -> NDArray[np.uint8]:
    """Draw a title or end card: the title large in the middle, the subtitle below a short rule.

    Args:
        title: In large letters.
        subtitle: In small letters; may be empty.
        width: Frame width in pixels, ≥ 128.
        height: Frame height in pixels, ≥ 128.
        seed: As in `draw_card`.
        language: As in `draw_card`.
        theme: As in `draw_card`.
        brand: As in `draw_card`.

    Returns:
        sRGB picture of shape (height, width, 3).
    """
    palette = palette_for(theme or seed, brand)
    picture = _background(width, height, seed, palette)
    side, space = min(width, height), round(0.78 * width)
    cleaned, below = _drawable(title), _drawable(subtitle)
    if cleaned:
        main = _fit(
            cleaned,
            text_language(cleaned, language),
            (space, round(0.46 * height)),
            side,
            font=palette.heading,
            title=True,
        )
        gap = 0.055 * side
        under = (
            _fit(below, text_language(below, language), (space, round(0.22 * height)), 0.52 * side, font=palette.body)
            if below
            else None
        )
        bar = (round(0.085 * side), max(2, round(0.0055 * side)))
        total = main.height + (2 * gap + bar[1] + under.height if under else 0)
        top = 0.49 * height - total / 2
        _write(picture, main, palette.ink, top=top, x=width / 2, align="centre")
        if under:
            top += main.height + gap
            _rule(picture, (width - bar[0]) / 2, top, bar, palette)
            _write(
                picture,
                under,
                palette.ink,
                top=top + bar[1] + 0.8 * gap,
                x=width / 2,
                align="centre",
                opacity=palette.quiet,
            )
    return _rounded(picture)


def _drawable(text: str) -> str:
    drawn = clean_text(text)
    return drawn if len(drawn) <= _MOST_CHARACTERS else whole_letters(drawn, _MOST_CHARACTERS).rstrip() + "…"


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines of a card and how they are set."""

    kind: LineStyle
    lines: tuple[str, ...]
    base: int

    @property
    def height(self) -> float:
        """Height in pixels, from the top of the first line's letters to the foot of the last line's."""
        return self.kind.size * (1.12 + _LEADING * (len(self.lines) - 1))


def _fit(text: str, language: str, space: tuple[int, int], side: float, *, font: str, title: bool = False) -> _Block:
    """Set a text in the largest letters in which it fits `space` (width, height in pixels)."""
    sizes, measure_em, weight = (_TITLE_SIZES, _TITLE_MEASURE, 700) if title else (_SIZES, _MEASURE, 500)
    base = bidi.base_level(text)
    for share in sizes:
        kind = LineStyle(max(6, round(side * share)), weight, language, font)
        # Smaller letters may run on longer: a card full of narrow columns looks worse than a few long lines.
        longest = min(space[0], measure_em * kind.size * sizes[0] / share)
        broken = break_lines(text, partial(measure, kind=kind), longest, language, evenness=0.45)
        block = _Block(kind, tuple(line.of(text) for line in broken.lines), base)
        # A long word is set smaller before it is divided, as far as it stays large.
        whole = not (broken.torn or broken.hyphenated) or share <= _WHOLE_WORDS * sizes[0]
        # Many short lines of huge letters read worse than a few of large ones.
        if whole and block.height <= space[1] and (len(block.lines) <= (3 if title else 4) or share <= sizes[-4]):
            return block
    most = max(1, int((space[1] / kind.size - 1.12) / _LEADING) + 1)
    if len(block.lines) <= most:
        return block
    return _Block(kind, (*block.lines[: most - 1], _shortened(block.lines[most - 1], kind, longest)), base)


def _shortened(line: str, kind: LineStyle, longest: float) -> str:
    for end in reversed(letter_starts(line)[1:]):
        if measure(line + "…", kind) <= longest:
            break
        line = line[:end]
    return line.rstrip(" ,;:，、；：。.…") + "…"


def _write(
    picture: Picture, block: _Block, ink: Rgb, *, top: float, x: float, align: str, opacity: float = 1.0
) -> None:
    height, width = picture.shape[:2]
    mask = new_mask(width, height)
    pictures: list[EmojiPicture] = []
    for number, text in enumerate(block.lines):
        line = set_line(text, block.kind, base=block.base)
        left = x - {"left": 0.0, "centre": line.width / 2, "right": line.width}[align]
        foot = top + block.kind.size * (0.88 + _LEADING * number)
        draw_line(ImageDraw.Draw(mask), line, left, foot)
        pictures += emoji_of(line, left, foot)
    _lay(picture, mask, ink, opacity)
    for emoji in pictures:
        place, pixels = emoji.within(width, height)
        upper = pixels.astype(np.float32) * np.float32(opacity)
        picture[place] *= 1 - upper[..., 3:] * np.float32(1 / 255)
        picture[place] += upper[..., :3]


def _rule(picture: Picture, x: float, y: float, size: tuple[int, int], palette: Palette) -> None:
    left, top = round(x), max(0, round(y))
    picture[top : top + size[1], left : left + size[0]] = palette.accent


def _lay(picture: Picture, mask: Image.Image, colour: Rgb, opacity: float) -> None:
    box = mask.getbbox()
    if box is None:
        return
    part = picture[box[1] : box[3], box[0] : box[2]]
    alpha = (np.asarray(mask.crop(box), dtype=np.float32) * np.float32(opacity / 255))[..., None]
    part += alpha * (np.array(colour, dtype=np.float32) - part)


def _background(width: int, height: int, seed: str, palette: Palette) -> Picture:
    """Return a gradient from the top left with two soft lights in it."""
    hashed = hashlib.sha256(seed.encode()).digest()
    # Computed small and enlarged: it is smooth, and full size costs a tenth of a second a card. Computed in double
    # precision, rounded to 1/256 and enlarged in whole numbers, it is the same on every machine.
    scale = max(1, min(width, height) // 135)
    y, x = np.mgrid[0 : -(-height // scale), 0 : -(-width // scale)].astype(np.float64)
    x, y = (x + 0.5) * scale / width, (y + 0.5) * scale / height
    along = np.clip(0.25 * x + 0.85 * y, 0, 1)[..., None]
    small = (1 - along) * np.array(palette.top) + along * np.array(palette.bottom)
    ratio = width / height
    for number, strength in enumerate((LIGHT, 0.42)):
        centre_x = (0.82, 0.08)[number] + (hashed[2 + number] / 255 - 0.5) * 0.24
        centre_y = (0.10, 0.95)[number] + (hashed[4 + number] / 255 - 0.5) * 0.20
        reach = (0.34, 0.28)[number]
        distance = ((x - centre_x) * min(ratio, 1.6)) ** 2 + ((y - centre_y) / max(ratio, 0.7)) ** 2
        light = np.exp(-distance / (2 * reach**2))[..., None]
        small += strength * light * (np.array(palette.glow) - small)
    rounded = np.rint(small * 256).astype(np.uint16)
    picture = cv2.resize(rounded, (width, height), interpolation=cv2.INTER_LINEAR_EXACT)
    ground: Picture = np.multiply(picture, np.float32(1 / 256), dtype=np.float32)
    return ground


def _rounded(picture: Picture) -> NDArray[np.uint8]:
    np.rint(picture, out=picture)
    return picture.clip(0, 255, out=picture).astype(np.uint8)
