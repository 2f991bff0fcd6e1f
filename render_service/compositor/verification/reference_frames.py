"""What a frame of a shot should show, drawn again and small from the shot's own picture or clip."""

from collections.abc import Sequence

import numpy as np

from render_service.compositor.drawing.canvas import prepare_canvas
from render_service.compositor.drawing.sampling import sample
from render_service.compositor.frames.planes import Plane, Planes
from render_service.compositor.media.assets import ShotMedia, clip_asset, image_asset
from render_service.compositor.media.clips import ClipReader, FrameFormat
from render_service.compositor.media.images import load_image
from render_service.domain.projects.output import OutputSpec
from render_service.domain.projects.shot_source import StillSource, is_clip
from render_service.domain.projects.timeline import TimelineShot

_LINES = 180


def expected_lumas(shot: TimelineShot, files: ShotMedia, numbers: Sequence[int], output: OutputSpec) -> list[Plane]:
    """Draw frames of a shot without captions, watermark or transition.

    Args:
        shot: The shot.
        files: Its files.
        numbers: Which frames, counted from the shot's first.
        output: The form of the video.

    Returns:
        Limited-range luma of each frame, some 180 lines high; nothing for a shot that has neither picture nor clip.
    """
    scale = min(1.0, _LINES / output.height)
    width, height = (max(2, round(side * scale / 2) * 2) for side in (output.width, output.height))
    if is_clip(shot.source):
        focus = (shot.motion.focus_x, shot.motion.focus_y)
        form = FrameFormat(width, height, output.fps, shot.shot.fit, focus)
        return _of_clip(shot, files, numbers, form)
    if not isinstance(shot.source, StillSource):
        return []
    assert files.image is not None
    asset = image_asset(shot.shot_id, files.image)
    canvas = prepare_canvas(lambda size: load_image(asset, cover=size), shot.shot.fit, shot.motion, width, height)
    lumas = []
    for number in numbers:
        frame = Planes.empty(width, height)
        sample(canvas.planes, canvas.view(number / max(1, shot.frames - 1)), frame)
        lumas.append(frame.y)
    return lumas


def _of_clip(shot: TimelineShot, files: ShotMedia, numbers: Sequence[int], form: FrameFormat) -> list[Plane]:
    assert files.clip is not None
    lumas: list[Plane] = []
    for number in numbers:
        with ClipReader(clip_asset(shot.shot_id, files.clip), form, first=number) as reader:
            lumas.append(np.asarray(reader.read().y))
    return lumas
