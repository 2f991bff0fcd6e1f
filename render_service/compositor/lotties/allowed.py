"""Selects what of a Lottie animation is handed on for drawing: the keys of each kind of object that are checked.

A schema maps the keys of an object to the schemas of their values. Lists take the schema of their elements; numbers,
strings and truth values stay. Whatever is not named here never reaches what draws: slots, fonts, glyphs, texts.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

_Schema: TypeAlias = "dict[str, _Schema] | Callable[[dict[str, Any]], dict[str, _Schema]]"


def allowed(document: dict[str, Any]) -> dict[str, Any]:
    """Return an animation with the keys that are drawn alone, in their order."""
    kept = _kept(document, _DOCUMENT)
    assert isinstance(kept, dict)
    return kept


def _kept(value: object, schema: _Schema) -> object:
    if isinstance(value, list):
        return [_kept(inner, schema) for inner in value]
    if not isinstance(value, dict):
        return value
    keys = schema(value) if callable(schema) else schema
    return {key: _kept(inner, keys[key]) for key, inner in value.items() if key in keys}


_PLAIN: _Schema = {}


def _object(names: str, **schemas: _Schema) -> dict[str, _Schema]:
    """Return a schema whose named keys are plain, with others of their own."""
    return {**dict.fromkeys(names.split(), _PLAIN), **schemas}


def _moved(names: str) -> dict[str, _Schema]:
    return dict.fromkeys(names.split(), _PROPERTY)


_EASING = _object("x y")
_PATH = _object("i o v c")
# Keyframes, or the outline of a path that keeps its form.
_VALUES = _object("t h ti to n v c", s=_PATH, e=_PATH, i=_EASING, o=_EASING)
_PROPERTY = _object("a ix", k=_VALUES)
_POSITION = _object("a ix s", k=_VALUES, x=_PROPERTY, y=_PROPERTY)
_TRANSFORM = _object("nm hd", p=_POSITION, **_moved("a s r o rx ry rz sk sa so eo"))
_DASHES = _object("n nm", v=_PROPERTY)
_GRADIENT = _object("t", g=_object("p", k=_PROPERTY), **_moved("o s e h a"))
_LINE = _object("lc lj ml", d=_DASHES, w=_PROPERTY)


def _of_shape(shape: dict[str, Any]) -> dict[str, _Schema]:
    kind = shape.get("ty")
    return {**_object("ty nm hd"), **(_SHAPES.get(kind, {}) if isinstance(kind, str) else {})}


_SHAPES: dict[str, dict[str, _Schema]] = {
    "gr": {"it": _of_shape},
    "rc": _object("d", **_moved("s p r")),
    "el": _object("d", **_moved("s p")),
    "sr": _object("d sy", **_moved("p pt ir is or os r")),
    "sh": _object("d", ks=_PROPERTY),
    "tr": _TRANSFORM,
    "fl": _object("r fillEnabled", **_moved("c o")),
    "st": {**_LINE, **_object("fillEnabled", **_moved("c o"))},
    "gf": {**_GRADIENT, **_object("r")},
    "gs": {**_GRADIENT, **_LINE},
    "rd": _moved("r"),
    "tm": _object("m", **_moved("s e o")),
    "rp": _object("m", tr=_TRANSFORM, **_moved("c o")),
}
_MASKS = _object("nm inv mode", pt=_PROPERTY, **_moved("o x"))
_EFFECTS = _object("ty nm mn en", ef=_object("ty nm mn", v=_PROPERTY))
_COMMON = _object(
    "nm ddd ind ty sr ao ip op st bm parent w h tt tp td hasMask hd",
    ks=_TRANSFORM,
    masksProperties=_MASKS,
    ef=_EFFECTS,
)
_LAYERS: dict[int, dict[str, _Schema]] = {
    0: _object("refId", tm=_PROPERTY),
    1: _object("sw sh sc"),
    4: {"shapes": _of_shape},
}


def _of_layer(layer: dict[str, Any]) -> dict[str, _Schema]:
    kind = layer.get("ty")
    return {**_COMMON, **(_LAYERS.get(kind, {}) if isinstance(kind, int) else {})}


_DOCUMENT = _object("v nm fr ip op w h ddd", layers=_of_layer, assets=_object("id nm fr w h", layers=_of_layer))
