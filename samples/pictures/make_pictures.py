"""Draws the pictures of the samples from the SVG files beside it, with Chromium.

    python samples/pictures/make_pictures.py

Names given as arguments, such as `soup`, are drawn alone. Pictures with a transparent ground become PNG, others JPEG.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2

HERE = Path(__file__).resolve().parent
_TRANSPARENT = ("cup", "logo")
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 86, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
_SIZE = re.compile(r'width="(\d+)" height="(\d+)"')


def draw(source: Path, folder: Path) -> Path:
    """Draw one file; return the picture."""
    size = _SIZE.search(source.read_text(encoding="utf-8"))
    assert size is not None
    shot = folder / f"{source.stem}.png"
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += ["--force-color-profile=srgb", "--default-background-color=00000000", f"--user-data-dir={folder}"]
    command += [f"--window-size={size[1]},{size[2]}", f"--screenshot={shot}", source.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    picture = cv2.imread(str(shot), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    if source.stem in _TRANSPARENT:
        target = HERE / f"{source.stem}.png"
        cv2.imwrite(str(target), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    else:
        target = HERE / f"{source.stem}.jpg"
        cv2.imwrite(str(target), picture[:, :, :3], _JPEG)
    return target


def main(names: list[str]) -> None:
    """Draw all pictures, or those that are named."""
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        for source in sorted(HERE.glob("*.svg")):
            if not names or source.stem in names:
                print(draw(source, Path(folder)).name)


if __name__ == "__main__":
    main(sys.argv[1:])
