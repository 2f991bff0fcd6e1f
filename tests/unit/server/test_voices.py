"""ListVoices returns each voice once, in pages."""

import pytest
from render_client.v1 import render_service_pb2 as pb

from render_service.config.settings import Settings
from render_service.domain.errors import DomainError
from render_service.domain.speech.voices import VOICES
from render_service.server.services.speech_plan import SpeechPlanner
from render_service.server.services.voices import VoiceLists
from render_service.voices.catalog import VoiceCatalog


async def list_voices(request: pb.ListVoicesRequest, provider: str = "local") -> pb.ListVoicesResponse:
    settings = Settings(speech_provider=provider)  # type: ignore[arg-type]
    catalog = VoiceCatalog(settings)
    return await VoiceLists(settings, SpeechPlanner(settings, catalog), catalog).list(request)


async def pages(**fields: object) -> list[pb.ListVoicesResponse]:
    found = [await list_voices(pb.ListVoicesRequest(workspace_id="team", **fields))]  # type: ignore[arg-type]
    while token := found[-1].next_page_token:
        request = pb.ListVoicesRequest(workspace_id="team", page_token=token, **fields)  # type: ignore[arg-type]
        found.append(await list_voices(request))
    return found


@pytest.mark.parametrize("size", [0, 1, 7, 28, 100])
async def test_pages_hold_each_voice_once_and_in_order(size: int) -> None:
    found = await pages(page_size=size)
    assert [voice.voice_id for page in found for voice in page.voices] == [voice.id for voice in VOICES]
    assert all(len(page.voices) == (size or 20) for page in found[:-1])


async def test_a_language_selects_its_voices() -> None:
    [page] = await pages(language="zh-Hans")
    assert {voice.voice_id[0] for voice in page.voices} == {"z"}
    assert {tuple(voice.languages) for voice in page.voices} == {("zh-CN",)}
    assert all(voice.sample_text and voice.gender and voice.provider == "local" for voice in page.voices)
    assert (await pages(language="fr"))[0].voices == []


async def test_without_speech_there_is_no_voice() -> None:
    assert await list_voices(pb.ListVoicesRequest(workspace_id="team"), "none") == pb.ListVoicesResponse()


@pytest.mark.parametrize(
    "fields",
    [
        {"language": "no tag"},
        {"page_size": 101},
        {"page_token": "abc"},
        {"workspace_id": "NO"},
        {"speech_provider": "polly"},
        {"speech_provider": "elevenlabs"},
    ],
    ids=str,
)
async def test_malformed_requests_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(DomainError):
        await list_voices(pb.ListVoicesRequest(**{"workspace_id": "team", **fields}))  # type: ignore[arg-type]


async def test_a_token_is_good_for_its_own_filter_only() -> None:
    token = (await pages(page_size=5))[0].next_page_token
    with pytest.raises(DomainError, match="page token"):
        await list_voices(pb.ListVoicesRequest(workspace_id="team", language="en", page_token=token))
