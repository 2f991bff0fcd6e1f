"""The rules for streams: what the videos of one ladder must have in common."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from render_service.domain.errors import FieldFault
from render_service.domain.projects.output import (
    LONGEST_SEGMENT,
    SHORTEST_SEGMENT,
    STREAMED_CONTAINER,
    OutputOptions,
    OutputSpec,
)

# Both sides are even, so that 854 × 480 is as much 16:9 as a video of this height can be.
_SAME_SHAPE = 0.005


def streaming_faults(options: OutputOptions, path: str) -> Iterator[FieldFault]:
    """Find what is wrong with the streaming of output options by themselves; `path` is its path in the request."""
    if fault := container_fault(options):
        yield FieldFault(path, fault)
    wished = options.streaming.segment_duration if options.streaming is not None else None
    if wished is None:
        return
    if not SHORTEST_SEGMENT <= wished <= LONGEST_SEGMENT or wished % timedelta(seconds=1):
        least, most = int(SHORTEST_SEGMENT.total_seconds()), int(LONGEST_SEGMENT.total_seconds())
        yield FieldFault(f"{path}.segment_duration", f"must be whole seconds, {least} to {most}")


def container_fault(options: OutputOptions) -> str | None:
    """Return why a file of the chosen format cannot be streamed, in words that follow the field's name."""
    container = options.container or STREAMED_CONTAINER
    if options.streaming is None or not options.streaming.is_asked_for or container is STREAMED_CONTAINER:
        return None
    return f"must be omitted: {container.name} cannot be streamed, only {STREAMED_CONTAINER.name}"


def ladder_faults(outputs: Sequence[OutputSpec], path: str) -> Iterator[FieldFault]:
    """Find outputs that cannot be renditions of the job's stream, each compared with the first that is.

    Args:
        outputs: All outputs of a job.
        path: Their path in the request.
    """
    first_place = next((place for place, output in enumerate(outputs) if output.streaming is not None), None)
    if first_place is None:
        return
    first, other = outputs[first_place], f"{path}[{first_place}].output"
    for place, output in enumerate(outputs):
        if output.streaming is None:
            continue
        at = f"{path}[{place}].output"
        if output.streaming != first.streaming:
            yield FieldFault(f"{at}.streaming", f"must equal {other}.streaming: a job has one stream")
        elif not same_shape(first, output):
            yield FieldFault(
                f"{at}.streaming",
                f"must be omitted: the shape {output.width} × {output.height} is not that of {other},"
                f" {first.width} × {first.height}",
            )
        elif max(output.fps, first.fps) % min(output.fps, first.fps):
            yield FieldFault(
                f"{at}.fps", f"must be a multiple or a divisor of that of {other}, {first.fps}, to be in its stream"
            )
        elif output.loudness is not first.loudness:
            yield FieldFault(f"{at}.loudness", f"must equal that of {other}: all renditions share their sound")


def same_shape(one: OutputSpec, other: OutputSpec) -> bool:
    """Return whether the frames of two outputs have the same ratio of sides, as far as even sides can have."""
    area = one.width * other.height
    return abs(area - other.width * one.height) <= _SAME_SHAPE * area
