"""Wide blurs look as those computed at full resolution do."""

import cv2
import numpy as np
import pytest

from render_service.compositor.layers.pixels import softened


@pytest.mark.parametrize("sigma", [5.0, 24.0, 50.0, 130.0])
@pytest.mark.parametrize("size", [(240, 320), (241, 333), (90, 800)])
def test_a_wide_blur_equals_that_at_full_resolution(sigma: float, size: tuple[int, int]) -> None:
    plane = np.zeros(size, np.uint8)
    plane[size[0] // 4 : size[0] // 2, size[1] // 3 : size[1] // 2] = 255
    exact = cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    found = softened(plane, sigma, border=cv2.BORDER_CONSTANT)
    assert np.abs(found.astype(np.int16) - exact).max() <= 4
