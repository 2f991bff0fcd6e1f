"""Reads project files: the JSON form of `render.v1.Project`."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from google.protobuf import json_format
from google.protobuf.message import Message

from render_client.v1 import project_pb2

# "//" after only blanks; a JSON string cannot span lines, so this never cuts into one.
_COMMENT_LINE = re.compile(r"^[ \t]*//.*$", re.MULTILINE)
# A placeholder for a value, as defined in proto/render/v1/project.proto.
_VARIABLE = re.compile(r"(\{\{[ \t]*[A-Za-z_][A-Za-z0-9_]{0,62}[ \t]*\}\})")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:")
# Error messages of protobuf's parser, as of protobuf 7: it wraps an error once per level of nesting.
_WRAPPING = re.compile(r"^Failed to parse (\w+) field: ")
_PLACE = re.compile(r' at "?Project\.?([\w.\[\]]*?)"?\.*$')
_UNKNOWN_FIELD = re.compile(
    r'^Message type "[\w.]+" has no field named "([^"]*)"( at .*?)\. Available Fields.*?: "\[(.*)\]"'
)


class ProjectFileError(ValueError):
    """A project file is invalid; the message names the file and, if known, the field or the line."""


def load_project(path: Path) -> project_pb2.Project:
    """Read a project file.

    The file is the JSON form of `render.v1.Project` (https://protobuf.dev/programming-guides/json/), in which lines
    that begin with `//` are comments. A URI without a scheme is a path relative to the project file's folder and
    becomes a `file://` URI. A path that contains a variable, such as `images/{{city}}.jpg`, is converted without
    checking that the file exists; one that begins with a variable is unchanged.

    Args:
        path: The file, UTF-8.

    Returns:
        The project.

    Raises:
        ProjectFileError: If the file cannot be read, is not JSON, has unknown fields or invalid values, or refers to a
            file that does not exist.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ProjectFileError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ProjectFileError(f"{path}: not UTF-8 text") from error
    project = project_pb2.Project()
    try:
        text = _COMMENT_LINE.sub("", text)
        if not isinstance(json.loads(text), dict):
            raise ProjectFileError(f"{path}: not a JSON object")
        json_format.Parse(text, project)
    except json.JSONDecodeError as error:
        raise ProjectFileError(f"{path}: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except json_format.ParseError as error:
        raise ProjectFileError(f"{path}: {_one_line(error)}") from error
    except RecursionError as error:
        raise ProjectFileError(f"{path}: nested too deeply") from error
    folder = path.resolve().parent
    for message, field, place in _uris(project, ""):
        setattr(message, field, _resolve(getattr(message, field), folder, f"{path}: {place}"))
    return project


def _uris(message: Message, place: str) -> Iterator[tuple[Message, str, str]]:
    """Find all URIs in a message, as (message, field, path of the field)."""
    for descriptor, value in message.ListFields():
        name = f"{place}{descriptor.name}"
        if descriptor.name == "uri" or descriptor.name.endswith("_uri"):
            yield message, descriptor.name, name
        elif isinstance(value, Message):
            yield from _uris(value, f"{name}.")
        elif descriptor.message_type:
            for index, item in enumerate(value):
                # Maps yield their keys; the contract has none that hold URIs.
                if isinstance(item, Message):
                    yield from _uris(item, f"{name}[{index}].")


def _resolve(uri: str, folder: Path, place: str) -> str:
    if _SCHEME.match(uri) or _VARIABLE.match(uri):
        return uri
    if _VARIABLE.search(uri):
        parts = _VARIABLE.split(uri)
        return f"{folder.as_uri()}/" + "".join(part if index % 2 else quote(part) for index, part in enumerate(parts))
    file = (folder / uri).resolve()
    if not file.is_file():
        raise ProjectFileError(f"{place}: no such file: {uri}")
    return file.as_uri()


def _one_line(error: json_format.ParseError) -> str:
    """Return `field: fault` for an error of protobuf's parser; its own text if the error is of an unknown form."""
    text = " ".join(str(error).split()).replace("Failed to load JSON: ", "")
    fields = []
    while wrapping := _WRAPPING.match(text):
        fields.append(wrapping[1])
        text = text[wrapping.end() :]
    if unknown := _UNKNOWN_FIELD.match(text):
        parent = _PLACE.search(unknown[2])
        place = f"{parent[1]}." if parent and parent[1] else ""
        known = re.findall(r"\w+", unknown[3])
        like = difflib.get_close_matches(unknown[1], known, n=1)
        return f"{place}{unknown[1]}: no such field" + (f"; did you mean {like[0]}?" if like else "")
    named = _PLACE.search(text)
    place = named[1] if named and named[1] else ".".join(fields)
    what = (text[: named.start()] if named else text).rstrip(".")
    if "object is not iterable" in what or "expected string or bytes-like" in what:
        what = "value of the wrong type"
    return f"{place}: {what}" if place else what
