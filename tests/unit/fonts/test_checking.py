"""The process that checks a font: what it answers, and what becomes of files that ask too much of it."""

import pytest

from render_service.domain.errors import InvalidFields
from render_service.fonts.check_process import READY
from render_service.fonts.checking import FontChecker, read_answer
from render_service.fonts.faults import FontRefused
from render_service.fonts.sanitizer import sanitize
from tests.unit.fonts.building import truetype


async def test_a_good_font_comes_back_written_anew() -> None:
    content = truetype(family="Acme Sans", weight=700)
    assert await FontChecker().check(content, "", "content") == sanitize(content)


async def test_a_bad_font_is_refused_with_its_field() -> None:
    with pytest.raises(InvalidFields) as refused:
        await FontChecker().check(b"PK\x03\x04 no font", "", "content")
    assert refused.value.message.startswith("content: is a ZIP archive")


def test_a_font_that_ends_the_process_is_refused() -> None:
    with pytest.raises(FontRefused, match="takes more time or memory"):
        read_answer(READY)


def test_a_process_that_does_not_start_is_no_fault_of_the_font() -> None:
    with pytest.raises(RuntimeError):
        read_answer(b"")
