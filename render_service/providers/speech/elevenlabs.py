"""The speech provider `elevenlabs`: ElevenLabs' text-to-speech, which says when each character is spoken.

Protocol: https://elevenlabs.io/docs/api-reference/text-to-speech/convert-with-timestamps
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote
from uuid import UUID

from render_service.domain.generation.provider_models import USD
from render_service.domain.jobs.cost import Cost
from render_service.domain.speech.terms import SpeechTerms
from render_service.domain.speech.voices import SpeechProvider, primary
from render_service.providers.apis.http_client import MAX_AUDIO_BYTES, HttpApi
from render_service.providers.provider_api import FaultKind, ProviderFault
from render_service.providers.speech.base64_audio import decoded
from render_service.providers.speech.speech_api import SpeechJob, SpeechTraits, SpokenAudio
from render_service.providers.speech.word_times import words_of_characters

_CONTENT_CODES = frozenset(
    {"content_against_policy", "detected_unusual_activity_content", "voice_disabled_by_moderation"}
)


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
        self.traits = traits
        self._terms = terms

    async def speak(self, job: SpeechJob, key: UUID) -> SpokenAudio:
        """Have a text spoken."""
        request = job.request
        model = self._terms.model(request.model)
        body: dict[str, Any] = {"text": request.text, "model_id": request.model}
        if request.speed != 1:
            body["voice_settings"] = {"speed": request.speed}
        if request.language and model is not None and model.takes_language:
            body["language_code"] = primary(request.language)
        path = f"/v1/text-to-speech/{quote(request.voice, safe='')}/with-timestamps?output_format=mp3_44100_128"
        response = await self.api.submit(self.api.url(path), body)
        answer = self.api.json(response)
        audio = decoded(answer.get("audio_base64"))
        if audio is None:
            raise ProviderFault(FaultKind.LOST, "elevenlabs sent a response without a sound")
        return SpokenAudio(
            audio,
            _words(answer.get("alignment")),
            response.headers.get("request-id", "")[:200],
            self._cost(job, response.headers.get("character-cost")),
        )

    def _cost(self, job: SpeechJob, characters: str | None) -> Cost | None:
        """Return the cost by the characters that were charged, which the response names, or by those of the text."""
        amount = self._terms.cost(job.request)
        if amount is None or not job.request.text:
            return None
        try:
            charged = Decimal(characters or "")
        except InvalidOperation:
            return Cost(USD, amount)
        if not charged.is_finite() or not 0 <= charged < 10**6:
            return Cost(USD, amount)
        return Cost(USD, amount * charged / len(job.request.text))


def _words(alignment: object) -> Any:
    if not isinstance(alignment, Mapping):
        return None
    characters, starts, ends = (
        alignment.get(name) for name in ("characters", "character_start_times_seconds", "character_end_times_seconds")
    )
    if not (isinstance(characters, list) and isinstance(starts, list) and isinstance(ends, list)):
        return None
    if not all(isinstance(character, str) for character in characters):
        return None
    return words_of_characters(characters, starts, ends)
