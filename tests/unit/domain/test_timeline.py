"""The timeline's arithmetic: lengths, overlaps, no gaps, nothing negative."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.output import FRAME_RATES, OutputSpec, Quality
from render_service.domain.projects.project import (
    Card,
    NarrationPolicy,
    Project,
    ProjectMode,
    Shot,
    Transition,
    TransitionKind,
)
from render_service.domain.projects.timeline import Timeline, frames_covering, frames_in, plan_timeline

_durations = st.integers(1, 20_000).map(lambda ms: timedelta(milliseconds=ms))
_transitions = st.builds(
    Transition,
    kind=st.none() | st.sampled_from(TransitionKind),
    duration=st.none() | st.integers(1, 5000).map(lambda ms: timedelta(milliseconds=ms)),
)
_shots = st.lists(st.tuples(st.none() | _durations, _transitions), min_size=1, max_size=12).map(
    lambda parts: tuple(
        Shot(f"s{number}", duration=duration, transition=transition)
        for number, (duration, transition) in enumerate(parts)
    )
)
_narrations = st.dictionaries(st.integers(0, 11).map("s{}".format), _durations, max_size=6)
_cards = st.none() | st.builds(Card, title=st.just("Title"), duration=st.none() | _durations)


def _planned(
    shots: tuple[Shot, ...], fps: int, facts: dict[str, MediaFacts] | None = None, **project: object
) -> Timeline:
    spec = RenderSpec(
        Project(shots=shots, **project),  # type: ignore[arg-type]
        OutputSpec(320, 180, fps, Quality.STANDARD),
    )
    return plan_timeline(spec.project, spec.output.fps, facts or {})


@given(
    shots=_shots,
    fps=st.sampled_from(FRAME_RATES),
    mode=st.sampled_from(ProjectMode),
    narrations=_narrations,
    policy=st.sampled_from(NarrationPolicy),
    target=st.none() | _durations,
    title=_cards,
    end=_cards,
    intro=st.sampled_from(["", "given"]),
)
def test_every_frame_shows_one_or_two_shots(
    *,
    shots: tuple[Shot, ...],
    fps: int,
    mode: ProjectMode,
    narrations: dict[str, timedelta],
    policy: NarrationPolicy,
    target: timedelta | None,
    title: Card | None,
    end: Card | None,
    intro: str,
) -> None:
    timeline = _planned(
        shots,
        fps,
        {shot_id: MediaFacts(narration=length) for shot_id, length in narrations.items()},
        mode=mode,
        narration_policy=policy,
        target_duration=target,
        title_card=title,
        end_card=end,
        intro_clip_uri=intro,
    )
    planned = timeline.shots
    assert planned[0].start == planned[0].overlap_in == planned[-1].overlap_out == 0
    assert planned[-1].end == timeline.frames
    for shot in planned:
        assert shot.frames >= 1
        assert shot.overlap_in >= 0
        assert shot.overlap_in + shot.overlap_out <= shot.frames
        assert shot.motion.kind is not None
        assert (shot.transition is TransitionKind.CUT) == (shot.overlap_in == 0)
        assert shot.narration_start == shot.start + shot.overlap_in
    for before, after in pairwise(planned):
        assert after.start == before.end - after.overlap_in
        assert before.overlap_out == after.overlap_in
        assert after.start >= before.start


@given(shots=_shots, fps=st.sampled_from(FRAME_RATES), narrations=_narrations)
def test_a_shot_grows_until_its_narration_is_over(
    shots: tuple[Shot, ...], fps: int, narrations: dict[str, timedelta]
) -> None:
    facts = {shot_id: MediaFacts(narration=length) for shot_id, length in narrations.items()}
    for shot in _planned(shots, fps, facts).shots:
        if shot.shot_id in narrations:
            assert shot.narration_frames == frames_covering(narrations[shot.shot_id], fps)
            assert shot.narration_start + shot.narration_frames <= shot.end


@given(shots=_shots, fps=st.sampled_from(FRAME_RATES), narrations=_narrations)
def test_a_trimmed_narration_ends_with_its_shot(
    shots: tuple[Shot, ...], fps: int, narrations: dict[str, timedelta]
) -> None:
    facts = {shot_id: MediaFacts(narration=length) for shot_id, length in narrations.items()}
    for shot in _planned(shots, fps, facts, narration_policy=NarrationPolicy.TRIM).shots:
        assert shot.narration_start + shot.narration_frames <= shot.end


@given(count=st.integers(1, 12), fps=st.sampled_from(FRAME_RATES), seconds=st.integers(30, 90))
def test_shots_without_a_duration_fill_the_target_to_the_frame(count: int, fps: int, seconds: int) -> None:
    shots = tuple(Shot(f"s{number}") for number in range(count))
    assert _planned(shots, fps, target_duration=timedelta(seconds=seconds)).frames == seconds * fps


@given(milliseconds=st.integers(0, 600_000), fps=st.sampled_from(FRAME_RATES))
def test_durations_round_to_the_nearest_frame_and_cover_when_they_must(milliseconds: int, fps: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert abs(frames_in(duration, fps) * 1000 - milliseconds * fps) <= 500
    assert 0 <= frames_covering(duration, fps) * 1000 - milliseconds * fps < 1000


def test_a_clip_without_a_duration_is_shown_whole() -> None:
    shots = (Shot("clip", clip_uri="given"),)
    assert _planned(shots, 30, {"clip": MediaFacts(clip=timedelta(seconds=7.5))}).frames == 225


def test_cards_and_intro_stand_around_the_storyboard() -> None:
    timeline = _planned(
        (Shot("only", duration=timedelta(seconds=2)),),
        30,
        intro_clip_uri="given",
        outro_clip_uri="given",
        title_card=Card("Title"),
        end_card=Card("End"),
    )
    assert [shot.shot_id for shot in timeline.shots] == ["@intro", "@title", "only", "@end", "@outro"]
    # The intro is cut from, the outro cut to.
    assert [shot.overlap_in > 0 for shot in timeline.shots] == [False, False, True, True, False]
