"""The stills of poster and contact sheet show no caption that is coming or going."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from render_service.compositor.planning import plan_pictures
from render_service.compositor.segments.captions import DrawnCaption
from render_service.compositor.segments.content_hashes import MediaHashes
from render_service.compositor.segments.spec import SegmentSpec
from render_service.compositor.segments.stills import chosen_stills
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot, Transition, TransitionKind, WordTiming
from render_service.domain.projects.timeline import plan_timeline

_TEXTS = st.sampled_from(["", "Short", "Two sentences. " * 12])
_KINDS = st.sampled_from([TransitionKind.CUT, TransitionKind.CROSS_FADE, TransitionKind.WIPE])


@st.composite
def shots(draw: st.DrawFn) -> tuple[Shot, timedelta | None]:
    """Return a shot, and the length of its narration."""
    length = timedelta(seconds=draw(st.floats(0.05, 8)))
    begins = timedelta(seconds=draw(st.floats(0, 1)))
    shot = Shot(
        id="",
        caption=draw(_TEXTS),
        duration=length,
        transition=Transition(draw(_KINDS), timedelta(seconds=draw(st.floats(0.05, 3)))),
        words=draw(st.sampled_from([(), (WordTiming("Short", begins, begins + timedelta(seconds=0.3)),)])),
    )
    return shot, draw(st.none() | st.just(length))


def stills_of(spec: RenderSpec, facts: dict[str, MediaFacts]) -> list[tuple[SegmentSpec, int]]:
    timeline = plan_timeline(spec.project, spec.output.fps, facts)
    _, planned = plan_pictures(spec, timeline, MediaHashes())
    segments = {segment.job.key: SegmentSpec.from_bytes(segment.job.spec) for segment in planned}
    return [(segments[key], frame) for key, frame in chosen_stills(timeline, planned)]


def story(*shots: Shot, fps: int = 30) -> RenderSpec:
    return RenderSpec(Project(shots=shots), OutputSpec(320, 180, fps, Quality.STANDARD))


@settings(max_examples=150, deadline=None)
@given(st.lists(shots(), min_size=1, max_size=4), st.sampled_from([24, 30, 60]))
def test_no_caption_fades_in_a_still(given_shots: Sequence[tuple[Shot, timedelta | None]], fps: int) -> None:
    named = [(f"s{number}", *one) for number, one in enumerate(given_shots)]
    facts = {name: MediaFacts(narration=narration) for name, _, narration in named}
    spec = story(*(replace(shot, id=name) for name, shot, _ in named), fps=fps)
    found = stills_of(spec, facts)
    assert len(found) == len(named)
    for segment, frame in found:
        assert 0 <= frame < segment.frames
        captions = [one for one in segment.layers if isinstance(one, DrawnCaption)]
        assert [one.opacity(frame) for one in captions if one.start <= frame < one.end] in ([], [1.0])


def test_a_still_is_taken_near_the_start_of_its_segment() -> None:
    """Each frame before it must be decoded."""
    narrated = {"b": MediaFacts(narration=timedelta(seconds=6))}
    found = stills_of(story(Shot("a", caption="One"), Shot("b", caption="Two")), narrated)
    assert [frame for _, frame in found] == [10, 3]
