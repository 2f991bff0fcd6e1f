"""Draws the picture of the page about uploaded fonts, with the whole service.

python -m scripts.pictures.uploaded_fonts
"""

import asyncio
import io
import json
import re
import tempfile
from importlib import resources
from pathlib import Path

from PIL import Image
from render_client import RenderClient
from render_client.projects_file import load_project
from render_client.v1 import output_pb2

from render_service.compositor.text import fonts
from render_service.embedded.session import WORKSPACE, key_of, make_stack

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/how-to/fonts.md"
PICTURE = ROOT / "docs/images/uploaded-fonts.webp"
_NOTO = Path(str(resources.files("manimgx_fonts")))
_UPLOADED = (
    ("Acme Script", Path(fonts.__file__).parent / "font_files/families/Lobster-Regular.ttf"),
    ("Acme Sans", _NOTO / "NotoSans[wght].ttf"),
    ("Acme Sans", _NOTO / "NotoSans-Italic[wght].ttf"),
)
_LAYERS = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PLACES = ({"y": 0.4}, {"y": 0.64})
_COLORS = ("#FFE3B3", "#FFFFFF")


def draw(client: RenderClient, folder: Path) -> None:
    """Upload the fonts, and write the picture of the layers on the page."""
    for family, file in _UPLOADED:
        client.upload_font(file.read_bytes(), family=family)
    found = _LAYERS.search(PAGE.read_text(encoding="utf-8"))
    assert found
    layers = json.loads(found[1])["layers"]
    for layer, place, color in zip(layers, _PLACES, _COLORS, strict=True):
        layer["box"] = {"x": 0.5, **place}
        layer["text"]["style"]["color"] = color
    shot = {"id": "one", "duration": "2s", "layers": layers}
    (folder / "project.json").write_text(json.dumps({"storyboard": {"shots": [shot]}}), encoding="utf-8")
    size = output_pb2.OutputOptions(size=output_pb2.FrameSize(width=640, height=360))
    frame = client.frame(load_project(folder / "project.json"), time=1, output=size)
    Image.open(io.BytesIO(frame.image)).convert("RGB").save(PICTURE, quality=82, method=6)


async def main() -> None:
    """Start the service, and draw."""
    with tempfile.TemporaryDirectory(prefix="render-") as name:
        folder = Path(name)
        async with make_stack(folder / "service", port=None, file_roots=()) as stack:
            with RenderClient(stack.target, token=await key_of(stack), workspace=WORKSPACE) as client:
                await asyncio.to_thread(draw, client, folder)


if __name__ == "__main__":
    asyncio.run(main())
