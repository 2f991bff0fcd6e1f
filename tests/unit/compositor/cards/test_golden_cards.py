"""Cards look as they did when they were judged by eye.

After a change that is meant, look at the pictures that `python -m tests.unit.compositor.cards.golden_cards` draws.
"""

import cv2
import numpy as np
import pytest

from tests.unit.compositor.cards.golden_cards import FOLDER, card_names, picture


@pytest.mark.parametrize("name", card_names())
def test_cards_look_as_they_were_approved(name: str) -> None:
    approved = cv2.imread(str(FOLDER / f"{name}.png"))
    assert approved is not None
    found = picture(name)[:, :, ::-1]
    assert found.shape == approved.shape
    # Another version of FreeType may soften an edge.
    difference = np.abs(cv2.blur(found, (5, 5)).astype(int) - cv2.blur(approved, (5, 5)).astype(int))
    assert difference.max() <= 24
    assert difference.mean() <= 0.6
