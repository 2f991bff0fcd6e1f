"""The speech provider `elevenlabs`: ElevenLabs' text-to-speech, which says when each character is spoken.

Protocol: https://elevenlabs.io/docs/api-reference/text-to-speech/convert-with-timestamps
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import UUID

from httpx import Response

from render_service.domain.generation.provider_models import USD
from render_service.domain.jobs.cost import Cost
from render_service.domain.speech.requests import SpeechRequest
from render_service.domain.speech.respelling import RespelledText
from render_service.domain.speech.terms import SpeechTerms, language_sent
from render_service.domain.speech.voices import SpeechProvider
from render_service.providers.apis.http_client import MAX_AUDIO_BYTES, HttpApi
from render_service.providers.provider_api import FaultKind, ProviderFault
from render_service.providers.speech.base64_audio import decoded
from render_service.providers.speech.speech_api import SpeechJob, SpeechTraits, SpokenAudio
from render_service.providers.speech.word_times import in_original_words

# `detail.status` of the response 403 to a text that is refused, as public clients of the API handle it; the reference
# lists no codes.
_CONTENT_CODES = frozenset({"content_against_policy"})


class ElevenLabs:
    """ElevenLabs.

    Args:
        base_url: Base URL of the API.
        key: The API key.
        terms: Its models and prices.
        traits: Its limits.
        timeout_seconds: How long one request may take.
    """

    name = SpeechProvider.ELEVENLABS

    def __init__(
        self, base_url: str, key: str, terms: SpeechTerms, traits: SpeechTraits, *, timeout_seconds: float
    ) -> None:
        self.api = HttpApi(
            self.name,
            base_url,
            {"xi-api-key": key},
            timeout_seconds=timeout_seconds,
            content_codes=_CONTENT_CODES,
            max_response_bytes=MAX_AUDIO_BYTES,
        )
        self.endpoint = self.api.url("/v1/text-to-speech")
        self.traits = traits
        self._terms = terms

    async def speak(self, job: SpeechJob, key: UUID) -> SpokenAudio:
        """Have a text spoken."""
        request = job.request
        body: dict[str, Any] = {"text": request.respelled.sent, "model_id": request.model}
        if request.speed != 1:
            body["voice_settings"] = {"speed": request.speed}
        if language := language_sent(request):
            body["language_code"] = language
        path = f"/{quote(request.voice, safe='')}/with-timestamps?output_format=mp3_44100_128"
        response = await self.api.submit(f"{self.endpoint}{path}", body)
        return await asyncio.to_thread(self._spoken, request, response)

    def _spoken(self, request: SpeechRequest, response: Response) -> SpokenAudio:
        answer = self.api.json(response)
        audio = decoded(answer.get("audio_base64"))
        if audio is None:
            raise ProviderFault(FaultKind.LOST, "elevenlabs sent a response without a sound")
        words = _words(request.respelled, answer.get("alignment"))
        # The header `character-cost` counts credits, which is half a character for some models: it has no price.
        amount = self._terms.cost(request)
        cost = Cost(USD, amount) if amount is not None else None
        return SpokenAudio(audio, words, response.headers.get("request-id", "")[:200], cost)


def _words(text: RespelledText, alignment: object) -> Any:
    if not isinstance(alignment, Mapping):
        return None
    characters, starts, ends = (
        alignment.get(name) for name in ("characters", "character_start_times_seconds", "character_end_times_seconds")
    )
    if not (isinstance(characters, list) and isinstance(starts, list) and isinstance(ends, list)):
        return None
    if not all(isinstance(character, str) for character in characters):
        return None
    return in_original_words(text, characters, starts, ends)
