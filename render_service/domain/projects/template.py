r"""Projects with variables: `{{city}}` in a text or URI is replaced by a value given when a render is started.

Blanks inside the braces do not count. A backslash before a place makes it plain text: `\{{city}}` becomes `{{city}}`,
and `\\{{city}}` becomes a backslash and the value. Everything else stays as it is, other uses of braces too. Values are
inserted literally and never parsed again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from render_service.domain.errors import FieldFault
from render_service.domain.projects.project import Project
from render_service.domain.text_fields import TextFields

MAX_VARIABLES = 100
MAX_VALUE = 10_000
# Many places with long values must not fill the memory. No request without variables is longer than this either.
MAX_ADDED = 4 * 1024 * 1024

_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
_VARIABLE_NAME = re.compile(_NAME)
# Because of the lookbehind, a run of backslashes matches once, from its start, not from each of them.
_PLACE = re.compile(rf"(?<!\\)(\\*)\{{\{{[ \t]*({_NAME})[ \t]*\}}\}}")
# Fields that are names, not texts: a shot's id must be known before the values are.
_NAMES = frozenset({"Shot.id", "Layer.id", "Layer.parent", "Project.brand_kit_excludes"})
# Fields of the domain that have another path in the contract.
_PATHS = {"Project.shots": "storyboard.shots"}

_TEXTS = TextFields("{{", lambda key: key not in _NAMES, _PATHS)


@dataclass(frozen=True, slots=True)
class Filling:
    """A template with values in its places.

    Args:
        project: The filled project; None where it could not be filled.
        faults: What is wrong with the values, by field of StartRenderRequest.
    """

    project: Project | None
    faults: tuple[FieldFault, ...]


def is_variable_name(name: str) -> bool:
    """Return whether a text can name a variable: 1–63 characters `A–Z a–z 0–9 _`, not starting with a digit."""
    return _VARIABLE_NAME.fullmatch(name) is not None


def has_variables(text: str) -> bool:
    """Return whether a text names a variable, be it after a backslash."""
    return _PLACE.search(text) is not None


def known_pieces(text: str) -> tuple[str, ...]:
    """Return what is known of a text before its places are filled: the pieces before, between and after them."""
    pieces = [""]
    after = 0
    for found in _PLACE.finditer(text):
        plain = text[after : found.start()] + found[1][: len(found[1]) // 2]
        if len(found[1]) % 2:
            pieces[-1] += plain + text[found.end(1) : found.end()]
        else:
            pieces[-1] += plain
            pieces.append("")
        after = found.end()
    pieces[-1] += text[after:]
    return tuple(pieces)


def fill_in(project: Project, values: Mapping[str, str], path: str, values_path: str) -> Filling:
    """Put values in the places of a project that name them.

    Args:
        project: A template, or a project without places.
        values: The values by name.
        path: Path of the project in the request, such as `project`.
        values_path: Path of the values in the request, such as `variables`.

    Returns:
        The project, and a fault for every name that the project uses and the values lack, or the other way round, and
        one where the values would add more than `MAX_ADDED` characters in all. The filled project, there unless a
        value is missing or too much is added, may break any rule of projects.
    """
    filler = _Filler(values)
    filled = _TEXTS.changed(project, path, filler.fill)
    faults = [
        FieldFault(f"{values_path}[{name}]", f"must be given: {place} uses it")
        for name, place in filler.missing.items()
    ]
    faults += [
        FieldFault(f"{values_path}[{name}]", "is used nowhere in the project")
        for name in sorted(values.keys() - filler.used)
    ]
    if filler.left < 0:
        faults.append(FieldFault(values_path, f"must add at most {MAX_ADDED:,} characters to the project in all"))
    return Filling(None if filler.missing or filler.left < 0 else filled, tuple(faults))


def places_of(project: Project, path: str) -> dict[str, tuple[str, ...]]:
    """Return the names of the variables in each text of a template that has any, by the text's path."""
    found: dict[str, tuple[str, ...]] = {}

    def note(text: str, place: str) -> str:
        names = tuple(dict.fromkeys(match[2] for match in _PLACE.finditer(text) if len(match[1]) % 2 == 0))
        if names:
            found[place] = names
        return text

    _TEXTS.changed(project, path, note)
    return found


class _Filler:
    """Fills texts, and notes what it lacks; once `left` is below 0 there was too much of it, and no more is put in."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.used: set[str] = set()
        self.missing: dict[str, str] = {}
        self.left = MAX_ADDED

    def fill(self, text: str, path: str) -> str:
        def put(found: re.Match[str]) -> str:
            backslashes, name = found.groups()
            kept = backslashes[: len(backslashes) // 2]
            if len(backslashes) % 2:
                return kept + found[0][len(backslashes) :]
            self.used.add(name)
            value = self._values.get(name)
            if value is None:
                self.missing.setdefault(name, path)
                return kept
            self.left -= len(value)
            return kept + value if self.left >= 0 else kept

        return _PLACE.sub(put, text)
