"""The speech provider `custom`: a backend that implements our published HTTP contract."""

import asyncio
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from httpx import Response

from render_service.domain.generation.provider_models import USD
from render_service.domain.jobs.cost import Cost
from render_service.domain.projects.project import WordTiming
from render_service.domain.speech.lexicon import LexiconEntry
from render_service.domain.speech.terms import SpeechTerms
from render_service.domain.speech.voices import SpeechProvider
from render_service.providers.apis.http_client import MAX_AUDIO_BYTES, HttpApi
from render_service.providers.provider_api import FaultKind, ProviderFault
from render_service.providers.speech.base64_audio import decoded
from render_service.providers.speech.speech_api import SpeechJob, SpeechTraits, SpokenAudio
from render_service.providers.speech.word_times import as_original, timed
from render_service.telemetry.tracing.spans import current_span

_CONTENT_CODES = frozenset({"content_refused", "moderation"})


class CustomSpeech:
    """A backend of the operator.

    Args:
        base_url: Base URL of the backend.
        key: Its key; None if it requires none.
        terms: Its price, where it does not report a cost.
        traits: Its limits.
        timeout_seconds: How long one request may take.
    """

    name = SpeechProvider.CUSTOM

    def __init__(
        self, base_url: str, key: str | None, terms: SpeechTerms, traits: SpeechTraits, *, timeout_seconds: float
    ) -> None:
        self.api = HttpApi(
            "custom",
            base_url,
            {"Authorization": f"Bearer {key}"} if key else {},
            timeout_seconds=timeout_seconds,
            content_codes=_CONTENT_CODES,
            max_response_bytes=MAX_AUDIO_BYTES,
        )
        self.endpoint = self.api.url("/speech")
        self.traits = traits
        self._terms = terms

    async def speak(self, job: SpeechJob, key: UUID) -> SpokenAudio:
        """Have a text spoken."""
        request = job.request
        headers = {"Idempotency-Key": str(key)}
        if (current := current_span()) is not None:
            # Only here: the other providers are third parties.
            headers["traceparent"] = current.header
        body: dict[str, Any] = {
            "text": request.respelled.sent,
            "voice": request.voice,
            "model": request.model,
            "language": request.language,
            "speed": request.speed,
            "instructions": request.instructions,
            "lexicon": [_reading(entry) for entry in request.lexicon if entry.is_phonetic],
            "metadata": dict(job.metadata),
            "options": dict(job.options),
        }
        given = {name: value for name, value in body.items() if value not in ("", {}, [])}
        response = await self.api.submit(self.endpoint, given, headers)
        return await asyncio.to_thread(self._spoken, job, response)

    def _spoken(self, job: SpeechJob, response: Response) -> SpokenAudio:
        answer = self.api.json(response)
        audio = decoded(answer.get("audio"))
        if audio is None:
            raise ProviderFault(FaultKind.LOST, "custom sent a response without a sound")
        words = as_original(job.request.respelled, _words(answer.get("words")))
        return SpokenAudio(audio, words, str(answer.get("id") or "")[:200], self._cost(job, answer))

    def _cost(self, job: SpeechJob, answer: dict[str, Any]) -> Cost | None:
        reported = answer.get("cost")
        currency = reported.get("currency") if isinstance(reported, dict) else None
        if isinstance(reported, dict) and isinstance(currency, str) and currency:
            try:
                charged = Decimal(str(reported.get("amount")))
            except InvalidOperation:
                charged = Decimal("NaN")
            if charged.is_finite() and 0 <= charged < 10**9:
                return Cost(currency[:20], charged)
        amount = self._terms.cost(job.request)
        return Cost(USD, amount) if amount is not None else None


def _reading(entry: LexiconEntry) -> dict[str, str]:
    return {"word": entry.word, **({"ipa": entry.ipa} if entry.ipa else {"pinyin": entry.respelling})}


def _words(words: object) -> tuple[WordTiming, ...] | None:
    if not isinstance(words, list) or not words or not all(isinstance(word, dict) for word in words):
        return None
    return timed((str(word.get("text", "")), word.get("start"), word.get("end")) for word in words)
