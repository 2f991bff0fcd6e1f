"""Estimates what drawing the elements of an SVG takes, with what its style sheets add.

A style sheet is not evaluated: a rule counts for every element that its last selector may mean, and one that is not
understood counts for all of them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

FILTER_STEP = 500
"""Elements that take as long as a step of a filter."""
_GROUP = 50
_PIXELS_PER_ELEMENT = 32_000
# What is drawn on its own before it is laid over the rest.
_ELEMENTS = {"mask": 300, "clipPath": _GROUP, "pattern": _GROUP}
_GROUPING = frozenset(("opacity", "mix-blend-mode", "isolation"))
_TRIVIAL = frozenset(("1", "1.0", "100%", "normal", "auto"))

# No expression here may read a text more than once: attributes and style sheets have megabytes.
_LOCAL_URL = re.compile(r"url\(\s*(?:['\"]\s*)?#([^'\")\s]*)")
_FUNCTION = re.compile(
    r"(?:blur|drop-shadow|brightness|contrast|grayscale|hue-rotate|invert|opacity|saturate|sepia)\s*\(", re.IGNORECASE
)
_GROUP_DECLARATION = re.compile(r"(?<![\w-])(?:opacity|mix-blend-mode|isolation)\s*:", re.IGNORECASE)
_PLAIN_SELECTOR = re.compile(r"[\w.#\s>*-]+")
_COMBINATOR = re.compile(r"[\s>]+")
_SIMPLE_SELECTOR = re.compile(r"[.#]?[\w-]+")
_EVERY = "*"


@dataclass(slots=True)
class Element:
    """What counting needs of an element: its own work, its children, and the ids that it refers to."""

    work: int
    children: list["Element"] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    total: int | None = None
    depth: int = 0
    is_open: bool = False


def work_of_element(name: str) -> int:
    """Return the work of an element by its name without a prefix."""
    return _ELEMENTS.get(name, FILTER_STEP if name.startswith("fe") else 1)


def work_of_attribute(name: str, value: str) -> int:
    """Return what an attribute adds to the work of its element."""
    if name in ("style", "filter"):
        return _work_of_declarations(value)
    return _GROUP if name in _GROUPING and value.strip() not in _TRIVIAL else 0


def work_of_picture(pixels: int) -> int:
    """Return the work of an embedded picture, which is decoded wherever it is drawn."""
    return pixels // _PIXELS_PER_ELEMENT


def local_urls(text: str) -> list[str]:
    """Return the ids that a value or style sheet refers to."""
    return _LOCAL_URL.findall(text)


def _work_of_declarations(text: str) -> int:
    groups = _GROUP if _GROUP_DECLARATION.search(text) else 0
    return groups + FILTER_STEP * sum(1 for _ in _FUNCTION.finditer(text))


class Styles:
    """What the style sheets of a document add to the work of its elements."""

    def __init__(self) -> None:
        self._rules: dict[str, Element] = {}

    def add(self, sheet: str) -> None:
        """Read a style sheet."""
        for selectors, declarations in _rules_of(sheet):
            work, references = _work_of_declarations(declarations), local_urls(declarations)
            if work or references:
                for key in {_key_of(one) for one in selectors.split(",")}:
                    rule = self._rules.setdefault(key, Element(0))
                    rule.work += work
                    rule.references += references

    def of(self, name: str, classes: str, ids: Iterable[str]) -> list[Element]:
        """Return what counts for an element, by its name without a prefix, its classes and its ids."""
        if not self._rules:
            return []
        keys = {_EVERY, name, *(f".{one}" for one in classes.split()), *(f"#{one}" for one in ids)}
        return [self._rules[key] for key in sorted(keys) if key in self._rules]


def _rules_of(sheet: str) -> list[tuple[str, str]]:
    """Return selectors and declarations; the whole sheet for every element where it is not a plain list of rules."""
    everything = [(_EVERY, sheet)]
    first, *others = sheet.split("/*")
    kept = [first]
    for one in others:
        comment, end, rest = one.partition("*/")
        if not end or any(sign in comment for sign in "\"'{}"):
            return everything
        kept.append(rest)
    rules = []
    *blocks, rest = " ".join(kept).split("}")
    for block in blocks:
        selectors, _, declarations = block.partition("{")
        # A brace within a string leaves half of the string on each side.
        if block.count("{") != 1 or block.count('"') % 2 or block.count("'") % 2:
            return everything
        rules.append((selectors, declarations))
    return everything if rest.strip() else rules


def _key_of(selector: str) -> str:
    """Return the class, id or name that every element has that a selector means; `*` if it may mean any."""
    selector = selector.strip()
    if not _PLAIN_SELECTOR.fullmatch(selector):
        return _EVERY
    found = _SIMPLE_SELECTOR.findall(_COMBINATOR.split(selector)[-1])
    return max(found, key=lambda one: one[0] in ".#", default=_EVERY)
