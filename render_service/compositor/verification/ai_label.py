"""Checks that a finished video shows its label, and that its file carries it."""

from contextlib import closing
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.segments.layers import drawn_layers
from render_service.compositor.verification.failure import fail
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.layers.model import Layer
from render_service.domain.projects.delivery.ai_label import LABEL_ID, METADATA_KEY, label_metadata
from render_service.domain.projects.output import Container

_SHOWN_AT = 1.0  # seconds
_MOST_DIFFERENCE = 24  # of luma, where coding changes a pixel of the label
_LEAST_PART = 0.9  # of its pixels that must be as drawn
_TAGGED = (Container.MP4, Container.MOV, Container.WEBM)


def check_label(path: Path, spec: RenderSpec, frames: int, content_id: str) -> dict[str, Any]:
    """Check the label of a finished video; nothing where none is asked for.

    Args:
        path: The finished file.
        spec: The render, with the label among the project's layers.
        frames: Length of the video.
        content_id: What its metadata say that it is.

    Returns:
        What was found; JSON values only.

    Raises:
        RenderFailure: CHECK_FAILED with `ai_label` or `ai_label_metadata`.
    """
    output = spec.output
    label = next((layer for layer in spec.project.layers if layer.id == LABEL_ID), None)
    if label is None or output.ai_label is None:
        return {}
    number = min(round(_SHOWN_AT * output.fps), frames - 1)
    with av.open(str(path)) as container:
        metadata = container.metadata.get(METADATA_KEY)
        frame = next(frame for place, frame in enumerate(container.decode(video=0)) if place == number)
    if output.container in _TAGGED and metadata != (wanted := label_metadata(output.ai_label, content_id)):
        fail("ai_label_metadata", wanted, metadata or "none")
    black, white = (_drawn_on(level, spec, label, frames, number) for level in (16, 235))
    covered = black == white
    found = frame.reformat(format="yuv420p").to_ndarray()[: frame.height, : frame.width]
    differences = np.abs(found[covered].astype(np.int16) - black[covered])
    part = float((differences <= _MOST_DIFFERENCE).mean()) if differences.size else 0.0
    if part < _LEAST_PART:
        fail("ai_label", f"{_LEAST_PART:.0%} of its pixels", f"{part:.0%}")
    return {"ai_label": True}


def _drawn_on(level: int, spec: RenderSpec, label: Layer, frames: int, number: int) -> NDArray[np.uint8]:
    """Return the luma of a plain frame under the label."""
    output = spec.output
    planes = Planes.empty(output.width, output.height)
    planes.y[:], planes.u[:], planes.v[:] = level, 128, 128
    drawn = drawn_layers((label,), frames, output.fps, {}, spec.project.language)
    with closing(LayersPainter(drawn, (output.width, output.height), output.fps, {})) as painter:
        painter.draw(number, planes)
    return planes.y
