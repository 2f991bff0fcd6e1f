"""Crops that are asked to keep faces in the frame."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from render_service.compositor.faces.detector import Face, find_faces
from render_service.compositor.faces.focus import clip_focus, focus_of, image_focus
from render_service.compositor.inspected_file import Use
from render_service.compositor.media.assets import Asset, image_asset
from render_service.compositor.tasks import inspect_file
from render_service.domain.projects.looks.rules import motion_faults
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.project import Motion, MotionFocus, Project, Shot
from render_service.domain.projects.timeline import plan_timeline

# The middle of the face of the portrait, in shares of its sides.
FACE = (0.44, 0.24)


def scene(width: int, height: int, side: int, x: int, y: int) -> NDArray[np.uint8]:
    """A grey picture with a portrait of a side at a place."""
    portrait = Image.open(Path(__file__).with_name("astronaut.webp")).resize((side, side))
    picture = Image.new("RGB", (width, height), (90, 90, 90))
    picture.paste(portrait, (x, y))
    return np.asarray(picture)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Asset:
    """A clip of two seconds of a face at the right."""
    path = tmp_path_factory.mktemp("faces") / "clip.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=5, options={"preset": "ultrafast"})
        stream.width, stream.height = 640, 360
        for _ in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(scene(640, 360, 300, 320, 30))))
        container.mux(stream.encode())
    return Asset(path, "clip_uri", "shot-1")


@pytest.mark.parametrize(
    ("width", "height", "side", "x", "y"),
    [(256, 256, 256, 0, 0), (640, 360, 240, 300, 60), (360, 640, 300, 20, 300), (1600, 400, 300, 1200, 60)],
)
def test_faces_are_found_where_they_are(width: int, height: int, side: int, x: int, y: int) -> None:
    face = find_faces(scene(width, height, side, x, y))[0]
    middle = ((face.x + face.width / 2) * width, (face.y + face.height / 2) * height)
    assert middle == pytest.approx((x + FACE[0] * side, y + FACE[1] * side), abs=0.06 * side)


def test_what_has_no_face_has_no_focus(tmp_path: Path) -> None:
    path = tmp_path / "noise.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (200, 300, 3), np.uint8)).save(path)
    assert image_focus(image_asset("a", path)) is None


def test_the_focus_is_the_middle_of_all_who_are_near() -> None:
    pair = [Face(0.1, 0.2, 0.1, 0.2), Face(0.5, 0.2, 0.08, 0.2)]
    assert focus_of([*pair, Face(0.9, 0.9, 0.02, 0.02)]) == focus_of(pair) == pytest.approx((0.34, 0.3))
    assert focus_of([Face(0.4, 0.4, 0.2, 0.2)]) != (0.5, 0.5), "the centre would mean that nothing is known"


def test_only_those_who_ask_pay_for_the_search(tmp_path: Path, clip: Asset) -> None:
    path = tmp_path / "picture.png"
    Image.fromarray(scene(640, 360, 300, 320, 30)).save(path)
    picture = image_asset("shot-1", path)
    for asset, use in ((picture, Use.IMAGE), (clip, Use.SILENT_CLIP)):
        assert inspect_file(asset, use).focus is None
        found = inspect_file(asset, use, True).focus
        assert found == pytest.approx((0.7, 0.28), abs=0.05)
    assert clip_focus(clip, timedelta(seconds=0.01), (640, 360)) is not None


def test_the_motion_of_a_shot_takes_the_focus_of_its_faces() -> None:
    shot = Shot("a", image_uri="https://example.com/a.jpg", motion=Motion(focus=MotionFocus.FACES))
    project = Project(shots=(shot,))

    def focus(faces: tuple[float, float] | None, project: Project = project) -> tuple[float, float]:
        motion = plan_timeline(project, 30, {"a": MediaFacts(focus=faces)}).shots[0].motion
        assert motion.focus is None, "segments with the same crop have the same key, whoever decided it"
        return motion.focus_x, motion.focus_y

    assert focus((0.7, 0.3)) == (0.7, 0.3)
    assert focus(None) == (0.5, 0.5)
    assert focus((0.7, 0.3), Project(shots=(replace(shot, motion=Motion()),))) == (0.5, 0.5)


def test_a_focus_is_either_a_point_or_faces() -> None:
    assert not list(motion_faults(Motion(focus=MotionFocus.FACES), "motion"))
    faults = list(motion_faults(Motion(focus=MotionFocus.FACES, focus_x=0.2), "storyboard.shots[0].motion"))
    assert [fault.field for fault in faults] == ["storyboard.shots[0].motion.focus"]
