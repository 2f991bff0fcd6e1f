"""The voices of all configured speech providers, cached."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from render_service.config.settings import Settings
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.speech.terms import ListedVoice
from render_service.domain.speech.voices import VOICES, SpeechProvider
from render_service.telemetry.logging import get_logger

Voices = tuple[ListedVoice, ...]
"""In the order of their ids."""

_log = get_logger(__name__)
_FRESH_SECONDS = 600.0
_PAUSE_SECONDS = 15.0
_LOCAL: Voices = tuple(ListedVoice(voice.id, "", (voice.language,), voice.gender, voice.style) for voice in VOICES)


@dataclass(slots=True)
class _Cached:
    """What a provider has listed; `voices` None: it lists none."""

    voices: Voices | None = None
    read_at: float | None = None
    failed_at: float | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class VoiceCatalog:
    """The voices of the speech providers.

    A list is read again after ten minutes. While a provider does not answer, its last list is used.

    Args:
        settings: The service's configuration.
        clock: Seconds that never go back.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._cached = {provider: _Cached() for provider in SpeechProvider}

    async def known(self, provider: SpeechProvider) -> Voices | None:
        """Return a provider's voices; None if it lists none, or cannot be asked."""
        try:
            return await self.list(provider)
        except DomainError:
            return None

    async def list(self, provider: SpeechProvider) -> Voices | None:
        """Return a provider's voices; None if it lists none.

        Raises:
            DomainError: PROVIDER_UNAVAILABLE: it does not answer.
        """
        if provider is SpeechProvider.LOCAL:
            return _LOCAL
        if provider is SpeechProvider.OPENAI_COMPATIBLE and self._settings.openai_speech_voices:
            return tuple(ListedVoice(voice) for voice in sorted(set(self._settings.openai_speech_voices)))
        cached = self._cached[provider]
        # One request at a time: the others wait for its answer.
        async with cached.lock:
            await self._refresh(provider, cached)
        if cached.read_at is None:
            raise DomainError(
                ErrorReason.PROVIDER_UNAVAILABLE,
                f"speech provider {provider} does not list its voices; retry later",
                {"provider": provider},
                retry_after_seconds=_PAUSE_SECONDS,
            )
        return cached.voices

    async def _refresh(self, provider: SpeechProvider, cached: _Cached) -> None:
        from render_service.voices import listings  # noqa: PLC0415 - most servers never need its HTTP client

        now = self._clock()
        if cached.read_at is not None and now - cached.read_at < _FRESH_SECONDS:
            return
        if cached.failed_at is not None and now - cached.failed_at < _PAUSE_SECONDS:
            return
        try:
            cached.voices = await listings.read_voices(self._settings, provider)
        except listings.ListingFailed as failure:
            _log.warning("voices not listed", provider=provider, reason=str(failure))
            cached.failed_at = now
        else:
            cached.read_at, cached.failed_at = now, None
