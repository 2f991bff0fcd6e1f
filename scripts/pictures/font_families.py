"""Draws docs/images/fonts.webp: a line in every weight of every font family.

python -m scripts.pictures.font_families
"""

from pathlib import Path

import numpy as np
from PIL import Image

from render_service.compositor.layers.texts import draw_text
from render_service.domain.layers.fonts import FONT_FAMILIES
from render_service.domain.layers.model import Anchor, Box, TextLayer, TextStyle

FILE = Path(__file__).resolve().parent.parent.parent / "docs/images/fonts.webp"
_SIZE = (1100, 1100)


def main() -> None:
    """Write the picture."""
    width, height = _SIZE
    picture = Image.new("RGBA", _SIZE, "#1C202A")
    lines = [(family.name, weight) for family in FONT_FAMILIES for weight in family.weights]
    for number, (name, weight) in enumerate(lines):
        layer = TextLayer(f"{name} {weight}   The quick brown fox äéğ “…”", TextStyle(0.031, weight, font=name))
        box = Box(0.03, 0.015 + number * 0.97 / len(lines), Anchor.TOP_LEFT)
        drawing, _, _ = draw_text(layer, box, None, (width, height), "en")
        alpha = drawing.pixels[..., 3:]
        colors = drawing.pixels[..., :3] / np.maximum(alpha, np.float32(1 / 255))
        pixels = np.rint(np.concatenate([colors, alpha], axis=2).clip(0, 1) * 255).astype(np.uint8)
        picture.alpha_composite(
            Image.fromarray(pixels).crop((max(0, -drawing.x), max(0, -drawing.y), *pixels.shape[1::-1])),
            (max(0, drawing.x), max(0, drawing.y)),
        )
    picture.convert("RGB").save(FILE, quality=80, method=6)


if __name__ == "__main__":
    main()
