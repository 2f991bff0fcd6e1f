"""Plans the clips that a render submits to a provider: one for each shot without a clip.

Pure, so that the cost and every fault are known before anything is paid."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from render_service.domain.errors import FieldFault
from render_service.domain.generation.clip_model import ClipModel, Shape
from render_service.domain.generation.provider_models import (
    GENERATING_PROVIDERS,
    LONGEST_CUSTOM_CLIP,
    MAX_SEED,
    MODELS,
    find_model,
)
from render_service.domain.jobs.cost import Cost, total
from render_service.domain.jobs.job import GenerationOptions, ProviderChoice, ProviderName, RenderSpec
from render_service.domain.projects.output import OutputSpec
from render_service.domain.projects.project import Shot
from render_service.domain.projects.shot_source import BackgroundSource, ClipSource, StillSource, declared_source
from render_service.domain.projects.timeline import plan_timeline

MAX_NEGATIVE_PROMPT = 1_000
MAX_FALLBACKS = 4
_OPTIONS = "provider_options"
# Shapes whose proportions differ by less than this, as a part, are the same: 1280:720 and 16:9, say.
_SAME_SHAPE = 0.01
# How much shorter than requested a clip may be: encoders drop a frame or two, and models round to their own frames.
_SHORT_BY = timedelta(milliseconds=500)
_SHORT_BY_FRACTION = 0.1


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """A clip as it is submitted.

    Args:
        shot_id: The shot that it is for.
        model: The model that generates it.
        prompt: What to show; may be empty only with a picture.
        negative_prompt: What not to show.
        seed: The seed, for models that accept one.
        from_image: Whether it starts from the shot's picture.
        shape: The model's name for its size; None if the model generates any size.
        width: Width of the video in pixels, requested if there is no shape.
        height: Height of the video in pixels, as `width`.
        fps: Frames per second of the video.
        duration: Its length.
        copy: How many earlier submissions of the render differ only in the shot: each gets its own clip.
    """

    shot_id: str
    model: ClipModel
    prompt: str
    negative_prompt: str
    seed: int | None
    from_image: bool
    shape: Shape | None
    width: int
    height: int
    fps: int
    duration: timedelta
    copy: int = 0

    @property
    def cost(self) -> Cost | None:
        """Its estimated cost."""
        return self.model.cost(self.duration, self.shape)

    @property
    def shape_name(self) -> str:
        """The model's name for its shape, or its size in pixels."""
        return self.shape.name if self.shape is not None else f"{self.width}x{self.height}"


def choices(provider: ProviderName, options: GenerationOptions) -> tuple[ProviderChoice, ...]:
    """Return the models that generate clips, in order of preference."""
    return (ProviderChoice(provider, options.model), *options.fallbacks)


def check_generation(provider: ProviderName, spec: RenderSpec) -> list[FieldFault]:
    """Find everything in a render that its providers would refuse.

    Args:
        provider: The job's own provider.
        spec: The render; its project is valid.

    Returns:
        The faults, by field of StartRenderRequest; empty where all clips can be submitted.
    """
    options = spec.generation
    if provider not in GENERATING_PROVIDERS:
        if options == GenerationOptions():
            return []
        return [FieldFault(_OPTIONS, f"must be omitted with the provider {provider}, which generates no clips")]
    faults = _check_options(provider, spec)
    for number, choice in enumerate(choices(provider, options)):
        path = _OPTIONS if number == 0 else f"{_OPTIONS}.fallbacks[{number - 1}]"
        if choice.provider is ProviderName.LOCAL:
            continue
        model = find_model(choice.provider, choice.model)
        if model is None:
            names = ", ".join(known.name for known in MODELS[choice.provider])
            faults.append(FieldFault(f"{path}.model", f"must be one of {names} for {choice.provider}, or empty"))
            continue
        if number == 0 and options.negative_prompt and not model.takes_negative_prompt:
            faults.append(FieldFault(f"{_OPTIONS}.negative_prompt", f"must be omitted: {model.name} takes none"))
        faults += _check_shots(spec, model)
    return faults


def plan_clips(spec: RenderSpec, choice: ProviderChoice) -> tuple[ClipSpec, ...]:
    """Plan the clips that a provider would generate.

    The length of a shot is the one that the project gives it; narrations, not measured yet, may make it longer, and the
    clip is slowed down then: the price must not depend on what is found out later.

    Args:
        spec: A render in which `check_generation` found no fault.
        choice: One of GENERATING_PROVIDERS with one of its models.

    Returns:
        The submissions, in the order of the shots.
    """
    model = find_model(choice.provider, choice.model)
    assert model is not None
    lengths = _lengths(spec)
    clips: list[ClipSpec] = []
    seen: dict[tuple[object, ...], int] = {}
    for shot in generated_shots(spec):
        shape = nearest_shape(_shapes(model, shot), spec.output)
        duration = nearest_duration(model.durations, lengths[shot.id])
        alike = (shot.visual_description.strip(), shot.image_uri, duration)
        copy = seen[alike] = seen.get(alike, -1) + 1
        clips.append(
            ClipSpec(
                shot_id=shot.id,
                model=model,
                prompt=shot.visual_description.strip(),
                negative_prompt=spec.generation.negative_prompt if model.takes_negative_prompt else "",
                seed=spec.generation.seed if model.takes_seed else None,
                from_image=_from_image(model, shot),
                shape=shape,
                width=spec.output.width,
                height=spec.output.height,
                fps=spec.output.fps,
                duration=duration,
                copy=copy,
            )
        )
    return tuple(clips)


def generated_shots(spec: RenderSpec) -> tuple[Shot, ...]:
    """Return the shots that a clip is generated for: those without one, unless a card is all that they show."""
    return tuple(shot for shot in spec.project.shots if _is_generated(shot))


def _is_generated(shot: Shot) -> bool:
    return not isinstance(declared_source(shot), ClipSource | BackgroundSource)


def estimated_cost(clips: Sequence[ClipSpec]) -> tuple[Cost, ...]:
    """Return the estimated total cost of clips; those without a known price are omitted."""
    return total(clip.cost for clip in clips if clip.cost is not None)


def nearest_duration(allowed: Sequence[int], wanted: timedelta) -> timedelta:
    """Return the allowed length nearest to the wanted one, of two equally near ones the longer: better cut than slow.

    Args:
        allowed: Whole seconds, ascending; empty if any length is allowed.
        wanted: More than 0.
    """
    if not allowed:
        # Rounded up to milliseconds: a clip that ends a frame early would be noticed.
        return timedelta(milliseconds=-(-wanted // timedelta(milliseconds=1)))
    return min((timedelta(seconds=seconds) for seconds in allowed), key=lambda one: (abs(one - wanted), -one))


def shortest_result(requested: timedelta) -> timedelta:
    """Return the length that a clip must have to be accepted for a requested one."""
    return requested - max(_SHORT_BY, requested * _SHORT_BY_FRACTION)


def nearest_shape(shapes: Sequence[Shape], output: OutputSpec) -> Shape | None:
    """Return the shape nearest to the video's: first by proportions, then the smallest that need not be enlarged.

    Args:
        shapes: What the model can generate; empty if it generates any size.
        output: The format of the video.
    """
    if not shapes:
        return None
    side = min(output.width, output.height)

    def distance(shape: Shape) -> tuple[float, bool, int]:
        return (
            round(_distortion(shape, output), 2),
            shape.side < side,
            shape.side if shape.side >= side else -shape.side,
        )

    return min(shapes, key=distance)


def _distortion(shape: Shape, output: OutputSpec) -> float:
    if shape.width is None or shape.height is None:
        return 0.0
    return abs(math.log(shape.width / shape.height) - math.log(output.width / output.height))


def _check_options(provider: ProviderName, spec: RenderSpec) -> list[FieldFault]:
    options = spec.generation
    faults = []
    if options.seed is not None and not 0 <= options.seed <= MAX_SEED:
        faults.append(FieldFault(f"{_OPTIONS}.seed", f"must be 0 to {MAX_SEED}"))
    if len(options.negative_prompt) > MAX_NEGATIVE_PROMPT:
        faults.append(
            FieldFault(f"{_OPTIONS}.negative_prompt", f"must have at most {MAX_NEGATIVE_PROMPT:,} characters")
        )
    generated = {shot.id for shot in generated_shots(spec)}
    faults += [
        FieldFault(f"{_OPTIONS}.regenerate_shots[{number}]", "must be the id of a shot for which a clip is generated")
        for number, shot_id in enumerate(options.regenerate_shots)
        if shot_id not in generated
    ]
    if len(options.fallbacks) > MAX_FALLBACKS:
        faults.append(FieldFault(f"{_OPTIONS}.fallbacks", f"must be at most {MAX_FALLBACKS}"))
    asked = [choice.provider for choice in choices(provider, options)]
    if options.options and ProviderName.CUSTOM not in asked:
        faults.append(FieldFault(f"{_OPTIONS}.options", "must be omitted: only the provider custom takes them"))
    return faults


def _check_shots(spec: RenderSpec, model: ClipModel) -> list[FieldFault]:
    lengths = _lengths(spec)
    faults = []
    for number, shot in enumerate(spec.project.shots):
        if not _is_generated(shot):
            continue
        path = f"project.storyboard.shots[{number}]"
        named = model.name or model.provider
        prompt = shot.visual_description.strip()
        if len(prompt.encode("utf-16-le")) // 2 > model.prompt_limit:
            faults.append(
                FieldFault(
                    f"{path}.visual_description", f"must have at most {model.prompt_limit:,} UTF-16 units for {named}"
                )
            )
        elif not prompt and (model.needs_prompt or not _from_image(model, shot)):
            faults.append(FieldFault(f"{path}.visual_description", f"must not be empty for {named}"))
        if not model.makes_from_text and not isinstance(declared_source(shot), StillSource):
            faults.append(FieldFault(f"{path}.image_uri", f"must be given for {named}, which starts from a picture"))
        if not model.durations and lengths[shot.id] > timedelta(seconds=LONGEST_CUSTOM_CLIP):
            faults.append(FieldFault(f"{path}.duration", f"must be at most {LONGEST_CUSTOM_CLIP} s for {named}"))
        shortest = shortest_result(nearest_duration(model.durations, lengths[shot.id]))
        if shot.clip is not None and shot.clip.start > timedelta(0) and shot.clip.start >= shortest:
            what = f"must be less than {max(shortest.total_seconds(), 0):g} s, the shortest clip of {named}, or 0 s"
            faults.append(FieldFault(f"{path}.clip.start", what))
        if spec.generation.strict:
            faults += _check_strictly(spec, model, shot, path, lengths[shot.id])
    return faults


def _check_strictly(spec: RenderSpec, model: ClipModel, shot: Shot, path: str, length: timedelta) -> list[FieldFault]:
    faults = []
    if model.durations and nearest_duration(model.durations, length) != length:
        allowed = ", ".join(map(str, model.durations))
        faults.append(
            FieldFault(f"{path}.duration", f"is {length.total_seconds():g} s; {model.name} makes {allowed} s only")
        )
    shape = nearest_shape(_shapes(model, shot), spec.output)
    if shape is not None and _distortion(shape, spec.output) > _SAME_SHAPE:
        names = ", ".join(one.name for one in _shapes(model, shot))
        faults.append(FieldFault("output", f"has a shape that {model.name} cannot make; it makes {names}"))
    return faults


def _from_image(model: ClipModel, shot: Shot) -> bool:
    return isinstance(declared_source(shot), StillSource) and (model.any_shape or bool(model.image_shapes))


def _shapes(model: ClipModel, shot: Shot) -> tuple[Shape, ...]:
    return model.image_shapes if _from_image(model, shot) else model.text_shapes


def _lengths(spec: RenderSpec) -> dict[str, timedelta]:
    timeline = plan_timeline(spec.project, spec.output.fps, {})
    return {
        planned.shot_id: timedelta(microseconds=planned.frames * 1_000_000 // timeline.fps)
        for planned in timeline.shots
    }
