"""Reads the rows of a batch, from the request or from a file of JSON Lines."""

import asyncio
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from render_client.v1 import batch_service_pb2 as pb

from render_service.domain.batches.batch import MAX_KEY, MAX_ROWS, Row
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.faults import Faults
from render_service.fetch.errors import FetchError
from render_service.fetch.fetcher import Fetcher
from render_service.fetch.limits import FetchLimits
from render_service.fetch.policy import FetchPolicy, check_uri
from render_service.server.interceptors.requests import mark_large, off_loop
from render_service.server.mapping.ids import variables_field

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_LINE_BYTES = 1024 * 1024
"""The longest line of a file: the most variables with the longest ASCII values fit. Parsed, it may take 30 MiB."""
MAX_FETCHES = 4
"""How many files one process fetches and parses at a time."""
KEY = "@key"
"""The member of a line that is the row's key; no variable has such a name."""


def read_rows(messages: Sequence[pb.BatchRow], faults: Faults) -> list[Row]:
    """Return the rows of a request, adding their faults."""
    if len(messages) > MAX_ROWS:
        faults.add("rows", f"must be at most {MAX_ROWS:,}")
        return []
    given = ((f"rows[{place}]", message.key, message.variables) for place, message in enumerate(messages))
    return _checked(given, "{path}.key", faults)


class RowFiles:
    """Fetches files of rows, guarded as all fetches are.

    Args:
        policy: What may be fetched.
        limits: What workspaces may use.
    """

    def __init__(self, policy: FetchPolicy, limits: FetchLimits) -> None:
        self._policy = policy
        self._limits = limits
        self._slots = asyncio.Semaphore(MAX_FETCHES)

    @cached_property
    def _fetcher(self) -> Fetcher:
        """Made when it is first needed: it reads the certificates of all public authorities."""
        return Fetcher(self._policy, limits=self._limits)

    def fault(self, uri: str) -> str | None:
        """Return what is wrong with the URI of a file, to complete "rows_uri: …", or None."""
        return check_uri(uri, self._policy)

    async def read(self, workspace_id: str, uri: str, faults: Faults) -> list[Row]:
        """Return the rows of a file of JSON Lines, adding their faults.

        Args:
            workspace_id: The workspace that fetches it.
            uri: Where it is; its form is valid.
            faults: Collects the faults.

        Raises:
            DomainError: ASSET_INVALID: it could not be fetched.
        """
        mark_large()
        async with self._slots:
            return await self._read(workspace_id, uri, faults)

    async def _read(self, workspace_id: str, uri: str, faults: Faults) -> list[Row]:
        with tempfile.TemporaryDirectory(prefix="rows-") as folder, self._fetcher.session(workspace_id) as session:
            file = Path(folder, "rows.jsonl")
            try:
                await session.fetch(uri, file, max_bytes=MAX_FILE_BYTES)
            except FetchError as error:
                raise DomainError(
                    ErrorReason.ASSET_INVALID, f"rows_uri: {error}", {"field": "rows_uri", "kind": error.kind}
                ) from error
            return await off_loop(_read_file, file, faults)


def _read_file(file: Path, faults: Faults) -> list[Row]:
    with file.open("rb") as opened:
        rows = _checked(_lines(opened, faults), f"{{path}}.{KEY}", faults)
    if len(rows) > MAX_ROWS:
        faults.add("rows_uri", f"must have at most {MAX_ROWS:,} rows")
    elif not rows:
        faults.add("rows_uri", "must have at least one row")
    return rows


def _lines(file: BinaryIO, faults: Faults) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Yield the path, the key and the variables of each line; of as many as show that there are too many."""
    count = 0
    for number, line in enumerate(_short_lines(file), start=1):
        path = f"rows_uri[line {number}]"
        if line is not None and not line.strip():
            continue
        count += 1
        if line is None:
            faults.add(path, f"must have at most {MAX_LINE_BYTES:,} bytes")
            values = {}
        else:
            values = _object(line, path, faults)
        yield path, values.pop(KEY, ""), values
        if count > MAX_ROWS:
            return


def _short_lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Yield each line, None for one of more than MAX_LINE_BYTES."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        is_long = len(line) > MAX_LINE_BYTES
        yield None if is_long else line
        while is_long and line and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE_BYTES)


def _object(line: bytes, path: str, faults: Faults) -> dict[str, str]:
    """Return the members of a line as texts; numbers as they are written."""
    try:
        found: Any = json.loads(line.decode("utf-8-sig"), parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        faults.add(path, "must be a JSON object in UTF-8")
        return {}
    if not isinstance(found, dict):
        faults.add(path, 'must be a JSON object, such as {"name": "Ada"}')
        return {}
    texts = {}
    for name, value in found.items():
        if isinstance(value, str):
            texts[name] = value
        else:
            # The path does not repeat the name: it may hold anything.
            faults.add(path, "must have only texts and numbers as values")
    return texts


def _refuse(constant: str) -> str:
    raise ValueError(constant)


def _checked(given: Iterable[tuple[str, str, Mapping[str, str]]], key_path: str, faults: Faults) -> list[Row]:
    rows, paths = [], dict[str, str]()
    names = dict[str, str]()  # one text for each name, whose copies in all rows would take more than the values
    for path, key, variables in given:
        if len(key) > MAX_KEY or "\0" in key:
            faults.add(key_path.format(path=path), f"must have at most {MAX_KEY} characters, and no U+0000")
        elif key and (earlier := paths.setdefault(key, path)) != path:
            faults.add(key_path.format(path=path), f"must be another key than that of {earlier}")
        checked = variables_field(variables, f"{path}.variables", faults)
        # The variables of a request with a fault are not used: there may be any number of them.
        kept = {} if faults else {names.setdefault(name, name): value for name, value in checked.items()}
        rows.append(Row(path, key, kept))
    return rows
