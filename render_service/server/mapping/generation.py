"""Between `render.v1.ProviderOptions` and `Estimate` and the domain's generation options and planned clips."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from google.protobuf import json_format
from render_client.v1 import job_pb2
from render_client.v1 import render_service_pb2 as pb

from render_service.domain.faults import Faults
from render_service.domain.generation.clip_plan import MAX_FALLBACKS, ClipSpec, estimated_cost
from render_service.domain.generation.provider_models import GENERATING_PROVIDERS, USD
from render_service.domain.jobs.cost import Cost, plain, total
from render_service.domain.jobs.job import GenerationOptions, ProviderChoice, ProviderName
from render_service.domain.projects.validation import MAX_SHOTS
from render_service.domain.speech.terms import PlannedNarration

MAX_OPTIONS_BYTES = 16 * 1024
_FALLBACKS = GENERATING_PROVIDERS | {ProviderName.LOCAL}


def generation_from_proto(message: pb.ProviderOptions, path: str, faults: Faults) -> GenerationOptions:
    """Return generation options.

    Args:
        message: As sent.
        path: Its path in the request, such as `provider_options`.
        faults: Takes the faults of form; the rules are `domain.clip_plan.check_generation`'s matter.
    """
    fallbacks = []
    for number, fallback in enumerate(message.fallbacks[: MAX_FALLBACKS + 1]):
        provider = _fallback_provider(fallback.provider, f"{path}.fallbacks[{number}].provider", faults)
        if provider is not None:
            model = text_field(fallback.model, f"{path}.fallbacks[{number}].model", faults)
            fallbacks.append(ProviderChoice(provider, model))
    return GenerationOptions(
        model=text_field(message.model, f"{path}.model", faults),
        seed=message.seed if message.HasField("seed") else None,
        negative_prompt=text_field(message.negative_prompt, f"{path}.negative_prompt", faults),
        strict=message.strict,
        allow_resubmit=message.allow_resubmit,
        regenerate_shots=tuple(message.regenerate_shots[: MAX_SHOTS + 1]),
        fallbacks=tuple(fallbacks),
        options=options_field(message, f"{path}.options", faults),
    )


def estimate_to_proto(clips: Sequence[ClipSpec], narrations: Sequence[PlannedNarration] = ()) -> pb.Estimate:
    """Return what is submitted to providers, and its estimated cost."""
    shots = []
    for spec in clips:
        shot = pb.ShotEstimate(
            shot_id=spec.shot_id,
            provider=spec.model.provider,
            model=spec.model.name,
            shape=spec.shape_name,
            from_image=spec.from_image,
            cost=cost_to_proto(spec.cost) if spec.cost is not None else None,
        )
        shot.duration.FromMicroseconds(spec.duration // timedelta(microseconds=1))
        shots.append(shot)
    spoken = [Cost(USD, one.cost) for one in narrations if one.cost is not None]
    return pb.Estimate(
        cost=costs_to_proto(total((*estimated_cost(clips), *spoken))),
        shots=shots,
        narrations=map(_narration_to_proto, narrations),
    )


def _narration_to_proto(narration: PlannedNarration) -> pb.NarrationEstimate:
    request = narration.request
    return pb.NarrationEstimate(
        shot_id=narration.shot_id,
        provider=request.provider,
        model=request.model,
        voice=request.voice,
        characters=len(request.respelled.sent),
        cost=cost_to_proto(Cost(USD, narration.cost)) if narration.cost is not None else None,
    )


def costs_to_proto(costs: Iterable[Cost]) -> list[job_pb2.Cost]:
    """Return the messages of costs."""
    return [cost_to_proto(cost) for cost in costs]


def cost_to_proto(cost: Cost) -> job_pb2.Cost:
    """Return the message of a cost."""
    return job_pb2.Cost(unit=cost.unit, amount=plain(cost.amount))


def _fallback_provider(value: str, path: str, faults: Faults) -> ProviderName | None:
    known = {provider.value: provider for provider in _FALLBACKS}
    if value not in known:
        faults.add(path, f"must be one of {', '.join(sorted(known))}")
        return None
    return known[value]


def options_field(message: pb.ProviderOptions | pb.SpeechProviderOptions, path: str, faults: Faults) -> dict[str, Any]:
    """Return the JSON object `options` of a message, which a provider gets unchanged."""
    if message.options.ByteSize() > MAX_OPTIONS_BYTES:
        faults.add(path, f"must have at most {MAX_OPTIONS_BYTES:,} bytes")
    if not message.HasField("options"):
        return {}
    try:
        read: dict[str, Any] = json_format.MessageToDict(message.options)
    except ValueError:
        faults.add(path, "must not hold infinite numbers, or NaN: JSON has none")
        return {}
    if _holds_nul(read):
        faults.add(path, "must not hold the character U+0000")
    return read


def text_field(value: str, path: str, faults: Faults) -> str:
    """Return a text that can be stored."""
    if "\0" in value:
        faults.add(path, "must not hold the character U+0000")
        return ""
    return value


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_holds_nul(part) for item in value.items() for part in item)
    return isinstance(value, list) and any(_holds_nul(part) for part in value)
