"""Captions that are asked to keep clear of faces do, wherever camera, fit, crop and mirror put them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from render_service.compositor.captions.drawing import draw_caption
from render_service.compositor.captions.layout import CaptionFormat, caption_area
from render_service.compositor.captions.look_drawing import LookPainter
from render_service.compositor.captions.preset_table import chosen_look
from render_service.compositor.drawing.canvas import prepare_canvas
from render_service.compositor.drawing.edited_clips import _flipped
from render_service.compositor.drawing.face_rows import face_rows
from render_service.compositor.drawing.free_rows import Rows, clear_of
from render_service.compositor.drawing.sampling import sample
from render_service.compositor.frames.planes import Planes
from render_service.compositor.media.assets import Asset
from render_service.compositor.media.clips import ClipReader, FrameFormat
from render_service.compositor.planning import plan_pictures
from render_service.compositor.segments.captions import DrawnCaption
from render_service.compositor.segments.content_hashes import MediaHashes, ShotHashes
from render_service.compositor.segments.spec import SegmentSpec
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.looks.captions import CaptionPosition, CaptionPreset
from render_service.domain.projects.looks.clips import ClipEdit, ClipFlip
from render_service.domain.projects.looks.faces import FaceBox, FacesAt
from render_service.domain.projects.looks.views import PictureView
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import CaptionOptions, Fit, Motion, MotionKind, Project, Shot
from render_service.domain.projects.shot_source import ShotSource, StillSource
from render_service.domain.projects.timeline import TimelineShot, plan_timeline

FPS = 10
FMT = CaptionFormat()
FRAMES = [(160, 90), (90, 160), (128, 128)]
FACE = FaceBox(0.4, 0.55, 0.2, 0.25)


def facts_of(size: tuple[int, int], *faces: FaceBox, clip: timedelta | None = None) -> MediaFacts:
    return MediaFacts(size=size, faces=(FacesAt(timedelta(0), faces),), clip=clip)


def shot_of(shot: Shot, facts: MediaFacts, source: ShotSource | None = None) -> TimelineShot:
    project = Project(shots=(shot,))
    planned = plan_timeline(project, FPS, {shot.id: facts}, {shot.id: source} if source else None)
    return planned.shots[0]


def is_inside(rows: tuple[Rows, ...], pixels: NDArray[np.bool_]) -> bool:
    """Whether all rows of a frame in which something is found are among some rows."""
    found = np.flatnonzero(pixels.sum(axis=1))
    covered = np.zeros(len(pixels), bool)
    for top, bottom in rows:
        covered[max(0, top) : max(0, bottom)] = True
    return bool(covered[found].all())


def marked(size: tuple[int, int], face: FaceBox) -> NDArray[np.uint8]:
    """A dark picture with a white box where a face is."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = round(face.x * size[0]), round(face.y * size[1])
    pixels[top : top + round(face.height * size[1]), left : left + round(face.width * size[0])] = 255
    return pixels


@settings(max_examples=60, deadline=None)
@given(
    frame=st.sampled_from(FRAMES),
    size=st.sampled_from([(320, 180), (180, 320), (200, 200), (400, 100)]),
    fit=st.sampled_from([None, *Fit]),
    kind=st.sampled_from([kind for kind in MotionKind if kind is not MotionKind.KEN_BURNS]),
    focus=st.sampled_from([(0.5, 0.5), (0.2, 0.9)]),
    x=st.floats(0, 0.7),
    y=st.floats(0, 0.7),
)
def test_the_rows_hold_the_face_in_every_frame_of_a_still(  # noqa: PLR0917
    frame: tuple[int, int],
    size: tuple[int, int],
    fit: Fit | None,
    kind: MotionKind,
    focus: tuple[float, float],
    x: float,
    y: float,
) -> None:
    face = FaceBox(x, y, 0.3, 0.3)
    motion = Motion(kind=kind, focus_x=focus[0], focus_y=focus[1], amount=0.3)
    shot = shot_of(
        Shot("a", image_uri="a", duration=timedelta(seconds=2), fit=fit, motion=motion), facts_of(size, face)
    )
    wide = CaptionFormat()
    rows = face_rows(shot, facts_of(size, face), wide, frame, FPS)
    pixels = marked(size, face)
    canvas = prepare_canvas(lambda _: pixels, fit, shot.motion, *frame, seconds=2.0)
    target = Planes.empty(*frame)
    area = wide.area(*frame)
    for moment in (0.0, 0.3, 0.5, 1.0):
        sample(canvas.planes, canvas.view(moment), target)
        # A blurred copy of the picture around it is dimmer.
        bright = target.y[:, area.x : area.x + area.width] > 200
        assert is_inside(rows, bright), (rows, moment)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Asset:
    path = tmp_path_factory.mktemp("faces") / "clip.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        stream.width, stream.height = 320, 180
        for _ in range(FPS):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(marked((320, 180), FACE))))
        container.mux(stream.encode())
    return Asset(path, "clip_uri", "a")


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("crop", [None, PictureView(0.3, 0.3, 0.5, 0.7)])
@pytest.mark.parametrize("flip", [None, *ClipFlip])
@pytest.mark.parametrize("fit", [Fit.COVER, Fit.CONTAIN])
def test_the_rows_hold_the_face_of_a_clip(
    clip: Asset, frame: tuple[int, int], crop: PictureView | None, flip: ClipFlip | None, fit: Fit
) -> None:
    facts = facts_of((320, 180), FACE, clip=timedelta(seconds=1))
    edit = ClipEdit(crop=crop, flip=flip)
    shot = shot_of(Shot("a", clip_uri="a", fit=fit, clip=edit, motion=Motion(focus_x=0.6)), facts)
    rows = face_rows(shot, facts, FMT, frame, FPS)
    reader = ClipReader(clip, FrameFormat(*frame, FPS, fit, (0.6, 0.5), crop))
    luma = _flipped(reader.read(), flip).y
    reader.close()
    area = FMT.area(*frame)
    assert is_inside(rows, luma[:, area.x : area.x + area.width] > 150)


def captions_of(face: FaceBox, *, avoid: bool) -> Iterator[tuple[int, int]]:
    """Yield the top and the bottom of the captions of a shot with a face, in a tall frame."""
    size = (360, 640)
    shot = Shot("a", image_uri="a", caption="The harbour wakes before the sun does", duration=timedelta(seconds=3))
    still = replace(shot, motion=Motion(kind=MotionKind.NONE))
    project = Project(title="A", shots=(still,), captions=CaptionOptions(avoid_faces=avoid))
    spec = RenderSpec(project, OutputSpec(*size, FPS, Quality.STANDARD))
    facts = {"a": facts_of(size, face)}
    hashes = MediaHashes({"a": ShotHashes(image="picture")}, assets={"picture": Asset(Path(), "image_uri", "a")})
    timeline = plan_timeline(project, FPS, facts, {"a": StillSource("a")})
    _, segments = plan_pictures(spec, timeline, hashes, facts)
    for caption in SegmentSpec.from_bytes(segments[0].job.spec).layers:
        assert isinstance(caption, DrawnCaption)
        drawn = draw_caption(caption.text, *size, caption.fmt, area=caption.area)
        assert drawn is not None
        yield drawn.y, drawn.y + drawn.height


def test_captions_move_off_a_face_only_where_asked() -> None:
    face = FaceBox(0.3, 0.5, 0.4, 0.22)  # where captions of tall videos stand
    top, bottom = 0.5 * 640, 0.72 * 640
    assert all(first < bottom and last > top for first, last in captions_of(face, avoid=False))
    assert all(first >= bottom or last <= top for first, last in captions_of(face, avoid=True))


def test_captions_stay_where_no_face_is_in_the_way() -> None:
    face = FaceBox(0.3, 0.1, 0.4, 0.22)
    assert list(captions_of(face, avoid=True)) == list(captions_of(face, avoid=False))


def test_bystanders_move_no_captions() -> None:
    facts = facts_of((360, 640), FaceBox(0.3, 0.1, 0.4, 0.22), FaceBox(0.1, 0.65, 0.05, 0.04))
    shot = shot_of(Shot("a", image_uri="a", motion=Motion(kind=MotionKind.NONE)), facts)
    assert all(bottom < 0.4 * 640 for _, bottom in face_rows(shot, facts, FMT, (360, 640), FPS))


@pytest.mark.parametrize("size", [(360, 640), (640, 360)])
@pytest.mark.parametrize("position", CaptionPosition)
def test_captions_keep_their_place_beside_what_is_not_in_their_way(
    position: CaptionPosition, size: tuple[int, int]
) -> None:
    look = chosen_look(CaptionOptions(preset=CaptionPreset.WORD_POP, position=position))
    fmt = CaptionFormat(look=look)
    area = caption_area(*size, fmt, None)
    edge = area.y + 4 if position is not CaptionPosition.TOP else area.y + area.height - 4
    free = clear_of(
        area, [(edge - 20, edge)] if position is not CaptionPosition.TOP else [(edge, edge + 20)], fmt, size
    )
    assert free != area
    tops = [
        LookPainter("Waves", (), fmt, size=size, fps=FPS, area=rows).overlay(0, Planes.empty(*size))
        for rows in (area, free)
    ]
    assert tops[0] is not None
    assert tops[1] is not None
    assert abs(tops[0].y - tops[1].y) <= 2
