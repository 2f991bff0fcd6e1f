"""Captions and cards look as they did when they were judged by eye.

After a change that is meant, look at the pictures that `python -m tests.unit.compositor.golden_texts` draws.
"""

import cv2
import numpy as np
import pytest

from tests.unit.compositor.golden_texts import FOLDER, GOLDEN


@pytest.mark.parametrize("name", GOLDEN)
def test_texts_look_as_they_were_approved(name: str) -> None:
    approved = cv2.imread(str(FOLDER / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
    assert approved is not None
    found = GOLDEN[name]()
    assert found.shape == approved.shape
    # Another version of FreeType may soften an edge; a letter elsewhere changes the blurred picture.
    difference = cv2.blur(found, (5, 5)).astype(int) - cv2.blur(approved, (5, 5)).astype(int)
    assert np.abs(difference).max() <= 24
    assert np.abs(difference).mean() <= 0.6
