"""`make bench-text`: sets texts of many scripts with the service and with Chromium, and compares their letters.

Chromium has a shaper, a bidirectional algorithm and a rasterizer of its own, and is given the same font files. A letter
that is missing, unshaped or out of order makes the ink differ, or end elsewhere. `OUT=FOLDER` keeps the pictures.
"""

import os
import sys
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.browser.chromium import Browser, find_chromium, luma_of
from benchmarks.compositor.frames import ssim
from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.segments.layers import drawn_layers
from render_service.compositor.text import bidi
from render_service.compositor.text.fonts import file_of, regional_face, split_by_face
from render_service.domain.layers.model import Anchor, Box, Layer, ShapeLayer, TextLayer, TextStyle

LEAST_SIMILARITY = 0.96
MOST_OFFSET = 2
"""By how many pixels the ink may begin or end elsewhere, at an em of 56."""
WIDTH, HEIGHT = 1000, 140
_EM, _LEFT, _BASELINE = 56, 40, 92
_GROUND, _COLOR = "#203040", "#FFFFFF"
_INK = 24
_MARGIN = 6


class Sample(NamedTuple):
    """A text in a language."""

    name: str
    language: str
    text: str


SAMPLES = (
    Sample("ligatures", "en", "Affluent office fjord"),
    Sample("kerning", "en", "AVATAR To Wave, LT."),
    Sample("combining marks", "vi", "Tiếng Việt: nghiệp vụ"),
    Sample("stacked marks", "en", "e\u0301 a\u0308 o\u0302\u0301 n\u0303"),
    Sample("Greek", "el", "Καλημέρα, θάλασσα"),
    Sample("Cyrillic", "ru", "Доброе утро, ёжик"),
    Sample("Arabic", "ar", "تبحر القوارب مع الفجر"),
    Sample("Arabic marks", "ar", "السَّلَامُ عَلَيْكُمْ"),
    Sample("Persian", "fa", "می‌خواهم به دریا بروم"),
    Sample("Hebrew", "he", "שלום עולם, בוקר טוב"),
    Sample("mixed, left", "en", "The word שלום means peace"),
    Sample("mixed, right", "ar", "الميناء 12 من MSC غدًا"),
    Sample("Hindi", "hi", "क्षत्रिय ज्ञान र्कि श्रद्धा"),
    Sample("Bengali", "bn", "বন্দরে সকাল, ক্ষুদ্র নৌকা"),
    Sample("Tamil", "ta", "துறைமுகம் கொண்டு"),
    Sample("Telugu", "te", "స్త్రీ క్ష్మ ఓడరేవు"),
    Sample("Malayalam", "ml", "തുറമുഖം സ്ത്രീ ക്ഷേമം"),
    Sample("Thai", "th", "ที่ท่าเรือ น้ำขึ้น กำลัง"),
    Sample("Khmer", "km", "កំពង់ផែ ស្រី ខ្ញុំ"),
    Sample("Burmese", "my", "မြန်မာ ဆိပ်ကမ်း ကြွေ"),
    Sample("Lao", "lo", "ທ່າເຮືອ ນ້ຳ ກຳລັງ"),
    Sample("Korean", "ko", "항구의 하루 뷁 꽃"),
    Sample("Japanese", "ja", "港町の直径、骨と海"),
    Sample("Traditional Chinese", "zh-Hant", "海港的骨與直角，門"),
    Sample("Simplified Chinese", "zh-Hans", "海港的骨与直角，门"),
    Sample("emoji", "en", "👩🏽‍🚀 👍🏿 🇯🇵 🏳️‍🌈 ❤️‍🔥 9️⃣"),
)


def ours(sample: Sample) -> NDArray[np.uint8]:
    """Set a text with the service; return limited-range luma."""
    target = Planes.empty(WIDTH, HEIGHT)
    target.fill((16, 128, 128))
    # Letters reach 0.88 em above their baseline; the box is placed by its top.
    box = Box(_LEFT / WIDTH, (_BASELINE - 0.88 * _EM) / HEIGHT, Anchor.TOP_LEFT)
    style = TextStyle(size=_EM / HEIGHT, weight=400, color=_COLOR)
    layers = (
        Layer("ground", shape=ShapeLayer(color=_GROUND)),
        Layer("text", text=TextLayer(sample.text, style), box=box),
    )
    LayersPainter(drawn_layers(layers, 30, 30, {}, sample.language), (WIDTH, HEIGHT), 30, {}).draw(0, target)
    return target.y


def fonts() -> list[Path]:
    """Return the font files that the service sets the texts with; the East Asian one first."""
    faces = [regional_face("")]
    faces += [face for sample in SAMPLES for _, face in split_by_face(sample.text, sample.language)]
    return list(dict.fromkeys(file_of(face) for face in faces))


def html_of(sample: Sample, files: Sequence[Path]) -> str:
    """Return a text as HTML, by its left edge and its baseline; which font draws which part is the service's choice."""
    rightwards = bidi.base_level(sample.text) == 0
    # Where a text that runs to the left ends is its left edge.
    direction, anchor = ("ltr", "start") if rightwards else ("rtl", "end")
    # Letters and their marks are composed before they are set.
    text = unicodedata.normalize("NFC", sample.text)
    spans = "".join(
        f'<tspan style="font-family:service-{files.index(file_of(face))}">{part}</tspan>'
        for part, face in split_by_face(text, sample.language)
    )
    place = f'x="{_LEFT}" y="{_BASELINE}" text-anchor="{anchor}" fill="{_COLOR}"'
    style = f"font-size:{_EM}px;font-weight:400;white-space:pre;direction:{direction}"
    return (
        f'<svg lang="{sample.language}" style="position:absolute;width:100%;height:100%">'
        f'<text {place} style="{style}">{spans}</text></svg>'
    )


def ink(luma: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return where letters are: the left, right, top and bottom edge in pixels."""
    inked = np.abs(luma.astype(np.int16) - int(luma[0, 0])) > _INK
    columns, rows = np.flatnonzero(inked.any(axis=0)), np.flatnonzero(inked.any(axis=1))
    return int(columns[0]), int(columns[-1]), int(rows[0]), int(rows[-1])


def compare(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> tuple[float, int]:
    """Return the similarity of two texts where either has ink, and by how much their sides differ in pixels."""
    edges = ink(one), ink(other)
    left, top = (min(edge[side] for edge in edges) - _MARGIN for side in (0, 2))
    right, bottom = (max(edge[side] for edge in edges) + _MARGIN for side in (1, 3))
    part = np.s_[max(0, top) : bottom, max(0, left) : right]
    offset = max(abs(edges[0][side] - edges[1][side]) for side in (0, 1))
    # At half the size: where in a pixel an edge lies is the rasterizer's, not the shaper's.
    halves = [cv2.resize(luma[part], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for luma in (one, other)]
    return ssim(np.asarray(halves[0], np.uint8), np.asarray(halves[1], np.uint8)), offset


def main() -> int:
    """Compare all texts and return 0 if each is as similar as it must be."""
    chromium = find_chromium()
    if chromium is None:
        return 2
    files = fonts()
    with tempfile.TemporaryDirectory(prefix="bench-text-") as name:
        parts = [html_of(sample, files) for sample in SAMPLES]
        seen = Browser(chromium, Path(name)).draw(parts, files, (WIDTH, HEIGHT), _GROUND)
    drawn = [ours(sample) for sample in SAMPLES]
    theirs = [luma_of(picture) for picture in seen]
    met = 0
    for sample, mine, other in zip(SAMPLES, drawn, theirs, strict=True):
        similarity, offset = compare(mine, other)
        fine = similarity >= LEAST_SIMILARITY and offset <= MOST_OFFSET
        met += fine
        print(f"{sample.name:20} SSIM {similarity:.4f}, sides {offset} px apart{'' if fine else '  MISSED'}")
        if os.environ.get("OUT"):
            cv2.imwrite(str(Path(os.environ["OUT"]) / f"{sample.name}.png"), np.vstack((mine, other)))
    print(f"{met} of {len(SAMPLES)} texts at SSIM {LEAST_SIMILARITY} or more, sides at most {MOST_OFFSET} px apart")
    # The comparison must tell texts apart: a text against the one after it.
    wrong = max(compare(mine, other)[0] for mine, other in zip(drawn, theirs[1:], strict=False))
    print(f"other texts: SSIM {wrong:.4f} at most")
    return 0 if met == len(SAMPLES) and wrong < LEAST_SIMILARITY else 1


if __name__ == "__main__":
    sys.exit(main())
