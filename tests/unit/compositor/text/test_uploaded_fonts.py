"""A pinned font draws the characters that it has; all others are drawn in the fonts of the service."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from weakref import ref

import pytest
from fontTools.ttLib import TTFont
from PIL import ImageDraw

from render_service.compositor.media.assets import Media
from render_service.compositor.planning import plan_pictures
from render_service.compositor.segments.content_hashes import name_media
from render_service.compositor.segments.plan import PlannedSegment
from render_service.compositor.segments.spec import DrawnCard, SegmentSpec
from render_service.compositor.text.drawn_texts import drawn_texts
from render_service.compositor.text.fonts import LATIN, REPLACEMENT, Face, coverage, family_face, slants, split_by_face
from render_service.compositor.text.glyph_coverage import check_glyphs, missing_characters
from render_service.compositor.text.typesetting import (
    LineStyle,
    draw_line,
    measure,
    measure_spread,
    new_mask,
    set_line,
)
from render_service.compositor.text.uploaded_files import provide_font_files
from render_service.domain.cards.model import QuoteCard, ShotCard
from render_service.domain.errors import RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.layers.brand import Brand, BrandColors, BrandFonts
from render_service.domain.layers.model import Layer, TextLayer, TextStyle
from render_service.domain.layers.uploaded_fonts import FontFile, pinned_name
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import CaptionOptions, Card, Project, Shot
from render_service.domain.projects.timeline import plan_timeline
from render_service.fonts.sanitizer import sanitize
from tests.unit.fonts.building import box, truetype, variable

OWN = 0xE001  # a character for private use, which no font of the service has


def with_own(font: TTFont) -> None:
    for table in font["cmap"].tables:
        table.cmap[OWN] = "C"


FILES = {
    "regular": truetype(change=with_own),
    "bold": truetype(weight=700, draw=lambda pen: box(pen, width=900)),
    "italic": truetype(italic=True, draw=lambda pen: box(pen, height=500)),
    "variable": variable(),
}
WEIGHTS = {"regular": (400, 400), "bold": (700, 700), "italic": (400, 400), "variable": (300, 900)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fonts")
    for name, content in FILES.items():
        (folder / name).write_bytes(sanitize(content).content)
    return folder


@pytest.fixture(autouse=True)
def provided(folder: Path) -> Iterator[None]:
    provide_font_files({sha256_of(folder, name): folder / name for name in FILES})
    yield
    provide_font_files({})


def sha256_of(folder: Path, name: str) -> str:
    return hashlib.sha256((folder / name).read_bytes()).hexdigest()


def pinned(folder: Path, *names: str) -> str:
    """The name of a family of some files."""
    return pinned_name([FontFile(*WEIGHTS[name], name == "italic", sha256_of(folder, name)) for name in names])


def pixels(text: str, kind: LineStyle) -> bytes:
    mask = new_mask(400, 80)
    draw_line(ImageDraw.Draw(mask), set_line(text, kind), 10, 60)
    return mask.tobytes()


def test_a_pinned_font_draws_what_it_has_and_the_service_the_rest(folder: Path) -> None:
    face = family_face(pinned(folder, "regular"), 400)
    runs = split_by_face("AB ა 東京 C", "ja", face)
    drawn = {part.strip() for part, used in runs if used == face and part.strip()}
    assert drawn == {"AB", "C"}
    assert len({used for part, used in runs if part.strip() in ("ა", "東京")} - {face}) == 2


def test_what_is_kept_of_uploaded_fonts_is_bounded(folder: Path) -> None:
    provide_font_files({f"{number:064x}": folder / "regular" for number in range(100)})
    packaged = coverage(LATIN)
    kept = [ref(coverage(Face(f"uploaded-{number:064x}", "", f"{number:064x}"))) for number in range(100)]
    assert sum(one() is not None for one in kept) == 64
    assert coverage(LATIN) is packaged


def test_the_nearest_file_of_a_family_draws(folder: Path) -> None:
    family = pinned(folder, "regular", "bold", "italic")
    faces = {family_face(pinned(folder, name), 400): name for name in ("regular", "bold", "italic")}

    def chosen(weight: int, *, italic: bool = False) -> str:
        return faces[family_face(family, weight, italic=italic)]

    assert [chosen(weight) for weight in (100, 500, 600, 900)] == ["regular", "regular", "bold", "bold"]
    assert {chosen(weight, italic=True) for weight in (100, 500, 600, 900)} == {"italic"}
    assert slants(family, 400)
    assert not slants(pinned(folder, "regular", "bold"), 400)
    assert not slants("Inter", 400)


def test_a_variable_font_is_drawn_in_the_weight_that_is_asked_for(folder: Path) -> None:
    name = pinned(folder, "variable")
    assert pixels("AAA", LineStyle(40, 300, font=name)) != pixels("AAA", LineStyle(40, 900, font=name))


def test_the_same_bytes_are_drawn_wherever_the_file_lies(folder: Path, tmp_path: Path) -> None:
    kind = LineStyle(40, 400, font=pinned(folder, "regular"))
    before = pixels("ABC", kind)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes((folder / "regular").read_bytes())
    provide_font_files({sha256_of(folder, "regular"): elsewhere})
    assert pixels("ABC", kind) == before


def test_characters_that_only_the_pinned_font_has_are_drawn_and_not_reported(folder: Path) -> None:
    text, name = f"A{chr(OWN)}", pinned(folder, "regular")
    assert missing_characters(text) == [chr(OWN)]
    assert missing_characters(text, name) == []
    assert missing_characters("\U00013080", name) == ["\U00013080"]
    line = set_line(text, LineStyle(40, 400, font=name))
    assert "".join(run.text for run in line.runs) == text
    assert REPLACEMENT in "".join(run.text for run in set_line(text, LineStyle(40, 400)).runs)


def test_texts_in_the_fonts_of_a_brand_may_have_characters_of_their_own(folder: Path) -> None:
    own = chr(OWN)
    quote = ShotCard(quote=QuoteCard("AB", own))
    shots = (Shot("quote", card=quote), Shot("placeholder", visual_description=own))
    project = Project(shots=shots, title_card=Card(own, own), end_card=Card(own))
    spec = RenderSpec(project, OutputSpec(160, 90, 25, Quality.STANDARD))

    def missing(heading: str, body: str) -> list[str]:
        brand = Brand(fonts=BrandFonts(heading, body))
        try:
            check_glyphs(replace(spec, project=replace(project, brand=brand)), {"placeholder"})
        except RenderFailure as failure:
            return [one.split(" ")[0] for one in failure.metadata["missing"].split("; ")]
        return []

    titles = ["title_card.title", "end_card.title"]
    others = ["title_card.subtitle", "quote.card.quote.author", "placeholder.visual_description"]
    regular, bold = pinned(folder, "regular"), pinned(folder, "bold")
    assert missing(regular, regular) == missing("", regular) == []
    assert sorted(missing(regular, bold)) == sorted(others)
    assert sorted(missing(bold, regular)) == sorted(titles)
    assert sorted(missing("", "")) == sorted(titles + others)


def test_characters_are_looked_up_in_the_file_of_the_weight_and_slant_that_draws_them(folder: Path) -> None:
    family, own = pinned(folder, "regular", "bold", "italic"), chr(OWN)
    styles = {"regular": (400, False), "bold": (800, False), "italic": (400, True)}
    layers = [
        Layer(name, text=TextLayer(own, TextStyle(font=family, weight=weight, italic=italic)))
        for name, (weight, italic) in styles.items()
    ]
    found = list(drawn_texts(Project(layers=tuple(layers)), ()))
    lacking = [bool(missing_characters(one.text, *one.fonts, weight=one.weight, italic=one.italic)) for one in found]
    assert lacking == [False, True, True]
    assert missing_characters(own, family) == [own], "of any weight: the bold file lacks it"


def test_letters_that_a_script_joins_are_not_set_apart_in_a_pinned_font(tmp_path: Path) -> None:
    def arabic(font: TTFont) -> None:
        for table in font["cmap"].tables:
            table.cmap.update({0x0628: "A", 0x064A: "B"})

    checked = sanitize(truetype(change=arabic))
    (tmp_path / "arabic").write_bytes(checked.content)
    provide_font_files({checked.sha256: tmp_path / "arabic"})
    kind = LineStyle(40, 400, font=pinned_name([FontFile(400, 400, False, checked.sha256)]))
    assert measure_spread("بي", kind, 10) == measure("بي", kind)
    assert measure_spread("AB", kind, 10) == measure("AB", kind) + 20


def planned(project: Project, media: Media) -> list[PlannedSegment]:
    spec = RenderSpec(project, OutputSpec(320, 180, 30, Quality.STANDARD))
    return list(plan_pictures(spec, plan_timeline(project, 30, {}), name_media(media, {}))[1])


def keys(project: Project, media: Media) -> list[tuple[str, frozenset[str]]]:
    """The keys of all segments, and the files that each is made of."""
    return [(segment.job.key, frozenset(segment.job.assets)) for segment in planned(project, media)]


def test_segments_are_named_by_the_content_of_the_fonts_that_they_draw_with(folder: Path) -> None:
    names = ("regular", "bold")
    media = Media(fonts={sha256_of(folder, name): folder / name for name in names})
    text = Layer("t", text=TextLayer("ABC", TextStyle(font=pinned(folder, "regular"))))
    shots = (Shot("one", caption="ABC", layers=(text,)), Shot("two", caption="ABC"))
    project = Project(shots=shots, captions=CaptionOptions(font=pinned(folder, "bold")))
    before = keys(project, media)
    regular, bold = (sha256_of(folder, name) for name in names)
    assert before[0][1] == {regular, bold}
    assert before[-1][1] == {bold}
    other = replace(project, captions=CaptionOptions(font=pinned(folder, "regular")))
    assert not {key for key, _ in before} & {key for key, _ in keys(other, media)}


def test_cards_in_the_fonts_of_a_brand_are_made_of_their_files(folder: Path) -> None:
    names = ("regular", "bold")
    media = Media(fonts={sha256_of(folder, name): folder / name for name in names})
    fonts = BrandFonts(heading=pinned(folder, "bold"), body=pinned(folder, "regular"))
    quote = Shot("quote", duration=timedelta(seconds=2), card=ShotCard(quote=QuoteCard("ABC", "AB")))
    project = Project(shots=(quote,), title_card=Card("ABC", "AB"), brand=Brand(fonts=fonts))
    segments = keys(project, media)
    assert segments[0][1] == {sha256_of(folder, name) for name in names}
    assert segments[-1][1] == {sha256_of(folder, "regular")}, "a quote in a wide frame has no heading"


def test_cards_are_drawn_again_only_where_what_they_show_of_a_brand_changes() -> None:
    """Each kind of card changes with the colors, and with the fonts of the texts that it has."""
    shots = {
        "placeholder": Shot("s", visual_description="AB"),
        "empty placeholder": Shot("s"),
        "background": Shot("s", card=ShotCard(quote=QuoteCard("AB", "AB"))),
    }
    projects = {name: Project(shots=(shot,)) for name, shot in shots.items()}
    titles = {"title": Card("AB"), "title with subtitle": Card("AB", "C")}
    projects |= {name: Project(shots=(Shot("s"),), title_card=card) for name, card in titles.items()}
    brand = Brand(BrandColors("#0B5FFF"), BrandFonts("Anton", "Inter", "Poppins"))
    changes = {
        "color": replace(brand, colors=BrandColors("#FFB400")),
        "heading": replace(brand, fonts=BrandFonts("Poppins", "Inter", "Poppins")),
        "body": replace(brand, fonts=BrandFonts("Anton", "Poppins", "Poppins")),
        "caption": replace(brand, fonts=BrandFonts("Anton", "Inter", "Anton")),
    }

    def changed(project: Project) -> set[str]:
        def first(brand: Brand) -> str:
            return keys(replace(project, brand=brand), Media())[0][0]

        return {name for name, other in changes.items() if first(other) != first(brand)}

    assert {name: changed(project) for name, project in projects.items()} == {
        "placeholder": {"color", "body"},
        "empty placeholder": {"color"},
        "background": {"color", "body"},
        "title": {"color", "heading"},
        "title with subtitle": {"color", "heading", "body"},
    }
    behind = planned(replace(projects["background"], brand=brand), Media())
    source = SegmentSpec.from_bytes(behind[0].job.spec).shot.source
    assert isinstance(source, DrawnCard)
    assert source.brand == Brand(brand.colors), "the fonts are those of the layers over it"
    plain = projects["empty placeholder"]
    assert keys(replace(plain, brand=Brand(fonts=brand.fonts)), Media()) == keys(plain, Media())
