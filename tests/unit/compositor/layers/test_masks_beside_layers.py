"""A picture mask that lies beside its layer hides it, on whichever side it lies."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from render_service.compositor.layers.masks import _shown_by
from render_service.compositor.media.assets import Asset


@pytest.mark.parametrize("place", [(150, 0), (0, 150), (-150, 0), (0, -150), (150, 150), (100, 0), (500, 500)])
def test_a_mask_beside_its_layer_lets_nothing_through(place: tuple[int, int], tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "mask.png"), np.full((100, 100, 3), 255, np.uint8))
    asset = Asset(tmp_path / "mask.png", "layers[0].mask.picture_uri")
    assert not _shown_by(asset, (*place, 100, 100), (100, 100)).any()
    assert _shown_by(asset, (50, 50, 100, 100), (100, 100)).any()
