"""Lists of voices in other forms than expected are read as far as they can be, in bounded time and memory."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from render_service.domain.speech.terms import ListedVoice
from render_service.voices import listings
from tests.fakes.http_server import Fault
from tests.fakes.speech import FakeElevenLabs
from tests.speech_bench import ELEVENLABS, settings_of

Read = Callable[[httpx.AsyncClient], Awaitable[tuple[ListedVoice, ...] | None]]


async def listed(read: Read, answer: Any) -> tuple[ListedVoice, ...] | None:
    """Return what is read from an API that answers every request alike."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    async with httpx.AsyncClient(transport=transport, base_url="http://speech.internal") as client:
        return await read(client)


@pytest.mark.parametrize(
    "answer", [{"voices": {"alloy": {}}}, [{"name": "alloy"}], {"voices": [{"id": "alloy"}]}, ["alloy"]]
)
async def test_names_are_read_from_lists_and_objects(answer: object) -> None:
    assert await listed(listings.openai_compatible_voices, answer) == (ListedVoice("alloy"),)


@pytest.mark.parametrize("read", [listings.openai_compatible_voices, listings.custom_voices])
@pytest.mark.parametrize(
    "answer",
    [{"items": ["alloy"]}, {"voices": 5}, {"voices": {"en": ["alloy"]}}, {"voices": [{"key": "alloy"}]}, "alloy"],
)
async def test_nothing_is_known_of_voices_in_a_form_that_cannot_be_read(read: Read, answer: object) -> None:
    assert await listed(read, answer) is None


@pytest.mark.parametrize("languages", [5, "de", None, {"de": 1}])
async def test_languages_in_another_form_are_unknown(languages: object) -> None:
    answer = {"voices": [{"id": "anna", "languages": languages}]}
    assert await listed(listings.custom_voices, answer) == (ListedVoice("anna"),)


async def test_an_empty_page_is_the_last() -> None:
    assert await listed(listings.elevenlabs_voices, {"voices": [], "has_more": True, "next_page_token": "2"}) is None


async def test_an_answer_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "_MOST_BYTES", 100)
    with pytest.raises(listings.ListingFailed, match="more than 100 bytes"):
        await listed(listings.openai_compatible_voices, ["alloy" * 100])


async def test_all_pages_together_have_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "_TOTAL_SECONDS", 0.05)
    async with FakeElevenLabs() as fake:
        fake.chooser = lambda _: Fault(delay=0.5)
        with pytest.raises(listings.ListingFailed, match=r"within 0\.05 s"):
            await listings.read_voices(settings_of({ELEVENLABS: fake.url}), ELEVENLABS)
