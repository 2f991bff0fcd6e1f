"""A layer enters the keys of the segments that show it, and of no others."""

from dataclasses import replace
from datetime import timedelta

from render_service.compositor.planning import plan_pictures
from render_service.compositor.segments.content_hashes import MediaHashes
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.layers.model import Animation, Keyframe, Layer, ShapeLayer, TextLayer
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot, Transition, TransitionKind
from render_service.domain.projects.timeline import plan_timeline

SECOND = timedelta(seconds=1)
CUT = Transition(TransitionKind.CUT)
SHOTS = tuple(
    Shot(f"s{number}", caption=f"Caption {number}", duration=4 * SECOND, transition=CUT) for number in range(3)
)
PROJECT = Project(shots=SHOTS)
SHAPE = Layer("shape", shape=ShapeLayer(color="#FF0000"))


def keys(project: Project) -> list[tuple[int, str]]:
    """The keys of all segments, each with the shot that it shows."""
    spec = RenderSpec(project, OutputSpec(320, 180, 30, Quality.STANDARD))
    timeline = plan_timeline(project, 30, {})
    _, planned = plan_pictures(spec, timeline, MediaHashes())
    return [(segment.shot_index, segment.job.key) for segment in planned]


def with_layers(number: int, *layers: Layer) -> Project:
    shots = list(SHOTS)
    shots[number] = replace(shots[number], layers=layers)
    return replace(PROJECT, shots=tuple(shots))


def touched(changed: Project, before: Project = PROJECT) -> set[int]:
    """The shots of which a segment has another key."""
    return {shot for (shot, key), (_, old) in zip(keys(changed), keys(before), strict=True) if key != old}


def test_a_layer_of_a_shot_touches_that_shot_only() -> None:
    assert touched(with_layers(1, SHAPE)) == {1}


def test_a_layer_of_the_project_touches_the_segments_in_its_time() -> None:
    assert touched(replace(PROJECT, layers=(SHAPE,))) == {0, 1, 2}
    assert touched(replace(PROJECT, layers=(replace(SHAPE, start=9 * SECOND),))) == {2}
    assert touched(replace(PROJECT, layers=(replace(SHAPE, duration=2 * SECOND),))) == {0}


def test_a_layer_that_is_never_seen_touches_nothing() -> None:
    assert touched(with_layers(0, replace(SHAPE, start=20 * SECOND))) == set()


def test_the_name_of_a_layer_touches_nothing() -> None:
    assert touched(with_layers(0, replace(SHAPE, id="other")), with_layers(0, SHAPE)) == set()


def test_a_layer_that_stands_still_forgets_what_happens_elsewhere() -> None:
    longer = replace(PROJECT, layers=(replace(SHAPE, duration=8 * SECOND),))
    assert touched(longer, replace(PROJECT, layers=(replace(SHAPE, duration=9 * SECOND),))) == {2}


def test_a_layer_that_has_come_forgets_when_it_came() -> None:
    moving = replace(SHAPE, enter=Animation(), keyframes=(Keyframe(SECOND, x=0.2),))
    before = replace(PROJECT, layers=(replace(moving, start=SECOND),))
    assert touched(replace(PROJECT, layers=(replace(moving, start=2 * SECOND),)), before) == {0}
    assert touched(replace(PROJECT, layers=(replace(moving, start=SECOND, exit=Animation()),)), before) == {2}


def test_the_text_of_a_layer_touches_its_shot() -> None:
    before = with_layers(2, Layer("t", text=TextLayer("One")))
    assert touched(with_layers(2, Layer("t", text=TextLayer("Two"))), before) == {2}
