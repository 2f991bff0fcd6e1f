"""What reference, explanations, samples and examples show works: every block of theirs is run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents import Reader, pages_to_run, reader


@pytest.fixture(scope="module", name="reader")
def running_reader() -> Iterator[Reader]:
    """Somebody who follows pages."""
    with reader() as somebody:
        yield somebody


@pytest.mark.parametrize("page", pages_to_run(guides=False), ids=str)
def test_every_block_of_the_page_runs(reader: Reader, page: Path) -> None:
    reader.follow(page)
