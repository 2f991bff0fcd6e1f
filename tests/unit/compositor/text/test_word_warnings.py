"""Word timings that do not belong to the caption of their shot are warned about; a few misheard words are not."""

from datetime import timedelta

import pytest

from render_service.compositor.captions.word_warnings import word_warnings
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot, WordTiming
from render_service.domain.warning import JobWarning, WarningCode

FOX = "The quick brown fox jumps over the lazy dog, and the dog dreams of foxes."


def timed(*words: str) -> tuple[WordTiming, ...]:
    return tuple(
        WordTiming(word, timedelta(seconds=number), timedelta(seconds=number + 1)) for number, word in enumerate(words)
    )


def warned(*shots: Shot) -> list[JobWarning]:
    return list(word_warnings(RenderSpec(Project(shots=shots), OutputSpec(1280, 720, 30, Quality.STANDARD))))


def test_words_of_another_text_warn_with_their_number_and_the_first() -> None:
    words = timed("The", "quick", "red", "wolf", "runs", "over", "the", "hill")
    (warning,) = warned(Shot("one", narration=FOX, words=words), Shot("two", narration=FOX, words=timed(*FOX.split())))
    assert (warning.code, warning.shot_id, warning.field) == (WarningCode.WORDS_UNMATCHED, "one", "words")
    assert warning.message.startswith("one.words: 4 of 8 are not found in the caption in their order")
    assert '"red"' in warning.message


@pytest.mark.parametrize("misheard", [0, 1])
def test_a_tenth_of_misheard_words_warns_of_nothing(misheard: int) -> None:
    words = ["box"] * misheard + FOX.split()[misheard:]
    assert warned(Shot("one", narration=FOX, words=timed(*words))) == []


def test_two_misheard_words_of_fifteen_warn() -> None:
    words = ["A", "slow", *FOX.split()[2:]]
    assert [warning.code for warning in warned(Shot("one", narration=FOX, words=timed(*words)))] == [
        WarningCode.WORDS_UNMATCHED
    ]


@pytest.mark.parametrize(
    "shot",
    [
        Shot("one", caption="早安，大海。\nGood morning, sea.", words=timed("早安", "大海")),
        Shot("one", caption="Hello — world", words=timed("HELLO", "—", "world!")),
        Shot("one", caption="", words=timed("not", "drawn")),
    ],
)
def test_words_of_one_language_punctuation_and_an_empty_caption_warn_of_nothing(shot: Shot) -> None:
    assert warned(shot) == []
