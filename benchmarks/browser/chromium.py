"""Draws pieces of HTML with Chromium."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-quic"),
    *("--force-color-profile=srgb", "--disable-lcd-text", "--font-render-hinting=none"),
    "--allow-file-access-from-files",
)


def find_chromium() -> str | None:
    """Return the path of Chromium, or None and say how to get it."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        sys.stderr.write("chromium is missing: install it, or add CHROMIUM= with its path\n")
    return chromium


@dataclass(frozen=True, slots=True)
class Browser:
    """Chromium.

    Attributes:
        program: Its path.
        folder: An empty folder for its files.
    """

    program: str
    folder: Path

    def draw(
        self, parts: Sequence[str], fonts: Sequence[Path], size: tuple[int, int], ground: str
    ) -> list[NDArray[np.uint8]]:
        """Draw pieces of HTML.

        Args:
            parts: The pieces; each is drawn into a frame of its own.
            fonts: Font files, which the pieces know as `service-0`, `service-1` …
            size: Width and height of a frame in pixels.
            ground: What a frame is filled with, as CSS `background`.

        Returns:
            A picture of each: full-range sRGB as blue, green, red.
        """
        width, height = size
        faces = ""
        for number, font in enumerate(fonts):
            copy = self.folder / f"service-{number}{font.suffix}"
            shutil.copyfile(font, copy)
            faces += f"@font-face{{font-family:service-{number};src:url({copy.name});font-weight:100 900}}"
        frame = f"position:relative;overflow:hidden;isolation:isolate;width:{width}px;height:{height}px"
        body = "".join(f'<div style="{frame};background:{ground}">{part}</div>' for part in parts)
        head = f"<!doctype html><meta charset=utf-8><style>{faces}body{{margin:0}}</style>"
        page, shot = self.folder / "page.html", self.folder / "page.png"
        page.write_text(head + body, encoding="utf-8")
        command = [self.program, *_FLAGS, f"--window-size={width},{height * len(parts)}"]
        command += [f"--user-data-dir={self.folder / 'profile'}", "--virtual-time-budget=3000"]
        command += [f"--screenshot={shot}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        picture = cv2.imread(str(shot))
        assert picture is not None
        return [np.asarray(picture[top : top + height], np.uint8) for top in range(0, height * len(parts), height)]


def luma_of(bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return limited-range BT.709 luma of full-range sRGB."""
    weights = np.array((0.0722, 0.7152, 0.2126)) * 219 / 255
    return np.rint(bgr @ weights + 16).astype(np.uint8)
