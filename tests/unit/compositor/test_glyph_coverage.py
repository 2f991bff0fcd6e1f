"""A character that no font draws stops the job before rendering, by name."""

import pytest

from render_service.compositor.text.drawn_texts import clean_text, render_language
from render_service.compositor.text.fonts import (
    drawn_characters,
    guess_language,
    is_covered,
    split_by_face,
    text_language,
)
from render_service.compositor.text.glyph_coverage import check_glyphs, missing_characters
from render_service.compositor.text.typesetting import LineStyle, measure, set_line
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.delivery.ai_label import with_ai_label
from render_service.domain.projects.output import AiLabel, OutputSpec, Quality
from render_service.domain.projects.project import CaptionOptions, Card, MissingGlyph, Project, Shot
from render_service.domain.warning import WarningCode


def spec_of(*shots: Shot, **fields: Card) -> RenderSpec:
    return RenderSpec(Project(shots=shots, **fields), OutputSpec(1280, 720, 30, Quality.STANDARD))  # type: ignore[arg-type]


def test_missing_characters_are_named_with_their_shot() -> None:
    spec = spec_of(Shot("opening", caption="fine"), Shot("zoo", caption="a \U00013080 and \U00012000 \U00013080"))
    with pytest.raises(RenderFailure) as caught:
        check_glyphs(spec)
    assert caught.value.reason is ErrorReason.GLYPH_MISSING
    assert caught.value.metadata == {
        "shot_id": "zoo",
        "field": "caption",
        "characters": "U+13080,U+12000",
        "missing": "zoo.caption U+13080,U+12000",
    }
    assert "zoo" in caught.value.message
    assert "U+13080 EGYPTIAN HIEROGLYPH D010" in caught.value.message
    assert not caught.value.retryable


def test_all_missing_characters_of_a_project_are_reported_at_once() -> None:
    shots = [Shot(f"shot-{n}", caption=f"{chr(0x13080 + n)}") for n in range(12)]
    with pytest.raises(RenderFailure) as caught:
        check_glyphs(spec_of(*shots, title_card=Card("\U00012000", "\U00012001")))
    message, listed = caught.value.message, caught.value.metadata["missing"]
    assert message.startswith(
        "title_card.title: no font has a glyph for U+12000 CUNEIFORM SIGN A; title_card.subtitle:"
    )
    assert "; and 4 more fields; remove these characters, or set missing_glyph to REPLACE" in message
    assert listed.startswith("title_card.title U+12000; title_card.subtitle U+12001; shot-0.caption U+13080; ")
    assert listed.endswith("; shot-11.caption U+1308B")


def test_missing_characters_may_be_replaced_with_a_warning_for_each_field() -> None:
    shots = (Shot("a", caption="x \U00013080"), Shot("b", narration="\U00012000"), Shot("c", caption="fine"))
    project = Project(shots=shots, end_card=Card("\U00012000"), missing_glyph=MissingGlyph.REPLACE)
    warnings = check_glyphs(RenderSpec(project, OutputSpec(1280, 720, 30, Quality.STANDARD)))
    assert [(warning.code, warning.shot_id, warning.field) for warning in warnings] == [
        (WarningCode.GLYPH_REPLACED, "", "end_card.title"),
        (WarningCode.GLYPH_REPLACED, "a", "caption"),
        (WarningCode.GLYPH_REPLACED, "b", "narration"),
    ]
    assert "U+13080 EGYPTIAN HIEROGLYPH D010" in warnings[1].message


def test_a_replaced_character_is_drawn_as_one_box() -> None:
    style = LineStyle(40, 400)
    assert drawn_characters("a \U00013080 b") == "a \ufffd b"
    assert measure("a \U00013080 b", style) == measure("a \ufffd b", style)
    line = set_line("a \U00013080 b", style)
    assert "".join(run.text for run in line.runs) == "a \ufffd b"


def test_captions_that_are_not_drawn_need_no_glyphs() -> None:
    project = Project(shots=(Shot("a", caption="\U00013080"),), captions=CaptionOptions(burn_in=False))
    assert check_glyphs(RenderSpec(project, OutputSpec(1280, 720, 30, Quality.STANDARD))) == ()


def test_a_description_is_checked_only_where_it_is_drawn() -> None:
    spec = spec_of(Shot("a", visual_description="a \U00013080"))
    check_glyphs(spec)
    with pytest.raises(RenderFailure):
        check_glyphs(spec, {"a"})


def test_title_and_end_cards_are_checked() -> None:
    with pytest.raises(RenderFailure) as caught:
        check_glyphs(spec_of(Shot("a"), end_card=Card("Bye \U00013080")))
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
        "ভোর வணக்கம் తెలుగు ગુજરાતી ಕನ್ನಡ മലയാളം မြန်မာ ខ្មែរ ລາວ አማርኛ ქართული Հայերեն",
        "\U0001f984 \U0001f44d\U0001f3fd ❤\ufe0f \U0001f468\u200d\U0001f469\u200d\U0001f467 1\ufe0f\u20e3",
        "► ✗ ✓ ➜ ➤ ✦ ☐ ☑ ⟶ ⟵ ⇄ ▲ ▼ ◆ ● ○ ★ ☆ ■ □ ▪ ✔ ✘ ❯ ⏱ ⌘ ⌥ ⏎ ⚙ ☎ ✂ ❝ ❞ ♞ 🂡 ⠿ \U0001f9ff",
        "∑ ∫ ∂ ∇ √ ∞ ≈ ≠ ≤ ≥ ∈ ∉ ⊂ ∪ ∩ ∀ ∃ ¬ ∧ ∨ ⊕ ⊗ ℝ ℕ ℤ ℂ ⟨x⟩ ⌊x⌋ ∮ ∴ ⨁ ⪅ ⫋",
        "𝗕𝗼𝗹𝗱 𝐛𝐨𝐥𝐝 𝑖𝑡𝑎𝑙𝑖𝑐 𝒮𝒸𝓇𝒾𝓅𝓉 𝔉𝔯𝔞𝔨𝔱𝔲𝔯 𝔻𝕠𝕦𝕓𝕝𝕖 𝙼𝚘𝚗𝚘 𝟏𝟐𝟑",
        "zero\u200bwidth\u00adsoft \u200fmark\ufe0f",
    ],
)
def test_the_scripts_we_promise_are_covered(text: str) -> None:
    assert missing_characters(text) == []


def test_every_run_is_drawn_by_a_face_that_covers_it() -> None:
    text = "The word مرحبا means 你好, שלום “सुबह” ขึ้น…"
    runs = split_by_face(text, "zh-Hans")
    assert "".join(part for part, _ in runs) == text
    assert {face.name for _, face in runs} >= {"SansArabic", "SansHebrew", "SansDevanagari", "SansThai", "cjk-sc"}
    assert is_covered("你")
    assert not is_covered("\U00013080")


@pytest.mark.parametrize(
    "emoji",
    ["\U0001f468\u200d\U0001f469\u200d\U0001f467", "❤\ufe0f", "1\ufe0f\u20e3", "☝\U0001f3fd", "\U0001f1e8\U0001f1f3"],
)
def test_an_emoji_of_several_characters_is_drawn_as_one(emoji: str) -> None:
    runs = split_by_face(f"a {emoji} b", "")
    assert [part for part, face in runs if face.name == "ColorEmoji"] == [emoji]
    single, whole = measure("\U0001f984", LineStyle(40, 400)), measure(emoji, LineStyle(40, 400))
    assert whole == pytest.approx(single, rel=0.05)


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


def test_a_character_of_the_label_is_named_by_the_field_that_it_was_given_in() -> None:
    output = OutputSpec(1280, 720, 30, Quality.STANDARD, ai_label=AiLabel("AI \U00013080"))
    project = with_ai_label(Project(shots=(Shot("a"),)), output)
    with pytest.raises(RenderFailure) as caught:
        check_glyphs(RenderSpec(project, output))
    assert caught.value.metadata["field"] == "output.ai_label.text"
    assert str(caught.value).startswith("output.ai_label.text: no font has a glyph")
