"""Videos breathe: time between narrations and after the last one, unless the project sets other times."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from render_service.domain.projects.looks.modes import MODE_PRESETS
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.project import (
    Card,
    NarrationPolicy,
    Pacing,
    Project,
    ProjectMode,
    Shot,
    Transition,
    TransitionKind,
)
from render_service.domain.projects.timeline import Timeline, TimelineShot, plan_timeline

_TICK = timedelta(milliseconds=1)


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def planned(narrations: Sequence[float | None], fps: int = 30, **fields: object) -> Timeline:
    shots = tuple(Shot(f"s{number}", duration=seconds(2)) for number in range(len(narrations)))
    facts = {f"s{n}": MediaFacts(narration=seconds(one)) for n, one in enumerate(narrations) if one is not None}
    return plan_timeline(Project(**{"shots": shots, **fields}), fps, facts)  # type: ignore[arg-type]


def silences(timeline: Timeline) -> list[float]:
    """Return the seconds between narrations, and those after the last."""
    spoken: list[TimelineShot] = [shot for shot in timeline.shots if shot.narration_frames]
    if not spoken:
        return []
    starts = [shot.narration_start for shot in spoken[1:]] + [timeline.frames]
    return [
        (after - shot.narration_start - shot.narration_frames) / timeline.fps
        for shot, after in zip(spoken, starts, strict=True)
    ]


@pytest.mark.parametrize("mode", ProjectMode)
def test_narrations_are_apart_and_the_video_ends_after_the_last(mode: ProjectMode) -> None:
    assert silences(planned([4, 4, 4], mode=mode)) == pytest.approx([0.3, 0.3, 1.5])


def test_a_project_sets_its_own_times() -> None:
    assert silences(planned([4, 4], pacing=Pacing(seconds(1), seconds(3)))) == pytest.approx([1, 3])
    assert silences(planned([4, 4], pacing=Pacing(seconds(0), seconds(0)))) == [0, 0]
    assert silences(planned([4, 4], pacing=Pacing(narration_gap=seconds(1)))) == pytest.approx([1, 1.5])


def test_shots_that_are_long_enough_stay_as_they_are() -> None:
    assert planned([0.2, 0.2, None]).frames == planned([None, None, None]).frames


def test_what_follows_the_last_narration_counts_as_its_tail() -> None:
    carded = planned([4], end_card=Card("The end", duration=seconds(3)))
    assert carded.shots[0].frames == 4 * 30
    assert silences(carded)[0] >= 1.5


@pytest.mark.parametrize("policy", [NarrationPolicy.TRIM, NarrationPolicy.OVERLAP])
def test_other_policies_leave_the_lengths_of_shots_alone(policy: NarrationPolicy) -> None:
    assert planned([4, 4], narration_policy=policy).frames == planned([None, None]).frames


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[float | None], tuple[Shot, ...]]:
    narrations = draw(st.lists(st.none() | st.floats(0.05, 4), min_size=1, max_size=5))
    kinds = st.sampled_from([TransitionKind.CUT, TransitionKind.CROSS_FADE])
    shots = tuple(
        Shot(
            f"s{number}",
            duration=draw(st.none() | st.floats(0.05, 5).map(seconds)),
            transition=Transition(draw(kinds), seconds(draw(st.floats(0.1, 5)))),
        )
        for number in range(len(narrations))
    )
    return narrations, shots


@settings(max_examples=150, deadline=None)
@given(story=stories(), fps=st.sampled_from([24, 30, 60]), mode=st.sampled_from(ProjectMode))
def test_any_story_has_its_pauses(
    story: tuple[list[float | None], tuple[Shot, ...]], fps: int, mode: ProjectMode
) -> None:
    narrations, shots = story
    preset = MODE_PRESETS[mode].pacing
    assert preset.narration_gap is not None
    assert preset.tail is not None
    timeline = planned(narrations, fps, shots=shots, mode=mode)
    found = silences(timeline)
    assert all(seconds(one) + _TICK >= preset.tail for one in found[-1:])
    # A shot between two narrated ones may be as short as the project wants it.
    adjacent = [a is not None and b is not None for a, b in pairwise(narrations)]
    if all(adjacent):
        assert all(seconds(one) + _TICK >= preset.narration_gap for one in found)
