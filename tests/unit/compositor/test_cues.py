"""Captions in time: nothing is lost, nothing overlaps, words are marked when they are spoken."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from render_service.compositor.captions.cues import Cue, plan_cues
from render_service.compositor.captions.layout import (
    CaptionFormat,
    caption_format,
    caption_size,
    lay_out_caption,
    max_lines,
)
from render_service.compositor.planning import caption_fades
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import (
    CaptionOptions,
    Project,
    ProjectMode,
    Shot,
    Transition,
    TransitionKind,
    WordTiming,
)
from render_service.domain.projects.timeline import Timeline, plan_timeline

ENGLISH = (
    "The harbour wakes before the sun does. Fishermen mend their nets by lamplight, telling stories that have been "
    "told for two hundred years; nobody remembers who told them first. By noon they are back."
)
CHINESE = (
    "港口比太阳醒得更早。渔民们在灯光下修补渔网，讲着流传了两百年的故事，没有人记得是谁先讲的。到了中午，它们满载而归。"
)
ARABIC = (
    "يستيقظ الميناء قبل الشمس. يُصلح الصيادون شباكهم على ضوء المصابيح ويروون قصصًا عمرها مئتا عام، "
    "ولا أحد يتذكر من رواها أولًا. ثم تنزلق القوارب واحدًا تلو الآخر بهدوء."
)


def spec_of(*shots: Shot, mode: ProjectMode = ProjectMode.STANDARD, size: tuple[int, int] = (1280, 720)) -> RenderSpec:
    return RenderSpec(Project(mode=mode, shots=shots), OutputSpec(*size, 30, Quality.STANDARD))


def planned(spec: RenderSpec, facts: dict[str, MediaFacts] | None = None) -> tuple[Timeline, tuple[Cue, ...]]:
    timeline = plan_timeline(spec.project, spec.output.fps, facts or {})
    return timeline, plan_cues(timeline, spec)


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def timed(text: str, start: float = 0.0, step: float = 0.4) -> tuple[WordTiming, ...]:
    words = text.split()
    return tuple(
        WordTiming(word.strip(".,;"), seconds(start + n * step), seconds(start + (n + 1) * step - 0.1))
        for n, word in enumerate(words)
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([ENGLISH, CHINESE, ARABIC, "Short.", "", "一句话", "a " * 300, "字" * 300]),
            st.floats(0.2, 40),
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(list(ProjectMode)),
    st.sampled_from([(640, 360), (360, 640), (400, 400)]),
)
def test_cues_follow_each_other_inside_the_video_and_hold_the_whole_text(
    shots: list[tuple[str, float]], mode: ProjectMode, size: tuple[int, int]
) -> None:
    spec = spec_of(
        *(Shot(f"s{n}", caption=text, duration=seconds(length)) for n, (text, length) in enumerate(shots)),
        mode=mode,
        size=size,
    )
    timeline, cues = planned(spec)
    end = 0
    for cue in cues:
        assert end <= cue.start < cue.end <= timeline.frames
        end = cue.end
    for number, (text, length) in enumerate(shots):
        shown = "".join("".join(cue.text.split()) for cue in cues if cue.shot_id == f"s{number}")
        if length >= 5:
            assert shown == "".join(text.split())


@pytest.mark.parametrize("text", [ENGLISH, CHINESE, ARABIC])
@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (720, 720)])
def test_long_texts_are_shown_in_cues_that_fit_at_full_size(text: str, size: tuple[int, int]) -> None:
    _, cues = planned(spec_of(Shot("s", narration=text, duration=seconds(40)), size=size))
    assert len(cues) > 1
    for cue in cues:
        layout = lay_out_caption(cue.text, *size, CaptionFormat())
        assert layout is not None
        assert len(layout.lines) <= max_lines(*size)
        assert layout.size == caption_size(*size, CaptionFormat())


def test_cues_end_where_sentences_or_clauses_end_if_they_can() -> None:
    _, cues = planned(spec_of(Shot("s", narration=CHINESE, duration=seconds(30))))
    assert all(cue.text[-1] in "。，" for cue in cues)


def test_both_languages_of_a_caption_are_seen_together() -> None:
    text = "The harbour wakes before the sun does, and the boats slip out.\n港口比太阳醒得更早，渔船驶出港湾。"
    _, cues = planned(spec_of(Shot("s", caption=text, duration=seconds(8)), size=(720, 1280)))
    assert [cue.text for cue in cues] == [text]


def test_a_short_caption_is_seen_as_long_as_its_shot() -> None:
    timeline, cues = planned(spec_of(Shot("s", caption="Hello", duration=seconds(5))))
    assert [(cue.start, cue.end) for cue in cues] == [(0, timeline.frames)]


def test_captions_of_two_shots_change_in_the_middle_of_their_transition() -> None:
    spec = spec_of(Shot("a", caption="One", duration=seconds(5)), Shot("b", caption="Two", duration=seconds(5)))
    timeline, cues = planned(spec)
    overlap = timeline.shots[1].overlap_in
    assert overlap > 1
    assert cues[0].end == cues[1].start == timeline.shots[1].start + overlap // 2


def test_captions_follow_narration_that_is_shorter_than_its_shot() -> None:
    spec = spec_of(Shot("s", narration=ENGLISH, duration=seconds(30)))
    _, cues = planned(spec, {"s": MediaFacts(narration=seconds(12))})
    assert cues[0].start == 0
    assert 12 * 30 <= cues[-1].end < 13 * 30


def test_fewer_fuller_cues_are_shown_where_time_is_short() -> None:
    _, cues = planned(spec_of(Shot("s", narration=ENGLISH, duration=seconds(3)), size=(720, 1280)))
    assert len(cues) <= 3


def test_cues_begin_with_their_first_word_when_words_are_timed() -> None:
    words = timed(ENGLISH, start=1.0)
    spec = spec_of(Shot("s", narration=ENGLISH, duration=seconds(30), words=words))
    _, cues = planned(spec)
    spoken = iter(words)
    for cue in cues:
        first = next(spoken)
        assert cue.text.startswith(first.text)
        assert cue.start == round(first.start.total_seconds() * 30)
        for _ in cue.text.split()[1:]:
            next(spoken)


def test_each_word_is_marked_while_it_is_spoken_and_never_two_at_once() -> None:
    words = timed(ENGLISH, start=0.5)
    spec = spec_of(Shot("s", narration=ENGLISH, duration=seconds(30), words=words))
    _, cues = planned(spec)
    marked = [(cue.text[word.first : word.last], word.start) for cue in cues for word in cue.words]
    assert marked == [(word.text, round(word.start.total_seconds() * 30)) for word in words]
    for cue in cues:
        assert all(cue.start <= word.start < word.end <= cue.end for word in cue.words)
        assert all(left.end <= right.start for left, right in zip(cue.words, cue.words[1:], strict=False))


def test_words_that_are_not_in_the_caption_are_passed_over() -> None:
    words = (
        WordTiming("Good", seconds(0), seconds(0.5)),
        WordTiming("um", seconds(0.5), seconds(0.8)),
        WordTiming("MORNING", seconds(0.8), seconds(1.4)),
    )
    _, cues = planned(spec_of(Shot("s", caption="Good morning", duration=seconds(3), words=words)))
    assert [cues[0].text[word.first : word.last] for word in cues[0].words] == ["Good", "morning"]


def test_words_of_chinese_captions_are_marked_without_spaces_between_them() -> None:
    words = tuple(
        WordTiming(word, seconds(n), seconds(n + 1)) for n, word in enumerate(("清晨", "的", "湖面", "很", "安静"))
    )
    _, cues = planned(spec_of(Shot("s", caption="清晨的湖面，很安静。", duration=seconds(6), words=words)))
    assert [cues[0].text[word.first : word.last] for word in cues[0].words] == ["清晨", "的", "湖面", "很", "安静"]


def test_slideshows_draw_captions_only_where_one_is_given() -> None:
    spec = spec_of(
        Shot("a", narration="Spoken", duration=seconds(3)),
        Shot("b", caption="Written", duration=seconds(3)),
        mode=ProjectMode.SLIDESHOW,
    )
    assert [cue.text for cue in planned(spec)[1]] == ["Written"]


def test_an_empty_caption_hides_the_narration() -> None:
    assert planned(spec_of(Shot("a", narration="Spoken", caption="", duration=seconds(3))))[1] == ()


def test_the_look_is_what_the_project_says_over_what_its_mode_says() -> None:
    short = RenderSpec(
        Project(mode=ProjectMode.SHORT, captions=CaptionOptions(scale=0.5), language="ja"),
        OutputSpec(720, 1280, 30, Quality.STANDARD),
    )
    fmt = caption_format(short)
    assert fmt.scale == pytest.approx(1.35 * 0.5)
    assert fmt.language == "ja"


def test_captions_change_at_once_within_a_shot_and_at_cuts_and_fade_elsewhere() -> None:
    cut = Transition(kind=TransitionKind.CUT)
    timeline, cues = planned(
        spec_of(
            Shot("a", caption=CHINESE, duration=seconds(12)),
            Shot("b", caption="Faded", duration=seconds(4)),
            Shot("c", caption="Cut", duration=seconds(4), transition=cut),
        )
    )
    fades = [tuple(frames > 1 for frames in pair) for pair in caption_fades(cues, timeline)]
    first, *between, last = fades[:-2]
    assert first == (True, False)
    assert all(pair == (False, False) for pair in between)
    assert last == (False, True)
    assert fades[-2:] == [(True, False), (False, True)]
