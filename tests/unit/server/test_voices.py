"""ListVoices returns each voice once, in pages."""

import pytest
from render_client.v1 import render_service_pb2 as pb

from render_service.domain.errors import DomainError
from render_service.domain.speech.voices import VOICES
from render_service.server.services.voices import list_voices


def pages(**fields: object) -> list[pb.ListVoicesResponse]:
    found = [list_voices(pb.ListVoicesRequest(workspace_id="team", **fields), speaks=True)]  # type: ignore[arg-type]
    while token := found[-1].next_page_token:
        request = pb.ListVoicesRequest(workspace_id="team", page_token=token, **fields)  # type: ignore[arg-type]
        found.append(list_voices(request, speaks=True))
    return found


@pytest.mark.parametrize("size", [0, 1, 7, 28, 100])
def test_pages_hold_each_voice_once_and_in_order(size: int) -> None:
    found = pages(page_size=size)
    assert [voice.voice_id for page in found for voice in page.voices] == [voice.id for voice in VOICES]
    assert all(len(page.voices) == (size or 20) for page in found[:-1])


def test_a_language_selects_its_voices() -> None:
    [page] = pages(language="zh-Hans")
    assert {voice.voice_id[0] for voice in page.voices} == {"z"}
    assert {tuple(voice.languages) for voice in page.voices} == {("zh-CN",)}
    assert all(voice.sample_text and voice.gender and voice.provider == "local" for voice in page.voices)
    assert pages(language="fr")[0].voices == []


def test_without_speech_there_is_no_voice() -> None:
    assert list_voices(pb.ListVoicesRequest(workspace_id="team"), speaks=False) == pb.ListVoicesResponse()


@pytest.mark.parametrize(
    "fields", [{"language": "no tag"}, {"page_size": 101}, {"page_token": "abc"}, {"workspace_id": "NO"}], ids=str
)
def test_malformed_requests_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(DomainError):
        list_voices(pb.ListVoicesRequest(**{"workspace_id": "team", **fields}), speaks=True)  # type: ignore[arg-type]


def test_a_token_is_good_for_its_own_filter_only() -> None:
    token = pages(page_size=5)[0].next_page_token
    with pytest.raises(DomainError, match="page token"):
        list_voices(pb.ListVoicesRequest(workspace_id="team", language="en", page_token=token), speaks=True)
