"""SVG, LUTs, masks, Lottie, counters, trims, parallax and focus look as they did when they were judged by eye.

After a change that is meant, look at the pictures that `python -m tests.unit.compositor.goldens.golden_files` draws.
"""

import cv2
import numpy as np
import pytest

from tests.unit.compositor.goldens.golden_files import FOLDER, SCENES


@pytest.mark.parametrize("name", SCENES)
def test_files_in_layers_look_as_they_were_approved(name: str) -> None:
    approved = cv2.imread(str(FOLDER / f"{name}.png"))
    assert approved is not None
    found = SCENES[name]()[:, :, ::-1]
    assert found.shape == approved.shape
    # Another version of a renderer may soften an edge; a shape elsewhere changes the blurred picture.
    difference = np.abs(cv2.blur(found, (5, 5)).astype(int) - cv2.blur(approved, (5, 5)).astype(int))
    assert difference.max() <= 24
    assert difference.mean() <= 0.6
