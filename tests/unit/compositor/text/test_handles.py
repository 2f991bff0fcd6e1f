"""Handles, hashtags and URLs keep their signs where the text around them runs the other way."""

import pytest

from render_service.compositor.text.typesetting import LineStyle, set_line


def _seen(text: str) -> str:
    """Return what a reader sees from left to right, of text whose letters are one character each."""
    line = set_line(text, LineStyle(32, 400))
    return "".join(run.text if run.rightwards else run.text[::-1] for run in sorted(line.runs, key=lambda run: run.x))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("تابع @nordlys_coffee على", "@nordlys_coffee"),
        ("@nordlys_coffee على", "@nordlys_coffee"),
        ("تابع @nordlys_coffee", "@nordlys_coffee"),
        ("وسم #CupOfCalm هنا", "#CupOfCalm"),
        ("عقب https://example.com/a/?b=1 הנה", "https://example.com/a/?b=1"),
        ("הדף https://example.com/", "https://example.com/"),
    ],
)
def test_latin_names_in_text_from_right_to_left_are_read_as_they_are_written(text: str, part: str) -> None:
    assert part in _seen(text)


def test_an_arabic_hashtag_in_latin_text_has_its_sign_where_it_begins() -> None:
    assert "#مرحبا"[::-1] in _seen("say #مرحبا now")
