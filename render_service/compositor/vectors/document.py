"""Reads SVG documents of callers. Whatever is drawn is written anew from what was checked here.

No document type, processing instruction or script is passed on, nothing outside the document can be named, and what
its references multiply is counted before anything is drawn.
"""

import base64
import binascii
import io
import math
import re
import zlib
from dataclasses import dataclass
from enum import Enum, auto
from html import escape
from xml.parsers import expat

from PIL import Image, UnidentifiedImageError

from render_service.compositor.text.fonts import LATIN_EXTENDED, Face
from render_service.compositor.vectors.lettering import family_of, runs_of
from render_service.compositor.vectors.work import (
    Element,
    Styles,
    local_urls,
    work_of_attribute,
    work_of_element,
    work_of_picture,
)

MAX_BYTES = 4 * 1024 * 1024
"""Of a document, unpacked."""
MAX_ELEMENTS = 20_000
MAX_DEPTH = 64
"""Of elements within each other, along references too."""
MAX_WORK = 100_000
"""Elements that are drawn once all references are followed; what takes longer counts as many."""
MAX_LETTERS = 100_000
"""Of all texts together."""
MAX_EMBEDDED_PIXELS = 16_000_000
"""Of all embedded pictures together."""

_MAX_ATTRIBUTES = 200_000
_LARGEST_SIDE = 1_000_000.0
_LARGEST_TILE = 20_000.0
# More octaves of noise than this change no pixel, but take time in proportion.
_MOST_OCTAVES = 8
_SVG = "http://www.w3.org/2000/svg"
# Lengths in pixels at 96 dpi (CSS Values and Units 4, 6.2).
_UNITS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0}
# No expression here may read a text more than once: attributes have megabytes.
_LENGTH = re.compile(r"\+?(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)\s*([a-z]*)")
_NUMBERS = re.compile(r"[\s,]+")
_SPACES = {ord(letter): f"&#{ord(letter)};" for letter in "\t\n\r"}
# Elements whose reference is followed by whoever draws; others, such as links, are not.
_REFERRING = frozenset(
    ("use", "image", "feImage", "textPath", "tref", "pattern", "linearGradient", "radialGradient", "filter", "mask")
) | {"clipPath", "marker"}
_ENTITY_REFERENCE = re.compile("&(?!#)")
_DROPPED = frozenset(("script", "foreignObject", "iframe", "audio", "video", "canvas", "handler", "listener"))


class SvgFaultKind(Enum):
    """What is wrong with a document."""

    DAMAGED = auto()
    REFERS = auto()
    """It refers to something outside of itself."""
    TOO_EXPENSIVE = auto()


class SvgError(Exception):
    """A document cannot be drawn.

    Args:
        kind: What is wrong.
        message: The fault and its remedy, as in `the SVG has no size; add a viewBox`.
    """

    def __init__(self, kind: SvgFaultKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class SvgDocument:
    """A checked document.

    Args:
        width: Its own width in pixels, not rounded.
        height: Its height.
        faces: The faces that draw its texts, the Latin one first; empty without texts.
    """

    width: float
    height: float
    faces: tuple[Face, ...]
    _root: str
    _attributes: dict[str, str]
    _body: str

    def at_size(self, width: int, height: int) -> str:
        """Return the document as XML that is drawn with a width and height in pixels."""
        attributes = {**self._attributes, "width": str(width), "height": str(height)}
        written = "".join(f" {name}={_quoted(value)}" for name, value in attributes.items())
        return f"<{self._root}{written}>{self._body}</{self._root}>"


def read_svg(data: bytes) -> SvgDocument:
    """Read a document.

    Args:
        data: An SVG file, or one that is packed with gzip.

    Raises:
        SvgError: It is damaged, refers to what is outside of it, or is too expensive to draw.
    """
    reader = _Reader()
    try:
        reader.parser.Parse(_unpacked(data), True)
    except expat.ExpatError as error:
        raise SvgError(
            SvgFaultKind.DAMAGED,
            f"the SVG is damaged in line {error.lineno} ({expat.ErrorString(error.code)}); export it again",
        ) from error
    except (UnicodeDecodeError, LookupError, ValueError) as error:
        raise SvgError(SvgFaultKind.DAMAGED, "the SVG is damaged; export it again") from error
    return reader.document()


def _unpacked(data: bytes) -> bytes:
    if data[:2] == b"\x1f\x8b":
        try:
            unpacker = zlib.decompressobj(wbits=31)
            data = unpacker.decompress(data, MAX_BYTES + 1)
        except zlib.error as error:
            raise SvgError(SvgFaultKind.DAMAGED, "the packed SVG is damaged; export it again") from error
    if len(data) > MAX_BYTES:
        raise _too_expensive(f"has more than {MAX_BYTES // 1024 // 1024} MiB")
    return data


class _Reader:
    """Takes the events of a parser, and writes down what is drawn."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.EntityDeclHandler = _check_entity
        self._written: list[str] = []
        self._faces: dict[Face, None] = {}
        self._size = 0
        self._open: list[tuple[str, Element]] = []
        self._skipped = 0
        self._in_text = 0
        self._letters: list[str] = []
        self._letter_count = 0
        self._elements = self._attributes = self._embedded = 0
        self._styles = Styles()
        self._sheet: list[str] = []
        self._named: list[tuple[Element, str, dict[str, str]]] = []
        self._ids: dict[str, Element] = {}
        self._root: tuple[str, dict[str, str], Element] | None = None

    def document(self) -> SvgDocument:
        """Return what was read, once the parser has reached the end."""
        assert self._root is not None
        name, attributes, element = self._root
        for one, local, given in self._named:
            one.children += self._styles.of(local, given.get("class", ""), [given["id"]] if "id" in given else [])
        self._count(element, 1)
        width, height, box = _size(attributes)
        kept = {key: value for key, value in attributes.items() if key not in ("x", "y")}
        kept["viewBox"] = box
        if ":" not in name:
            kept["xmlns"] = _SVG
        return SvgDocument(width, height, tuple(self._faces), name, kept, "".join(self._written))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        self._write_letters()
        if self._skipped or local in _DROPPED:
            self._skipped += 1
            return
        if self._root is None and local != "svg":
            raise SvgError(SvgFaultKind.DAMAGED, f"the SVG begins with <{name[:40]}>; export it again")
        self._end_sheet()
        self._elements += 1
        self._attributes += len(attributes)
        if self._elements > MAX_ELEMENTS or self._attributes > _MAX_ATTRIBUTES:
            raise _too_expensive(f"has more than {MAX_ELEMENTS:,} elements")
        if len(self._open) >= MAX_DEPTH:
            raise _too_expensive(f"has more than {MAX_DEPTH} elements within each other")
        element = Element(work_of_element(local))
        given = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        self._named.append((element, local, given))
        if local == "pattern":
            _check_tile(given)
        kept = {key: self._checked(local, key, value, element) for key, value in attributes.items() if _is_kept(key)}
        if "id" in given:
            self._ids.setdefault(given["id"], element)
        if self._root is None:
            self._root = name, kept, element
        else:
            self._open[-1][1].children.append(element)
            self._write(f"<{name}{''.join(f' {key}={_quoted(value)}' for key, value in kept.items())}>")
        self._open.append((name, element))
        self._in_text += local == "text"

    def _end(self, name: str) -> None:
        self._write_letters()
        if self._skipped:
            self._skipped -= 1
            return
        self._end_sheet()
        self._open.pop()
        self._in_text -= name.rpartition(":")[2] == "text"
        if self._open:
            self._written.append(f"</{name}>")

    def _characters(self, characters: str) -> None:
        if self._skipped:
            return
        self._grow(len(characters))
        if self._in_text:
            self._letter_count += len(characters)
            if self._letter_count > MAX_LETTERS:
                raise _too_expensive(f"has more than {MAX_LETTERS:,} letters")
            self._letters.append(characters)
        else:
            self._written.append(escape(characters, quote=False))
        if self._open and self._open[-1][0].rpartition(":")[2] == "style":
            self._sheet.append(characters)

    def _end_sheet(self) -> None:
        """Read a style sheet, which is one text on its own."""
        if self._sheet:
            self._styles.add("".join(self._sheet))
            self._sheet = []

    def _write_letters(self) -> None:
        """Write the letters read since the last tag, in runs of one face each."""
        if not self._letters:
            return
        letters, self._letters = "".join(self._letters), []
        prefix = self._open[-1][0].rpartition(":")[0]
        tspan = f"{prefix}:tspan" if prefix else "tspan"
        self._faces.setdefault(LATIN_EXTENDED)
        for run, face in runs_of(letters):
            self._faces.setdefault(face)
            written = escape(run, quote=False)
            if face != LATIN_EXTENDED:
                written = f"<{tspan} font-family={_quoted(family_of(face))}>{written}</{tspan}>"
            self._write(written)

    def _write(self, text: str) -> None:
        self._grow(len(text))
        self._written.append(text)

    def _grow(self, characters: int) -> None:
        # Entities multiply what the file holds.
        self._size += characters
        if self._size > 2 * MAX_BYTES:
            raise _too_expensive(f"has more than {2 * MAX_BYTES // 1024 // 1024} MiB once its entities are replaced")

    def _checked(self, element: str, key: str, value: str, found: Element) -> str:
        """Return a value as it is passed on, and note what it refers to."""
        local = key.rpartition(":")[2]
        found.work += work_of_attribute(local, value)
        if local == "href" and element in _REFERRING:
            target = value.strip()
            if target.startswith("#"):
                found.references.append(target[1:])
            elif element in ("image", "feImage") and target[:5].lower() == "data:":
                found.work += work_of_picture(self._embed(target))
            elif target:
                raise SvgError(
                    SvgFaultKind.REFERS,
                    f"the SVG refers to {target[:60]} in <{element}>, which is not loaded; embed what it shows",
                )
        elif "url(" in value:
            found.references += local_urls(value)
        if local == "numOctaves":
            return str(min(_MOST_OCTAVES, int(value))) if value.strip().isdigit() else "1"
        return value

    def _embed(self, uri: str) -> int:
        """Check an embedded picture, and return its pixels."""
        header, _, content = uri.partition(",")
        if not header.lower().endswith(";base64"):
            raise SvgError(SvgFaultKind.REFERS, "the SVG embeds what is not a picture in base64; embed PNG or JPEG")
        try:
            data = base64.b64decode(content)
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as picture:
                pixels = picture.width * picture.height
        except (binascii.Error, UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
            raise SvgError(
                SvgFaultKind.DAMAGED, "the SVG embeds a picture that is damaged, or neither PNG nor JPEG"
            ) from error
        self._embedded += pixels
        if self._embedded > MAX_EMBEDDED_PIXELS:
            raise _too_expensive(f"embeds pictures of more than {MAX_EMBEDDED_PIXELS:,} pixels")
        return pixels

    def _count(self, element: Element, depth: int) -> None:
        """Count the work and depth of an element, with all that it refers to."""
        if depth > MAX_DEPTH:
            raise _too_expensive(f"has more than {MAX_DEPTH} elements within each other, along its references")
        if element.total is not None or element.is_open:
            return  # what refers to itself is not drawn
        element.is_open = True
        total, below = element.work, 0
        targets = (self._ids[one] for one in element.references if one in self._ids)
        for part in (*element.children, *targets):
            self._count(part, depth + 1)
            total += part.total or 0
            below = max(below, part.depth)
        element.is_open = False
        element.total, element.depth = total, below + 1
        if total > MAX_WORK:
            raise _too_expensive(f"draws more than {MAX_WORK:,} elements once its references are followed")
        if element.depth > MAX_DEPTH:
            raise _too_expensive(f"has more than {MAX_DEPTH} elements within each other, along its references")


def _check_entity(name: str, _parameter: bool, value: str | None, *_source: str | None) -> None:
    """Refuse entities that name others: these multiply, and no editor writes them."""
    if value is not None and _ENTITY_REFERENCE.search(value):
        raise _too_expensive(f"has the entity {name[:40]}, which names another entity")


def _is_kept(key: str) -> bool:
    """Return whether an attribute can change a picture: handlers of events cannot."""
    return not key.lower().startswith("on")


def _size(attributes: dict[str, str]) -> tuple[float, float, str]:
    """Return width, height and view box of a root element; the sizes follow from the box where they are left out."""
    box = attributes.get("viewBox", "").strip()
    width, height = _length(attributes.get("width", "")), _length(attributes.get("height", ""))
    if box:
        try:
            numbers = [float(one) for one in _NUMBERS.split(box)]
        except ValueError:
            numbers = []
        if len(numbers) != 4 or not all(map(math.isfinite, numbers)) or min(numbers[2:]) <= 0:
            raise SvgError(SvgFaultKind.DAMAGED, "the viewBox of the SVG is not four numbers; correct it")
        shape = numbers[2] / numbers[3]
        if width is None:
            width = numbers[2] if height is None else height * shape
        height = width / shape if height is None else height
    elif width is None or height is None:
        raise SvgError(SvgFaultKind.DAMAGED, "the SVG has no size; add a viewBox, or width and height")
    else:
        box = f"0 0 {width:.6g} {height:.6g}"
    if not (0 < width <= _LARGEST_SIDE and 0 < height <= _LARGEST_SIDE):
        raise SvgError(SvgFaultKind.DAMAGED, f"the SVG is {width:.6g} × {height:.6g}; give it a size of 1 to 1,000,000")
    return width, height, box


def _length(value: str) -> float | None:
    """Return a length in pixels; None for one that depends on where the picture is shown."""
    found = _LENGTH.fullmatch(value.strip())
    return float(found[1]) * _UNITS[found[2]] if found and found[2] in _UNITS else None


def _check_tile(attributes: dict[str, str]) -> None:
    for name in ("width", "height"):
        side = _length(attributes.get(name, ""))
        if side is not None and side > _LARGEST_TILE:
            raise _too_expensive(f"has a pattern of which a tile is larger than {_LARGEST_TILE:,.0f}")


def _too_expensive(what: str) -> SvgError:
    return SvgError(SvgFaultKind.TOO_EXPENSIVE, f"the SVG {what}; simplify it")


def _quoted(value: str) -> str:
    """Return the value of an attribute as XML. `xml.sax.saxutils` has the like, but loads HTTP and TLS with it."""
    # A literal line break or tab would be read back as a space.
    return f'"{escape(value).translate(_SPACES)}"'
