"""`make bench-browser`: draws scenes with the service and with Chromium, and compares them.

Chromium must be installed (`apt-get install chromium`), or its path given as `CHROMIUM=PATH`. `OUT=FOLDER` keeps the
pictures.
"""

import os
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.browser.chromium import Browser, find_chromium, luma_of
from benchmarks.browser.scenes import GROUND, HEIGHT, SCENES, WIDTH, Scene
from benchmarks.compositor.frames import ssim
from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.segments.layers import drawn_layers
from render_service.compositor.text.fonts import file_of, regional_face

LEAST = 0.98


def ours(scene: Scene) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw a scene with the service: full-range sRGB as blue, green, red, and limited-range luma."""
    target = Planes.empty(WIDTH, HEIGHT)
    target.fill((16, 128, 128))
    LayersPainter(drawn_layers(scene.layers, 30, 30, {}, ""), (WIDTH, HEIGHT), 30, {}).draw(0, target)
    packed = np.vstack([target.y, *(plane.reshape(-1, WIDTH) for plane in (target.u, target.v))])
    return np.asarray(cv2.cvtColor(packed, cv2.COLOR_YUV2BGR_I420), np.uint8), target.y


def main() -> int:
    """Compare all scenes and return 0 if each is as similar as it must be."""
    chromium = find_chromium()
    if chromium is None:
        return 2
    with tempfile.TemporaryDirectory(prefix="bench-browser-") as name:
        fonts = [file_of(regional_face(""))]
        seen = Browser(chromium, Path(name)).draw([scene.html for scene in SCENES], fonts, (WIDTH, HEIGHT), GROUND)
    results = []
    for scene, theirs in zip(SCENES, seen, strict=True):
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
