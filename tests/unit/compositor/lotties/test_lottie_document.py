"""Reading Lottie animations of callers."""

import json
import time
from typing import Any

import pytest

from render_service.compositor.lotties.document import MAX_BYTES, LottieError, read_lottie
from tests.unit.compositor.lotties.lotties import animation, layer, moving, placed, rectangle, still, written


def precomposition(name: str, *layers: Any) -> dict[str, Any]:
    return {"id": name, "layers": list(layers)}


def used(name: str) -> dict[str, Any]:
    return {"ty": 0, "refId": name, "w": 100, "h": 50, "ip": 0, "op": 20, "st": 0, "ks": placed()}


def test_what_editors_export_is_read() -> None:
    document = read_lottie(b"\xef\xbb\xbf" + written(moving()))
    assert (document.width, document.height, document.fps, document.frames) == (100, 50, 10, 20)
    nested = animation(used("a"), used("a"), assets=[precomposition("a", layer(rectangle()))])
    assert read_lottie(written(nested)).frames == 20
    assert json.loads(document.content) == moving()


def with_everywhere(value: Any, extra: dict[str, Any]) -> Any:
    """Return a value with more keys, in front and behind, in each object."""
    if isinstance(value, list):
        return [with_everywhere(inner, extra) for inner in value]
    if not isinstance(value, dict):
        return value
    own = {key: with_everywhere(inner, extra) for key, inner in value.items()}
    return {**{f"a{key}": inner for key, inner in extra.items()}, **own, **extra}


def test_only_what_is_checked_is_handed_on() -> None:
    star = {"ty": "sr", "pt": still(5), "p": still([0, 0]), "or": still(9)}
    clean = animation(
        layer(rectangle(DASHED | {"d": [{"n": "d", "v": still(5)}]}, star)),
        used("a"),
        {"ty": 3, "ip": 0, "op": 20, "ks": placed()},
        assets=[precomposition("a", *repeated(3)["layers"])],
    )
    extra = {"sid": "n", "chars": [{"data": {"shapes": [star]}}], "fonts": {"list": []}, "slots": {}, "ext": "a.png"}
    assert json.loads(read_lottie(written(with_everywhere(clean, extra))).content) == clean
    # Shapes within other kinds of shapes, and shapes and texts of other kinds of layers, are read by what draws.
    hidden = [{"it": [star], "ty": "fl", "c": still([1, 0, 0])}, {"it": [star]}]
    null = {"ty": 3, "ks": placed(), "shapes": [star], "t": {"d": still([])}}
    content = json.loads(read_lottie(written(animation(layer(*hidden), null))).content)
    assert content["layers"][0]["shapes"] == [{"ty": "fl", "c": still([1, 0, 0])}, {}]
    assert content["layers"][1] == {"ty": 3, "ks": placed()}


def test_an_animation_begins_again_or_stays_at_its_end() -> None:
    document = read_lottie(written(moving()))
    assert [document.frame_at(seconds, once=False) for seconds in (0, 0.5, 1.999, 2, 4.3)] == [0, 5, 19.99, 0, 3]
    assert [document.frame_at(seconds, once=True) for seconds in (0, 0.5, 1.9, 2, 400)] == [0, 5, 19, 19, 19]


def chain(length: int) -> dict[str, Any]:
    """Precompositions each of which shows the next ten times."""
    assets = [precomposition(str(n), *[used(str(n + 1))] * 10) for n in range(length)]
    return animation(used("0"), assets=[*assets, precomposition(str(length), layer(rectangle()))])


def repeated(*counts: float) -> dict[str, Any]:
    """Repeaters within each other."""
    group: dict[str, Any] = rectangle()
    for count in counts:
        group = {"ty": "gr", "it": [group, {"ty": "rp", "c": still(count), "o": still(0), "tr": placed()}]}
    return animation(layer(group))


def expression() -> dict[str, Any]:
    return animation(layer(rectangle(), ks=placed(o={"a": 0, "k": 100, "x": "var $bm_rt = 1;"})))


def faded(layers: int, groups: int) -> dict[str, Any]:
    """Layers that fade in, and groups that are translucent."""
    coming = {"a": 1, "k": [{"t": 0, "s": [0]}, {"t": 10, "s": [100]}]}
    group = {"ty": "gr", "it": [rectangle(), {"ty": "tr", **placed(o=still(50))}]}
    return animation(*[layer(rectangle(), ks=placed(o=coming))] * layers, layer(*[group] * groups))


def blended(mode: int, layers: int) -> dict[str, Any]:
    return animation(*[layer(rectangle(), bm=mode)] * layers)


def gradient(count: object, colors: object) -> dict[str, Any]:
    fill = {"ty": "gf", "t": 1, "o": still(100), "s": still([0, 0]), "e": still([9, 0])}
    return animation(layer(rectangle({**fill, "g": {"p": count, "k": colors}})))


def swinging(low: float, high: float, x: Any = 0.5, y: float = 0.5) -> dict[str, Any]:
    """A property that moves, with an easing."""
    easing = {"x": x, "y": [y]}
    return {"a": 1, "k": [{"t": 0, "s": [low], "i": easing, "o": easing}, {"t": 10, "s": [high]}]}


def copied(count: object) -> dict[str, Any]:
    return animation(layer(rectangle(), {"ty": "rp", "c": count, "o": still(0), "tr": placed()}))


TWO = [0, 1, 0, 0, 1, 0, 0, 1]
DASHED = {"ty": "st", "c": still([1, 1, 1]), "w": still(1), "o": still(100), "d": [{"n": "d", "v": still(0.001)}]}
DEEP: dict[str, Any] = {"ty": "gr", "it": []}
for _ in range(40):
    DEEP = {"ty": "gr", "it": [DEEP]}
FAULTS: dict[str, tuple[object, str]] = {
    "no-json": (b"PK\x03\x04", "no Lottie animation in JSON"),
    "no-object": ([1, 2], "it has no layers"),
    "no-layers": ({"w": 1}, "it has no layers"),
    "nan": (b'{"layers": [], "w": NaN}', "no Lottie animation in JSON"),
    "recursion": (b'{"layers": ' + b"[" * 100_000, "no Lottie animation in JSON"),
    "digits": (b'{"layers": [], "w": ' + b"9" * 5_000 + b"}", "no Lottie animation in JSON"),
    "size": (animation(w=0), "w: is no number from 1 to 10000"),
    "boolean": (animation(h=True), "h: is no number"),
    "rate": (animation(fr=1e5), "fr: is no number from 1 to 240"),
    "length": (animation(op=1e5), "does not last 0 to 600 s"),
    "backwards": (animation(op=-1), "does not last 0 to 600 s"),
    "number": (animation(layer(rectangle(side=1e9))), "layers[0].shapes[0].it[0].p.k[0]: is beyond ±1,000,000"),
    "expression": (expression(), "layers[0].ks.o.x: is an expression"),
    "picture": (animation(assets=[{"id": "a", "p": "a.png", "u": "http://x/"}]), "assets[0]: is a file, which"),
    "embedded": (animation(assets=[{"id": "a", "p": "data:image/png;base64,AA==", "e": 1}]), "assets[0]: is a file"),
    "image": (animation({"ty": 2, "refId": "a"}), "layers[0]: is a picture, which is not drawn"),
    "text": (animation({"ty": 5}), "layers[0]: is a text, which is not drawn; convert it to shapes"),
    "sound": (animation({"ty": 6}), "layers[0]: is a sound"),
    "kind": (animation({"ty": "4"}), "layers[0]: is of an unknown kind"),
    "layer": (animation(7), "layers[0]: is no layer"),
    "missing": (animation(used("a")), "layers[0].refId: names no precomposition"),
    "itself": (animation(used("a"), assets=[precomposition("a", used("a"))]), "assets[0].layers[0].refId: precomp"),
    "multiplied": (chain(6), "shapes in a frame, more than 4,000"),
    "nested": (chain(40), "refId: precompositions hold themselves, or are nested too deeply"),
    "copies": (repeated(201), "layers[0].shapes[0].it[1].c: is more than 200"),
    "copies-of-copies": (repeated(150, 150), "shapes in a frame, more than 4,000"),
    "deep": (animation(layer(DEEP)), "values within each other"),
    "dashes": (animation(layer(rectangle(DASHED))), "layers[0].shapes[0].it[1].d[0].v: is shorter than"),
    "effects": (animation(layer(rectangle(), ef=[{"ty": 29}] * 14)), "shapes in a frame, more than 4,000"),
    "blended": (blended(1, 35), "shapes in a frame, more than 4,000"),
    "blended-by-hue": (blended(13, 11), "shapes in a frame, more than 4,000"),
    "faded-layers": (faded(170, 0), "shapes in a frame, more than 4,000"),
    "faded-groups": (faded(0, 170), "shapes in a frame, more than 4,000"),
    "swinging": (copied(swinging(1, 90, y=1e5)), "layers[0].shapes[1].c: is more than 200; lower it"),
    "swinging-back": (copied(swinging(90, 1, y=-9)), "layers[0].shapes[1].c: is more than 200; lower it"),
    "easing": (copied(swinging(1, 90, x=5)), "layers[0].shapes[1].c: has an easing that is incomplete or goes back"),
    "no-easing": (copied(swinging(1, 90, x=[])), "c: has an easing that is incomplete"),
    "colors": (gradient(3, still(TWO)), "layers[0].shapes[0].it[1].g: has fewer than p colors"),
    "colors-below-none": (gradient(-5, still(TWO)), "g: has not as many colors everywhere"),
    "no-colors": (gradient(1, {}), "g: has fewer than p colors"),
    "colors-that-go": (
        gradient(2, {"a": 1, "k": [{"t": 0, "s": TWO}, {"t": 9, "s": TWO[:4]}]}),
        "g: has not as many colors everywhere",
    ),
    "colors-of-no-keyframe": (gradient(2, {"k": [{"t": 0, "s": TWO}, {"t": 9}]}), "g: has not as many colors"),
    "null": (animation(layer(rectangle(), ks=placed(p=still([None, 0])))), "layers[0].ks.p.k[0]: is null"),
    "offset": (
        animation(layer(rectangle({"ty": "op", "a": still(3)}))),
        "layers[0].shapes[0].it[1]: is an offset path",
    ),
    "radius": (
        animation(layer({"ty": "rc", "s": still([9, 9]), "p": still([0, 0]), "r": still(-1e6)})),
        "layers[0].shapes[0].r: is less than -10000",
    ),
    "slots": (animation(slots={"n": {"p": still(1e6)}}), "slots: values that are filled in are not drawn"),
    "star": (animation(layer({"ty": "sr", "pt": still(1e5)})), "layers[0].shapes[0].pt: is more than 500"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_named_with_their_path(name: str) -> None:
    document, fault = FAULTS[name]
    with pytest.raises(LottieError) as refused:
        read_lottie(document if isinstance(document, bytes) else written(document))
    assert fault in str(refused.value)
    assert "; " in str(refused.value), "a remedy follows"
    assert len(str(refused.value)) < 250


MOVING = (
    copied(swinging(1, 90, y=1.5)),
    gradient(2, still(TWO)),
    gradient(2, still([*TWO, 0, 1, 1, 0])),
    gradient(2, {"a": 1, "k": [{"t": 0, "s": TWO, "e": TWO}, {"t": 9}]}),
    gradient(2, {"a": 1, "k": [{"t": 0, "s": TWO}, {"t": 9, "s": TWO}]}),
)


@pytest.mark.parametrize("document", [blended(0, 400), blended(3, 25), blended(13, 8), faded(60, 60), *MOVING])
def test_usual_blending_fading_and_moving_is_read(document: dict[str, Any]) -> None:
    assert read_lottie(written(document)).frames == 20


def test_hostile_files_are_refused_in_bounded_time() -> None:
    begun = time.thread_time()
    wide = written(animation(layer(*[rectangle()] * 3000)))
    for hostile in (b" " * (MAX_BYTES + 1), b'{"layers":[' + b"0," * 2_000_000 + b"0]}", wide, b"[" * MAX_BYTES):
        with pytest.raises(LottieError):
            read_lottie(hostile)
    assert time.thread_time() - begun < 20
