"""Rules of layers: every wrong field is named with its path, and nothing else is refused."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from render_service.domain.layers.model import (
    Anchor,
    Animation,
    AnimationKind,
    AnimationUnit,
    Blend,
    Box,
    BoxFit,
    ChromaKey,
    ClipLayer,
    ColorStop,
    Counter,
    Filters,
    Gradient,
    GroupLayer,
    Keyframe,
    Layer,
    LottiePlayback,
    Lut,
    Mask,
    PictureLayer,
    Shadow,
    ShapeKind,
    ShapeLayer,
    Stroke,
    TextLayer,
    TextStyle,
    Trim,
    WritingMode,
)
from render_service.domain.layers.path_data import MAX_COMMANDS, MAX_PATH, parse_path, path_fault
from render_service.domain.layers.validation import MAX_LAYERS
from render_service.domain.projects.project import Project, Shot
from render_service.domain.projects.validation import check_project

TEXT = Layer("a", text=TextLayer("Hello"))
SHAPE = Layer("a", shape=ShapeLayer(color="#102030"))
STOPS = (ColorStop("#000000"), ColorStop("#FFFFFF", 1))


def uri_fault(uri: str) -> str | None:
    return None if uri.startswith("https://") else "must begin with https://"


def faults_of(*layers: Layer) -> list[str]:
    project = Project(shots=(Shot("s0"), Shot("s1", layers=layers)))
    return [fault.field for fault in check_project(project, "project", uri_fault, for_render=True)]


def styled(**fields: Any) -> Layer:
    return replace(TEXT, text=TextLayer("Hello", TextStyle(**fields)))


def boxed(**fields: Any) -> Layer:
    return replace(SHAPE, box=Box(**fields))


def graded(*stops: ColorStop, angle: float = 0) -> Layer:
    return replace(SHAPE, shape=ShapeLayer(gradient=Gradient(angle=angle, stops=stops)))


def keyed(*keyframes: Keyframe) -> Layer:
    return replace(SHAPE, keyframes=keyframes)


def counting(counter: Counter) -> Layer:
    return replace(TEXT, text=TextLayer("{number} %", counter=counter))


def trimmed(trim: Trim) -> Layer:
    return replace(SHAPE, shape=ShapeLayer(trim=trim), stroke=Stroke("#FFFFFF"))


def keyed_out(key: ChromaKey) -> Layer:
    return Layer("a", picture=PictureLayer("https://example.com/a.png"), filters=Filters(chroma_key=key))


WRONG = {
    "": Layer("a"),
    ".id": replace(TEXT, id="two words"),
    ".text.text": replace(TEXT, text=TextLayer(" \n")),
    ".text.style.size": styled(size=1.5),
    ".text.style.weight": styled(weight=950),
    ".text.style.color": styled(color="red"),
    ".text.style.background": styled(background="#12345"),
    ".text.style.padding": styled(padding=-0.1),
    ".text.style.line_height": styled(line_height=0.5),
    ".text.style.letter_spacing": styled(letter_spacing=2),
    ".text.style.writing_mode": styled(writing_mode=WritingMode.VERTICAL),
    ".text.style.gradient.stops": styled(gradient=Gradient(stops=STOPS[:1])),
    ".text.counter.start": counting(Counter(start=-2e12)),
    ".text.counter.end": counting(Counter(end=2e12)),
    ".text.counter.decimals": counting(Counter(decimals=5)),
    ".text.counter.duration": counting(Counter(duration=timedelta(seconds=61))),
    ".text.counter.easing": counting(Counter(easing="bounce")),
    ".text.text ": replace(TEXT, text=TextLayer("Hello", counter=Counter(end=5))),
    ".shape.trim.start": trimmed(Trim(-0.1, 1)),
    ".shape.trim.end": trimmed(Trim(0, 1.1)),
    ".stroke ": replace(SHAPE, shape=ShapeLayer(color="#FFFFFF", trim=Trim(0, 0.5))),
    ".keyframes[0].trim_start": keyed(Keyframe(trim_start=0.5)),
    ".keyframes[0].trim_end": replace(trimmed(Trim()), keyframes=(Keyframe(trim_end=1.5),)),
    ".picture.uri": Layer("a", picture=PictureLayer("ftp://example.com/a.png")),
    ".clip.uri": Layer("a", clip=ClipLayer("clip.mp4")),
    ".box.fit": Layer("a", clip=ClipLayer("https://example.com/a.mp4"), box=Box(fit=BoxFit.FILL)),
    ".blend": Layer("a", clip=ClipLayer("https://example.com/a.mp4"), blend=Blend.ADD),
    ".shape.path": replace(SHAPE, shape=ShapeLayer(ShapeKind.PATH, path="L 1 1", color="#102030")),
    ".shape.color": replace(SHAPE, shape=ShapeLayer()),
    ".shape.gradient.stops[1].position": graded(ColorStop("#000000", 0.5), ColorStop("#000000", 0.4)),
    ".shape.gradient.stops[0].color": graded(ColorStop(""), STOPS[1]),
    ".shape.gradient.angle": graded(*STOPS, angle=400),
    ".box.x": boxed(x=-1.5),
    ".box.y": boxed(y=2.5),
    ".box.width": boxed(width=0),
    ".box.height": boxed(height=2.1),
    ".box.rotation": boxed(rotation=361),
    ".box.corner_radius": boxed(corner_radius=0.6),
    ".enter.kind": replace(SHAPE, enter=Animation(AnimationKind.TYPE)),
    ".enter.by": replace(SHAPE, enter=Animation(by=AnimationUnit.WORD)),
    ".enter.duration": replace(TEXT, enter=Animation(duration=timedelta(seconds=11))),
    ".exit.easing": replace(TEXT, exit=Animation(easing="bounce")),
    ".keyframes": keyed(*(Keyframe(timedelta(seconds=n), x=0) for n in range(51))),
    ".keyframes[1].time": keyed(Keyframe(timedelta(seconds=1), x=0), Keyframe(timedelta(seconds=1), x=1)),
    ".keyframes[0]": keyed(Keyframe()),
    ".keyframes[0].x": keyed(Keyframe(x=3)),
    ".keyframes[0].y": keyed(Keyframe(y=-2)),
    ".keyframes[0].scale": keyed(Keyframe(scale=5)),
    ".keyframes[0].rotation": keyed(Keyframe(rotation=4000)),
    ".keyframes[0].opacity": keyed(Keyframe(opacity=2)),
    ".keyframes[0].easing": keyed(Keyframe(x=0, easing="steps(0)")),
    ".start": replace(TEXT, start=timedelta(seconds=-1)),
    ".duration": replace(TEXT, duration=timedelta(0)),
    ".opacity": replace(TEXT, opacity=1.1),
    ".shadow.color": replace(TEXT, shadow=Shadow("black")),
    ".shadow.blur": replace(TEXT, shadow=Shadow(blur=0.3)),
    ".shadow.x": replace(TEXT, shadow=Shadow(x=0.3)),
    ".shadow.y": replace(TEXT, shadow=Shadow(y=-0.3)),
    ".parent": replace(TEXT, parent="nobody"),
    ".shadow": Layer("a", group=GroupLayer(), shadow=Shadow()),
    ".enter.kind ": Layer("a", group=GroupLayer(), enter=Animation(AnimationKind.WIPE)),
    ".mask.kind": replace(TEXT, mask=Mask(ShapeKind.LINE)),
    ".mask.path": replace(TEXT, mask=Mask(ShapeKind.PATH)),
    ".mask.box.width": replace(TEXT, mask=Mask(box=Box(width=3))),
    ".mask.box.rotation": replace(TEXT, mask=Mask(box=Box(rotation=10))),
    ".mask.feather": replace(TEXT, mask=Mask(feather=1)),
    ".filters.brightness": replace(TEXT, filters=Filters(brightness=-1)),
    ".filters.contrast": replace(TEXT, filters=Filters(contrast=5)),
    ".filters.saturation": replace(TEXT, filters=Filters(saturation=5)),
    ".filters.blur": replace(TEXT, filters=Filters(blur=1)),
    ".filters.chroma_key": replace(TEXT, filters=Filters(chroma_key=ChromaKey("#00FF00"))),
    ".picture.lottie.speed": Layer("a", picture=PictureLayer("https://example.com/a.json", LottiePlayback(speed=5))),
    ".filters.lut.uri": replace(TEXT, filters=Filters(lut=Lut("ftp://x"))),
    ".filters.lut.strength": replace(TEXT, filters=Filters(lut=Lut("https://example.com/a.cube", 1.1))),
    ".filters.chroma_key.color": keyed_out(ChromaKey("green")),
    ".filters.chroma_key.similarity": keyed_out(ChromaKey("#00FF00", similarity=0)),
    ".filters.chroma_key.softness": keyed_out(ChromaKey("#00FF00", softness=2)),
    ".stroke.color": replace(TEXT, stroke=Stroke("")),
    ".stroke.width": replace(TEXT, stroke=Stroke("#FFFFFF", 0)),
}


@pytest.mark.parametrize("path", WRONG)
def test_a_wrong_field_is_named_with_its_path(path: str) -> None:
    assert faults_of(replace(SHAPE, id="b"), WRONG[path]) == [f"project.storyboard.shots[1].layers[1]{path.strip()}"]


@pytest.mark.parametrize(
    "layer",
    [
        TEXT,
        SHAPE,
        styled(size=1, weight=900, gradient=Gradient(stops=STOPS)),
        boxed(x=-1, y=2, anchor=Anchor.TOP_LEFT, width=0.001, height=2, rotation=-360, corner_radius=0.5),
        Layer("a", shape=ShapeLayer(ShapeKind.LINE), stroke=Stroke("#FFFFFF80")),
        Layer("a", shape=ShapeLayer(ShapeKind.PATH, path="M 0 0 L 100 0 50 100 Z", color="#FFFFFF")),
    ],
)
def test_what_keeps_the_limits_passes(layer: Layer) -> None:
    assert faults_of(layer) == []


def test_a_line_takes_its_color_from_its_stroke() -> None:
    line = Layer("a", shape=ShapeLayer(ShapeKind.LINE, color="#FFFFFF"))
    base = "project.storyboard.shots[1].layers[0]"
    assert faults_of(line) == [f"{base}.stroke", f"{base}.shape.color"]


def test_layers_are_counted_and_have_names_of_their_own() -> None:
    many = tuple(replace(TEXT, id=f"l{number}") for number in range(MAX_LAYERS + 1))
    assert faults_of(*many) == ["project.storyboard.shots[1].layers"]
    assert faults_of(TEXT, SHAPE) == ["project.storyboard.shots[1].layers[1].id"]


def test_layers_of_the_project_are_checked_too() -> None:
    project = Project(shots=(Shot("s"),), layers=(replace(TEXT, opacity=-1),))
    (fault,) = check_project(project, "project", uri_fault, for_render=True)
    assert (fault.field, fault.description) == ("project.layers[0].opacity", "must be 0 to 1")


def test_a_template_may_have_variables_in_texts_urls_and_colors() -> None:
    layers = (
        replace(TEXT, text=TextLayer("{{name}}", TextStyle(color="{{brand}}", background="#{{brand}}"))),
        Layer("b", picture=PictureLayer("{{logo}}")),
        Layer("c", shape=ShapeLayer(ShapeKind.PATH, path="{{path}}", color="{{brand}}")),
    )
    project = Project(shots=(Shot("s", layers=layers),))
    faults = check_project(project, "project", uri_fault, for_render=True, open_uri_fault=lambda _: None)
    assert faults == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "empty"),
        ("L 0 0", "command M"),
        ("M 0", "2 numbers after M"),
        ("M 0 0 L 5 x", "2 numbers after L"),
        ("M 0 0 Z 4", "character 8"),
        ("M 0 0 X", "character 6"),
        ("M 0 0 L 1e9 0", "1,000,000"),
        ("M 0 0" + " 1 1" * MAX_COMMANDS, "2,000 commands"),
        ("M" * (MAX_PATH + 1), "10,000 characters"),
    ],
)
def test_a_wrong_path_is_refused_with_its_place(path: str, said: str) -> None:
    assert said in (path_fault(path) or "")


def test_paths_are_read_as_svg_defines_them() -> None:
    square = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))
    for path in ("M0,0H10V10H0Z", "m0 0 10 0 0 10-10 0z", "M0 0L10 0 10 10 0 10Z"):
        (contour,) = parse_path(path)
        assert contour.points == square
        assert contour.is_closed
    (half,) = parse_path("M 0 50 A 50 50 0 01100 50")
    assert min(y for _, y in half.points) == pytest.approx(0, abs=0.2)
    assert half.points[-1] == (100.0, 50.0)
    (smooth,) = parse_path("M 0 0 C 0 10 10 10 10 0 S 20 -10 20 0")
    assert max(y for _, y in smooth.points) == pytest.approx(7.5)
    assert min(y for _, y in smooth.points) == pytest.approx(-7.5)


def test_only_what_a_camera_moves_over_has_parallax() -> None:
    layer = replace(SHAPE, parallax=0.5)
    picture, clip = Shot("a", image_uri="https://a.test/a.png"), Shot("b", clip_uri="https://a.test/b.mp4")
    project = Project(shots=(replace(picture, layers=(layer,)), replace(clip, layers=(layer,))), layers=(layer,))
    found = {
        fault.field: fault.description for fault in check_project(project, "project", lambda uri: None, for_render=True)
    }
    assert found == {
        "project.layers[0].parallax": "must be 0 for a layer over the whole video",
        "project.storyboard.shots[1].layers[0].parallax": "must be 0 for a layer over a clip",
    }
