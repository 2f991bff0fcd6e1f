"""Caption presets: legible over any picture, inside the safe area, clear of the logo, the same in every segment."""

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from render_service.compositor.captions.cues import Cue
from render_service.compositor.captions.layout import CaptionFormat, caption_area, caption_size
from render_service.compositor.captions.look_drawing import LookPainter
from render_service.compositor.captions.preset_table import LOOKS, chosen_look
from render_service.compositor.captions.safe_areas import Rect, safe_area
from render_service.compositor.captions.word_cues import word_cues
from render_service.compositor.frames.overlay import Overlay
from render_service.compositor.frames.planes import Planes
from render_service.compositor.segments.captions import DrawnCaption
from render_service.domain.layers.contrast import LEAST_CONTRAST, contrast, luminance, rgb
from render_service.domain.projects.looks.captions import CaptionPosition, CaptionPreset, Platform
from render_service.domain.projects.project import CaptionOptions, CaptionStyle

FPS, LENGTH = 30, 90
TEXTS = {
    "english": "Small boats leave the harbour before dawn, and nobody waves.",
    "chinese": "渔船在日出之前离开港口，没有人挥手告别。",
    "arabic": "تغادر القوارب الصغيرة الميناء قبل شروق الشمس.",
    "thai": "ท่าเรือตื่นก่อนพระอาทิตย์ขึ้น",
    "hindi": "बंदरगाह सूरज से पहले जागता है",
}
SHAPES = [(320, 180), (180, 320), (240, 240)]
SETTLED = LENGTH - 1


def fmt_of(preset: CaptionPreset, **options: object) -> CaptionFormat:
    return CaptionFormat(look=chosen_look(replace(CaptionOptions(preset=preset), **options)))  # type: ignore[arg-type]


def cues_of(text: str, fmt: CaptionFormat, size: tuple[int, int]) -> tuple[Cue, ...]:
    return word_cues(Cue("s", 0, LENGTH, text), fmt, size, FPS)


def flat(size: tuple[int, int], luma: int) -> Planes:
    planes = Planes.empty(*size)
    planes.fill((luma, 128, 128))
    return planes


def drawn(
    cue: Cue, frame: int, fmt: CaptionFormat, under: Planes, area: Rect | None = None
) -> tuple[Overlay, NDArray[np.uint8]]:
    """The overlay of a cue in a frame, and the luma of the picture with it."""
    size = (under.width, under.height)
    painter = LookPainter(cue.text, cue.words, fmt, size=size, fps=FPS, area=area or caption_area(*size, fmt, None))
    overlay = painter.overlay(frame, under)
    assert overlay is not None
    picture = Planes.empty(*size)
    picture.copy_from(under)
    overlay.blend(picture.y, picture.u, picture.v)
    return overlay, picture.y


def test_every_preset_has_a_look_and_no_two_are_alike() -> None:
    assert set(LOOKS) == set(CaptionPreset)
    assert len(set(LOOKS.values())) == len(LOOKS) >= 12


@pytest.mark.parametrize("luma", [16, 90, 150, 235])
@pytest.mark.parametrize("preset", CaptionPreset)
def test_letters_stand_out_from_what_is_around_them(preset: CaptionPreset, luma: int) -> None:
    fmt, size = fmt_of(preset), (480, 270)
    cue = cues_of(TEXTS["english"], fmt, size)[-1]
    overlay, picture = drawn(cue, cue.end - 1, fmt, flat(size, luma))
    seen = picture[overlay.y : overlay.y + overlay.height, overlay.x : overlay.x + overlay.width].astype(np.float64)
    light = np.vectorize(lambda value: luminance((value, value, value)))(((seen - 16) / 219).clip(0, 1))
    # Letters are opaque, and so is what is within a box; each pixel inside a letter is compared with the ring around.
    opaque = overlay.clear < 3
    look = fmt.look
    assert look is not None
    inks = [look.ink, look.backing_ink, look.spoken, look.done, *look.accent_colors]
    best = 0.0
    for ink in filter(None, inks):
        letters = opaque & (abs(light - luminance(rgb(ink))) < 0.06)
        if letters.sum() < 20:
            continue
        core = letters.astype(np.uint8)
        near = cv2.dilate(core, np.ones((3, 3), np.uint8))
        ring = (cv2.dilate(near, np.ones((3, 3), np.uint8)) > 0) & (near == 0)
        # Corners that letters share hold half-covered pixels, so the typical one counts.
        best = max(best, contrast(float(np.median(light[letters])), float(np.median(light[ring]))))
    assert best >= LEAST_CONTRAST


@pytest.mark.parametrize("size", SHAPES)
@pytest.mark.parametrize("preset", CaptionPreset)
def test_letters_and_boxes_stay_in_the_safe_area_in_every_script(preset: CaptionPreset, size: tuple[int, int]) -> None:
    fmt, area = fmt_of(preset), safe_area(*size)
    for text in TEXTS.values():
        for cue in cues_of(text, fmt, size):
            overlay, _ = drawn(cue, SETTLED, fmt, flat(size, 120))
            rows, columns = np.nonzero(overlay.clear < 100)
            assert rows.size
            assert area.y <= overlay.y + rows.min()
            assert overlay.y + rows.max() < area.y + area.height
            assert area.x <= overlay.x + columns.min()
            assert overlay.x + columns.max() < area.x + area.width


@pytest.mark.parametrize("mark", [Rect(240, 8, 72, 40), Rect(8, 132, 72, 40)], ids=["top", "bottom"])
@pytest.mark.parametrize("preset", CaptionPreset)
def test_captions_never_touch_the_logo(preset: CaptionPreset, mark: Rect) -> None:
    fmt, size = fmt_of(preset), (320, 180)
    cue = cues_of(TEXTS["english"], fmt, size)[0]
    overlay, _ = drawn(cue, SETTLED, fmt, flat(size, 120), caption_area(*size, fmt, mark))
    covered = np.zeros((180, 320), np.bool_)
    covered[overlay.y : overlay.y + overlay.height, overlay.x : overlay.x + overlay.width] = overlay.clear < 200
    assert not covered[mark.y : mark.y + mark.height, mark.x : mark.x + mark.width].any()


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("preset", CaptionPreset)
def test_short_cues_lose_nothing_and_leave_no_gap(preset: CaptionPreset, text: str) -> None:
    fmt = fmt_of(preset)
    assert fmt.look is not None
    cues = cues_of(text, fmt, (180, 320))
    cased = text if not fmt.look.uppercase else text.upper()
    assert "".join("".join(cue.text.split()) for cue in cues) == "".join(cased.split())
    assert (cues[0].start, cues[-1].end) == (0, LENGTH)
    assert all(before.end == after.start for before, after in pairwise(cues))
    if fmt.look.words:
        assert all(len(cue.words) <= fmt.look.words for cue in cues)
    for cue in cues:
        assert all(one.end <= other.start for one, other in pairwise(cue.words))


@pytest.mark.parametrize("preset", [CaptionPreset.WORD_POP, CaptionPreset.KARAOKE, CaptionPreset.TYPEWRITER])
def test_a_frame_looks_the_same_in_whichever_segment_it_is(preset: CaptionPreset) -> None:
    fmt, size = fmt_of(preset), (320, 180)
    under = flat(size, 120)
    for cue in cues_of(TEXTS["english"], fmt, size):
        caption = DrawnCaption(cue.text, cue.start, cue.end, 1, 1, fmt, fmt.area(*size), cue.words)
        for start, frames in ((0, 40), (40, 20), (60, 30)):
            inside = caption.within(start, frames, FPS)
            for frame in range(max(cue.start, start), min(cue.end, start + frames), 7):
                _, whole = drawn(cue, frame, fmt, under)
                _, part = drawn(replace(cue, words=inside.words), frame - start, fmt, under)
                np.testing.assert_array_equal(whole, part)


def test_a_words_color_and_box_follow_the_callers_and_stay_legible() -> None:
    dark = chosen_look(CaptionOptions(preset=CaptionPreset.HIGHLIGHT, color="#101010"))
    assert dark is not None
    assert dark.outline_color("#101010") == "#FFFFFF"
    boxed = chosen_look(CaptionOptions(preset=CaptionPreset.WORD_BOX, highlight_color="#FFEE55"))
    assert boxed is not None
    assert (boxed.backing_color, boxed.backing_ink) == ("#FFEE55", "#000000")
    moved = chosen_look(
        CaptionOptions(preset=CaptionPreset.CLEAN, position=CaptionPosition.TOP, words_per_cue=2, highlight_words=True)
    )
    assert moved is not None
    assert (moved.place, moved.words, moved.is_timed) == (0.0, 2, True)
    plain = chosen_look(CaptionOptions(preset=CaptionPreset.WORD_POP, style=CaptionStyle.PLAIN))
    assert plain is not None
    assert plain.stroke == 0
    assert chosen_look(CaptionOptions()) is None


@pytest.mark.parametrize("text", ["straße", "ŉ", "İstanbul ışık"])
def test_capitals_keep_the_places_of_words(text: str) -> None:
    cue = cues_of(text, fmt_of(CaptionPreset.TWO_TONE), (320, 180))[0]
    assert len(cue.text) == len(text)


def test_turkish_capitals_keep_their_dots() -> None:
    fmt = replace(fmt_of(CaptionPreset.TWO_TONE), language="tr")
    assert cues_of("iki", fmt, (320, 180))[0].text == "İKİ"


@pytest.mark.parametrize("look", [None, *LOOKS.values()])
def test_letters_in_a_strip_can_be_read(look: object) -> None:
    fmt = CaptionFormat(look=look)  # type: ignore[arg-type]
    assert caption_size(256, 1024, fmt) >= 20
    assert caption_size(1920, 804, CaptionFormat()) == 40


@pytest.mark.parametrize(
    ("platform", "covered"),
    [
        (Platform.TIKTOK, (0, 1436, 1080, 484)),
        (Platform.REELS, (0, 1248, 1080, 672)),
        (Platform.SHORTS, (888, 288, 192, 960)),
        (Platform.YOUTUBE, (0, 951, 1920, 129)),
    ],
)
def test_platforms_controls_stay_free(platform: Platform, covered: tuple[int, int, int, int]) -> None:
    size = (1920, 1080) if platform is Platform.YOUTUBE else (1080, 1920)
    area = safe_area(*size, platform)
    x, y, width, height = covered
    apart = area.x + area.width <= x or x + width <= area.x or area.y + area.height <= y or y + height <= area.y
    assert apart
    assert area.x + area.width / 2 == size[0] / 2
    assert safe_area(size[1], size[0], platform) == safe_area(size[1], size[0])
