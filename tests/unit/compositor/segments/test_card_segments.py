"""A card enters the keys of its own shot alone, lies under the shot's layers, and leaves captions their rows."""

from dataclasses import replace
from datetime import timedelta

import pytest

from render_service.compositor.captions.layout import caption_format, caption_size, look_format, max_lines
from render_service.compositor.drawing.free_rows import blocked_rows, clear_of
from render_service.compositor.layers.shapes import shape_area
from render_service.compositor.layers.texts import draw_text
from render_service.compositor.planning import plan_pictures
from render_service.compositor.segments.content_hashes import MediaHashes, ShotHashes
from render_service.compositor.segments.shot_layers import card_area, shot_layers
from render_service.compositor.text.glyph_coverage import check_glyphs
from render_service.domain.cards.model import (
    ChapterCard,
    ChartCard,
    ChartPoint,
    MapPinCard,
    QuoteCard,
    ShotCard,
    StatisticCard,
)
from render_service.domain.errors import RenderFailure
from render_service.domain.generation.clip_plan import generated_shots
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.layers.changing import settled
from render_service.domain.layers.model import Layer, ShapeKind, ShapeLayer
from render_service.domain.projects.looks.captions import CaptionPosition, CaptionPreset
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import (
    CaptionOptions,
    CaptionStyle,
    Corner,
    Project,
    Shot,
    Transition,
    TransitionKind,
    Watermark,
)
from render_service.domain.projects.timeline import plan_timeline
from tests.unit.compositor.cards.samples import WORDS, cards_of

SECOND = timedelta(seconds=1)
CUT = Transition(TransitionKind.CUT)


def chart(value: float) -> ShotCard:
    return ShotCard(chart=ChartCard(points=(ChartPoint("May", 3), ChartPoint("June", value))))


def project_of(*cards: ShotCard, caption: str = "") -> Project:
    return Project(
        shots=tuple(
            Shot(f"s{number}", caption=caption, duration=9 * SECOND, transition=CUT, card=card)
            for number, card in enumerate(cards)
        )
    )


def spec_of(project: Project, width: int = 320, height: int = 180) -> RenderSpec:
    return RenderSpec(project, OutputSpec(width, height, 30, Quality.STANDARD))


def keys(project: Project) -> list[tuple[int, str]]:
    timeline = plan_timeline(project, 30, {})
    _, planned = plan_pictures(spec_of(project), timeline, MediaHashes())
    return [(segment.shot_index, segment.job.key) for segment in planned]


def test_a_number_of_a_chart_touches_its_own_shot_only() -> None:
    before, after = (keys(project_of(chart(5), chart(value), chart(5))) for value in (7, 8))
    assert {shot for (shot, key), (_, old) in zip(after, before, strict=True) if key != old} == {1}


def test_where_a_number_counts_from_touches_only_the_time_in_which_it_counts() -> None:
    def counted(start: float) -> list[tuple[int, str]]:
        card = ShotCard(statistic=StatisticCard(100, start, label="boats"))
        return keys(Project(shots=(Shot("s", caption="", duration=30 * SECOND, card=card),)))

    changed = [key != old for (_, key), (_, old) in zip(counted(50), counted(40), strict=True)]
    assert changed[0]
    assert not any(changed[1:])
    assert len(changed) > 1


def test_a_card_lies_under_the_layers_of_its_shot() -> None:
    own = Layer("own", shape=ShapeLayer(color="#FF0000"))
    project = project_of(ShotCard(chapter=ChapterCard("One")))
    project = replace(project, shots=(replace(project.shots[0], layers=(own,)),))
    shot = plan_timeline(project, 30, {}).shots[0]
    drawn = shot_layers(spec_of(project), shot, {})
    assert [one.layer.shape and one.layer.shape.color for one in drawn][-1] == "#FF0000"
    assert any(one.layer.text and one.layer.text.text == "One" for one in drawn[:-1])


@pytest.mark.parametrize("x", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("frame", [(320, 180), (180, 320)])
def test_a_pin_stands_at_its_place_in_the_picture(frame: tuple[int, int], x: float) -> None:
    field = "card.map_pin.picture_uri"
    project = project_of(ShotCard(map_pin=MapPinCard("https://example.com/a.jpg", x, 0.6, "Here")))
    shot = plan_timeline(project, 30, {}).shots[0]
    spec = spec_of(project, *frame)
    drawn = shot_layers(spec, shot, {field: "hash"}, ((field, (400, 300)),))
    picture, group = next((one.layer.box, one.group) for one in drawn if one.file == "hash")
    assert group
    assert picture.x is not None
    assert picture.y is not None
    assert picture.width
    assert picture.height
    assert (picture.x <= 1e-9, picture.y <= 1e-9) == (True, True)
    assert picture.x + picture.width >= 1 - 1e-9
    assert picture.y + picture.height >= 1 - 1e-9
    assert picture.width * frame[0] / (picture.height * frame[1]) == pytest.approx(4 / 3)
    place = (picture.x + x * picture.width, picture.y + 0.6 * picture.height)
    assert (group.layer.box.x, group.layer.box.y) == pytest.approx(place)


@pytest.mark.parametrize("frame", [(320, 180), (180, 320), (240, 240), (128, 512)])
@pytest.mark.parametrize("style", [CaptionStyle.OUTLINE, CaptionStyle.BOX])
def test_captions_keep_their_rows(frame: tuple[int, int], style: CaptionStyle) -> None:
    for name, card in cards_of(WORDS[0]).items():
        project = replace(project_of(card, caption="A caption"), captions=CaptionOptions(style=style))
        spec = spec_of(project, *frame)
        fmt = caption_format(spec)
        around = [
            settled(one.layer, "")
            for one in shot_layers(spec, plan_timeline(project, 30, {}).shots[0], {"card.map_pin.picture_uri": "hash"})
        ]
        whole = fmt.area(*frame)
        rows = clear_of(whole, blocked_rows(around, fmt, frame), fmt, frame)
        assert rows.y + rows.height == whole.y + whole.height, name
        assert rows.height >= max_lines(*frame) * caption_size(*frame, fmt), name


@pytest.mark.parametrize(
    ("preset", "position"),
    [
        (CaptionPreset.WORD_POP, None),
        (CaptionPreset.BIG_WORD, CaptionPosition.MIDDLE),
        (CaptionPreset.LYRICS, CaptionPosition.TOP),
    ],
)
def test_captions_of_presets_touch_no_text_of_a_card(preset: CaptionPreset, position: CaptionPosition | None) -> None:
    frame = (180, 320)
    for name, card in cards_of(WORDS[0]).items():
        options = CaptionOptions(preset=preset, position=position)
        spec = spec_of(replace(project_of(card, caption="A caption"), captions=options), *frame)
        shot = plan_timeline(spec.project, 30, {}).shots[0]
        around = [settled(one.layer, "") for one in shot_layers(spec, shot, {"card.map_pin.picture_uri": "hash"})]
        fmt = look_format(spec)
        assert fmt
        rows = clear_of(fmt.area(*frame), blocked_rows(around, fmt, frame), fmt, frame)
        for layer in around:
            if layer.text:
                area = draw_text(layer.text, layer.box, None, frame, "")[1]
                assert area.y >= rows.y + rows.height - 1 or area.y + area.height <= rows.y + 1, (name, layer.text)


def test_cards_keep_clear_of_a_watermark() -> None:
    project = project_of(ShotCard(quote=QuoteCard("Yes")))
    free = card_area(spec_of(project), project.shots[0])
    above = replace(project, watermark=Watermark("https://example.com/a.png"))
    below = replace(project, watermark=Watermark("https://example.com/a.png", Corner.BOTTOM_LEFT))
    upper, lower = (card_area(spec_of(one), one.shots[0]) for one in (above, below))
    assert upper.y > free.y
    assert upper.y + upper.height == free.y + free.height
    assert lower.y == free.y
    assert lower.y + lower.height < free.y + free.height


def test_no_clip_is_generated_for_a_card_alone() -> None:
    shots = (Shot("a", "dawn"), Shot("b", card=chart(1)), Shot("c", card=chart(1), image_uri="https://e.com/a.png"))
    assert [shot.id for shot in generated_shots(spec_of(Project(shots=shots)))] == ["a", "c"]


def test_a_character_that_no_font_has_is_named_with_the_field_of_its_card() -> None:
    project = project_of(ShotCard(quote=QuoteCard("Yes", "\U0001e2c0\U000e0fff")))
    with pytest.raises(RenderFailure, match=r"s0\.card\.quote\.author"):
        check_glyphs(spec_of(project))


def test_the_files_of_a_card_enter_its_keys() -> None:
    card = cards_of(WORDS[0], pictures=True)["quote"]
    project = project_of(card)
    timeline = plan_timeline(project, 30, {})

    def key(content: str) -> list[str]:
        hashes = MediaHashes(shots={"s0": ShotHashes(layers={"card.quote.picture_uri": content})}, assets={})
        drawn = shot_layers(spec_of(project), timeline.shots[0], hashes.shots["s0"].layers)
        return [one.file for one in drawn if one.file]

    assert key("one") == ["one"]
    assert MediaFacts().sizes == ()


@pytest.mark.parametrize("frame", [(320, 180), (180, 320), (256, 256)])
@pytest.mark.parametrize("y", [0.0, 0.05, 0.2, 0.5, 1.0])
def test_a_map_pin_and_its_label_are_whole_wherever_the_place_lies(frame: tuple[int, int], y: float) -> None:
    field = "card.map_pin.picture_uri"
    project = project_of(
        ShotCard(map_pin=MapPinCard("https://example.com/a.jpg", 0.5, y, "Here", "A long way from home"))
    )
    spec = spec_of(project, *frame)
    drawn = shot_layers(spec, plan_timeline(project, 30, {}).shots[0], {field: "hash"}, ((field, (400, 300)),))
    shapes = [one.layer for one in drawn if one.layer.shape and one.layer.shape.kind is not ShapeKind.ELLIPSE]
    pin, label = (shape_area(layer.box, frame) for layer in shapes)
    for part in (pin, label):
        assert part.y >= -1
        assert part.y + part.height <= frame[1] + 1
    beside = label.x + label.width <= pin.x or label.x >= pin.x + pin.width
    assert beside or label.y + label.height <= pin.y or label.y >= pin.y + pin.height
