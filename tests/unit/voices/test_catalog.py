"""The voices of remote providers are read once in ten minutes, and the last list serves while one does not answer."""

from typing import Any

import pytest

from render_service.config.settings import Settings
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.speech.terms import ListedVoice
from render_service.domain.speech.voices import VOICES, Gender, SpeechProvider
from render_service.voices.catalog import VoiceCatalog
from tests.fakes.http_server import Fault
from tests.fakes.speech import KEY, FakeCustomSpeech, FakeElevenLabs, FakeOpenAi
from tests.speech_bench import CUSTOM, ELEVENLABS, OPENAI, settings_of

GEORGE = ListedVoice("JBFqnCBsd6RMkjVDRZzb", "George", ("en-GB",), Gender.MALE, "british, narrative story")


class Clock:
    """A clock that tests set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_all_pages_of_elevenlabs_are_read_once() -> None:
    clock = Clock()
    async with FakeElevenLabs() as fake:
        catalog = VoiceCatalog(settings_of({ELEVENLABS: fake.url}), clock)
        voices = await catalog.list(ELEVENLABS)
        assert voices is not None
        assert [voice.name for voice in voices] == ["Rachel", "George"], "in the order of their ids"
        assert voices[1] == GEORGE
        assert await catalog.list(ELEVENLABS) == voices
        assert len(fake.requests) == 2
        clock.now += 601
        fake.chooser = lambda _: Fault(status=500)
        assert await catalog.list(ELEVENLABS) == voices, "the last list serves"


async def test_other_servers_list_voices_if_they_do() -> None:
    async with FakeOpenAi() as openai, FakeCustomSpeech() as custom:
        catalog = VoiceCatalog(settings_of({OPENAI: openai.url, CUSTOM: custom.url}))
        assert await catalog.list(OPENAI) == (ListedVoice("alloy"), ListedVoice("nova"))
        assert await catalog.list(CUSTOM) == (ListedVoice("anna", "Anna", ("de-DE",), Gender.FEMALE),)
        openai.chooser = lambda _: Fault(status=404)
        assert await VoiceCatalog(settings_of({OPENAI: openai.url})).list(OPENAI) is None


async def test_configured_voices_need_no_answer() -> None:
    settings = settings_of({OPENAI: "http://127.0.0.1:1"}, openai_speech_voices="nova, echo")
    assert await VoiceCatalog(settings).list(OPENAI) == (ListedVoice("echo"), ListedVoice("nova"))


async def test_a_provider_that_does_not_answer_is_not_asked_at_once_again() -> None:
    clock = Clock()
    async with FakeElevenLabs() as fake:
        fake.chooser = lambda _: Fault(status=500)
        catalog = VoiceCatalog(settings_of({ELEVENLABS: fake.url}), clock)
        for _ in range(2):
            with pytest.raises(DomainError) as failed:
                await catalog.list(ELEVENLABS)
        assert failed.value.reason is ErrorReason.PROVIDER_UNAVAILABLE
        assert KEY not in failed.value.message
        assert await catalog.known(ELEVENLABS) is None
        assert len(fake.requests) == 1
        fake.chooser = lambda _: None
        clock.now += 16
        assert await catalog.known(ELEVENLABS) is not None


async def test_the_voices_of_local_are_known() -> None:
    values: dict[str, Any] = {"speech_provider": "local"}
    voices = await VoiceCatalog(Settings(**values)).list(SpeechProvider.LOCAL)
    assert voices is not None
    assert [voice.id for voice in voices] == [voice.id for voice in VOICES]
    assert all(voice.sample_text for voice in voices)
