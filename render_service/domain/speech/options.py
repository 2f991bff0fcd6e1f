"""Who speaks the narrations of a job, as StartRender decided it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from render_service.domain.speech.voices import SpeechProvider


@dataclass(frozen=True, slots=True)
class SpeechChoice:
    """A speech provider, and the voice and model that speak where the project names none; empty for its own defaults.

    For a fallback they speak all narrations, since what the project names belongs to another provider.
    """

    provider: SpeechProvider = SpeechProvider.LOCAL
    voice: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class SpeechOptions:
    """How the narrations of a job are spoken.

    Args:
        first: The provider that is tried first.
        fallbacks: Who speaks a narration that the providers before cannot speak, in order.
        allow_resubmit: Whether to repeat a submission whose outcome is unknown, which may be charged twice.
        options: JSON object passed to the provider `custom` unchanged.
    """

    first: SpeechChoice = field(default_factory=SpeechChoice)
    fallbacks: tuple[SpeechChoice, ...] = ()
    allow_resubmit: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def choices(self) -> tuple[SpeechChoice, ...]:
        """All providers in the order in which they are tried."""
        return (self.first, *self.fallbacks)
