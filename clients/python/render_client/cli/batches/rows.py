"""Reads rows of variables from a file: CSV with a header, or JSON Lines."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer

from render_client.errors import InvalidRequestError

_ROW = re.compile(r"rows\[(\d+)\]\.?(.*)")


@dataclass(frozen=True)
class Rows:
    """The rows of a file, and the line of each, from 1."""

    path: Path
    rows: Sequence[dict[str, str]]
    lines: Sequence[int]

    def locate(self, error: InvalidRequestError) -> None:
        """Name the line of the file instead of the row, in the faults of an error."""
        error.field_faults = tuple(
            replace(fault, field=self._located(fault.field.removeprefix("render."))) for fault in error.field_faults
        )

    def _located(self, field: str) -> str:
        found = _ROW.fullmatch(field)
        if found is None or int(found[1]) >= len(self.lines):
            return field
        return f"{self.path}:{self.lines[int(found[1])]}: {found[2]}".removesuffix(": ")


def read_rows(path: Path) -> Rows:
    """Read a file of rows: `.csv` with the names of variables in its first line, or `.jsonl` with an object a line.

    Raises:
        typer.BadParameter: The file cannot be read, or a line is not a row.
    """
    readers = {".csv": _csv, ".jsonl": _json_lines, ".ndjson": _json_lines}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise typer.BadParameter(f"{path}: must end in .csv or .jsonl")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = list(reader(path, file))
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{path}: must be UTF-8") from error
    if not found:
        raise typer.BadParameter(f"{path}: has no rows")
    return Rows(path, [row for _, row in found], [line for line, _ in found])


def _csv(path: Path, file: Any) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(file)
    names = next(reader, [])
    for name in names:
        if names.count(name) > 1 or not name:
            raise typer.BadParameter(f"{path}:1: must name each column once; {name or 'an empty name'} does not")
    start = reader.line_num + 1
    for cells in reader:
        line, start = start, reader.line_num + 1
        if not any(cells):
            continue
        if len(cells) != len(names):
            raise typer.BadParameter(
                f"{path}:{line}: must have {len(names)} columns, as the first line; has {len(cells)}"
            )
        yield line, dict(zip(names, cells))


def _json_lines(path: Path, file: Any) -> Iterator[tuple[int, dict[str, str]]]:
    for line, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            values = json.loads(text, parse_int=str, parse_float=str)
        except ValueError as error:
            raise typer.BadParameter(f"{path}:{line}: must be a JSON object: {error}") from error
        if not isinstance(values, dict):
            raise typer.BadParameter(f'{path}:{line}: must be a JSON object, such as {{"name": "Ada"}}')
        for name, value in values.items():
            if not isinstance(value, str):
                raise typer.BadParameter(f"{path}:{line}: {name}: must be a text or a number")
        yield line, values


def row_name(row: int, key: str) -> str:
    """Return what people call a row: its key, or its number from 1."""
    return key or f"row {row + 1}"
