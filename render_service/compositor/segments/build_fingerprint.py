"""Fingerprints the code, fonts and libraries that decide a segment's bytes: another build may give other bytes."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version

import av
import cv2
import numpy as np
import PIL

from render_service.compositor.segments.code_fingerprint import code_fingerprint
from render_service.compositor.text.fonts import fonts_fingerprint

# The functions that make a segment and a mix. Whatever they can reach through imports can change the bytes they write.
PICTURE_ENTRY = "render_service.compositor.drawing.segment"
SOUND_ENTRY = "render_service.compositor.sound.mixing"


def _lottie_version() -> str:
    try:
        return version("thorvg-cython")
    except PackageNotFoundError:
        return ""


@cache
def build_fingerprint(entry: str = PICTURE_ENTRY) -> str:
    """Return a short name that changes with everything that can change the output of a module, and with nothing else.

    Args:
        entry: Full name of the module that makes the output: `PICTURE_ENTRY` or `SOUND_ENTRY`.

    Returns:
        16 hexadecimal digits of a SHA-256 over the module and all modules of this package that it imports, directly or
        not, the fonts, and the versions of the libraries.
    """
    libraries = (av.__version__, sorted(av.library_versions.items()), cv2.__version__, np.__version__, PIL.__version__)
    # Phrases decide where lines break, coverage decides which face draws a letter.
    packages = ("budoux", "icu4py", "pyphen", "resvg-py", "uharfbuzz")
    return code_fingerprint((entry,), packages, repr(libraries), _lottie_version(), fonts_fingerprint())[:16]
