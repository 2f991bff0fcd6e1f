"""From `render.v1.SpeechProviderOptions` to the domain's speech options."""

from render_client.v1 import project_pb2
from render_client.v1 import render_service_pb2 as pb

from render_service.domain.faults import Faults
from render_service.domain.generation.clip_plan import MAX_FALLBACKS
from render_service.domain.projects.project import Speech
from render_service.domain.projects.validation import MAX_MODEL, MAX_VOICE, check_speech
from render_service.domain.speech.options import SpeechChoice, SpeechOptions
from render_service.domain.speech.voices import SpeechProvider
from render_service.server.mapping.generation import options_field, text_field
from render_service.server.mapping.records import Record

_SPEECH = Record(Speech, project_pb2.Speech.DESCRIPTOR)


def speech_provider_field(value: str, path: str, faults: Faults) -> SpeechProvider | None:
    """Return the speech provider that a field names; None where it is empty and, with a fault, where there is none."""
    if not value:
        return None
    return _provider(value, path, faults, or_empty=True)


def speech_from_proto(message: project_pb2.Speech, path: str, faults: Faults) -> Speech:
    """Return speech that overrides a project's.

    Args:
        message: As sent.
        path: Its path in the request, such as `speech`.
        faults: Takes everything that is wrong with it whatever the provider is.
    """
    speech = _SPEECH.read(message, path, faults)
    faults.add_all(check_speech(speech, path))
    return speech


def speech_options_from_proto(message: pb.SpeechProviderOptions, path: str, faults: Faults) -> SpeechOptions:
    """Return how narrations are spoken, without defaults.

    Args:
        message: As sent.
        path: Its path in the request, such as `speech_provider_options`.
        faults: Takes the faults of form; what a provider can do is `SpeechPlanner`'s matter.
    """
    if len(message.fallbacks) > MAX_FALLBACKS:
        faults.add(f"{path}.fallbacks", f"must have at most {MAX_FALLBACKS} fallbacks")
    fallbacks = []
    for number, fallback in enumerate(message.fallbacks[:MAX_FALLBACKS]):
        place = f"{path}.fallbacks[{number}]"
        provider = _provider(fallback.provider, f"{place}.provider", faults, or_empty=False)
        voice = _short(fallback.voice, f"{place}.voice", MAX_VOICE, faults)
        model = _short(fallback.model, f"{place}.model", MAX_MODEL, faults)
        if provider is not None:
            fallbacks.append(SpeechChoice(provider, voice, model))
    return SpeechOptions(
        fallbacks=tuple(fallbacks),
        allow_resubmit=message.allow_resubmit,
        options=options_field(message, f"{path}.options", faults),
    )


def _provider(value: str, path: str, faults: Faults, *, or_empty: bool) -> SpeechProvider | None:
    try:
        return SpeechProvider(value)
    except ValueError:
        remedy = ", or empty for the default" if or_empty else ""
        faults.add(path, f"must be one of {', '.join(SpeechProvider)}{remedy}")
        return None


def _short(value: str, path: str, most: int, faults: Faults) -> str:
    if len(value) > most:
        faults.add(path, f"must have at most {most} characters")
        return ""
    return text_field(value, path, faults)
