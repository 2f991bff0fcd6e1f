"""Recognised words are shown when they are heard, only those that are heard, and none before a long pause is over."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from render_service.compositor.captions.cues import plan_cues
from render_service.compositor.captions.recognized import fit_recognized, recognized_shots, stretches
from render_service.compositor.media.assets import ShotMedia
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.looks.clips import ClipEdit, ShortClip
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import (
    NarrationPolicy,
    Project,
    Shot,
    Transition,
    TransitionKind,
    WordTiming,
)
from render_service.domain.projects.timeline import Timeline, plan_timeline
from render_service.domain.projects.word_times import TimingMethod

FPS = 25
FILE = Path("file")
CLIP = ShotMedia(clip=FILE, timing=TimingMethod.RECOGNIZED)
RECORDING = ShotMedia(narration=FILE, timing=TimingMethod.RECOGNIZED)
FIRST = Shot("first", image_uri="https://example.com/a.png", duration=timedelta(seconds=4))


def said(*words: tuple[str, float, float]) -> tuple[WordTiming, ...]:
    return tuple(WordTiming(text, timedelta(seconds=start), timedelta(seconds=end)) for text, start, end in words)


WORDS = said(("Hello", 1.0, 1.5), ("sea.", 1.5, 2.0), ("Good", 6.0, 6.5), ("night,", 6.5, 7.0), ("moon.", 7.0, 7.5))
SPOKEN = Shot(
    "said",
    clip_uri="https://example.com/a.mp4",
    caption="Hello sea. Good night, moon.",
    words=WORDS,
    transition=Transition(TransitionKind.CROSS_FADE, timedelta(seconds=2)),
)
PROJECT = Project(shots=(FIRST, SPOKEN))


def timeline_of(project: Project, files: ShotMedia, seconds: float) -> Timeline:
    length = timedelta(seconds=seconds)
    facts = MediaFacts(clip=length) if files.narration is None else MediaFacts(narration=length)
    return fit_recognized(plan_timeline(project, FPS, {"said": facts}), {"said": files})


def cues_of(timeline: Timeline, project: Project = PROJECT) -> list[tuple[str, float, float]]:
    spec = RenderSpec(project, OutputSpec(640, 360, FPS, Quality.DRAFT))
    return [
        (cue.text, cue.start / FPS, cue.end / FPS)
        for cue in plan_cues(timeline, spec, recognized=recognized_shots({"said": CLIP, "first": ShotMedia()}))
    ]


def test_words_of_a_clip_count_from_its_first_frame_in_the_transition() -> None:
    timeline = timeline_of(PROJECT, CLIP, 10)
    begin = timeline.shots[1].start / FPS
    assert timeline.shots[1].overlap_in == 2 * FPS
    cues = cues_of(timeline)
    assert [(text, start) for text, start, _ in cues] == [("Hello sea.", begin + 1), ("Good night, moon.", begin + 6)]
    assert cues[0][2] <= begin + 2.7, "it is gone long before the next"
    highlights = plan_cues(timeline, RenderSpec(PROJECT, OutputSpec(640, 360, FPS, Quality.DRAFT)))[0].words
    assert [word.start / FPS for word in highlights][:2] == [begin + 1, begin + 1.52]


def test_words_of_a_recording_count_from_the_end_of_the_transition() -> None:
    project = replace(PROJECT, shots=(FIRST, replace(SPOKEN, clip_uri="")))
    timeline = timeline_of(project, RECORDING, 9)
    begin = timeline.shots[1].narration_start / FPS
    assert [start for _, start, _ in cues_of(timeline, project)] == [begin + 1, begin + 6]


def test_what_is_cut_off_is_not_captioned() -> None:
    shots = (FIRST, replace(SPOKEN, duration=timedelta(seconds=6.8)))
    cut = timeline_of(replace(PROJECT, shots=shots), CLIP, 10).shots[1].shot
    assert (cut.caption, [word.text for word in cut.words]) == (
        "Hello sea. Good night,",
        ["Hello", "sea.", "Good", "night,"],
    )
    silent = replace(SPOKEN, duration=timedelta(seconds=0.9), transition=Transition(TransitionKind.CUT))
    assert timeline_of(replace(PROJECT, shots=(FIRST, silent)), CLIP, 10).shots[1].shot.caption == ""
    trimmed = replace(
        PROJECT,
        shots=(FIRST, replace(SPOKEN, clip_uri="", duration=timedelta(seconds=5))),
        narration_policy=NarrationPolicy.TRIM,
    )
    assert timeline_of(trimmed, RECORDING, 9).shots[1].shot.caption == "Hello sea."


def test_words_follow_the_part_and_the_speed_of_an_edited_clip() -> None:
    edit = ClipEdit(start=timedelta(seconds=1.4), length=timedelta(seconds=5.5), speed=2)
    shot = replace(SPOKEN, clip=edit, transition=Transition(TransitionKind.CUT))
    fitted = timeline_of(replace(PROJECT, shots=(FIRST, shot)), CLIP, 10).shots[1].shot
    assert [(word.text, word.start.total_seconds()) for word in fitted.words] == [
        ("sea.", 0.05),
        ("Good", 2.3),
        ("night,", 2.55),
    ]
    assert fitted.caption == "sea. Good night,"


def test_words_of_a_clip_that_is_played_again_are_captioned_again() -> None:
    edit = ClipEdit(start=timedelta(seconds=1), length=timedelta(seconds=1.2), when_short=ShortClip.LOOP)
    shot = replace(SPOKEN, clip=edit, transition=Transition(TransitionKind.CUT), duration=timedelta(seconds=2))
    words = said(("Hello", 1.0, 1.5), ("sea.", 1.5, 2.4))
    shot = replace(shot, words=words, caption="Hello sea.")
    fitted = timeline_of(replace(PROJECT, shots=(FIRST, shot)), CLIP, 10).shots[1].shot
    assert fitted.words == said(("Hello", 0, 0.5), ("sea.", 0.5, 1.2), ("Hello", 1.2, 1.7), ("sea.", 1.7, 2.0))
    assert fitted.caption == "Hello sea. Hello sea."


def test_written_captions_stay_as_they_are() -> None:
    timeline = plan_timeline(PROJECT, FPS, {"said": MediaFacts(clip=timedelta(seconds=2))})
    assert fit_recognized(timeline, {"said": ShotMedia(clip=FILE)}) == timeline


def test_stretches_keep_the_blanks_and_marks_between_words() -> None:
    assert [(text, len(words)) for text, words in stretches("Hello sea. Good night, moon.", WORDS)] == [
        ("Hello sea.", 2),
        ("Good night, moon.", 3),
    ]
