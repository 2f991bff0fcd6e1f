"""Crops that are asked to keep faces in the frame."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from render_service.compositor.faces.detector import find_faces
from render_service.compositor.faces.found import FoundFaces
from render_service.compositor.faces.search import faces_in_clip, faces_in_image
from render_service.compositor.inspected_file import InspectedFile
from render_service.compositor.inspection import InspectionChoices, inspect_media
from render_service.compositor.media.assets import Asset, Media, ShotMedia, image_asset
from render_service.compositor.media.clips import ClipReader, FrameFormat
from render_service.compositor.processes.pool import Share
from render_service.compositor.tasks import search_faces
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.looks.clips import ClipEdit, ShortClip
from render_service.domain.projects.looks.faces import FaceBox, FacesAt, FaceSearch, face_search, focus_of
from render_service.domain.projects.looks.rules import motion_faults
from render_service.domain.projects.looks.views import PictureView
from render_service.domain.projects.media import KeyframeGap, MediaFacts
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Motion, MotionFocus, Project, Shot
from render_service.domain.projects.timeline import plan_timeline
from tests.integration.compositor.inspecting import inspected

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
    assert focus_of(faces_in_image(image_asset("a", path))) is None


def at(*faces: FaceBox) -> FacesAt:
    return FacesAt(timedelta(0), faces)


def test_the_focus_is_the_middle_of_all_who_are_near() -> None:
    pair = FaceBox(0.1, 0.2, 0.1, 0.2), FaceBox(0.5, 0.2, 0.08, 0.2)
    near = focus_of([at(*pair)])
    assert focus_of([at(*pair), at(FaceBox(0.9, 0.9, 0.02, 0.02))]) == near == pytest.approx((0.34, 0.3))
    assert focus_of([at(FaceBox(0.4, 0.4, 0.2, 0.2))]) != (0.5, 0.5), "the centre would mean that nothing is known"
    assert focus_of([at(FaceBox(0.6, 0.2, 0.1, 0.2))], PictureView(0.5, 0, 0.5, 1)) == pytest.approx((0.3, 0.3))


def shown(picture: Path, clip: Path, motion: Motion, edit: ClipEdit | None = None) -> tuple[Media, Project]:
    """A project of a picture and a clip of faces, with its files."""
    shots = (Shot("a", image_uri="a.png", motion=motion), Shot("b", clip_uri="b.mp4", motion=motion, clip=edit))
    return Media({"a": ShotMedia(image=picture), "b": ShotMedia(clip=clip)}), Project(shots=shots)


def test_only_those_who_ask_pay_for_the_search(tmp_path: Path, clip: Asset, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "picture.png"
    Image.fromarray(scene(640, 360, 300, 320, 30)).save(path)
    known = FoundFaces()
    for asked, focus in ((Motion(), None), (Motion(focus=MotionFocus.FACES), pytest.approx((0.7, 0.28), abs=0.05))):
        facts = inspected(*shown(path, clip.path, asked), known).facts
        assert [focus_of(facts[shot].faces) for shot in ("a", "b")] == [focus, focus]
        assert [facts[shot].size for shot in ("a", "b")] == [(640, 360)] * 2
    monkeypatch.setattr("render_service.compositor.stages.search_faces", None)
    again = inspected(*shown(path, clip.path, Motion(focus=MotionFocus.FACES)), known).facts
    assert again == facts, "what is known of a file by its content is not searched again"


class _Wide:
    """A share of a process pool for several tasks at once, which finds no faces and counts the searches."""

    width = 4

    def __init__(self, file: InspectedFile) -> None:
        self.searches = 0
        self._file = file

    async def run_with(self, _: object, function: object, *__: object) -> object:
        await asyncio.sleep(0)
        if function is not search_faces:
            return self._file
        self.searches += 1
        return ()


async def test_a_clip_that_is_shown_with_and_without_its_sound_is_searched_once() -> None:
    path, copy, motion = Path("clip.mp4"), Path("copy.mp4"), Motion(focus=MotionFocus.FACES)
    shots = [Shot(name, clip_uri="b.mp4", motion=motion, clip_sound=name == "a") for name in ("a", "b", "c")]
    media = Media({"a": ShotMedia(clip=path), "b": ShotMedia(clip=path), "c": ShotMedia(clip=copy)})
    share = _Wide(InspectedFile("content", timedelta(seconds=2), size=(640, 360)))
    spec = RenderSpec(Project(shots=tuple(shots)), OutputSpec(640, 360, 30, Quality.STANDARD))
    await inspect_media(cast("Share", share), media, InspectionChoices.of(spec))
    assert share.searches == 1


def test_faces_are_searched_in_the_part_of_a_clip_that_is_seen(tmp_path: Path, clip: Asset) -> None:
    asked = Motion(focus=MotionFocus.FACES)
    path = tmp_path / "picture.png"
    Image.fromarray(scene(320, 180, 150, 160, 15)).save(path)
    for crop, focus in (
        (PictureView(0.5, 0, 0.5, 1), pytest.approx((0.4, 0.28), abs=0.06)),
        (PictureView(0, 0, 0.4, 1), (0.5, 0.5)),
    ):
        media, project = shown(path, clip.path, asked, ClipEdit(crop=crop))
        motion = plan_timeline(project, 30, inspected(media, project).facts).shots[1].motion
        assert (motion.focus_x, motion.focus_y) == focus
    late = FaceSearch(timedelta(seconds=1), timedelta(seconds=0.5))
    assert all(1 <= moment.time.total_seconds() < 1.5 for moment in faces_in_clip(clip, late, (640, 360)))


@pytest.mark.parametrize(
    ("edit", "shown", "start", "length"),
    [
        (None, None, 0, 10),
        (None, 4, 0, 4),
        (ClipEdit(start=timedelta(seconds=2), length=timedelta(seconds=3)), None, 2, 3),
        (ClipEdit(start=timedelta(seconds=2), length=timedelta(seconds=6), speed=2), 1, 2, 2),
        (ClipEdit(start=timedelta(seconds=2), length=timedelta(seconds=6), reverse=True), 1, 7, 1),
        (ClipEdit(length=timedelta(seconds=3), when_short=ShortClip.EXTEND), 5, 0, 5),
        (ClipEdit(length=timedelta(seconds=3), when_short=ShortClip.LOOP), 8, 0, 3),
        (ClipEdit(freeze_at=timedelta(seconds=1)), 8, 0, 1),
        (ClipEdit(start=timedelta(seconds=12)), 8, 10, 0),
    ],
)
def test_the_stretch_of_a_clip_that_is_searched_is_the_one_that_is_seen(
    edit: ClipEdit | None, shown: float | None, start: float, length: float
) -> None:
    found = face_search(edit, timedelta(seconds=10), None if shown is None else timedelta(seconds=shown))
    assert found.length is not None
    assert (found.start.total_seconds(), found.length.total_seconds()) == pytest.approx((start, length), abs=1e-5)


def test_the_search_takes_little_memory_whatever_the_shape_of_a_clip(
    clip: Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[int, int]] = []
    original = FrameFormat

    def noted(width: int, height: int, *rest: Any, **named: Any) -> FrameFormat:
        sizes.append((width, height))
        return original(width, height, *rest, **named)

    monkeypatch.setattr("render_service.compositor.faces.search.FrameFormat", noted)
    for size in ((640, 360), (64, 3600), (16, 4096), (3840, 2160)):
        next(iter(faces_in_clip(clip, FaceSearch(length=timedelta(seconds=0.01)), size)))
    assert sizes == [(640, 360), (34, 1920), (8, 1920), (854, 480)]


def test_a_long_stretch_without_a_keyframe_is_decoded_once(clip: Asset, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []

    class Noted(ClipReader):
        def __init__(self, *given: Any, first: int = 0, **named: Any) -> None:
            opened.append(first)
            super().__init__(*given, first=first, **named)

    search = FaceSearch(length=timedelta(seconds=2))
    apart = faces_in_clip(clip, search, (640, 360))
    monkeypatch.setattr("render_service.compositor.faces.search.ClipReader", Noted)
    gap = KeyframeGap(timedelta(0), timedelta(seconds=2), is_last=True)
    assert faces_in_clip(clip, search, (640, 360), (gap,)) == apart
    assert opened == [1]


def test_the_motion_of_a_shot_takes_the_focus_of_its_faces() -> None:
    shot = Shot("a", image_uri="https://example.com/a.jpg", motion=Motion(focus=MotionFocus.FACES))
    project = Project(shots=(shot,))

    def focus(faces: tuple[FacesAt, ...], project: Project = project) -> tuple[float, float]:
        motion = plan_timeline(project, 30, {"a": MediaFacts(faces=faces)}).shots[0].motion
        assert motion.focus is None, "segments with the same crop have the same key, whoever decided it"
        return motion.focus_x, motion.focus_y

    found = (at(FaceBox(0.65, 0.2, 0.1, 0.2)),)
    assert focus(found) == (0.7, 0.3)
    assert focus(()) == (0.5, 0.5)
    assert focus(found, Project(shots=(replace(shot, motion=Motion()),))) == (0.5, 0.5)


def test_a_focus_is_either_a_point_or_faces() -> None:
    assert not list(motion_faults(Motion(focus=MotionFocus.FACES), "motion"))
    faults = list(motion_faults(Motion(focus=MotionFocus.FACES, focus_x=0.2), "storyboard.shots[0].motion"))
    assert [fault.field for fault in faults] == ["storyboard.shots[0].motion.focus"]
