"""Draws the picture of the page about brand kits, from the kit and the project on it, with the whole service.

python -m scripts.pictures.brand_kit
"""

import asyncio
import io
import re
import tempfile
from pathlib import Path

from PIL import Image
from render_client import RenderClient
from render_client.projects_file import load_brand_kit, load_project
from render_client.v1 import output_pb2

from render_service.embedded.session import WORKSPACE, key_of, make_stack

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/how-to/brand-kits.md"
PICTURE = ROOT / "docs/images/brand-kit.webp"
_FILE = re.compile(r'^```json file="([a-z]+\.json)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def draw(client: RenderClient, folder: Path) -> None:
    """Store the kit, and write the picture of the project that names it."""
    for name, text in _FILE.findall(PAGE.read_text(encoding="utf-8")):
        (folder / name).write_text(text, encoding="utf-8")
    client.create_brand_kit(load_brand_kit(folder / "acme.json"))
    size = output_pb2.OutputOptions(size=output_pb2.FrameSize(width=640, height=360))
    frame = client.frame(load_project(folder / "launch.json"), time=1, output=size)
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
