"""Lottie animations for tests."""

import json
from typing import Any


def still(value: Any) -> dict[str, Any]:
    """A property that keeps its value."""
    return {"a": 0, "k": value}


def placed(**own: Any) -> dict[str, Any]:
    """The transform of a layer."""
    return {"p": still([0, 0]), "a": still([0, 0]), "s": still([100, 100]), "r": still(0), "o": still(100), **own}


def rectangle(*more: Any, color: tuple[float, float, float] = (1, 0, 0), side: float = 50) -> dict[str, Any]:
    """A group with a filled rectangle."""
    shapes = [
        {"ty": "rc", "p": still([side / 2, side / 2]), "s": still([side, side]), "r": still(0)},
        *more,
        {"ty": "fl", "c": still([*color, 1]), "o": still(100)},
        {"ty": "tr", **placed()},
    ]
    return {"ty": "gr", "it": shapes}


def layer(*shapes: Any, **own: Any) -> dict[str, Any]:
    """A layer of shapes."""
    return {"ty": 4, "ip": 0, "op": 600, "st": 0, "ks": placed(), "shapes": list(shapes), **own}


def animation(*layers: Any, **own: Any) -> dict[str, Any]:
    """An animation of 100 × 50, 20 frames at 10 a second."""
    return {"v": "5.7.0", "fr": 10, "ip": 0, "op": 20, "w": 100, "h": 50, "layers": list(layers), **own}


def moving() -> dict[str, Any]:
    """A red square that jumps from the left to the right after a second."""
    jump = {"a": 1, "k": [{"t": 0, "s": [0, 0], "h": 1}, {"t": 10, "s": [50, 0], "h": 1}]}
    return animation(layer(rectangle(), ks=placed(p=jump)))


def written(document: object) -> bytes:
    """A document as a file."""
    return json.dumps(document).encode()
