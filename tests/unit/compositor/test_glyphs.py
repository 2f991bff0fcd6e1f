"""A character that no font draws stops the job before rendering, by name."""

import pytest

from render_service.compositor.fonts import guess_language, is_covered, split_by_face, text_language
from render_service.compositor.glyphs import check_glyphs, missing_characters
from render_service.compositor.texts import clean_text, render_language
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.job import RenderSpec
from render_service.domain.output import OutputSpec, Quality
from render_service.domain.project import Card, Project, Shot


def spec_of(*shots: Shot, **fields: Card) -> RenderSpec:
    return RenderSpec(Project(shots=shots, **fields), OutputSpec(1280, 720, 30, Quality.STANDARD))  # type: ignore[arg-type]


def test_missing_characters_are_named_with_their_shot() -> None:
    spec = spec_of(Shot("opening", caption="fine"), Shot("zoo", caption="a \U0001f984 and \U00013000 \U0001f984"))
    with pytest.raises(RenderFailure) as caught:
        check_glyphs(spec)
    assert caught.value.reason is ErrorReason.GLYPH_MISSING
    assert caught.value.metadata == {"shot_id": "zoo", "characters": "U+1F984,U+13000"}
    assert "zoo" in caught.value.message
    assert "U+1F984 UNICORN FACE" in caught.value.message
    assert not caught.value.retryable


def test_a_description_is_checked_only_where_it_is_drawn() -> None:
    spec = spec_of(Shot("a", visual_description="a \U0001f984"))
    check_glyphs(spec)
    with pytest.raises(RenderFailure):
        check_glyphs(spec, {"a"})


def test_title_and_end_cards_are_checked() -> None:
    with pytest.raises(RenderFailure) as caught:
        check_glyphs(spec_of(Shot("a"), end_card=Card("Bye \U0001f984")))
    assert caught.value.metadata["shot_id"] == "@end"


@pytest.mark.parametrize(
    "text",
    [
        "The quick brown fox — “jumps” over 42 dogs… £€¥ ©®™ ½ ×",
        "清晨的湖面像一面镜子，远山与天空。《》「」！？①㎡",
        "清晨的湖面像一面鏡子，遠山與天空 香港嘅 𠮷",
        "漁師たちはランプの明かりで網を繕う・ー々〜♪",
        "항구는 태양보다 먼저 깨어난다",
        "يُصلح الصيادون شباكهم؛ ٢٠٢٦؟ پچژگ ی",
        "הנמל מתעורר לפני השמש, שָׁלוֹם",
        "ท่าเรือตื่นก่อนพระอาทิตย์ขึ้น",
        "बंदरगाह सूरज से पहले जागता है।",
        "Bến cảng Ế Größe Žluťoučký İstanbul Ελλάδα Привет ẑ ə",
        "zero\u200bwidth\u00adsoft \u200fmark\ufe0f",
    ],
)
def test_the_scripts_we_promise_are_covered(text: str) -> None:
    assert missing_characters(text) == []


def test_every_run_is_drawn_by_a_face_that_covers_it() -> None:
    text = "The word مرحبا means 你好, שלום “सुबह” ขึ้น…"
    runs = split_by_face(text, "zh-Hans")
    assert "".join(part for part, _ in runs) == text
    assert {face.name for _, face in runs} >= {"arabic", "hebrew", "devanagari", "thai", "cjk-sc"}
    assert is_covered("你")
    assert not is_covered("\U0001f984")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("这是简体中文", "zh-Hans"),
        ("這是繁體中文", "zh-Hant"),
        ("これは日本語", "ja"),
        ("한국어 문장", "ko"),
        ("English", ""),
        ("مرحبا", ""),
    ],
)
def test_the_language_is_guessed_from_the_text(text: str, language: str) -> None:
    assert guess_language(text) == language


def test_a_text_that_proves_its_language_is_set_in_it_whatever_the_project_says() -> None:
    assert text_language("ひらがな", "zh-Hans") == "ja"
    assert text_language("直", "zh-Hant") == "zh-Hant"


def test_the_language_of_a_render_is_that_of_most_of_its_text() -> None:
    shots = (Shot("a", caption="渔民们在灯光下修补渔网"), Shot("b", caption="ひ"), Shot("c", caption="English " * 9))
    assert render_language(Project(shots=shots)) == "zh-Hans"
    assert render_language(Project(shots=shots, language="zh-Hant-HK")) == "zh-Hant-HK"


def test_texts_are_cleaned_of_what_cannot_be_drawn() -> None:
    assert clean_text(" a\tb \r\n\r\n c\u202ed\u0000 e\u0301 ") == "a b\ncd é"
