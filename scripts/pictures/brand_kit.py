"""Draws the pictures of the page about brand kits, with the whole service: its project, and cards with two kits.

python -m scripts.pictures.brand_kit
"""

import asyncio
import io
import re
import tempfile
from pathlib import Path

from google.protobuf import json_format
from PIL import Image
from render_client import RenderClient
from render_client.projects_file import load_brand_kit, load_project
from render_client.v1 import brand_service_pb2, output_pb2, project_pb2

from render_service.embedded.session import WORKSPACE, key_of, make_stack

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/how-to/brand-kits.md"
PICTURE = ROOT / "docs/images/brand-kit.webp"
CARDS = ROOT / "docs/images/brand-cards.webp"
_PAPER = brand_service_pb2.BrandKit(
    name="paper",
    fonts=brand_service_pb2.BrandFonts(heading="Montserrat", body="Inter"),
    colors=brand_service_pb2.BrandColors(
        primary="#0B5FFF", secondary="#00B8A9", accent="#FFB400", background="#FFFFFF", text="#0A1F44"
    ),
)
_SHOWN = {
    "statistic": {"value": 1240, "label": "boats leave every morning"},
    "chart": {
        "kind": "CHART_KIND_DONUT",
        "title": "What the nets bring home",
        "points": [{"label": "Cod", "value": 52}, {"label": "Herring", "value": 24}, {"label": "Other", "value": 24}],
    },
    "chapter": {"title": "The harbour wakes", "number": "Chapter 1", "subtitle": "Four in the morning"},
}
_SIZES = ((320, 180), (102, 180), (180, 180))
_GAP = 4
_FILE = re.compile(r'^```json file="([a-z]+\.json)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def draw(client: RenderClient, folder: Path) -> None:
    """Store the kit, and write the picture of the project that names it."""
    for name, text in _FILE.findall(PAGE.read_text(encoding="utf-8")):
        (folder / name).write_text(text, encoding="utf-8")
    client.create_brand_kit(load_brand_kit(folder / "acme.json"))
    size = output_pb2.OutputOptions(size=output_pb2.FrameSize(width=640, height=360))
    frame = client.frame(load_project(folder / "launch.json"), time=1, output=size)
    Image.open(io.BytesIO(frame.image)).convert("RGB").save(PICTURE, quality=82, method=6)


def draw_cards(client: RenderClient) -> None:
    """Write the picture of some cards with two kits, each row in one of them, each card in three shapes."""
    client.create_brand_kit(_PAPER)
    width = len(_SHOWN) * sum(size[0] + _GAP for size in _SIZES)
    page = Image.new("RGB", (width, 2 * (_SIZES[0][1] + _GAP)), "#808080")
    for row, kit in enumerate(("acme", _PAPER.name)):
        left = 0
        for template, values in _SHOWN.items():
            shot = {"id": "one", "duration": "4s", "card": {template: values}}
            project = json_format.ParseDict(
                {
                    "title": "Cards",
                    "brand_kit": kit,
                    "brand_kit_excludes": ["end_card"],
                    "storyboard": {"shots": [shot]},
                },
                project_pb2.Project(),
            )
            for across, down in _SIZES:
                size = output_pb2.FrameSize(width=2 * across, height=2 * down)
                frame = client.frame(project, time=3.9, output=output_pb2.OutputOptions(size=size))
                picture = Image.open(io.BytesIO(frame.image)).convert("RGB")
                page.paste(picture.resize((across, down), Image.Resampling.LANCZOS), (left, row * (down + _GAP)))
                left += across + _GAP
    page.save(CARDS, quality=82, method=6)


async def main() -> None:
    """Start the service, and draw."""
    with tempfile.TemporaryDirectory(prefix="render-") as name:
        folder = Path(name)
        async with make_stack(folder / "service", port=None, file_roots=()) as stack:
            with RenderClient(stack.target, token=await key_of(stack), workspace=WORKSPACE) as client:
                await asyncio.to_thread(draw, client, folder)
                await asyncio.to_thread(draw_cards, client)


if __name__ == "__main__":
    asyncio.run(main())
