"""What is submitted for a render, its estimated cost, and what is refused before anything is paid."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from render_service.domain.generation.clip_plan import (
    check_generation,
    estimated_cost,
    nearest_duration,
    nearest_shape,
    plan_clips,
)
from render_service.domain.generation.provider_models import MODELS, find_model
from render_service.domain.jobs.cost import Cost, plain, total
from render_service.domain.jobs.job import GenerationOptions, ProviderChoice, ProviderName, RenderSpec
from render_service.domain.projects.looks.clips import ClipEdit
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot

RUNWAY, PIKA, CUSTOM = ProviderName.RUNWAY, ProviderName.PIKA, ProviderName.CUSTOM
WIDE = OutputSpec(1920, 1080, 30, Quality.STANDARD)
LONG_PROMPT = "🚢" * 501  # two UTF-16 units each


def spec(*shots: Shot, output: OutputSpec = WIDE, options: GenerationOptions | None = None) -> RenderSpec:
    return RenderSpec(Project(shots=shots), output, options or GenerationOptions())


def shot(words: str = "a harbour", seconds: float = 5) -> Shot:
    return Shot("one", visual_description=words, duration=timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("allowed", "wanted", "chosen"),
    [((4, 6, 8), 5, 6), ((4, 6, 8), 4.9, 4), ((4, 6, 8), 60, 8), ((5, 10), 7.4, 5), ((5, 10), 0.5, 5), ((), 3.2, 3.2)],
)
def test_the_nearest_length_is_ordered_the_longer_of_two(
    allowed: tuple[int, ...], wanted: float, chosen: float
) -> None:
    assert nearest_duration(allowed, timedelta(seconds=wanted)) == timedelta(seconds=chosen)


@pytest.mark.parametrize(
    ("size", "gen45", "veo", "pika"),
    [
        ((1920, 1080), "1280:720", "1920:1080", "16:9/1080p"),
        ((1280, 720), "1280:720", "1280:720", "16:9/720p"),
        ((1080, 1920), "720:1280", "1080:1920", "9:16/1080p"),
        ((1080, 1080), "1280:720", "1280:720", "1:1/1080p"),
        ((1080, 1350), "720:1280", "1080:1920", "4:5/1080p"),
    ],
)
def test_the_nearest_shape_is_ordered_large_enough_where_it_can_be(
    size: tuple[int, int], gen45: str, veo: str, pika: str
) -> None:
    output = OutputSpec(*size, 30, Quality.STANDARD)
    for provider, name, expected in ((RUNWAY, "gen4.5", gen45), (RUNWAY, "veo3.1", veo), (PIKA, "v2.2", pika)):
        model = find_model(provider, name)
        assert model is not None
        found = nearest_shape(model.text_shapes, output)
        assert found is not None
        if size[0] != size[1] or provider is PIKA:
            assert found.name == expected


def test_an_estimate_is_the_sum_of_what_the_clips_cost() -> None:
    shots = tuple(Shot(f"s{n}", visual_description="x", duration=timedelta(seconds=5)) for n in range(6))
    for provider, expected in ((RUNWAY, Cost("runway-credits", Decimal(360))), (PIKA, Cost("USD", Decimal("2.7")))):
        assert estimated_cost(plan_clips(spec(*shots), ProviderChoice(provider))) == (expected,)
    assert estimated_cost(plan_clips(spec(*shots), ProviderChoice(CUSTOM))) == ()


def test_shots_with_a_clip_of_their_own_are_not_ordered() -> None:
    own = Shot("own", clip_uri="https://example.com/clip.mp4")
    clips = plan_clips(spec(own, shot()), ProviderChoice(RUNWAY))
    assert [clip.shot_id for clip in clips] == ["one"]


@pytest.mark.parametrize(
    ("provider", "options", "bad", "field"),
    [
        (RUNWAY, GenerationOptions(), shot(LONG_PROMPT), "project.storyboard.shots[0].visual_description"),
        (RUNWAY, GenerationOptions(), shot(" "), "project.storyboard.shots[0].visual_description"),
        (RUNWAY, GenerationOptions(model="gen4_turbo"), shot(), "project.storyboard.shots[0].image_uri"),
        (RUNWAY, GenerationOptions(model="gen9"), shot(), "provider_options.model"),
        (RUNWAY, GenerationOptions(negative_prompt="blur"), shot(), "provider_options.negative_prompt"),
        (RUNWAY, GenerationOptions(seed=-1), shot(), "provider_options.seed"),
        (RUNWAY, GenerationOptions(options={"a": 1}), shot(), "provider_options.options"),
        (RUNWAY, GenerationOptions(regenerate_shots=("no",)), shot(), "provider_options.regenerate_shots[0]"),
        (RUNWAY, GenerationOptions(model="veo3.1", strict=True), shot(), "project.storyboard.shots[0].duration"),
        (PIKA, GenerationOptions(strict=True), shot(seconds=4), "project.storyboard.shots[0].duration"),
        (
            RUNWAY,
            GenerationOptions(fallbacks=(ProviderChoice(PIKA, "v9"),)),
            shot(),
            "provider_options.fallbacks[0].model",
        ),
        (ProviderName.LOCAL, GenerationOptions(seed=1), shot(), "provider_options"),
    ],
)
def test_what_a_provider_would_refuse_is_reported_by_its_field(
    provider: ProviderName, options: GenerationOptions, bad: Shot, field: str
) -> None:
    assert field in [fault.field for fault in check_generation(provider, spec(bad, options=options))]


@pytest.mark.parametrize("provider", list(ProviderName))
def test_a_plain_render_has_no_fault_with_any_provider(provider: ProviderName) -> None:
    assert check_generation(provider, spec(shot())) == []


def test_a_shape_that_cannot_be_made_exactly_is_refused_when_strict() -> None:
    square = OutputSpec(1080, 1080, 30, Quality.STANDARD)
    options = GenerationOptions(strict=True)
    assert check_generation(RUNWAY, spec(shot(), output=square, options=options))[0].field == "output"
    assert not check_generation(PIKA, spec(shot(), output=square, options=options))


def test_the_default_model_of_each_provider_makes_clips_from_words_and_from_pictures() -> None:
    for models in MODELS.values():
        assert models[0].text_shapes
        assert models[0].image_shapes


def test_costs_are_summed_by_unit_and_written_plainly() -> None:
    costs = [Cost("USD", Decimal("0.45")), Cost("runway-credits", Decimal(60)), Cost("USD", Decimal("0.05"))]
    assert [(cost.unit, plain(cost.amount)) for cost in total(costs)] == [("USD", "0.5"), ("runway-credits", "60")]


@pytest.mark.parametrize(("provider", "seconds", "most"), [(RUNWAY, 5, 4.5), (CUSTOM, 20, 18), (CUSTOM, 0.4, 0)])
def test_a_generated_clip_cannot_start_beyond_its_end(provider: ProviderName, seconds: float, most: float) -> None:
    def faults(start: float, options: GenerationOptions | None = None) -> list[str]:
        edited = replace(shot(seconds=seconds), clip=ClipEdit(start=timedelta(seconds=start)))
        first = PIKA if options else provider
        return [
            f"{fault.field} {fault.description}" for fault in check_generation(first, spec(edited, options=options))
        ]

    assert faults(most - 0.01 if most else 0) == []
    [fault] = faults(most or 0.001)
    assert fault.startswith("project.storyboard.shots[0].clip.start must be less than")
    assert f" {most:g} s, the shortest clip of" in fault
    assert faults(30, GenerationOptions(fallbacks=(ProviderChoice(provider),)))[-1] == fault
