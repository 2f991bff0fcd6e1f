"""The speech provider `openai_compatible`: any server that implements OpenAI's `POST /audio/speech`.

Protocol: https://platform.openai.com/docs/api-reference/audio/createSpeech. Kokoro-FastAPI adds
`POST /dev/captioned_speech`, beside `/v1`, which also says when each word is spoken.
"""

import asyncio
from typing import Any
from uuid import UUID

from httpx import Response

from render_service.domain.generation.provider_models import USD
from render_service.domain.jobs.cost import Cost
from render_service.domain.projects.project import WordTiming
from render_service.domain.speech.requests import SpeechRequest
from render_service.domain.speech.terms import SpeechTerms
from render_service.domain.speech.voices import SpeechProvider
from render_service.providers.apis.http_client import MAX_AUDIO_BYTES, HttpApi
from render_service.providers.provider_api import FaultKind, ProviderFault
from render_service.providers.speech.base64_audio import decoded
from render_service.providers.speech.speech_api import SpeechJob, SpeechTraits, SpokenAudio
from render_service.providers.speech.word_times import as_original, timed

_CONTENT_CODES = frozenset({"content_policy_violation", "content_filter", "moderation_blocked"})


class OpenAiCompatible:
    """A server that implements OpenAI's speech API.

    Args:
        base_url: Its base URL, with the version.
        key: Its key; None if it requires none.
        terms: Its price.
        traits: Its limits.
        has_word_times: Whether it has `/dev/captioned_speech`.
        timeout_seconds: How long one request may take.
    """

    name = SpeechProvider.OPENAI_COMPATIBLE

    def __init__(
        self,
        base_url: str,
        key: str | None,
        terms: SpeechTerms,
        traits: SpeechTraits,
        *,
        has_word_times: bool,
        timeout_seconds: float,
    ) -> None:
        self.api = HttpApi(
            self.name,
            base_url,
            {"Authorization": f"Bearer {key}"} if key else {},
            timeout_seconds=timeout_seconds,
            content_codes=_CONTENT_CODES,
            max_response_bytes=MAX_AUDIO_BYTES,
        )
        self.traits = traits
        self._terms = terms
        self._has_word_times = has_word_times
        root = base_url.rstrip("/").removesuffix("/v1")
        self.endpoint = f"{root}/dev/captioned_speech" if has_word_times else self.api.url("/audio/speech")

    async def speak(self, job: SpeechJob, key: UUID) -> SpokenAudio:
        """Have a text spoken."""
        request = job.request
        body: dict[str, Any] = {
            "model": request.model,
            "input": request.respelled.sent,
            "voice": request.voice,
            "response_format": "wav",
            "speed": request.speed,
        }
        if request.instructions:
            body["instructions"] = request.instructions
        if self._has_word_times:
            body |= {"stream": False, "return_timestamps": True}
        response = await self.api.submit(self.endpoint, body)
        return await asyncio.to_thread(self._spoken, request, response)

    def _spoken(self, request: SpeechRequest, response: Response) -> SpokenAudio:
        amount = self._terms.cost(request)
        cost = Cost(USD, amount) if amount is not None else None
        if self._has_word_times:
            answer = self.api.json(response)
            audio, words = decoded(answer.get("audio")), _words(answer.get("timestamps"))
            request_id = ""
        else:
            audio, words = response.content, None
            request_id = response.headers.get("x-request-id", "")[:200]
        if not audio:
            raise ProviderFault(FaultKind.LOST, "openai_compatible sent a response without a sound")
        return SpokenAudio(audio, as_original(request.respelled, words), request_id, cost)


def _words(timestamps: object) -> tuple[WordTiming, ...] | None:
    if not isinstance(timestamps, list) or not all(isinstance(word, dict) for word in timestamps):
        return None
    return timed((str(word.get("word", "")), word.get("start_time"), word.get("end_time")) for word in timestamps)
