"""Draws the gallery of looks with the compositor itself: an animated picture and a still of each, and sheets of all.

    python -m scripts.gallery.looks

It writes docs/images/looks/*.webp and *.jpg: transitions, motions, caption presets and cards. Names given as
arguments, such as `transition-burn`, are drawn alone.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from render_service.compositor.captions.cues import Cue
from render_service.compositor.captions.layout import CaptionFormat
from render_service.compositor.captions.preset_table import chosen_look
from render_service.compositor.captions.word_cues import word_cues
from render_service.compositor.drawing.segment import Painter
from render_service.compositor.frames.format import PictureFormat
from render_service.compositor.frames.planes import Planes
from render_service.compositor.media.assets import Asset
from render_service.compositor.segments.captions import DrawnCaption
from render_service.compositor.segments.spec import DrawnCard, DrawnStill, SegmentSpec, ShotStretch
from render_service.domain.projects.looks.captions import CaptionPreset
from render_service.domain.projects.looks.views import PictureView
from render_service.domain.projects.output import Quality, VideoCodec
from render_service.domain.projects.project import CaptionOptions, Easing, Fit, Motion, MotionKind, TransitionKind
from scripts.gallery.cards import BARE, CARDS, THEME, card_layers

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs/images/looks"
SAMPLES = ROOT / "samples/harbour/images"
_WIDE, _TALL = (512, 288), (288, 512)
_FPS, _SHOWN_FPS = 24, 12
_MASK = "01-dawn"
_PICTURES = ("02-morning", "04-golden", "05-dusk", "06-night")
_TEXT = "Small boats leave the harbour before the sun is up, and nobody waves."
_FROM, _TO = PictureView(0.0, 0.3, 0.6, 0.6), PictureView(0.62, 0.0, 0.36, 0.36)
_STILL = Motion(MotionKind.NONE, easing=Easing.LINEAR, amount=0.1)
_WEBP_QUALITY, _JPEG_QUALITY = 55, 82
_LABEL, _GAP = 22, 6


@dataclass(frozen=True)
class Look:
    """One look: its name, the segments that show it one after the other, and the frame of its still."""

    name: str
    segments: Sequence[SegmentSpec]
    still: int


def _format(size: tuple[int, int]) -> PictureFormat:
    return PictureFormat(*size, _FPS, Quality.STANDARD, VideoCodec.H264)


def _layer(number: int, frames: int, motion: Motion = _STILL) -> ShotStretch:
    return ShotStretch(DrawnStill(_PICTURES[number % len(_PICTURES)], Fit.COVER), motion, frames, 0)


def transitions() -> Iterator[Look]:
    """Yield every transition, with a moment of either shot around it."""
    for kind in TransitionKind:
        if kind is TransitionKind.CUT:
            continue
        mask = _MASK if kind is TransitionKind.LUMA else ""
        before = SegmentSpec("", _format(_WIDE), 8, _layer(0, 8))
        change = SegmentSpec("", _format(_WIDE), 24, _layer(0, 24), incoming=_layer(2, 24), transition=kind, mask=mask)
        after = SegmentSpec("", _format(_WIDE), 8, _layer(2, 8))
        yield Look(f"transition-{kind}", (before, change, after), 8 + (7 if kind.value.startswith("fade_") else 11))


def motions() -> Iterator[Look]:
    """Yield every movement of the camera."""
    for kind in MotionKind:
        start, end = (_FROM, _TO) if kind is MotionKind.KEN_BURNS else (None, None)
        motion = Motion(kind, easing=Easing.EASE_IN_OUT, amount=0.3, start=start, end=end)
        frames = 96 if kind is MotionKind.DRIFT else 48
        yield Look(f"motion-{kind}", (SegmentSpec("", _format(_WIDE), frames, _layer(1, frames, motion)),), 40)


def captions() -> Iterator[Look]:
    """Yield every caption preset."""
    frames = 72
    for number, preset in enumerate(CaptionPreset):
        fmt = CaptionFormat(look=chosen_look(CaptionOptions(preset=preset)))
        layers = tuple(
            DrawnCaption(cue.text, cue.start, cue.end, 1, 1, fmt, fmt.area(*_TALL), cue.words)
            for cue in word_cues(Cue("shot", 0, frames, _TEXT), fmt, _TALL, _FPS)
        )
        spec = SegmentSpec("", _format(_TALL), frames, _layer(number, frames), layers=layers)
        yield Look(f"caption-{preset}", (spec,), 38)


def cards() -> Iterator[Look]:
    """Yield every card, once in a wide frame and once in a tall one."""
    frames = 84
    for size, shape in ((_WIDE, "card"), (_TALL, "tall_card")):
        for name in CARDS:
            source = DrawnStill(_PICTURES[0], Fit.COVER) if name in BARE else DrawnCard("", "shot", THEME, "en")
            layer = ShotStretch(source, _STILL, frames, 0, card_layers(name, size, frames, _FPS))
            yield Look(f"{shape}-{name}", (SegmentSpec("", _format(size), frames, layer),), 60)


def frames_of(look: Look, workdir: Path) -> Iterator[Image.Image]:
    """Yield the frames of a look as the compositor draws them."""
    assets = {name: Asset(SAMPLES / f"{name}.jpg", "image_uri") for name in (*_PICTURES, _MASK)}
    for spec in look.segments:
        planes = Planes.empty(spec.picture.width, spec.picture.height)
        with closing(Painter(spec, assets, workdir)) as painter:
            for frame in range(spec.frames):
                painter.draw(frame, planes)
                yield _picture(planes)


def _picture(planes: Planes) -> Image.Image:
    rows = np.concatenate([plane.reshape(-1, planes.width) for plane in planes.all()])
    frame = av.VideoFrame.from_ndarray(rows, format="yuv420p")
    return Image.fromarray(frame.to_ndarray(format="rgb24", src_colorspace="ITU709", dst_color_range="JPEG"))


def draw(look: Look, workdir: Path) -> Image.Image:
    """Write the animated picture and the still of a look; return the still."""
    frames = list(frames_of(look, workdir))
    shown = frames[:: _FPS // _SHOWN_FPS]
    size = tuple(side * 5 // 8 for side in frames[0].size)
    small = [frame.resize((size[0], size[1]), Image.Resampling.LANCZOS) for frame in shown]
    small[0].save(
        FOLDER / f"{look.name}.webp",
        save_all=True,
        append_images=small[1:],
        duration=1000 // _SHOWN_FPS,
        loop=0,
        quality=_WEBP_QUALITY,
        method=6,
    )
    still = frames[look.still]
    still.resize((size[0], size[1]), Image.Resampling.LANCZOS).save(FOLDER / f"{look.name}.jpg", quality=_JPEG_QUALITY)
    return still


def sheet(stills: Sequence[tuple[str, Image.Image]], columns: int, width: int) -> Image.Image:
    """Return stills side by side, each under its name."""
    height = round(width * stills[0][1].height / stills[0][1].width)
    rows = -(-len(stills) // columns)
    page = Image.new("RGB", (columns * (width + _GAP) - _GAP, rows * (height + _LABEL + _GAP) - _GAP), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    for number, (name, still) in enumerate(stills):
        x, y = number % columns * (width + _GAP), number // columns * (height + _LABEL + _GAP)
        pen.text((x, y), name.partition("-")[2].upper(), fill="#333333", font=font)
        page.paste(still.resize((width, height), Image.Resampling.LANCZOS), (x, y + _LABEL))
    return page


def main(names: Sequence[str]) -> None:
    """Draw all looks, or those that are named."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="looks-") as folder:
        for kind, looks, columns, width in (
            ("transitions", transitions(), 6, 190),
            ("motions", motions(), 4, 240),
            ("captions", captions(), 7, 170),
            ("cards", (look for look in cards() if look.name.startswith("card-")), 4, 300),
            ("tall_cards", (look for look in cards() if look.name.startswith("tall")), 6, 190),
        ):
            drawn = [(look.name, draw(look, Path(folder))) for look in looks if not names or look.name in names]
            if not names:
                sheet(drawn, columns, width).save(FOLDER / f"{kind}.jpg", quality=_JPEG_QUALITY, progressive=True)


if __name__ == "__main__":
    main(sys.argv[1:])
