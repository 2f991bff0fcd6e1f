"""Reads project files, in JSON or YAML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from google.protobuf import json_format
from google.protobuf.message import Message

from render_client.projects_file.checker import Checker
from render_client.projects_file.faults import FileFault, ProjectFileError
from render_client.projects_file.json_reader import read_json
from render_client.projects_file.tree import Node, SyntaxFault
from render_client.projects_file.yaml_reader import YamlNotInstalled, read_yaml
from render_client.v1 import brand_service_pb2, project_pb2

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

YAML_ENDINGS = (".yaml", ".yml")
# A placeholder for a value, as defined in proto/render/v1/project.proto.
_VARIABLE = re.compile(r"(\{\{[ \t]*[A-Za-z_][A-Za-z0-9_]{0,62}[ \t]*\}\})")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:")


@dataclass(frozen=True)
class ProjectDocument:
    """A project, and where its file says what.

    Attributes:
        path: The file.
        project: The project.
        places: Line and column of each field, from 1, by its path, such as `storyboard.shots[0].duration`.
    """

    path: Path
    project: project_pb2.Project
    places: dict[str, tuple[int, int]]

    def place(self, field: str) -> tuple[int, int] | None:
        """Return line and column of a field, or of the nearest one that contains it; None if the file has neither."""
        while field:
            if field in self.places:
                return self.places[field]
            field = field[: max(field.rfind("."), field.rfind("["), 0)]
        return None


def load_project(path: Path) -> project_pb2.Project:
    """Read a project file.

    The file is the JSON form of `render.v1.Project` (https://protobuf.dev/programming-guides/json/), or the same in
    YAML if its name ends with `.yaml` or `.yml` (needs `render-client[yaml]`). JSON may contain `// …` and `/* … */`
    comments. Enum values may be short: `zoom_in` or `ZOOM_IN` for `MOTION_KIND_ZOOM_IN`. A `$schema` is ignored.

    A URI without a scheme is a path relative to the project file's folder and becomes a `file://` URI. A path that
    contains a variable, such as `images/{{city}}.jpg`, is converted without checking that the file exists; one that
    begins with a variable is unchanged.

    Args:
        path: The file, UTF-8.

    Returns:
        The project.

    Raises:
        ProjectFileError: If the file cannot be read, is neither JSON nor YAML, has unknown fields or invalid values, or
            refers to a file that does not exist. It names all faults with line and column.
    """
    return load_document(path).project


def load_document(path: Path) -> ProjectDocument:
    """Read a project file as `load_project` does, with the place of each field.

    Raises:
        ProjectFileError: See `load_project`.
    """
    project = project_pb2.Project()
    return ProjectDocument(path, project, _read_into(project, path))


def load_brand_kit(path: Path) -> brand_service_pb2.BrandKit:
    """Read the file of a brand kit: `render.v1.BrandKit`, by the rules of project files.

    Raises:
        ProjectFileError: See `load_project`.
    """
    kit = brand_service_pb2.BrandKit()
    _read_into(kit, path)
    return kit


def _read_into(message: Message, path: Path) -> dict[str, tuple[int, int]]:
    """Fill a message from a file, and return the place of each field."""
    root = read_tree(path, read_text(path))
    folder = path.resolve().parent
    checker = Checker(lambda uri: _resolve(uri, folder), cast("Descriptor", message.DESCRIPTOR))
    values = checker.check(root)
    if checker.faults:
        raise ProjectFileError(path, sorted(checker.faults, key=lambda fault: (fault.line, fault.column)))
    try:
        json_format.ParseDict(values, message)
    except json_format.ParseError as error:
        raise ProjectFileError(path, [FileFault(" ".join(str(error).split()))]) from error
    return checker.places


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        ProjectFileError: If it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ProjectFileError(path, [FileFault(error.strerror or str(error))]) from error
    except UnicodeDecodeError as error:
        raise ProjectFileError(path, [FileFault("not UTF-8 text")]) from error


def read_tree(path: Path, text: str) -> Node:
    """Return the tree of a project file's text.

    Raises:
        ProjectFileError: If the text is not what the ending of the file's name says.
    """
    try:
        root = read_yaml(text) if is_yaml(path) else read_json(text).root
    except SyntaxFault as fault:
        raise ProjectFileError(path, [FileFault(fault.message, "", fault.line, fault.column)]) from fault
    except YamlNotInstalled as error:
        raise ProjectFileError(path, [FileFault(str(error))]) from error
    if root is None:
        raise ProjectFileError(path, [FileFault("empty: a project is an object with fields", "", 1, 1)])
    return root


def is_yaml(path: Path) -> bool:
    """Return whether a file is YAML by its name."""
    return path.suffix.lower() in YAML_ENDINGS


def _resolve(uri: str, folder: Path) -> str:
    """Convert the path of a local file to a URI.

    Raises:
        ValueError: If there is no such file.
    """
    if not uri or _SCHEME.match(uri) or _VARIABLE.match(uri):
        return uri
    if _VARIABLE.search(uri):
        parts = _VARIABLE.split(uri)
        return f"{folder.as_uri()}/" + "".join(part if index % 2 else quote(part) for index, part in enumerate(parts))
    try:
        file = (folder / uri).resolve()
        is_file = file.is_file()
    except (OSError, ValueError):  # such as a name that is too long, or with a NUL
        is_file = False
    if not is_file:
        raise ValueError(f"no such file: {uri}")
    return file.as_uri()
