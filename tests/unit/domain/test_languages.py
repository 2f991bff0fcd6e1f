"""A project is spoken in another language from its translations; what is not translated is named."""

from dataclasses import replace
from datetime import timedelta

from render_service.domain.errors import FieldFault
from render_service.domain.projects.languages import missing_translations, respoken
from render_service.domain.projects.narrations import spoken_narrations
from render_service.domain.projects.project import Project, Shot, Speech, Translation, WordTiming

WORDS = (WordTiming("Hi", timedelta(0), timedelta(seconds=1)),)
PROJECT = Project(
    shots=(
        Shot("one", narration="Good morning.", translations=(Translation("zh-CN", "早上好。"),)),
        Shot(
            "two",
            narration="Hi",
            caption="Hi",
            narration_audio_uri="https://example.com/hi.wav",
            words=WORDS,
            speech=Speech("am_puck"),
            translations=(Translation("de", "Hallo"), Translation("zh", "你好", "你好！")),
        ),
        Shot("three", caption="No words"),
    ),
    speech=Speech("af_bella", 1.2),
)


def test_each_shot_is_spoken_from_its_translation_by_a_voice_that_speaks_it() -> None:
    chinese = respoken(PROJECT, Speech(language="zh-Hans"))
    spoken = spoken_narrations(chinese)
    assert {shot_id: (one.text, one.voice, one.speed) for shot_id, one in spoken.items()} == {
        "one": ("早上好。", "zf_xiaobei", 1.2),
        "two": ("你好", "zf_xiaobei", 1.2),
    }
    one, two, three = chinese.shots
    assert (one.caption, two.caption, three.caption) == (None, "你好！", "No words")
    assert (two.narration_audio_uri, two.words, chinese.language) == ("", (), "zh-Hans")


def test_a_project_can_return_to_its_own_language() -> None:
    english = respoken(respoken(PROJECT, Speech(language="zh")), Speech(language="en"))
    assert [shot.narration for shot in english.shots] == ["Good morning.", "Hi", ""]


def test_the_language_of_the_project_itself_needs_no_translation() -> None:
    assert list(missing_translations(PROJECT, "en-GB")) == []
    assert respoken(PROJECT, Speech(language="en")).shots == PROJECT.shots


def test_shots_without_a_translation_are_named() -> None:
    assert list(missing_translations(PROJECT, "zh")) == []
    assert list(missing_translations(PROJECT, "de")) == [
        FieldFault(
            "project.storyboard.shots[0].translations", "must have one in de: the narration is in another language"
        )
    ]


def test_another_voice_changes_nothing_else() -> None:
    other = respoken(PROJECT, Speech("am_echo"))
    assert replace(other, speech=PROJECT.speech) == PROJECT
    assert other.speech == Speech("am_echo", 1.2)
    assert spoken_narrations(other)["one"].voice == "am_echo"
