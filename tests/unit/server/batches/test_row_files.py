"""Files of rows: long lines are refused before they are parsed, and few files are read at a time."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from render_service.domain.faults import Faults
from render_service.fetch.limits import FetchLimits
from render_service.fetch.policy import FetchPolicy
from render_service.server.services.batches.rows import MAX_FETCHES, MAX_LINE_BYTES, RowFiles

LONGEST = b'{"name": "Ada"' + b" " * (MAX_LINE_BYTES - 16) + b"}\n"


class Files(RowFiles):
    """Writes a content instead of fetching it, and counts how many do so at a time."""

    def __init__(self, content: bytes) -> None:
        super().__init__(FetchPolicy(), FetchLimits())
        self.content, self.open, self.most_open = content, 0, 0
        self.__dict__["_fetcher"] = self

    @contextmanager
    def session(self, workspace_id: str) -> Iterator["Files"]:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        yield self
        self.open -= 1

    async def fetch(self, uri: str, file: Path, *, max_bytes: int) -> None:
        await asyncio.to_thread(file.write_bytes, self.content)


async def test_a_long_line_is_refused_by_its_number_and_not_parsed() -> None:
    assert len(LONGEST) == MAX_LINE_BYTES
    for length in (MAX_LINE_BYTES, 3 * MAX_LINE_BYTES):
        nested = (b'{"name": [' + b"[]," * MAX_LINE_BYTES)[:length] + b"\n"
        faults = Faults()
        await Files(LONGEST + nested + b"[1]\n").read("w", "https://example.com", faults)
        assert [(fault.field, fault.description) for fault in faults] == [
            ("rows_uri[line 2]", "must have at most 1,048,576 bytes"),
            ("rows_uri[line 3]", 'must be a JSON object, such as {"name": "Ada"}'),
        ]


async def test_a_line_of_too_many_variables_keeps_none_of_them() -> None:
    names = b",".join(b'"v%d":""' % number for number in range(50_000))
    faults = Faults()
    rows = await Files(b"{%b}\n" % names).read("w", "https://example.com", faults)
    assert [fault.field for fault in faults] == ["rows_uri[line 1].variables"]
    assert not rows[0].variables


async def test_few_files_are_read_at_a_time() -> None:
    files = Files(b'{"name": "Ada"}\n')
    found = await asyncio.gather(*(files.read("w", "https://example.com", Faults()) for _ in range(3 * MAX_FETCHES)))
    assert [len(rows) for rows in found] == [1] * 3 * MAX_FETCHES
    assert files.most_open == MAX_FETCHES
