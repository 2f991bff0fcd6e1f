"""A project is spoken in another language from its translations; what is not translated is named."""

from dataclasses import replace
from datetime import timedelta

import pytest

from render_service.domain.errors import FieldFault
from render_service.domain.projects.languages import missing_translations, respoken
from render_service.domain.projects.narrations import provider_faults, spoken_narrations
from render_service.domain.projects.project import CaptionOptions, Project, Shot, Speech, Translation, WordTiming
from render_service.domain.projects.validation import check_project
from render_service.domain.speech.options import SpeechChoice

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


RECORDED = Shot("four", narration_audio_uri="https://example.com/four.wav", speech=Speech(language="en"))
HEARD = Shot("five", clip_uri="https://example.com/clip.mp4")
FROM_AUDIO = CaptionOptions(from_audio=True)


def test_a_recording_that_nobody_has_written_down_gives_way_to_its_translation() -> None:
    shot = replace(RECORDED, translations=(Translation("de", "Guten Tag"),))
    project = Project(shots=(shot,), captions=FROM_AUDIO, speech=Speech())
    (german,) = respoken(project, Speech(language="de")).shots
    assert (german.narration, german.narration_audio_uri) == ("Guten Tag", "")
    (english,) = respoken(project, Speech(language="en-GB")).shots
    assert english.narration_audio_uri == RECORDED.narration_audio_uri


@pytest.mark.parametrize("shot", [HEARD, replace(RECORDED, speech=Speech(language="fr"))])
def test_the_language_of_what_is_only_heard_is_no_fault_of_the_voices(shot: Shot) -> None:
    spoken = Shot("one", narration="Good morning.", translations=(Translation("zh", "早上好。"),))
    project = Project(shots=(spoken, shot), captions=FROM_AUDIO, speech=Speech())
    assert check_project(project, "project", lambda _: None, for_render=True) == []
    assert list(provider_faults(project, SpeechChoice(), None, None)) == []
    chinese = respoken(project, Speech(language="zh"))
    assert list(provider_faults(chinese, SpeechChoice(), None, None)) == []


def test_a_language_that_no_voice_speaks_is_still_a_fault_where_it_is_spoken() -> None:
    shot = Shot("one", narration="Bonjour.", speech=Speech(language="fr"))
    faults = check_project(Project(shots=(shot,)), "project", lambda _: None, for_render=True)
    assert [fault.field for fault in faults] == ["project.storyboard.shots[0].speech.language"]
