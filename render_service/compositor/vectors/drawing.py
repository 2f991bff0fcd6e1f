"""Draws SVG documents as pixels, with the fonts of this service and nothing else of the machine."""

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from render_service.compositor.text.fonts import file_of
from render_service.compositor.vectors.document import SvgDocument, SvgError, SvgFaultKind

MAX_PIXELS = 16_800_000
"""Of a drawing: the largest frame, 4096 × 4096. What would be larger is drawn coarser."""
_FAMILY = "Noto Sans"


def drawn_size(
    document: SvgDocument, cover: tuple[int, int] | None = None, contain: tuple[int, int] | None = None
) -> tuple[int, int]:
    """Return width and height in pixels at which a document is drawn.

    Args:
        document: The document.
        cover: What the drawing must cover, keeping its aspect ratio.
        contain: What it must fit into. With neither it has its own size.
    """
    width, height = document.width, document.height
    scale = 1.0
    if cover:
        scale = max(cover[0] / width, cover[1] / height)
    elif contain:
        scale = min(contain[0] / width, contain[1] / height)
    scale = min(scale, math.sqrt(MAX_PIXELS / (width * height)))
    drawn = max(1, round(width * scale)), max(1, round(height * scale))
    # A strip that is thinner than a pixel would be as long as it likes.
    return min(drawn[0], MAX_PIXELS // drawn[1]), min(drawn[1], MAX_PIXELS // min(drawn[0], MAX_PIXELS))


def draw_svg(document: SvgDocument, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Draw a document.

    Args:
        document: The document.
        size: Width and height in pixels, see `drawn_size`.

    Returns:
        (height, width, 4) sRGB with straight alpha.

    Raises:
        SvgError: It cannot be drawn.
    """
    # Loaded only where it is needed.
    import resvg_py  # noqa: PLC0415

    try:
        encoded = resvg_py.svg_to_bytes(
            svg_string=document.at_size(*size),
            skip_system_fonts=True,
            font_files=list(dict.fromkeys(str(file_of(face)) for face in document.faces)),
            languages=["en"],
            font_family=_FAMILY,
            serif_family=_FAMILY,
            sans_serif_family=_FAMILY,
            cursive_family=_FAMILY,
            fantasy_family=_FAMILY,
            monospace_family=_FAMILY,
        )
    except ValueError as error:
        raise SvgError(
            SvgFaultKind.DAMAGED, f"the SVG cannot be drawn ({str(error)[:120]}); export it again"
        ) from error
    except BaseException as error:
        # A fault of the renderer itself, which is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise SvgError(SvgFaultKind.DAMAGED, "the SVG crashes its renderer; export it again") from error
    with Image.open(io.BytesIO(encoded), formats=("PNG",)) as picture:
        if picture.size != size:
            raise SvgError(SvgFaultKind.DAMAGED, "the SVG has no size of its own; add a viewBox")
        return np.asarray(picture.convert("RGBA"))
