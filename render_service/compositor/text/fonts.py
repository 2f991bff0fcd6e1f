"""The font faces that draw text: their files, their coverage, and the choice of a face for a character.

All faces ship inside Python wheels or this package (SIL Open Font License 1.1), so every machine draws the same bytes
without installed fonts.
"""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path

import uharfbuzz
from PIL import ImageFont

from render_service.compositor.text.uploaded_files import uploaded_font_file
from render_service.domain.layers.fonts import FONT_FAMILIES, find_family
from render_service.domain.layers.uploaded_fonts import nearest_file, pinned_files

REGULAR_WEIGHT = 400
CAPTION_WEIGHT = 600


@dataclass(frozen=True, slots=True)
class Face:
    """One face of a font file.

    Args:
        name: Short name, used in cache keys of drawings.
        package: The importable package that holds the file; empty for an uploaded font.
        file: The file's path inside the package; the SHA-256 of an uploaded font.
        index: The face's number inside a font collection.
    """

    name: str
    package: str
    file: str
    index: int = 0

    def joins(self, text: str) -> bool:
        """Whether it joins the letters of a text that it draws, so that they cannot be set apart."""
        if self.package:
            return self.name.removeprefix("Sans") in _JOINED
        return any(unicodedata.name(letter, "").partition(" ")[0].capitalize() in _JOINED for letter in text)


_JOINED = frozenset(
    ("Arabic", "Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Kannada", "Malayalam", "Oriya", "Tamil")
)
_JOINED |= {"Telugu", "Sinhala", "Myanmar", "Khmer", "Lao", "Thai", "ColorEmoji"}

_CJK = ("manimgx_fonts_cjk", "NotoSansCJK-VF.otf.ttc")
_JAPANESE = Face("cjk-jp", *_CJK, 0)
_KOREAN = Face("cjk-kr", *_CJK, 1)
_SIMPLIFIED = Face("cjk-sc", *_CJK, 2)
_TRADITIONAL = Face("cjk-tc", *_CJK, 3)
_HONG_KONG = Face("cjk-hk", *_CJK, 4)
# The Korean face has the proportional quotation marks and ellipses that Latin text needs; its letters are the same.
LATIN = _KOREAN


def _noto(script: str) -> Face:
    return Face(script or "Latin", "manimgx_fonts", f"Noto{script or 'Sans'}[wght].ttf")


# The text presentation of emoji, which a variation selector asks for.
_TEXT_EMOJI = _noto("Emoji")
COLOR_EMOJI = Face("ColorEmoji", "render_service.compositor.text", "font_files/NotoColorEmoji.ttf")
COLOR_EMOJI_SIZE = 109
"""The only em size of the bitmaps of `COLOR_EMOJI`, in pixels."""
LATIN_EXTENDED = _noto("")
_SCRIPTS = (
    *("Arabic", "Hebrew", "Devanagari", "Bengali", "Thai", "Tamil", "Telugu", "Gujarati", "Gurmukhi", "Kannada"),
    *("Malayalam", "Oriya", "Sinhala", "Myanmar", "Khmer", "Lao", "Ethiopic", "Georgian", "Armenian"),
)
# Arrows, dingbats, geometric shapes, Braille, chess and cards; mathematical alphabets and operators.
_SYMBOLS = Face("Symbols2", "render_service.compositor.text", "font_files/NotoSansSymbols2-Regular.ttf")
_MATHEMATICS = Face("Math", "render_service.compositor.text", "font_files/NotoSansMath-Regular.ttf")
FALLBACKS = (
    *(_noto(f"Sans{script}") for script in _SCRIPTS),
    *(LATIN_EXTENDED, _noto("SansSymbols"), COLOR_EMOJI, _SYMBOLS, _MATHEMATICS),
)
"""The faces that draw what the East Asian ones do not; the first that has a character draws it."""
_WEIGHT_NAMES = {400: "Regular", 500: "Medium", 600: "SemiBold", 700: "Bold", 800: "ExtraBold", 900: "Black"}
# East Asian faces, the Korean one too, draw ellipses at half height; other scripts have them on the baseline.
_LOW_ELLIPSIS = LATIN_EXTENDED
# Punctuation that CJK faces draw in a full-width cell, but that must be narrow in Latin text.
_WIDTH_BY_CONTEXT = frozenset("‘’“”…—–·‥‖′″")
# Emoji presentation, and the enclosing key of keycaps; a joiner makes one emoji of two.
_EMOJI_MARKS, _JOINER, _AS_TEXT = "\ufe0f\u20e3", "\u200d", "\ufe0e"
# Characters below U+1F000 that are emoji by default (emoji-data.txt of Unicode 15.1, Emoji_Presentation).
_PRESENTED = frozenset(
    "⌚⌛⏩⏪⏫⏬⏰⏳◽◾☔☕♈♉♊♋♌♍♎♏♐♑♒♓♿⚓⚡⚪⚫⚽⚾⛄⛅⛎⛔⛪⛲⛳⛵⛺⛽✅✊✋✨❌❎❓❔❕❗➕➖➗➰➿⬛⬜⭐⭕"
)
_VARIATION_SELECTORS = frozenset((*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))


@lru_cache(maxsize=1024)
def family_face(font: str, weight: int, *, italic: bool = False) -> Face | None:
    """Return the face of a font for a weight of 100–900; None for an empty name, and for one that is unknown.

    Args:
        font: Name of a family of the service, or of pinned files.
        weight: The weight.
        italic: Whether its letters are to slant; only uploaded families have such files.
    """
    files = pinned_files(font)
    if files:
        sha256 = nearest_file(files, weight, italic=italic).sha256
        return Face(f"uploaded-{sha256}", "", sha256)
    family = find_family(font)
    if family is None:
        return None
    name = f"{family.name.replace(' ', '')}-{_WEIGHT_NAMES[family.nearest_weight(weight)]}"
    return Face(name, "render_service.compositor.text", f"font_files/families/{name}.ttf")


def slants(font: str, weight: int) -> bool:
    """Return whether a font has letters of its own that slant, so that upright ones need not be slanted."""
    files = pinned_files(font)
    return bool(files) and nearest_file(files, weight, italic=True).italic


def regional_face(language: str) -> Face:
    """Return the East Asian face for a language.

    Args:
        language: BCP 47 tag, any case; empty or any other language gives Simplified Chinese.

    Returns:
        The face whose forms of the shared ideographs readers of that language expect.
    """
    subtags = language.lower().split("-")
    if subtags[0] == "ja":
        return _JAPANESE
    if subtags[0] == "ko":
        return _KOREAN
    if "hk" in subtags or "mo" in subtags or subtags[0] == "yue":
        return _HONG_KONG
    if "hant" in subtags or "tw" in subtags:
        return _TRADITIONAL
    return _SIMPLIFIED


def guess_language(text: str) -> str:
    """Guess the language of a text, as far as the choice of a font face needs it.

    Kana means Japanese and Hangul Korean. The two legacy character sets separate the Chinese scripts: GB 2312 has no
    form that only Traditional Chinese uses, Big5 none that only Simplified Chinese uses.

    Args:
        text: The text.

    Returns:
        `ja`, `ko`, `zh-Hant`, `zh-Hans`, or an empty string where the text has no East Asian script.
    """
    hangul = simplified = traditional = ideographs = 0
    for character in text:
        if "\u3041" <= character <= "\u30ff" and character not in "・ー":
            return "ja"
        if "\uac00" <= character <= "\ud7a3":
            hangul += 1
        elif is_ideograph(character):
            ideographs += 1
            in_gb, in_big5 = _encodable(character, "gb2312"), _encodable(character, "big5")
            simplified += in_gb and not in_big5
            traditional += in_big5 and not in_gb
    if hangul > ideographs:
        return "ko"
    if ideographs:
        return "zh-Hant" if traditional > simplified else "zh-Hans"
    return ""


def text_language(text: str, main: str) -> str:
    """Return the language of a text for layout.

    Args:
        text: The text.
        main: BCP 47 tag of the main language of the texts around it; may be empty.

    Returns:
        The language that its script proves (kana, Hangul), else `main`, else a guess; may be empty.
    """
    guessed = guess_language(text)
    return guessed if guessed in ("ja", "ko") else main or guessed


def _encodable(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def is_ideograph(character: str) -> bool:
    """Return whether a character is a Han ideograph."""
    return (
        "\u4e00" <= character <= "\u9fff"
        or "\u3400" <= character <= "\u4dbf"
        or "\U00020000" <= character <= "\U000323af"
        or "\uf900" <= character <= "\ufaff"
        or character in "々〇〻"
    )


def is_wide(character: str) -> bool:
    """Return whether a character fills a square cell in East Asian text (UAX #11, classes W and F)."""
    return unicodedata.east_asian_width(character) in "WF"


def is_ignorable(character: str) -> bool:
    """Return whether a character has no drawing of its own: controls, joiners, direction marks, variation selectors."""
    return unicodedata.category(character) in ("Cc", "Cf") or ord(character) in _VARIATION_SELECTORS


def split_by_face(text: str, language: str, chosen: Face | None = None) -> list[tuple[str, Face]]:
    """Split a text into runs that one face each can draw.

    Marks and joiners stay with their base character; a character that no face covers stays in the run it is in.

    Args:
        text: Any text.
        language: BCP 47 tag, see `regional_face`.
        chosen: Draws every character that it has, except emoji; None for none.

    Returns:
        The runs in the order of the text; together they are the text.
    """
    runs: list[tuple[str, Face]] = []
    for position, character in enumerate(text):
        last = runs[-1][1] if runs else None
        face = _face_for(text, position, language, last, chosen)
        if runs and face == last:
            runs[-1] = (runs[-1][0] + character, face)
        else:
            runs.append((character, face))
    return runs


def _face_for(text: str, position: int, language: str, last: Face | None, chosen: Face | None) -> Face:
    character = text[position]
    emoji = _emoji_face(text, position)
    if emoji is not None:
        return emoji
    if last is not None:
        follows = is_ignorable(character) or unicodedata.category(character)[0] == "M"
        if follows and (is_ignorable(character) or ord(character) in coverage(last)):
            return last
        between = unicodedata.category(character)[0] in "ZP" and last in FALLBACKS and last != COLOR_EMOJI
        if between and ord(character) in coverage(last):
            return last
    candidates = _candidates(text, position, regional_face(language), chosen)
    return next((face for face in candidates if ord(character) in coverage(face)), last or candidates[0])


def _candidates(text: str, position: int, regional: Face, chosen: Face | None) -> Sequence[Face]:
    """Return the faces that may draw a character that is no emoji; the first that has it does."""
    first = () if chosen is None else (chosen,)
    if text[position] not in _WIDTH_BY_CONTEXT:
        return (*first, regional, *FALLBACKS)
    if _in_wide_context(text, position):
        return (regional, *FALLBACKS)
    return (*first, _LOW_ELLIPSIS if text[position] in "…‥" else LATIN)


def _emoji_face(text: str, position: int) -> Face | None:
    """Return the face of a character that is an emoji here, judged by its neighbours (UTS #51); None if it is none."""
    character, following = text[position], text[position + 1 : position + 2]
    if ord(character) not in coverage(COLOR_EMOJI):
        return None
    if following == _AS_TEXT:
        return _TEXT_EMOJI
    marked = bool(following) and (following in _EMOJI_MARKS or "\U0001f3fb" <= following <= "\U0001f3ff")
    joined = position > 1 and text[position - 1] == _JOINER and ord(text[position - 2]) in coverage(COLOR_EMOJI)
    presented = character in _PRESENTED or character >= "\U0001f000"
    return COLOR_EMOJI if marked or joined or presented else None


def _in_wide_context(text: str, position: int) -> bool:
    around = (*reversed(text[:position]), *text[position + 1 :])
    for neighbour in around:
        if neighbour.isalnum():
            return is_wide(neighbour)
    return False


REPLACEMENT = "\ufffd"
"""What is drawn for a character that no face covers."""


def drawn_characters(text: str, chosen: Face | None = None) -> str:
    """Return a text with `REPLACEMENT` for each character that no face covers, `chosen` included.

    Positions stay the same.
    """
    if all(map(is_covered, text)):
        return text
    own = frozenset[int]() if chosen is None else coverage(chosen)
    return "".join(character if is_covered(character) or ord(character) in own else REPLACEMENT for character in text)


@lru_cache(maxsize=65536)
def is_covered(character: str) -> bool:
    """Return whether some face can draw a character; invisible characters count as covered."""
    if is_ignorable(character) or character.isspace():
        return True
    return any(ord(character) in coverage(face) for face in (_SIMPLIFIED, *FALLBACKS))


def coverage(face: Face) -> frozenset[int]:
    """Return the code points that a face has glyphs for."""
    return _packaged_coverage(face) if face.package else _uploaded_coverage(face)


@cache
def _packaged_coverage(face: Face) -> frozenset[int]:
    return _read_coverage(face)


# A process draws with the fonts of ever more workspaces.
@lru_cache(maxsize=64)
def _uploaded_coverage(face: Face) -> frozenset[int]:
    return _read_coverage(face)


def _read_coverage(face: Face) -> frozenset[int]:
    blob = uharfbuzz.Blob.from_file_path(str(file_of(face)))
    return frozenset(uharfbuzz.Face(blob, face.index).unicodes)


@lru_cache(maxsize=128)
def load_font(face: Face, size: int, weight: int) -> ImageFont.FreeTypeFont:
    """Open a face for drawing.

    Args:
        face: Which one.
        size: Em size in pixels, ≥ 1; `COLOR_EMOJI` always has `COLOR_EMOJI_SIZE`.
        weight: 100 (thin) to 900 (black).

    Returns:
        The font, shaped by HarfBuzz. It is shared: callers must not change its variation.
    """
    if face == COLOR_EMOJI:
        size = COLOR_EMOJI_SIZE
    font = ImageFont.truetype(str(file_of(face)), size, index=face.index, layout_engine=ImageFont.Layout.RAQM)
    try:
        axes = font.get_variation_axes()
    except OSError:  # a face of one weight
        return font
    font.set_variation_by_axes([float(weight if axis["name"] == b"Weight" else axis["default"] or 0) for axis in axes])
    return font


def file_of(face: Face) -> Path:
    """Return the file of a face."""
    return _packaged_file(face) if face.package else uploaded_font_file(face.file)


@cache
def _packaged_file(face: Face) -> Path:
    return Path(str(resources.files(face.package).joinpath(face.file)))


@cache
def fonts_fingerprint() -> str:
    """Return a hash over all font files, so that it changes whenever a font changes."""
    digest = hashlib.sha256()
    families = (family_face(family.name, weight) for family in FONT_FAMILIES for weight in family.weights)
    for face in (_SIMPLIFIED, *FALLBACKS, _TEXT_EMOJI, *filter(None, families)):
        with file_of(face).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
