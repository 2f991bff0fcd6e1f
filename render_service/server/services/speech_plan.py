"""Decides who speaks the narrations of a render, and refuses what they cannot speak."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from render_service.config.settings import Settings
from render_service.config.speech import SPEECH_EXTRA
from render_service.config.speech_providers import REQUIRED, speech_providers, speech_terms
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.faults import Faults
from render_service.domain.jobs.request import RenderRequest
from render_service.domain.projects.narrations import (
    fallback_fault,
    is_anything_spoken,
    provider_faults,
    spoken_narrations,
)
from render_service.domain.projects.project import Project, Speech
from render_service.domain.speech.options import SpeechChoice, SpeechOptions
from render_service.domain.speech.requests import SpeechRequest
from render_service.domain.speech.terms import PlannedNarration
from render_service.domain.speech.voices import SpeechProvider
from render_service.voices.catalog import VoiceCatalog

_SHOTS = "project.storyboard.shots"


@dataclass(frozen=True, slots=True)
class SpeechPlan:
    """Who speaks a render; None if nothing is spoken. `narrations` holds what is submitted to remote providers."""

    options: SpeechOptions | None = None
    narrations: tuple[PlannedNarration, ...] = ()

    def also(self, other: "SpeechPlan") -> "SpeechPlan":
        """Return this plan with the narrations of another of the same request."""
        return SpeechPlan(self.options or other.options, (*self.narrations, *other.narrations))


class SpeechPlanner:
    """Plans speech by the configuration of the service.

    Args:
        settings: The configuration.
        voices: The voices of the providers.
    """

    def __init__(self, settings: Settings, voices: VoiceCatalog) -> None:
        self._voices = voices
        self._default = settings.default_speech_provider
        self._configured = speech_providers(settings)
        self._terms = {provider: speech_terms(settings, provider) for provider in SpeechProvider}

    @property
    def has_default(self) -> bool:
        """Whether narrations are spoken where a request names no provider."""
        return self._default is not None

    def provider(self, named: SpeechProvider | None) -> SpeechProvider:
        """Return a configured provider: the named one, or the default.

        Raises:
            DomainError: PROVIDER_NOT_CONFIGURED.
        """
        provider = named or self._default
        if provider is None or provider not in self._configured:
            raise _not_configured(provider)
        return provider

    async def plan(self, request: RenderRequest, project: Project, original: Project | None = None) -> SpeechPlan:
        """Return who speaks a project, with the defaults of everything that the request omits.

        Args:
            request: The request.
            project: What is spoken.
            original: The project before the request's speech took its place; None if it is the same.

        Raises:
            DomainError: PROVIDER_NOT_CONFIGURED, or INVALID_FIELD for what a provider cannot do.
        """
        if not is_anything_spoken(project):
            return SpeechPlan()
        first = self._completed(SpeechChoice(self.provider(request.speech_provider)))
        fallbacks = tuple(
            self._completed(replace(choice, provider=self.provider(choice.provider)))
            for choice in request.speech.fallbacks
        )
        voices = {choice.provider: await self._voices.known(choice.provider) for choice in (first, *fallbacks)}

        def check() -> Mapping[str, SpeechRequest]:
            faults = Faults()
            translated = _translated(project, original or project)
            terms = self._terms[first.provider]
            if request.speech.options and (terms is None or not terms.takes_options):
                faults.add("speech_provider_options.options", f"must be empty for {first.provider}")
            found = provider_faults(project, first, terms, voices[first.provider])
            faults.add_all(
                replace(fault, field=translated.get(fault.field) or _field(fault.field, request.speech_override))
                for fault in found
            )
            for place, choice in enumerate(fallbacks):
                fault = fallback_fault(project, choice, self._terms[choice.provider], voices[choice.provider])
                if fault is not None:
                    part = fault.part if fault.part in ("voice", "model") else "provider"
                    faults.add(f"speech_provider_options.fallbacks[{place}].{part}", fault.description)
            faults.raise_if_any()
            return spoken_narrations(project, first) if terms is not None else {}

        # In a thread: every character is checked, which takes longer than anything else on a request of this size.
        requests = await asyncio.to_thread(check)
        options = SpeechOptions(first, fallbacks, request.speech.allow_resubmit, request.speech.options)
        return SpeechPlan(options, tuple(self._planned(shot_id, one) for shot_id, one in requests.items()))

    def _completed(self, choice: SpeechChoice) -> SpeechChoice:
        terms = self._terms[choice.provider]
        if terms is None:
            return choice
        return replace(choice, voice=choice.voice or terms.default_voice, model=choice.model or terms.default_model)

    def _planned(self, shot_id: str, request: SpeechRequest) -> PlannedNarration:
        terms = self._terms[request.provider]
        return PlannedNarration(shot_id, request, terms.cost(request) if terms is not None else None)


def _translated(project: Project, original: Project) -> Mapping[str, str]:
    """Return the fields that the narrations of a project in another language come from, by their field in it."""
    return {
        f"{_SHOTS}[{place}].narration": f"{_SHOTS}[{place}].translations[{used}].narration"
        for place, (shot, before) in enumerate(zip(project.shots, original.shots, strict=True))
        for used, translation in enumerate(before.translations)
        if translation not in shot.translations
    }


def _field(path: str, override: Speech | None) -> str:
    """Return the field of the request that a fault of the project's speech comes from."""
    part = path.removeprefix("project.speech.")
    is_overridden = override is not None and part != path and getattr(override, part) not in ("", None)
    return f"speech.{part}" if is_overridden else path


def _not_configured(provider: SpeechProvider | None) -> DomainError:
    if provider is None or provider is SpeechProvider.LOCAL:
        return DomainError(
            ErrorReason.PROVIDER_NOT_CONFIGURED,
            f"speech is not configured: install the extra {SPEECH_EXTRA} on server and workers",
            {"provider": SpeechProvider.LOCAL, "setting": "RENDER_SPEECH_PROVIDER"},
        )
    return DomainError(
        ErrorReason.PROVIDER_NOT_CONFIGURED,
        f"speech provider {provider} is not configured: {REQUIRED[provider]} is not set on the server",
        {"provider": provider, "setting": REQUIRED[provider]},
    )
