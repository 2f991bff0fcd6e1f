"""A lexicon says how words are read: whole words, in their case, as IPA, a respelling or pinyin."""

import re
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.domain.projects.narrations import spoken_narrations
from render_service.domain.projects.project import Project, Shot, Speech
from render_service.domain.projects.validation import check_project
from render_service.domain.speech.han import is_han
from render_service.domain.speech.lexicon import LexiconEntry, applying, occurrences, phonemes_of
from render_service.speech.phonemes import pronounce

ENTRIES = (
    LexiconEntry("kokoro", ipa="kˈOkəɹO"),
    LexiconEntry("US", respelling="you ess"),
    LexiconEntry("New York", respelling="gotham"),
    LexiconEntry("重庆", respelling="chong2 qing4"),
    LexiconEntry("行", respelling="航"),
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kokoro, Kokoro and KOKORO", ["kokoro", "Kokoro", "KOKORO"]),
        ("kokoros, akokoro and kokoro2", []),
        ("kokoro-82M, kokoro's", ["kokoro", "kokoro"]),
        ("the US tells us", ["US"]),
        ("in New York, new york", ["New York"]),
        ("重庆的银行US行", ["重庆", "行", "US", "行"]),
    ],
)
def test_words_are_found_where_they_stand_alone_and_in_their_case(text: str, found: list[str]) -> None:
    assert [text[first:last] for _, first, last in occurrences(ENTRIES, text)] == found


def _pattern(word: str) -> str:
    """Return a regular expression that finds a word where `occurrences` does."""
    letter, case = r"[^\W_\u3400-\u9fff]", "(?i:{})" if word == word.lower() else "{}"
    before, after = (end.isalnum() and not is_han(end) for end in (word[0], word[-1]))
    return f"(?<!{letter})" * before + case.format(re.escape(word)) + f"(?!{letter})" * after


_SIGNS = st.text("aAbB1_ -'é灯行ſsSKkİiıIµΜßςσΣ㐂あ〇²", min_size=1, max_size=4)


@given(words=st.sets(_SIGNS, min_size=1, max_size=8), text=st.lists(_SIGNS, max_size=10).map("".join))
def test_words_are_found_as_regular_expressions_find_them(words: set[str], text: str) -> None:
    by_length = sorted(words, key=lambda word: (-len(word), word == word.lower(), word))
    pattern = re.compile("|".join(map(_pattern, by_length)))
    entries = [LexiconEntry(word, ipa="a") for word in by_length]
    found = [(first, last) for _, first, last in occurrences(entries, text)]
    assert found == [match.span() for match in pattern.finditer(text)]


def test_a_large_lexicon_is_applied_to_a_long_text_without_delay() -> None:
    lexicon = tuple(LexiconEntry(f"word{number}", ipa="a") for number in range(500))
    started = time.thread_time()
    assert applying(lexicon, "The light burns, word7 says. " * 1_000, "en") == (lexicon[7],)
    assert time.thread_time() - started < 1, "a search for each entry takes several seconds"


def test_the_entry_of_the_language_takes_precedence_and_only_words_of_the_text_count() -> None:
    both = LexiconEntry("GIF", respelling="jif")
    english = replace(both, respelling="ghif", language="en-GB")
    assert applying((both, english, *ENTRIES), "A GIF.", "en-US") == (english,)
    assert applying((both, english, *ENTRIES), "一个GIF。", "zh") == (both,)


def signs(text: str, language: str, *entries: LexiconEntry) -> str:
    return "".join(one.signs for one in pronounce(text, language, entries).sounds)


@pytest.mark.speech
def test_a_word_is_spoken_as_the_lexicon_says_and_shown_as_it_is_written() -> None:
    ipa = LexiconEntry("siobhan", ipa="/ʃɪˈvɔːn/")
    pronounced = pronounce("Hi, Siobhan's here.\nBye Siobhan", "en", (ipa,))
    assert pronounced.words == ("Hi,", "Siobhan's", "here.", "Bye", "Siobhan")
    assert {one.word for one in pronounced.sounds} - {None} == set(range(5))
    assert signs("Siobhan", "en", ipa) == "ʃɪˈvɔːn"
    assert signs("Siobhan's", "en", ipa) == "ʃɪˈvɔːnz"
    assert signs("SQL", "en", LexiconEntry("SQL", respelling="sequel")) == signs("sequel", "en")
    stressed = signs("Vaughan", "en", LexiconEntry("vaughan", respelling="shi-VAWN"))
    assert stressed.count("ˈ") == 1
    assert stressed.startswith("ʃ")


@pytest.mark.speech
def test_a_chinese_word_is_spoken_as_pinyin_or_as_other_characters() -> None:
    for respelling in ("chong2 qing4", "虫庆"):
        entry = LexiconEntry("重庆", respelling=respelling)
        assert "ꭧʰʊ↗ŋʨʰi↘ŋ" in signs("重庆很大", "zh", entry).replace(" ", "")
    assert "ꭧʊ↘ŋ" in signs("重庆很大", "zh", LexiconEntry("重庆", respelling="zhong4 qing4")).replace(" ", "")


def test_ipa_is_taken_as_people_write_it() -> None:
    assert phonemes_of("/tʃeɪn dʒɔɪ goʊ ˈɹiːd/", "en") == "ʧAn ʤY ɡO ˈɹiːd"
    assert phonemes_of("[ʈʂʰʊŋ˧˥ tɕi˥˩]", "zh") == "ꭧʰʊŋ↗ ʨi↘"


def faults(*entries: LexiconEntry) -> list[tuple[str, str]]:
    found = check_project(Project(lexicon=entries), "project", lambda _: None, for_render=False)
    return [(fault.field.removeprefix("project."), fault.description) for fault in found]


@pytest.mark.parametrize(
    ("entry", "field", "said"),
    [
        (LexiconEntry("a", ipa="kɮʘ"), "ipa", "ɮ, ʘ is not in their alphabet"),
        (LexiconEntry("a", ipa="ˈ"), "ipa", "at least one phoneme"),
        (LexiconEntry("a", ipa="ki.!"), "ipa", "! is not"),
        (LexiconEntry("a"), "ipa", "where respelling is omitted"),
        (LexiconEntry("a", ipa="a", respelling="b"), "ipa", "omitted where it is given"),
        (LexiconEntry("a", respelling="жук"), "respelling", "cannot read ж, у, к"),
        (LexiconEntry("a", respelling="重", language="en"), "respelling", "cannot read 重"),
        (LexiconEntry("a", respelling="…"), "respelling", "a letter or a digit"),
        (LexiconEntry(" a", ipa="a"), "word", "blanks around it"),
        (LexiconEntry("", ipa="a"), "word", "must not be empty"),
        (LexiconEntry("a" * 101, ipa="a"), "word", "100 characters"),
        (LexiconEntry("a", ipa="a" * 201), "ipa", "200 characters"),
        (LexiconEntry("a", ipa="a", language="english!"), "language", "BCP 47"),
        (LexiconEntry("fine", ipa="b"), "word", "lexicon[0] has the same"),
    ],
)
def test_an_entry_that_cannot_be_read_is_refused_at_its_path(entry: LexiconEntry, field: str, said: str) -> None:
    [(at, description)] = faults(LexiconEntry("fine", ipa="faɪn"), entry)
    assert at == f"lexicon[1].{field}"
    assert said in description


def test_a_lexicon_has_at_most_500_entries() -> None:
    assert [field for field, _ in faults(*(LexiconEntry(f"w{n}", ipa="a") for n in range(501)))] == ["lexicon"]


def test_characters_that_the_lexicon_reads_are_accepted_and_part_of_what_is_spoken() -> None:
    entry = LexiconEntry("Ж", respelling="zhe")
    project = Project(shots=(Shot("one", narration="The letter Ж"), Shot("two", narration="Hi")), speech=Speech())
    refused = check_project(project, "project", lambda _: None, for_render=True)
    assert [fault.field for fault in refused] == ["project.storyboard.shots[0].narration"]
    assert "lexicon" in refused[0].description
    known = replace(project, lexicon=(entry,))
    assert check_project(known, "project", lambda _: None, for_render=True) == []
    assert [request.lexicon for request in spoken_narrations(known).values()] == [(entry,), ()]
