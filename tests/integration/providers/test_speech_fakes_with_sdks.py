"""The fakes of the speech providers are what the providers' own packages take for the real thing."""

import base64
from collections.abc import AsyncIterator

import httpx
import pytest
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.core.api_error import ApiError
from openai import AsyncOpenAI, AuthenticationError

from tests.fakes.speech import KEY, SECONDS_A_CHARACTER, FakeElevenLabs, FakeOpenAi, mp3, tone

GEORGE, RACHEL = "JBFqnCBsd6RMkjVDRZzb", "21m00Tcm4TlvDq8ikWAM"


@pytest.fixture
async def elevenlabs() -> AsyncIterator[FakeElevenLabs]:
    async with FakeElevenLabs() as fake:
        yield fake


@pytest.fixture
async def openai() -> AsyncIterator[FakeOpenAi]:
    async with FakeOpenAi() as fake:
        yield fake


async def test_elevenlabs_package_speaks_with_times_and_lists_voices(elevenlabs: FakeElevenLabs) -> None:
    async with httpx.AsyncClient() as client:
        sdk = AsyncElevenLabs(api_key=KEY, base_url=elevenlabs.url, httpx_client=client)
        spoken = await sdk.text_to_speech.convert_with_timestamps(
            GEORGE, text="Hi you", model_id="eleven_flash_v2_5", language_code="en", output_format="mp3_44100_128"
        )
        assert base64.b64decode(spoken.audio_base_64) == mp3(6)
        assert spoken.alignment is not None
        assert spoken.alignment.characters == list("Hi you")
        assert spoken.alignment.character_end_times_seconds[-1] == pytest.approx(6 * SECONDS_A_CHARACTER)
        first = await sdk.voices.search(page_size=1)
        assert ([voice.voice_id for voice in first.voices], first.has_more) == ([GEORGE], True)
        second = await sdk.voices.search(page_size=1, next_page_token=first.next_page_token)
        assert ([voice.voice_id for voice in second.voices], second.has_more) == ([RACHEL], False)


async def test_elevenlabs_package_reports_refusals(elevenlabs: FakeElevenLabs) -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(ApiError) as refused:
            await AsyncElevenLabs(api_key="wrong", base_url=elevenlabs.url, httpx_client=client).voices.search()
    assert refused.value.status_code == 401


async def test_openais_package_speaks(openai: FakeOpenAi) -> None:
    async with AsyncOpenAI(api_key=KEY, base_url=f"{openai.url}/v1", max_retries=0) as sdk:
        spoken = await sdk.audio.speech.create(
            model="tts-1", input="Hi you", voice="alloy", instructions="calm", response_format="wav", speed=1.5
        )
    assert await spoken.aread() == tone(6)
    [order] = openai.bill
    assert (order["voice"], order["instructions"], order["speed"]) == ("alloy", "calm", 1.5)


async def test_openais_package_reports_refusals(openai: FakeOpenAi) -> None:
    async with AsyncOpenAI(api_key="wrong", base_url=f"{openai.url}/v1", max_retries=0) as sdk:
        with pytest.raises(AuthenticationError):
            await sdk.audio.speech.create(model="tts-1", input="Hi", voice="alloy")
