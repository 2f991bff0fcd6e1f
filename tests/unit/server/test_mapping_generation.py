"""Options of generation are read as sent, and estimates list what would be submitted."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from render_client.v1 import render_service_pb2 as pb

from render_service.domain.errors import InvalidFields
from render_service.domain.faults import Faults
from render_service.domain.generation.clip_plan import MAX_FALLBACKS, plan_clips
from render_service.domain.jobs.cost import Cost
from render_service.domain.jobs.job import GenerationOptions, ProviderChoice, ProviderName, RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot
from render_service.domain.projects.validation import MAX_SHOTS
from render_service.server.mapping.generation import (
    MAX_OPTIONS_BYTES,
    cost_to_proto,
    estimate_to_proto,
    generation_from_proto,
)

PATH = "provider_options"


def read(message: pb.ProviderOptions) -> tuple[GenerationOptions, list[str]]:
    """The options, and the fields that are at fault."""
    faults = Faults()
    options = generation_from_proto(message, PATH, faults)
    try:
        faults.raise_if_any()
    except InvalidFields as invalid:
        return options, [fault.field for fault in invalid.faults]
    return options, []


def test_nothing_sent_is_the_default() -> None:
    assert read(pb.ProviderOptions()) == (GenerationOptions(), [])


def test_everything_sent_is_read() -> None:
    message = pb.ProviderOptions(
        model="gen4.5",
        seed=0,
        negative_prompt="blur",
        strict=True,
        allow_resubmit=True,
        regenerate_shots=["one", "two"],
        fallbacks=[pb.ProviderFallback(provider="pika"), pb.ProviderFallback(provider="custom", model="fast")],
    )
    message.options.update({"style": "ink", "strength": 0.5, "tags": ["a", None, {"b": True}]})
    options, faults = read(message)
    assert not faults
    assert options == GenerationOptions(
        model="gen4.5",
        seed=0,
        negative_prompt="blur",
        strict=True,
        allow_resubmit=True,
        regenerate_shots=("one", "two"),
        fallbacks=(ProviderChoice(ProviderName.PIKA), ProviderChoice(ProviderName.CUSTOM, "fast")),
        options={"style": "ink", "strength": 0.5, "tags": ["a", None, {"b": True}]},
    )


def test_a_seed_of_zero_is_not_no_seed() -> None:
    assert read(pb.ProviderOptions(seed=0))[0].seed == 0
    assert read(pb.ProviderOptions())[0].seed is None


@pytest.mark.parametrize("provider", ["", "mock", "Runway", "nobody", "runway "])
def test_a_fallback_must_be_a_provider_that_shows_something(provider: str) -> None:
    fallbacks = [pb.ProviderFallback(provider="local"), pb.ProviderFallback(provider=provider)]
    options, faults = read(pb.ProviderOptions(fallbacks=fallbacks))
    assert faults == [f"{PATH}.fallbacks[1].provider"]
    assert options.fallbacks == (ProviderChoice(ProviderName.LOCAL),)


def test_what_postgres_cannot_store_is_refused_wherever_it_is() -> None:
    message = pb.ProviderOptions(
        model="a\0b", negative_prompt="\0", fallbacks=[pb.ProviderFallback(provider="pika", model="\0")]
    )
    message.options.update({"deep": [{"er": ["x\0"]}]})
    assert set(read(message)[1]) == {
        f"{PATH}.model",
        f"{PATH}.negative_prompt",
        f"{PATH}.fallbacks[0].model",
        f"{PATH}.options",
    }
    keyed = pb.ProviderOptions()
    keyed.options.update({"a\0": 1})
    assert read(keyed)[1] == [f"{PATH}.options"]


def test_options_have_a_limit_in_bytes() -> None:
    message = pb.ProviderOptions()
    message.options.update({"text": "ü" * (MAX_OPTIONS_BYTES // 2 - 20)})
    assert not read(message)[1]
    message.options.update({"more": "x" * 40})
    assert read(message)[1] == [f"{PATH}.options"]


def test_lists_are_read_no_further_than_it_takes_to_refuse_them() -> None:
    message = pb.ProviderOptions(
        fallbacks=[pb.ProviderFallback(provider="local")] * 1000, regenerate_shots=["one"] * 10_000
    )
    options, _ = read(message)
    assert len(options.fallbacks) == MAX_FALLBACKS + 1
    assert len(options.regenerate_shots) == MAX_SHOTS + 1


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_does_not_have_are_refused(number: float) -> None:
    message = pb.ProviderOptions()
    message.options.update({"deep": [{"er": number}]})
    assert read(message)[1] == [f"{PATH}.options"]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.text(max_size=5),
    st.integers(-(2**63), 2**63 - 1),
    st.lists(st.tuples(st.text(max_size=3) | st.sampled_from(ProviderName), st.text(max_size=3)), max_size=8),
    st.dictionaries(st.text(max_size=3), JSON, max_size=3),
)
def test_whatever_is_sent_is_read_or_refused_and_never_breaks(
    text: str, seed: int, fallbacks: list[tuple[str, str]], options: dict[str, Any]
) -> None:
    message = pb.ProviderOptions(
        model=text,
        seed=seed,
        negative_prompt=text,
        fallbacks=[pb.ProviderFallback(provider=provider, model=model) for provider, model in fallbacks],
    )
    message.options.update(options)
    found, faults = read(message)
    assert faults or (found.model, found.seed, found.negative_prompt) == (text, seed, text)
    assert faults or len(found.fallbacks) == min(len(fallbacks), MAX_FALLBACKS + 1)


def test_an_estimate_lists_every_clip_and_the_sum() -> None:
    shots = (
        Shot("opening", visual_description="dawn", duration=timedelta(seconds=4)),
        Shot("harbour", visual_description="noon", duration=timedelta(seconds=6.5)),
        Shot("closing", clip_uri="https://example.com/clip.mp4", duration=timedelta(seconds=3)),
    )
    spec = RenderSpec(Project(shots=shots), OutputSpec(1920, 1080, 30, Quality.STANDARD))
    estimate = estimate_to_proto(plan_clips(spec, ProviderChoice(ProviderName.RUNWAY)))
    assert [shot.shot_id for shot in estimate.shots] == ["opening", "harbour"]
    first, second = estimate.shots
    assert (first.provider, first.model, first.shape, first.from_image) == ("runway", "gen4.5", "1280:720", False)
    assert first.duration.ToTimedelta() == timedelta(seconds=4)
    assert second.duration.ToTimedelta() == timedelta(seconds=7)
    assert [json_format.MessageToDict(cost) for cost in estimate.cost] == [{"unit": "runway-credits", "amount": "132"}]
    assert [first.cost.amount, second.cost.amount] == ["48", "84"]


def test_an_estimate_omits_unknown_prices() -> None:
    spec = RenderSpec(
        Project(shots=(Shot("one", visual_description="dawn", duration=timedelta(seconds=2)),)),
        OutputSpec(1280, 720, 30, Quality.STANDARD),
    )
    estimate = estimate_to_proto(plan_clips(spec, ProviderChoice(ProviderName.CUSTOM)))
    assert not estimate.cost
    assert not estimate.shots[0].HasField("cost")


@pytest.mark.parametrize(("amount", "text"), [("0.10", "0.1"), ("0", "0"), ("1E+3", "1000"), ("0.000001", "0.000001")])
def test_amounts_are_plain_decimal_text(amount: str, text: str) -> None:
    assert cost_to_proto(Cost("USD", Decimal(amount))).amount == text
