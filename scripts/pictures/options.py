"""Draws the picture beside each option on the page of options, with the whole service.

    python -m scripts.pictures.options [NAME …]

The page is the source: each row has an option as a project file writes it, and the picture that this command makes from
it. Below each heading, `BASES` says what project the option is put into. Names, such as `blend-add`, are drawn alone.
"""

import asyncio
import io
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from render_client import RenderClient, load_project
from render_client.v1 import output_pb2, project_pb2

from render_service.embedded.session import WORKSPACE, key_of, make_stack

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/options.md"
FOLDER = ROOT / "docs/images/options"
_HEADING = re.compile(r"^## (.+)$")
_ROW = re.compile(r"^\| `([^`]+)` \| !\[[^\]]*\]\(\.\./images/options/([a-z0-9-]+)\.webp\) \|")
_QUALITY, _SHOWN_FPS = 70, 8
_WIDE, _SQUARE, _TALL = (320, 180), (220, 220), (144, 256)


@dataclass(frozen=True)
class Base:
    """What the options below a heading are put into.

    Attributes:
        project: A project file in YAML, with `OPTION` where the option stands; `harbour/` and `pictures/` are samples.
        size: The frame in pixels.
        moments: The times in seconds of what is shown; several make a picture that moves.
    """

    project: str
    size: tuple[int, int] = _WIDE
    moments: Sequence[float] = (1.5,)


def _seconds(first: float, last: float) -> tuple[float, ...]:
    count = round((last - first) * _SHOWN_FPS) + 1
    return tuple(first + number / _SHOWN_FPS for number in range(count))


_SHOT = """
language: en
storyboard:
  shots:
    - image_uri: harbour/{picture}.jpg
      caption: "{caption}"
      duration: 4s
"""
_STILL = "      motion: {kind: none}\n"


def _shot(rest: str, picture: str = "04-golden", caption: str = "") -> str:
    return _SHOT.format(picture=picture, caption=caption) + rest


def _layer(rest: str) -> str:
    return _shot(_STILL + "      layers:\n" + rest, "05-dusk")


_PORTRAIT = "        - picture: {uri: harbour/01-dawn.jpg}\n"
_CAPTION = "By morning, every sail is out."
BASES = {
    "Mode": Base("OPTION\n" + _shot("", "05-dusk", "The last ferry goes home."), _WIDE),
    "Shape": Base(_shot(_STILL) + "output: {OPTION, quality: draft}\n", (0, 0)),
    "Fit": Base(_shot("      OPTION\n" + _STILL), _SQUARE),
    "Motion": Base(_shot("      motion: {OPTION}\n"), _WIDE, _seconds(0, 3.75)),
    "Transition": Base(
        _shot(_STILL)
        + "    - image_uri: harbour/06-night.jpg\n      caption: ''\n      duration: 4s\n      motion: {kind: none}\n"
        + "      transition: {OPTION, duration: 1.5s}\n",
        _WIDE,
        _seconds(2.4, 4.1),
    ),
    "Captions": Base(_shot(_STILL, "02-morning", _CAPTION) + "captions: {OPTION}\n", _WIDE, (2.2,)),
    "Captions in a portrait": Base(_shot(_STILL, "02-morning", _CAPTION) + "captions: {OPTION}\n", _TALL, (2.2,)),
    "Watermark": Base(_shot(_STILL) + "watermark: {uri: pictures/logo.svg, OPTION}\n"),
    "Text": Base(_layer('        - text:\n            text: "The night\\nferry"\n            OPTION\n')),
    "Place": Base(_layer(_PORTRAIT + "          box: {OPTION}\n")),
    "Shape layers": Base(_layer("        - {OPTION, box: {x: 0.5, y: 0.5, height: 0.6}}\n")),
    "Look": Base(_layer(_PORTRAIT + "          box: {x: 0.5, y: 0.5, width: 0.6, height: 0.6}\n          OPTION\n")),
    "Lottie": Base(
        _layer("        - picture: {uri: pictures/burst.json, OPTION}\n          box: {x: 0.5, y: 0.5, height: 0.8}\n"),
        _WIDE,
        _seconds(0, 2.9),
    ),
    "Coming and going": Base(
        _layer('        - text: {text: "Night ferry", style: {size: 0.2, weight: 900}}\n          OPTION\n'),
        _WIDE,
        _seconds(0, 1.5),
    ),
    "Keyframes": Base(
        _layer(
            "        - shape: {kind: ellipse, color: '#E0206B'}\n          box: {x: 0.3, y: 0.5, height: 0.3}\n"
            "          keyframes: [OPTION]\n"
        ),
        _WIDE,
        _seconds(0, 2),
    ),
}


@dataclass(frozen=True)
class Option:
    """A row of the page: the name of its picture, the option, and the heading above it."""

    name: str
    text: str
    heading: str

    @property
    def base(self) -> Base:
        """What the option is put into."""
        return BASES[self.heading]

    def project(self, folder: Path) -> project_pb2.Project:
        """Return the project with the option in it, written into a folder on the way."""
        text = self.base.project.replace("OPTION", self.text)
        for name, place in (("harbour/", "samples/harbour/images/"), ("pictures/", "samples/pictures/")):
            text = text.replace(f" {name}", f" {ROOT}/{place}")
        path = folder / f"{self.name}.yaml"
        path.write_text(text, encoding="utf-8")
        return load_project(path)


def options(page: str) -> Iterator[Option]:
    """Yield all rows of the page."""
    heading = ""
    for line in page.splitlines():
        found = _HEADING.match(line)
        heading = found[1] if found else heading
        row = _ROW.match(line)
        if row:
            yield Option(row[2], row[1], heading)


def draw(client: RenderClient, option: Option, folder: Path) -> None:
    """Write the picture of an option."""
    project, (width, height) = option.project(folder), option.base.size
    output = None
    if width:
        # In twice the size, for smooth edges.
        size = output_pb2.FrameSize(width=2 * width, height=2 * height)
        output = output_pb2.OutputOptions(size=size)
    images = [
        Image.open(io.BytesIO(client.frame(project, time=moment, output=output).image)).convert("RGB")
        for moment in option.base.moments
    ]
    if not width:
        width, height = (round(side * 200 / max(images[0].size)) for side in images[0].size)
    frames = [image.resize((width, height), Image.Resampling.LANCZOS) for image in images]
    frames[0].save(
        FOLDER / f"{option.name}.webp",
        save_all=len(frames) > 1,
        append_images=frames[1:],
        duration=1000 // _SHOWN_FPS,
        loop=0,
        quality=_QUALITY,
        method=6,
    )


async def main(names: Sequence[str]) -> None:
    """Start the service, and draw all pictures, or those that are named."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    chosen = [option for option in options(PAGE.read_text("utf-8")) if not names or option.name in names]
    with tempfile.TemporaryDirectory(prefix="render-") as name:
        folder = Path(name)
        async with make_stack(folder / "service", port=None, file_roots=(ROOT / "samples",)) as stack:
            with RenderClient(stack.target, token=await key_of(stack), workspace=WORKSPACE) as client:
                for option in chosen:
                    await asyncio.to_thread(draw, client, option, folder)
                    print(option.name, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
