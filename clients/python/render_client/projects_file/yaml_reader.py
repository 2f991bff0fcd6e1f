"""Reads YAML 1.2 into a tree that knows its places."""

from __future__ import annotations

from typing import Any

from render_client.projects_file.tree import (
    DEPTH_LIMIT,
    Item,
    Mapping,
    Member,
    Node,
    Plain,
    Scalar,
    Sequence,
    SyntaxFault,
)

# How many values aliases may repeat. A few lines of aliases of aliases would expand to millions.
_REPEAT_LIMIT = 20_000
_TAG = "tag:yaml.org,2002:"
_TRUE, _FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")


class YamlNotInstalled(Exception):
    """The package that reads YAML is missing."""

    def __init__(self) -> None:
        super().__init__("YAML needs the package ruamel.yaml: pip install 'render-client[yaml]'")


def new_yaml() -> Any:
    """Return a reader and writer of YAML that keeps comments and quotes.

    Raises:
        YamlNotInstalled: If its package is missing.
    """
    try:
        from ruamel.yaml import YAML  # noqa: PLC0415 - of an extra, and slow to import
    except ModuleNotFoundError:
        raise YamlNotInstalled from None
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    return yaml


def read_yaml(text: str) -> Node | None:
    """Read YAML.

    Args:
        text: One document.

    Returns:
        Its value; None if it is empty.

    Raises:
        SyntaxFault: At the first place where the text is not YAML.
        YamlNotInstalled: If the package that reads YAML is missing.
    """
    yaml = new_yaml()
    from ruamel.yaml.error import MarkedYAMLError  # noqa: PLC0415
    from ruamel.yaml.reader import ReaderError  # noqa: PLC0415

    try:
        root = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SyntaxFault(" ".join(str(error.problem or error.context).split()), *_place(mark)) from None
    except ReaderError as error:
        before = text[: error.position]
        column = error.position - (before.rfind("\n") + 1) + 1
        raise SyntaxFault("character that YAML does not allow", before.count("\n") + 1, column) from None
    except RecursionError:
        raise SyntaxFault("nested too deeply", 1, 1) from None
    return None if root is None else _Tree().node(root, 0)


class _Tree:
    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._repeats = 0

    def node(self, given: Any, depth: int) -> Node:
        """Convert a node of ruamel.yaml."""
        line, column = _place(given.start_mark)
        self._repeats += id(given) in self._seen
        self._seen.add(id(given))
        if depth > DEPTH_LIMIT:
            raise SyntaxFault("nested too deeply", line, column)
        if self._repeats > _REPEAT_LIMIT:
            raise SyntaxFault(f"aliases repeat more than {_REPEAT_LIMIT:,} values", line, column)
        tag = str(given.tag)
        if isinstance(given.value, str):
            return Scalar(_scalar(given.value, tag, line, column), given.value, line, column)
        if tag not in (f"{_TAG}map", f"{_TAG}seq"):
            raise SyntaxFault(f"tag {tag}: not supported", line, column)
        is_inline = bool(given.flow_style)
        if tag == f"{_TAG}seq":
            return Sequence([Item(self.node(each, depth + 1)) for each in given.value], line, column, is_inline)
        mapping = Mapping([], line, column, is_inline)
        for name, value in given.value:
            place = _place(name.start_mark)
            if not isinstance(name.value, str):
                raise SyntaxFault("a field name must be text", *place)
            mapping.members.append(Member(name.value, self.node(value, depth + 1), *place))
        return mapping


def _scalar(raw: str, tag: str, line: int, column: int) -> Plain:
    kind = tag[len(_TAG) :] if tag.startswith(_TAG) else ""
    # ruamel.yaml takes 16_9 for a number, which YAML 1.2 does not.
    if kind in ("str", "timestamp") or (kind in ("int", "float") and "_" in raw):
        return raw
    if kind == "null":
        return None
    try:
        if kind == "int":
            return int(raw, 0 if raw.lstrip("+-")[:2].lower() in ("0x", "0o", "0b") else 10)
        if kind == "float":
            return float(raw.lower().replace(".inf", "inf").replace(".nan", "nan"))
        if kind == "bool" and raw in _TRUE + _FALSE:
            return raw in _TRUE
    except ValueError:
        pass
    raise SyntaxFault(f"{raw[:40]}: not a value of tag {tag}", line, column)


def _place(mark: Any) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
