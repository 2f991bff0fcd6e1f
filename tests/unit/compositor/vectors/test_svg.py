"""SVG of callers: crisp at every size, and harmless whatever is in it."""

import base64
import contextlib
import gzip
import io
import random
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from render_service.compositor.media.assets import Asset, AssetFault
from render_service.compositor.media.images import image_size, load_image
from render_service.compositor.vectors.document import SvgDocument, SvgError, SvgFaultKind, read_svg
from render_service.compositor.vectors.drawing import MAX_PIXELS, draw_svg, drawn_size
from render_service.domain.errors import RenderFailure

NAMES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
START = f'<svg {NAMES} viewBox="0 0 16 9">'
FILLED = '<rect width="16" height="9" fill="#f00"/>'
DOUBLING = START + '<g id="a"><rect width="1" height="1"/></g>'


def asset_of(folder: Path, content: str | bytes) -> Asset:
    path = folder / "file"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Asset(path, "layers[0].picture.uri", "shot-1")


def embedded(width: int, height: int, kind: str = "PNG") -> str:
    buffer = io.BytesIO()
    Image.new("1" if kind == "PNG" else "RGB", (width, height)).save(buffer, kind)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<image width="9" height="9" xlink:href="data:image/png;base64,{data}"/>'


def test_an_svg_is_drawn_at_the_size_that_is_asked_for(tmp_path: Path) -> None:
    disc = asset_of(tmp_path, f'<svg {NAMES} width="8" height="8"><circle cx="4" cy="4" r="4" fill="#06c"/></svg>')
    assert image_size(disc) == (8, 8)
    large = load_image(disc, cover=(400, 300))
    assert large.shape == (400, 400, 4)
    # Only the edge of a crisp disc is half transparent.
    assert ((large[..., 3] > 0) & (large[..., 3] < 255)).mean() < 0.02
    assert tuple(large[200, 200]) == (0, 0x66, 0xCC, 255)
    assert load_image(disc, contain=(400, 300)).shape == (300, 300, 4)


@pytest.mark.parametrize(
    ("root", "size"),
    [
        ('width="2in" height="72pt"', (192, 96)),
        ('viewBox="0 0 30 20"', (30, 20)),
        ('viewBox="0 0 30 20" width="60"', (60, 40)),
        ('viewBox="0,0,30,20" width="100%" height="100%"', (30, 20)),
    ],
)
def test_the_size_of_an_svg_follows_from_what_it_says(tmp_path: Path, root: str, size: tuple[int, int]) -> None:
    assert image_size(asset_of(tmp_path, f"<svg {NAMES} {root}/>")) == size


def test_texts_are_drawn_with_the_fonts_of_the_service(tmp_path: Path) -> None:
    def drawn(text: str) -> np.ndarray:
        svg = f'<svg {NAMES} viewBox="0 0 60 20"><text y="15" font-size="16" font-family="Arial">{text}</text></svg>'
        return load_image(asset_of(tmp_path, svg), cover=(120, 40))

    tofu = drawn("\U0001fbff")
    for text in ("Ag", "日本", "नम", "مر", "😀"):
        shown = drawn(text)
        assert shown[..., 3].any(), text
        assert not np.array_equal(shown, tofu), text
    assert drawn("😀")[..., 0].max() > 200, "an emoji is not black"


def test_packed_and_prefixed_documents_are_read(tmp_path: Path) -> None:
    prefixed = '<?xml version="1.0" encoding="ISO-8859-1"?><!-- \xe9 --><s:svg xmlns:s="http://www.w3.org/2000/svg" '
    prefixed += 'viewBox="0 0 16 9"><s:rect width="16" height="9" fill="#f00"/></s:svg>'
    for content in (prefixed.encode("latin-1"), gzip.compress((START + FILLED + "</svg>").encode())):
        pixels = load_image(asset_of(tmp_path, content), cover=(32, 18))
        assert (pixels == (255, 0, 0)).all()


@pytest.mark.parametrize(
    "content",
    [
        START + '<script>alert(1)</script><rect width="16" height="9" fill="#f00" onload="go()"/></svg>',
        START + FILLED + '<foreignObject><p xmlns="http://www.w3.org/1999/xhtml">x</p></foreignObject></svg>',
        '<?xml-stylesheet href="file:///etc/passwd"?>' + START + FILLED + "</svg>",
        START + "<style>@import url(http://127.0.0.1/a.css); rect { fill: #f00 }</style>" + FILLED + "</svg>",
        START + f'<a xlink:href="https://example.com/">{FILLED}</a></svg>',
        START + '<rect width="16" height="9" fill="#f00"><animate attributeName="x" to="9" dur="1s"/></rect></svg>',
        '<!DOCTYPE svg [<!ENTITY c "#f00"><!ENTITY x SYSTEM "file:///etc/passwd">]>'
        + START
        + '<rect width="16" height="9" fill="&c;"/><desc>&x;</desc></svg>',
        START + FILLED + '<g id="a"><use href="#a"/></g></svg>',
        START + FILLED + '<path d="M0 20H1e9" stroke="#fff" stroke-dasharray="1e-9"/></svg>',
        START + FILLED + '<text y="-20" font-size="1e9">a</text></svg>',
    ],
)
def test_what_is_not_a_drawing_is_left_out(tmp_path: Path, content: str) -> None:
    assert (load_image(asset_of(tmp_path, content), cover=(32, 18)) == (255, 0, 0)).all()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (START + '<image href="file:///etc/passwd"/></svg>', AssetFault.MARKUP),
        (START + '<image xlink:href="http://127.0.0.1/"/></svg>', AssetFault.MARKUP),
        (START + '<image href="picture.png"/></svg>', AssetFault.MARKUP),
        (START + '<use href="other.svg#a"/></svg>', AssetFault.MARKUP),
        (START + '<filter id="f"><feImage href="/etc/passwd"/></filter></svg>', AssetFault.MARKUP),
        (START + '<image href="data:image/svg+xml,&lt;svg/&gt;"/></svg>', AssetFault.MARKUP),
        (START + '<image href="data:image/svg+xml;base64,PHN2Zy8+"/></svg>', AssetFault.TRUNCATED),
        (START + embedded(9, 9)[:-40] + '"/></svg>', AssetFault.TRUNCATED),
        (START + embedded(5_000, 4_000) + "</svg>", AssetFault.TOO_EXPENSIVE),
        (START + "<g>" * 70 + "</g>" * 70 + "</svg>", AssetFault.TOO_EXPENSIVE),
        (START + "<g/>" * 20_001 + "</svg>", AssetFault.TOO_EXPENSIVE),
        (
            DOUBLING
            + "".join(
                f'<g id="{b}">{f"<use href=%s#{a}%s/>" % (chr(34), chr(34)) * 10}</g>'
                for a, b in zip("abcdef", "bcdefg", strict=True)
            )
            + "</svg>",
            AssetFault.TOO_EXPENSIVE,
        ),
        (
            START + '<filter id="f"><feDropShadow/></filter>' + '<g filter="url(#f)"/>' * 300 + "</svg>",
            AssetFault.TOO_EXPENSIVE,
        ),
        (START + '<pattern id="p" width="1e7" height="1e7"/></svg>', AssetFault.TOO_EXPENSIVE),
        (gzip.compress(START.encode() + b" " * 5_000_000), AssetFault.TOO_EXPENSIVE),
        (
            '<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa">'
            + "".join(f'<!ENTITY {b} "{f"&{a};" * 30}">' for a, b in zip("abcde", "bcdef", strict=True))
            + f"]>{START}<desc>&f;</desc></svg>",
            AssetFault.TOO_EXPENSIVE,
        ),
        (
            f'<!DOCTYPE svg [<!ENTITY a "{"日" * 999}">]>{START}<text>{"&a;" * 101}</text></svg>',
            AssetFault.TOO_EXPENSIVE,
        ),
        (f'<svg {NAMES} viewBox="0 0 nan 5"/>', AssetFault.TRUNCATED),
        (f'<svg {NAMES} width="1e300" height="1"/>', AssetFault.TRUNCATED),
        (START + "<rect>", AssetFault.TRUNCATED),
        (START + "<x:rect/></svg>", AssetFault.TRUNCATED),
    ],
)
def test_hostile_documents_are_refused_by_name(tmp_path: Path, content: str | bytes, fault: AssetFault) -> None:
    with pytest.raises(RenderFailure, match=r"^shot-1\.layers\[0\]\.picture\.uri: the .*SVG ") as caught:
        load_image(asset_of(tmp_path, content), cover=(32, 18))
    assert caught.value.metadata["fault"] == fault


BLUR = '<filter id="f"><feGaussianBlur stdDeviation="5"/></filter>'
RECT = '<rect class="a b" id="r" width="9" height="9"/>'


@pytest.mark.parametrize(
    "content",
    [
        *(
            f"<style>{sheet}</style>{BLUR}{RECT * 300}"
            for sheet in (
                "rect{filter:url(#f)}",
                ".b { filter: url( '#f' ) }",
                "g,.a.b{filter:url(#f)}",
                "svg > #r{filter:url(#f)}",
                "*{filter:url(#f)}",
                "[width]{filter:url(#f)}",
                ":first-child{filter:url(#f)}",
                "/* a */.c{fill:red}/* b */rect{filter:url(#f)}",
                ".x{a:'/*'}rect{filter:url(#f)}.y{b:'*/'}",
                ".x{a:'}'}rect{filter:url(#f)}",
                "@media all{rect{filter:url(#f)}}",
                "rect{filter:url(#f)",
                "rect{filter:blur(5px)}",
                "re<script/>ct{filter:url(#f)}",
                "<![CDATA[rect{filter:url(#f)}]]>",
                ".q</style><style>rect{filter:url(#f)}",
            )
        ),
        f"{BLUR}{RECT * 300}<style>rect{{filter:url(#f)}}</style>",
        "<style>rect{opacity:.5}</style>" + RECT * 2_100,
        '<rect style="fill-opacity:1;mix-blend-mode:multiply"/>' * 2_100,
        '<rect opacity=".5"/>' * 2_100,
        '<rect style="isolation:isolate"/>' * 2_100,
        f'<rect style="filter:{"blur(5px) " * 210}"/>',
        '<rect filter="Blur (5px) drop-shadow(0 0 5px)"/>' * 110,
        f'<defs><g id="i">{embedded(4_000, 4_000)}</g></defs>' + '<use href="#i"/>' * 210,
    ],
)
def test_whatever_takes_long_to_draw_is_counted(content: str) -> None:
    with pytest.raises(SvgError) as caught:
        read_svg((START + content + "</svg>").encode())
    assert caught.value.kind is SvgFaultKind.TOO_EXPENSIVE


@pytest.mark.parametrize(
    "content",
    [
        # As drawing programs export them: classes for clip paths and effects that few elements have.
        "<defs><style>.cls-1{fill:none}.cls-2{clip-path:url(#c)}.cls-3,.cls-4{font-family:'Myriad Pro'}"
        f".cls-5{{filter:url(#f)}}</style><clipPath id='c'>{RECT}</clipPath>{BLUR}</defs>"
        + '<g class="cls-2"><path class="cls-5" d="M0 0H9"/></g>' * 50
        + '<path class="cls-1 cls-3" d="M0 0H9"/>' * 9_000,
        "<style>/* plain */ @import url(a.css); rect { fill: #f00; fill-opacity: .5 }</style>" + RECT * 9_000,
        '<rect opacity="1" style="stroke-opacity:.5;stop-opacity:.5" transform="scale(2)"/>' * 9_000,
        '<linearGradient id="g"><stop/><stop/></linearGradient>' + '<rect fill="url(#g)"/>' * 9_000,
        '<path opacity=".5" d="M0 0H9"/>' * 1_500,
    ],
)
def test_large_drawings_without_costly_effects_are_accepted(content: str) -> None:
    assert read_svg((START + content + "</svg>").encode()).width == 16


@pytest.mark.parametrize(
    "content",
    [
        f'<svg {NAMES} width="{"1" * 100_000}!" height="9"/>',
        f'<svg {NAMES} width="1{" " * 100_000}!" height="9"/>',
        f'<svg {NAMES} width="1e{"1" * 100_000}!" height="9"/>',
        f'<svg {NAMES} viewBox="{", " * 100_000}x"/>',
        START + f'<rect fill="url({" " * 100_000}x"/></svg>',
        START + f'<rect fill="{"url(" * 100_000}"/></svg>',
        START + f'<image href="data:image/{"a" * 100_000}"/></svg>',
        START + f"<style>{'/*' * 100_000}</style></svg>",
        START + f"<style>{'a{}' * 60_000}</style></svg>",
        START + f"<style>{' ' * 100_000}{{filter:blur{' ' * 100_000}</style></svg>",
        START + f"<text>{'a日' * 60_000}</text></svg>",
        START + f"<text>{'a&amp;' * 10_000}</text></svg>",
        '<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">'
        + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefg", "bcdefgh", strict=True))
        + f"]>{START}<text>&h;</text></svg>",
    ],
)
def test_long_values_are_read_in_linear_time(content: str) -> None:
    started = time.thread_time()
    with contextlib.suppress(SvgError):
        read_svg(content.encode())
    # At most 0.2 s; an expression that reads a value of this length again and again takes minutes.
    assert time.thread_time() - started < 2


def test_entities_that_stand_for_text_are_replaced(tmp_path: Path) -> None:
    declared = '<!DOCTYPE svg [<!ENTITY ns "http://www.w3.org/2000/svg"><!ENTITY amp "&#38;#38;"><!ENTITY c "#f00">]>'
    svg = (
        declared
        + '<svg xmlns="&ns;" viewBox="0 0 16 9"><rect width="16" height="9" fill="&c;"/><desc>&amp;</desc></svg>'
    )
    assert (load_image(asset_of(tmp_path, svg), cover=(32, 18)) == (255, 0, 0)).all()


@pytest.mark.parametrize(("width", "height"), [(1, 900_000), (900_000, 1), (1e-5, 1e-5), (1e6, 1e6)])
def test_no_shape_is_drawn_larger_than_the_largest_frame(width: float, height: float) -> None:
    document = read_svg(f'<svg {NAMES} width="{width}" height="{height}"/>'.encode())
    for cover in (None, (160, 90), (4096, 4096)):
        drawn = drawn_size(document, cover=cover)
        assert min(drawn) >= 1
        assert drawn[0] * drawn[1] <= MAX_PIXELS


@pytest.mark.parametrize("seed", range(30))
def test_damaged_documents_are_drawn_or_refused(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    parts = [START, '<g id="a" opacity=".5">', FILLED, "</g>", '<use href="#a" x="3"/>', '<text y="5">a&amp;b</text>']
    content = bytearray(("".join(parts) + '<path d="M1 2C3 4 5 6 7 8z" stroke="red"/></svg>').encode())
    for _ in range(4):
        at = chance.randrange(len(NAMES) + 5, len(content))
        content[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
    with contextlib.suppress(RenderFailure):
        load_image(asset_of(tmp_path, bytes(content)), cover=(64, 36))


SVG_NAMESPACE = "http://www.w3.org/2000/svg"


def test_an_svg_is_drawn_once_for_each_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, sizes = tmp_path / "a.svg", list[tuple[int, int]]()
    original = draw_svg

    def noted(document: SvgDocument, size: tuple[int, int]) -> NDArray[np.uint8]:
        sizes.append(size)
        return original(document, size)

    monkeypatch.setattr("render_service.compositor.media.images.draw_svg", noted)
    for color in ("red", "blue", "red"):
        path.write_text(f'<svg xmlns="{SVG_NAMESPACE}" viewBox="0 0 9 3"><path fill="{color}" d="M0 0h8v3"/></svg>')
        for cover in ((30, 10), (60, 20), (30, 10)):
            pixels = load_image(Asset(path, "image_uri"), cover=cover)
            assert pixels.shape[:2] == cover[::-1]
            assert not pixels.flags.writeable
            assert tuple(pixels[1, 5, :3]) == ((255, 0, 0) if color == "red" else (0, 0, 255))
    assert sizes == [(30, 10), (60, 20)] * 2
