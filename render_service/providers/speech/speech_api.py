"""The interface of a remote speech provider: one call, which is one request to its API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from render_service.domain.jobs.cost import Cost
from render_service.domain.projects.project import WordTiming
from render_service.domain.speech.requests import SpeechRequest
from render_service.domain.speech.voices import SpeechProvider
from render_service.providers.provider_api import PaidService


@dataclass(frozen=True, slots=True)
class SpeechTraits:
    """Limits and features of a provider's API; see `provider_api.PaidTraits`."""

    concurrency: int
    per_minute: int | None = None
    repeats_by_key: bool = False


@dataclass(frozen=True, slots=True)
class SpeechJob:
    """What is sent.

    Args:
        request: What is spoken.
        options: The caller's options for `custom`.
        metadata: For the log of a backend.
    """

    request: SpeechRequest
    options: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpokenAudio:
    """What a provider returned.

    Args:
        audio: A sound file: WAV, MP3, or another format that narrations may have.
        words: When each word is spoken, in order; None if the provider does not say.
        request_id: The provider's id of the request; empty if it has none.
        cost: What was charged; None if the provider does not say, and no price is known.
    """

    audio: bytes
    words: tuple[WordTiming, ...] | None
    request_id: str = ""
    cost: Cost | None = None


class SpeechApi(PaidService, Protocol):
    """A speech provider's API."""

    @property
    def name(self) -> SpeechProvider:
        """Which provider it is."""
        ...

    @property
    def endpoint(self) -> str:
        """URL that its requests go to, which tells apart what different servers return."""
        ...

    async def speak(self, job: SpeechJob, key: UUID) -> SpokenAudio:
        """Have a text spoken: one request, never retried here.

        Args:
            job: What to speak.
            key: Idempotency key; providers that support one deduplicate requests by it.

        Raises:
            ProviderFault: LOST if the request may have been charged; any other kind if it has not.
        """
        ...
