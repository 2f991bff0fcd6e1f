"""Remote providers are sent respelled texts, and captions keep the words of the text with their times."""

import pytest

from render_service.domain.projects.project import WordTiming
from render_service.domain.speech.lexicon import LexiconEntry
from render_service.domain.speech.respelling import RespelledText, respelled
from render_service.providers.speech.word_times import as_original, in_original_words, timed

LEXICON = (
    LexiconEntry("sql", respelling="sequel"),
    LexiconEntry("New York", respelling="NY"),
    LexiconEntry("重庆", respelling="崇庆"),
    LexiconEntry("Siobhan", ipa="ʃɪˈvɔːn"),
    LexiconEntry("长", respelling="chang2"),
)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("SQL's in New York.", "sequel's in NY."),
        ("MySQL, sqlite: sql", "MySQL, sqlite: sequel"),
        ("我在重庆", "我在崇庆"),
        ("Siobhan 长", "Siobhan 长"),
        ("nothing", "nothing"),
    ],
)
def test_words_are_respelled_where_local_would_and_sounds_are_left_alone(text: str, sent: str) -> None:
    assert respelled(text, LEXICON).sent == sent


def _words(text: RespelledText) -> tuple[WordTiming, ...] | None:
    starts = [float(place) for place in range(len(text.sent))]
    return in_original_words(text, list(text.sent), starts, [start + 1 for start in starts])


def test_the_words_of_the_text_have_the_time_of_their_respellings() -> None:
    words = _words(respelled("An SQL server, New York.", LEXICON))
    assert [(word.text, word.start.seconds, word.end.seconds) for word in words or ()] == [
        ("An", 0, 2),
        ("SQL", 3, 9),
        ("server,", 10, 17),
        ("New", 18, 18),
        ("York.", 19, 21),
    ]


def test_times_of_another_text_are_not_used() -> None:
    text = respelled("An SQL server", LEXICON)
    assert in_original_words(text, list("An SQL server"), [0.0] * 13, [0.0] * 13) is None
    assert as_original(text, timed([("An", 0, 1), ("S.Q.L.", 1, 2), ("server", 2, 3)])) is None
    assert as_original(text, timed([("An", 0, 1)])) is None


def test_words_of_the_sent_text_become_those_of_the_original() -> None:
    text = respelled("SQL in New York!", LEXICON)
    words = as_original(text, timed([("sequel", 1, 2), ("in", 2, 3), ("NY!", 4, 7)]))
    assert [word.text for word in words or ()] == ["SQL", "in", "New", "York!"]
    assert [word.start.seconds for word in words or ()][:3] == [1, 2, 4]
    unchanged = timed([("other", 0, 1)])
    assert as_original(respelled("nothing", LEXICON), unchanged) == unchanged
