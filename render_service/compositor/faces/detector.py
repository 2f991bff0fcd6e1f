"""Finds faces in a picture: MediaPipe's BlazeFace of full range, run by OpenCV.

The model takes 192 × 192 pixels and judges 48 × 48 cells, one box each (MediaPipe, face_detection_full_range.pbtxt).
"""

import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.domain.projects.looks.faces import FaceBox

_MODEL = Path(__file__).with_name("face_detection_full_range.tflite")
_SIDE, _CELLS = 192, 48
_OUTPUTS = ("reshaped_regressor_face_4", "reshaped_classifier_face_4")
_LEAST_SCORE, _MOST_OVERLAP = 0.6, 0.3
_LEAST_LOGIT = math.log(_LEAST_SCORE / (1 - _LEAST_SCORE))
# Longer pictures are also judged in parts.
_LONG = 1.2
_Floats = NDArray[np.float64]


def find_faces(pixels: NDArray[np.uint8]) -> list[FaceBox]:
    """Return the faces of a picture, the surest first: those that are at least a twelfth of its shorter side wide.

    Args:
        pixels: (height, width, 3) sRGB.
    """
    height, width = pixels.shape[:2]
    places, scores = zip(*(_judged(pixels, *part) for part in _parts(width, height)), strict=True)
    boxes, sure = np.concatenate(places), np.concatenate(scores)
    kept = cv2.dnn.NMSBoxes(boxes.tolist(), sure.tolist(), _LEAST_SCORE, _MOST_OVERLAP)
    shares = boxes / (width, height, width, height)
    return [FaceBox(*map(float, shares[index])) for index in np.asarray(kept, int).ravel()]


def _parts(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield left, top, width and height of the whole, and of squares along it, in which small faces are larger."""
    yield 0, 0, width, height
    side = min(width, height)
    if max(width, height) >= _LONG * side:
        for share in (0.0, 0.5, 1.0):
            yield round((width - side) * share), round((height - side) * share), side, side


def _judged(pixels: NDArray[np.uint8], x: int, y: int, width: int, height: int) -> tuple[_Floats, _Floats]:
    """Return the boxes that the model sees in a part of a picture, in pixels of the picture, and how sure it is."""
    scale = _SIDE / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    square = np.zeros((_SIDE, _SIDE, 3), np.uint8)
    left, top = (_SIDE - size[0]) // 2, (_SIDE - size[1]) // 2
    part = pixels[y : y + height, x : x + width]
    square[top : top + size[1], left : left + size[0]] = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    network = _network()
    network.setInput(cv2.dnn.blobFromImage(square, 1 / 127.5, mean=(127.5, 127.5, 127.5)))
    boxes, logits = (np.asarray(one, np.float64)[0] for one in network.forward(_OUTPUTS))
    sure = np.flatnonzero(logits[:, 0] > _LEAST_LOGIT)
    across, down = boxes[sure, 2], boxes[sure, 3]
    middle_x = boxes[sure, 0] + (sure % _CELLS + 0.5) * _SIDE / _CELLS - left
    middle_y = boxes[sure, 1] + (sure // _CELLS + 0.5) * _SIDE / _CELLS - top
    places = np.stack((middle_x - across / 2, middle_y - down / 2, across, down), axis=1) / scale
    return places + np.array((x, y, 0, 0)), 1 / (1 + np.exp(-logits[sure, 0]))


@cache
def _network() -> cv2.dnn.Net:
    # The newer engines reach only one of the two outputs.
    return cv2.dnn.readNetFromTFLite(str(_MODEL), cv2.dnn.ENGINE_CLASSIC)
