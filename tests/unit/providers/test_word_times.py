"""The times of words: from those of characters, or from a provider's words."""

import pytest

from render_service.providers.speech.word_times import timed, words_of_characters

Expected = list[tuple[str, float, float]]


def seconds(words: object) -> Expected:
    assert isinstance(words, tuple)
    return [(word.text, word.start.total_seconds(), word.end.total_seconds()) for word in words]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi, you.", [("Hi,", 0, 3), ("you.", 4, 8)]),
        ("  A – b", [("A–", 2, 3), ("b", 6, 7)]),
        ("灯塔 ok", [("灯", 0, 1), ("塔", 1, 2), ("ok", 3, 5)]),
        ("你好。", [("你", 0, 1), ("好。", 1, 2)]),
        ("…", []),
    ],
)
def test_characters_become_words(text: str, expected: Expected) -> None:
    starts = [float(place) for place in range(len(text))]
    assert seconds(words_of_characters(list(text), starts, [start + 1 for start in starts])) == expected


def test_an_entry_of_several_characters_counts_as_each_of_them() -> None:
    assert seconds(words_of_characters(["e\u0301", "t", " ", "a"], [0, 1, 2, 3], [1, 2, 3, 4])) == [
        ("e\u0301t", 0, 2),
        ("a", 3, 4),
    ]


@pytest.mark.parametrize(
    ("starts", "ends"), [([0.0], [1.0]), ([0, float("nan")], [1, 2]), ([0, -1], [1, 2]), ([0, True], [1, 2])], ids=str
)
def test_what_are_no_times_is_refused(starts: list[float], ends: list[float]) -> None:
    assert words_of_characters(["a", "b"], starts, ends) is None


def test_times_are_put_in_order() -> None:
    assert seconds(timed([("a", 1, 0.5), ("b", 0.2, 0.4)])) == [("a", 1, 1), ("b", 1, 1)]
    assert timed([("a", None, 1)]) is None  # type: ignore[list-item]


def test_words_hold_nothing_that_cannot_be_stored() -> None:
    assert seconds(timed([("a\ud800b\0", 0, 1), ("\ud800", 1, 2)])) == [("ab", 0, 1)]


def test_a_time_too_large_for_a_float_is_no_time() -> None:
    assert timed([("a", 0, 10**400)]) is None
