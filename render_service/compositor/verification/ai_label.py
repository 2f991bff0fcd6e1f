"""Checks that a finished video shows its label, and that its file carries it."""

from contextlib import closing
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from render_service.compositor.encoding.encoder import planes_of, scaled_frame
from render_service.compositor.frames.planes import BLACK, WHITE
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.segments.layers import drawn_layers
from render_service.compositor.verification.failure import fail
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.layers.model import Layer
from render_service.domain.projects.delivery.ai_label import LABEL_ID, METADATA_KEY, label_metadata
from render_service.domain.projects.output import Container, OutputSpec

_SHOWN_AT = 1.0  # seconds
_MOST_DIFFERENCE = 24  # of luma, where coding changes a pixel of the label
_LEAST_PART = 0.9  # of its pixels that must be as drawn
_SAME = 6  # of luma between a black and a white background, where the label hides them
_LEAST_CONTRAST = 40  # of luma between the letters and their box
_LEAST_SHOWN = 0.5  # of the contrast drawn
_TAGGED = (Container.MP4, Container.MOV, Container.WEBM)


def check_label(
    path: Path, spec: RenderSpec, frames: int, content_id: str, drawn: OutputSpec | None = None
) -> dict[str, Any]:
    """Check the label of a finished video; nothing where none is asked for.

    Args:
        path: The finished file.
        spec: The render, with the label among the project's layers.
        frames: Length of the video.
        content_id: What its metadata say that it is.
        drawn: The output whose pictures it shows, scaled down; None where it has its own.

    Returns:
        What was found; JSON values only.

    Raises:
        RenderFailure: CHECK_FAILED with `ai_label` or `ai_label_metadata`.
    """
    output = spec.output
    label = next((layer for layer in spec.project.layers if layer.id == LABEL_ID), None)
    if label is None or output.ai_label is None:
        return {}
    number = _shown_frame(output.fps, frames)
    with av.open(str(path)) as container:
        metadata = container.metadata.get(METADATA_KEY)
        frame = next(frame for place, frame in enumerate(container.decode(video=0)) if place == number)
    if output.container in _TAGGED and metadata != (wanted := label_metadata(output.ai_label, content_id)):
        fail("ai_label_metadata", wanted, metadata or "none")
    found = frame.reformat(format="yuv420p").to_ndarray()[: frame.height, : frame.width]
    check_luma(np.asarray(found, np.uint8), spec, label, frames, drawn or output)
    return {"ai_label": True}


def check_luma(found: NDArray[np.uint8], spec: RenderSpec, label: Layer, frames: int, drawn: OutputSpec) -> None:
    """Check that a frame shows the label as it is drawn, scaled and coded.

    Args:
        found: Its luma (height, width).
        spec: The render.
        label: The label.
        frames: Length of the video.
        drawn: The output whose pictures the video shows.

    Raises:
        RenderFailure: CHECK_FAILED with `ai_label`.
    """
    black, white = (_shown_on(colour, spec, label, frames, drawn) for colour in (BLACK, WHITE))
    # Scaling mixes a trace of the background into the edge of the box.
    covered = np.abs(white.astype(np.int16) - black) <= _SAME
    wanted, seen = black[covered].astype(np.int16), found[covered].astype(np.int16)
    part = float((np.abs(seen - wanted) <= _MOST_DIFFERENCE).mean()) if wanted.size else 0.0
    if part < _LEAST_PART:
        fail("ai_label", f"{_LEAST_PART:.0%} of its pixels", f"{part:.0%}")
    letters = wanted > (int(wanted.min()) + int(wanted.max())) / 2
    drawn_contrast, contrast = (_contrast(luma, letters) for luma in (wanted, seen))
    if drawn_contrast < _LEAST_CONTRAST or contrast < _LEAST_SHOWN * drawn_contrast:
        least = max(_LEAST_CONTRAST, _LEAST_SHOWN * drawn_contrast)
        fail("ai_label", f"letters with a contrast of {least:.0f}", f"{contrast:.0f}")


def _contrast(luma: NDArray[np.int16], letters: NDArray[np.bool_]) -> float:
    return float(luma[letters].mean() - luma[~letters].mean()) if letters.any() else 0.0


def _shown_on(
    colour: tuple[int, int, int], spec: RenderSpec, label: Layer, frames: int, drawn: OutputSpec
) -> NDArray[np.uint8]:
    """Return the luma of a plain frame under the label, drawn at the size of one output and scaled to the video's."""
    output = spec.output
    frame = VideoFrame(drawn.width, drawn.height, "yuv420p")
    planes = planes_of(frame)
    planes.fill(colour)
    layers = drawn_layers((label,), frames, output.fps, {}, spec.project.language)
    with closing(LayersPainter(layers, (drawn.width, drawn.height), output.fps, {})) as painter:
        painter.draw(_shown_frame(output.fps, frames), planes)
    scaled = scaled_frame(frame, output.width, output.height, "yuv420p", VideoReformatter())
    return planes_of(scaled).y.copy()


def _shown_frame(fps: int, frames: int) -> int:
    return min(round(_SHOWN_AT * fps), frames - 1)
