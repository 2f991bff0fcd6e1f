"""`make bench-browser`: draws scenes with the service and with Chromium, and compares them.

Chromium must be installed (`apt-get install chromium`), or its path given as `CHROMIUM=PATH`. `OUT=FOLDER` keeps the
pictures.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.browser.scenes import GROUND, HEIGHT, SCENES, WIDTH, Scene
from benchmarks.compositor.frames import ssim
from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.segments.layers import drawn_layers
from render_service.compositor.text.fonts import file_of, regional_face

LEAST = 0.98
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-quic"),
    *(
        "--force-color-profile=srgb",
        "--disable-lcd-text",
        "--font-render-hinting=none",
        "--allow-file-access-from-files",
    ),
)


def ours(scene: Scene) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw a scene with the service: full-range sRGB as blue, green, red, and limited-range luma."""
    target = Planes.empty(WIDTH, HEIGHT)
    target.fill((16, 128, 128))
    LayersPainter(drawn_layers(scene.layers, 30, 30, {}, ""), (WIDTH, HEIGHT), 30, {}).draw(0, target)
    packed = np.vstack([target.y, *(plane.reshape(-1, WIDTH) for plane in (target.u, target.v))])
    return np.asarray(cv2.cvtColor(packed, cv2.COLOR_YUV2BGR_I420), np.uint8), target.y


def browser(scenes: Sequence[Scene], chromium: str, folder: Path) -> NDArray[np.uint8]:
    """Draw all scenes with Chromium, one below the other: full-range sRGB."""
    font = file_of(regional_face(""))
    shutil.copyfile(font, folder / "service.ttc")
    parts = "".join(
        f'<div style="position:relative;overflow:hidden;isolation:isolate;width:{WIDTH}px;height:{HEIGHT}px;'
        f'background:{GROUND}">{scene.html}</div>'
        for scene in scenes
    )
    page = folder / "scenes.html"
    page.write_text(
        "<!doctype html><meta charset=utf-8><style>@font-face{font-family:service;src:url(service.ttc);"
        "font-weight:100 900}body{margin:0}</style>" + parts,
        encoding="utf-8",
    )
    shot = folder / "scenes.png"
    size = f"--window-size={WIDTH},{HEIGHT * len(scenes)}"
    profile = f"--user-data-dir={folder / 'profile'}"
    command = [chromium, *_FLAGS, size, profile, "--virtual-time-budget=3000", f"--screenshot={shot}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    picture = cv2.imread(str(shot))
    assert picture is not None
    return np.asarray(picture, np.uint8)


def luma_of(bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return limited-range BT.709 luma of full-range sRGB."""
    weights = np.array((0.0722, 0.7152, 0.2126)) * 219 / 255
    return np.rint(bgr @ weights + 16).astype(np.uint8)


def main() -> int:
    """Compare all scenes and return 0 if each is as similar as it must be."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        sys.stderr.write("chromium is missing: install it, or add CHROMIUM= with its path\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="bench-browser-") as name:
        seen = browser(SCENES, chromium, Path(name))
    results = []
    for number, scene in enumerate(SCENES):
        theirs = seen[number * HEIGHT : (number + 1) * HEIGHT]
        picture, luma = ours(scene)
        results.append(ssim(luma, luma_of(theirs)))
        print(f"{scene.name:18} {results[-1]:.4f}{'' if results[-1] >= LEAST else '  < ' + str(LEAST)}")
        if os.environ.get("OUT"):
            pair = np.hstack((picture, theirs, cv2.absdiff(picture, theirs)))
            cv2.imwrite(str(Path(os.environ["OUT"]) / f"{scene.name}.png"), pair)
    print(f"{sum(value >= LEAST for value in results)} of {len(results)} scenes at {LEAST} or more")
    return 0 if min(results) >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
