"""The process that checks a font: what it answers, and what becomes of files that ask too much of it."""

import asyncio

import pytest

from render_service.domain.brand.fonts import CheckedFont
from render_service.domain.errors import InvalidFields
from render_service.fonts import checking
from render_service.fonts.check_process import READY
from render_service.fonts.checking import FontChecker, read_answer
from render_service.fonts.faults import FontRefused
from render_service.fonts.sanitizer import sanitize
from tests.unit.fonts.building import truetype


async def test_a_good_font_comes_back_written_anew() -> None:
    content = truetype(family="Acme Sans", weight=700)
    assert await FontChecker().check("team", content, "", "content") == sanitize(content)


async def test_a_bad_font_is_refused_with_its_field() -> None:
    with pytest.raises(InvalidFields) as refused:
        await FontChecker().check("team", b"PK\x03\x04 no font", "", "content")
    assert refused.value.message.startswith("content: is a ZIP archive")


def test_a_font_that_ends_the_process_is_refused() -> None:
    with pytest.raises(FontRefused, match="takes more time or memory"):
        read_answer(READY)


def test_a_process_that_does_not_start_is_no_fault_of_the_font() -> None:
    with pytest.raises(RuntimeError):
        read_answer(b"")


async def test_a_workspace_has_one_font_checked_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    running, answers = [], {name: asyncio.Event() for name in ("first", "second", "other")}

    async def check(content: bytes, family: str) -> CheckedFont:
        running.append(family)
        await answers[family].wait()
        running.remove(family)
        raise FontRefused("is only a test")

    monkeypatch.setattr(checking, "_check", check)
    checker = FontChecker()
    owners = {"first": "team", "second": "team", "other": "neighbour"}
    checks = [asyncio.ensure_future(checker.check(owner, b"", name, "content")) for name, owner in owners.items()]
    async with asyncio.timeout(60):
        while len(running) < 2:
            await asyncio.sleep(0)
        assert running == ["first", "other"]
        answers["first"].set()
        while "second" not in running:
            await asyncio.sleep(0)
    for answer in answers.values():
        answer.set()
    assert all(isinstance(error, InvalidFields) for error in await asyncio.gather(*checks, return_exceptions=True))
