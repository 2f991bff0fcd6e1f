"""Draws with a new font file once: what the libraries that draw text refuse must not be stored."""

import io

from fontTools.ttLib import TTFont
from PIL import ImageFont

from render_service.fonts.faults import FontRefused

_SIZE = 24
_LETTERS = 64


def check_drawing(content: bytes) -> None:
    """Draw some letters of a font, spread over all that it has.

    Raises:
        FontRefused: It cannot be drawn with.
    """
    characters = [one for one in sorted(TTFont(io.BytesIO(content), lazy=True).getBestCmap()) if chr(one).isprintable()]
    text = "".join(map(chr, characters[:: max(1, len(characters) // _LETTERS)][:_LETTERS]))
    try:
        font = ImageFont.truetype(io.BytesIO(content), _SIZE, layout_engine=ImageFont.Layout.RAQM)
        for letter in text:
            font.getmask(letter)
        font.getlength(text)
    except (OSError, ValueError, RuntimeError) as error:
        raise FontRefused("cannot be drawn with; export the font again") from error
