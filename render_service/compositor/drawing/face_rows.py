"""Finds the rows of a frame in which the faces of a shot lie, for captions that keep clear of them."""

from collections.abc import Iterator
from dataclasses import replace

from render_service.compositor.captions.layout import CaptionFormat
from render_service.compositor.captions.safe_areas import even_up
from render_service.compositor.drawing.free_rows import Rows
from render_service.compositor.drawing.motion import CameraPath
from render_service.compositor.frames.fitting import decided_fit
from render_service.domain.projects.looks.clips import ClipFlip
from render_service.domain.projects.looks.faces import FaceBox, near_faces
from render_service.domain.projects.looks.views import PictureView
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.project import Fit, MotionKind
from render_service.domain.projects.shot_source import is_clip
from render_service.domain.projects.timeline import TimelineShot

# Moments of a camera movement, 0–1, at which faces are followed: enough for the slow ones that there are.
_MOMENTS = tuple(step / 8 for step in range(9))
# Space between captions and a face, as a part of the frame's shorter side.
_GAP = 0.015
# The model's box ends at brow and chin; hair and beard reach further, as parts of the box's height.
_HAIR, _CHIN = 0.15, 0.1


def face_rows(
    shot: TimelineShot, facts: MediaFacts, fmt: CaptionFormat, frame: tuple[int, int], fps: int
) -> tuple[Rows, ...]:
    """Return the rows of a frame in which faces of a shot are seen at any time, so that no caption jumps.

    Bystanders, whose faces are much smaller than the largest, are ignored.

    Args:
        shot: The shot, with its camera movement.
        facts: What was found in its picture or clip.
        fmt: How the captions are drawn.
        frame: Width and height of the frame in pixels.
        fps: Frames a second.

    Returns:
        The rows, from the top, of faces in the columns of captions.
    """
    if facts.size is None:
        return ()
    area, gap = fmt.area(*frame), even_up(_GAP * min(frame))
    rows = set()
    for face in near_faces(facts.faces):
        for left, top, right, bottom in _seen(face, shot, facts.size, frame, shot.frames / fps):
            height = bottom - top
            first, last = top - _HAIR * height, bottom + _CHIN * height
            if right > area.x and left < area.x + area.width and last > 0 and first < frame[1]:
                rows.add((int(max(0.0, first)) // 2 * 2 - gap, even_up(min(float(frame[1]), last)) + gap))
    return tuple(sorted(rows))


def _seen(
    face: FaceBox, shot: TimelineShot, size: tuple[int, int], frame: tuple[int, int], seconds: float
) -> Iterator[tuple[float, float, float, float]]:
    """Yield the edges of a face in the frame, in pixels, along the camera's movement."""
    crop, motion, fit = PictureView(), shot.motion, shot.shot.fit
    if is_clip(shot.source):
        # A clip has its own movement.
        motion = replace(motion, kind=MotionKind.NONE)
        if shot.playback is not None:
            crop = shot.playback.crop or crop
            face = _flipped(face, crop, shot.playback.flip)
    elif fit is None and motion.kind is MotionKind.KEN_BURNS:
        fit = Fit.COVER
    part = (size[0] * crop.width, size[1] * crop.height)
    fit = decided_fit(fit, part, frame, (motion.focus_x, motion.focus_y))
    across, down = frame[0] / part[0], frame[1] / part[1]
    scale = max(across, down) if fit is Fit.COVER else min(across, down)
    shown = (part[0] * scale, part[1] * scale)
    canvas = shown if fit is Fit.COVER else (float(frame[0]), float(frame[1]))
    left, top = ((canvas[axis] - shown[axis]) / 2 for axis in (0, 1))
    left += (face.x - crop.x) / crop.width * shown[0]
    top += (face.y - crop.y) / crop.height * shown[1]
    width, height = face.width / crop.width * shown[0], face.height / crop.height * shown[1]
    path = CameraPath(motion, *canvas, *frame, seconds)
    for moment in _MOMENTS if motion.kind is not MotionKind.NONE else (0.0,):
        view = path.view(moment)
        zoom = frame[0] / view.width
        x, y = (left - view.left) * zoom, (top - view.top) * zoom
        yield x, y, x + width * zoom, y + height * zoom


def _flipped(face: FaceBox, crop: PictureView, flip: ClipFlip | None) -> FaceBox:
    """Return the box of a face in a clip that is mirrored within its visible part."""
    x, y = face.x, face.y
    if flip in (ClipFlip.HORIZONTAL, ClipFlip.BOTH):
        x = 2 * crop.x + crop.width - face.x - face.width
    if flip in (ClipFlip.VERTICAL, ClipFlip.BOTH):
        y = 2 * crop.y + crop.height - face.y - face.height
    return replace(face, x=x, y=y)
