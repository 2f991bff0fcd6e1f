"""Draws the pictures of the samples from the SVG files beside it, as the service draws SVG.

    python samples/pictures/make_pictures.py

Names given as arguments, such as `soup`, are drawn alone. A picture with a transparent ground becomes a PNG, the others
JPEG; `logo.svg` is used as it is.
"""

import sys
from pathlib import Path

import cv2
from PIL import Image

from render_service.compositor.vectors.document import read_svg
from render_service.compositor.vectors.drawing import draw_svg, drawn_size

HERE = Path(__file__).resolve().parent
_TRANSPARENT = "cup"
_USED_AS_IT_IS = "logo"
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 86, cv2.IMWRITE_JPEG_OPTIMIZE, 1]


def draw(source: Path) -> Path:
    """Draw one file; return the picture."""
    document = read_svg(source.read_bytes())
    pixels = draw_svg(document, drawn_size(document))
    if source.stem == _TRANSPARENT:
        target = source.with_suffix(".png")
        Image.fromarray(pixels, "RGBA").save(target, optimize=True)
    else:
        target = source.with_suffix(".jpg")
        cv2.imwrite(str(target), cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGR), _JPEG)
    return target


def main(names: list[str]) -> None:
    """Draw all pictures, or those that are named."""
    for source in sorted(HERE.glob("*.svg")):
        if source.stem != _USED_AS_IT_IS and (not names or source.stem in names):
            print(draw(source).name)


if __name__ == "__main__":
    main(sys.argv[1:])
