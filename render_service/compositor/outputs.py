"""Decides which videos of a render share their pictures, and names the video that a failure belongs to."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from render_service.domain.errors import RenderFailure
from render_service.domain.projects.delivery.outputs import ResolvedOutput
from render_service.domain.projects.delivery.streaming import same_shape


def grouped(outputs: Sequence[ResolvedOutput]) -> list[list[int]]:
    """Return the places of outputs in groups that share their pictures, the largest of each group first.

    The pictures of outputs are the same but for their size where shape, frame rate, captions and label are; smaller
    ones are scaled down from the largest. Animations, which are small and slow, have their own.
    """
    by_size = sorted(range(len(outputs)), key=lambda place: -outputs[place].output.width * outputs[place].output.height)
    groups: list[list[int]] = []
    for place in by_size:
        group = next((one for one in groups if _shares(outputs[one[0]], outputs[place])), None)
        if group is None:
            groups.append([place])
        else:
            group.append(place)
    return groups


@contextmanager
def naming(outputs: Sequence[ResolvedOutput], place: int) -> Iterator[None]:
    """Name an output in the failures of what is done for it alone; a single unnamed video needs no name."""
    try:
        yield
    except RenderFailure as failure:
        if not outputs:
            raise
        name = outputs[place].name
        metadata = {**failure.metadata, "output": name}
        if metadata.get("field", "").startswith("output."):
            metadata["field"] = f"outputs[{place}].{metadata['field']}"
        raise RenderFailure(
            failure.reason,
            f'outputs[{place}] "{name}": {failure.message}',
            metadata,
            retryable=failure.retryable,
            worker_fault=failure.worker_fault,
        ) from failure


def _shares(large: ResolvedOutput, small: ResolvedOutput) -> bool:
    one, other = large.output, small.output
    if one.container.is_animation or other.container.is_animation:
        return False
    fits = other.width <= one.width and other.height <= one.height
    alike = (one.fps, one.ai_label, large.burn_captions) == (other.fps, other.ai_label, small.burn_captions)
    return fits and alike and same_shape(one, other)
