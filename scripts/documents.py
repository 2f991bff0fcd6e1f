"""The pages of the documentation: their files, fenced blocks and links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_PATTERNS = ("*.md", "docs/**/*.md", "clients/**/README.md", "samples/*.md", "examples/**/README.md", "deploy/**/*.md")
_FENCE = re.compile(
    r"^(?P<indent> *)(?P<ticks>`{3,})(?P<info>[^`\n]*)\n(?P<text>.*?)^(?P=indent)(?P=ticks) *$",
    re.MULTILINE | re.DOTALL,
)
_ATTRIBUTE = re.compile(r"(?P<name>[a-z-]+)(?:=\"(?P<value>[^\"]*)\")?")
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)|<img[^>]* src=\"(?P<source>[^\"]+)\"")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page.

    Attributes:
        line: Line where its text begins, from 1.
        language: First word of its info, such as `sh`; empty if there is none.
        attributes: The rest of the info: `word` or `word="value"`.
        text: Its content.
    """

    line: int
    language: str
    attributes: dict[str, str] = field(hash=False)
    text: str


def pages() -> list[Path]:
    """Return all pages, relative to the repository, in a fixed order."""
    found = {path for pattern in _PATTERNS for path in ROOT.glob(pattern)}
    return sorted(path.relative_to(ROOT) for path in found if "node_modules" not in path.parts)


def read(page: Path) -> str:
    """Return the text of a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(text: str) -> Iterator[Block]:
    """Give the fenced blocks of a page from top to bottom."""
    for fence in _FENCE.finditer(text):
        language, _, rest = fence["info"].strip().partition(" ")
        attributes = {each["name"]: each["value"] or "" for each in _ATTRIBUTE.finditer(rest)}
        indent = len(fence["indent"])
        lines = [line[indent:] for line in fence["text"].splitlines(keepends=True)]
        yield Block(text.count("\n", 0, fence.start("text")) + 1, language, attributes, "".join(lines))


def without_attributes(text: str) -> str:
    """Return a page whose fences name only their language: site generators accept nothing else there."""
    return _FENCE.sub(lambda fence: fence[0].replace(fence["info"], fence["info"].strip().partition(" ")[0], 1), text)


def links(text: str) -> Iterator[str]:
    """Give the targets of a page's links and pictures within the repository, as they are written."""
    for link in _LINK.finditer(re.sub(r"`[^`\n]*`", "", _FENCE.sub("", text))):
        target = link["target"] or link["source"]
        if not re.match(r"[a-z]+:", target):
            yield target


def linked_file(page: Path, target: str) -> Path | None:
    """Return the file that a page's link leads to, relative to the repository; None for a heading of the page itself.

    Raises:
        ValueError: If there is no such file.
    """
    path = target.partition("#")[0]
    if not path:
        return None
    file = (ROOT / page.parent / path).resolve()
    if not file.is_relative_to(ROOT) or not file.is_file():
        raise ValueError(f"{page}: no such file: {target}")
    return file.relative_to(ROOT)
