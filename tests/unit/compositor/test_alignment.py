"""Timed words find their place in a caption that is not quite what was heard; one wrong word shifts no other."""

import time
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.compositor.captions.alignment import align_words
from render_service.domain.projects.project import WordTiming


def spoken(text: str) -> list[WordTiming]:
    """Words of one second each; a word may hold `_` for a space."""
    return [
        WordTiming(word.replace("_", " "), timedelta(seconds=n), timedelta(seconds=n + 1))
        for n, word in enumerate(text.split())
    ]


def found(text: str, words: str, language: str = "") -> dict[str, float]:
    return {
        text[word.first : word.last]: word.timing.start.total_seconds()
        for word in align_words(text, spoken(words), language)
    }


SCRIPT = "The harbour wakes before the sun does"


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("the harbour wakes before the sun does", (0, 1, 2, 3, 4, 5, 6)),
        ("the harbor wakes before the sun does", (0, 1, 2, 3, 4, 5, 6)),
        ("um the harbour wakes before the sun does", (1, 2, 3, 4, 5, 6, 7)),
        ("the harbour wakes well before the sun does", (0, 1, 2, 4, 5, 6, 7)),
        ("the harbour wakes before the sun does uh", (0, 1, 2, 3, 4, 5, 6)),
        ("the the the harbour wakes before the sun does", (2, 3, 4, 5, 6, 7, 8)),
    ],
)
def test_one_extra_or_misheard_word_shifts_nothing_else(words: str, wanted: tuple[float, ...]) -> None:
    aligned = align_words(SCRIPT, spoken(words))
    starts = {SCRIPT[word.first : word.last].lower() + str(word.first): word.timing.start for word in aligned}
    # Of words said several times any may be taken.
    assert [start.total_seconds() for start in starts.values()][1:] == [float(second) for second in wanted[1:]]


def test_a_word_that_was_not_heard_is_interpolated_only_where_there_is_time() -> None:
    assert found(SCRIPT, "the wakes before the sun does")["wakes"] == 1.0
    assert found("one two three four", "one twothree four") == {"one": 0.0, "two": 1.0, "three": 1.375, "four": 2.0}


@pytest.mark.parametrize(
    ("text", "words", "language"),
    [
        ("Don’t stop, it's late", "don't stop it’s late", ""),
        ("Caf\u00e9 cr\u00e8me", "CAFE\u0301 CRE\u0300ME", ""),
        ("Die Straße ist groß", "die STRASSE ist GROSS", "de"),
        ("İstanbul ışıl parlıyor", "istanbul IŞIL PARLIYOR", "tr"),
        ("Ｆｕｌｌ width", "full WIDTH", ""),
        ("well-known facts", "well-known facts", ""),
        ("नमस्ते दुनिया", "नमस्ते दुनिया", "hi"),
    ],
)
def test_words_are_compared_without_case_form_and_kind_of_apostrophe(text: str, words: str, language: str) -> None:
    assert list(found(text, words, language).values()) == [float(n) for n in range(len(words.split()))]


def test_words_of_a_text_without_spaces_are_found() -> None:
    text = "清晨的湖面，很安静。"
    assert found(text, "清晨 的 湖面 很 安静") == {"清晨": 0.0, "的": 1.0, "湖面": 2.0, "很": 3.0, "安静": 4.0}
    assert found(text, "清晨 地 湖面 很 安静")["湖面"] == 2.0


def test_words_of_another_text_are_not_forced_onto_it() -> None:
    assert found("Guten Morgen, lieber Hafen", "good morning dear harbour") == {}


@given(st.lists(st.sampled_from(["a", "b", "the", "sun", "’", "中", "x-y"]), max_size=30), st.data())
def test_aligned_words_rise_and_never_overlap(text: list[str], data: st.DataObject) -> None:
    words = data.draw(st.lists(st.sampled_from(["a", "B", "the", "sun", "moon", "中文", "..."]), max_size=30))
    aligned = align_words(" ".join(text), spoken(" ".join(words)))
    for before, after in pairwise(aligned):
        assert before.last <= after.first
        assert before.timing.start <= after.timing.start
        assert before.timing.end <= after.timing.end


def test_the_longest_captions_are_aligned_at_once() -> None:
    begin = time.process_time()
    align_words("la " * 1300, spoken("la " * 1299 + "li"))
    align_words("的" * 4000, spoken("的 " * 2000))
    assert time.process_time() - begin < 2
