"""Which renditions of a segment one task encodes, and what becomes of those that fail together."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.compositor.encoding.memory import MOST_MIB, encoded_together, encoder_mib
from render_service.compositor.frames.format import PictureFormat
from render_service.compositor.processes.limits import RENDERING
from render_service.compositor.processes.pool import Share
from render_service.compositor.segment_runner import PoolRunner
from render_service.compositor.segments.job import SegmentJob
from render_service.compositor.segments.spec import DrawnCard, SegmentSpec, ShotStretch
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.projects.delivery.outputs import MAX_OUTPUTS
from render_service.domain.projects.output import MAX_SIDE, MIN_SIDE, Quality, VideoCodec
from render_service.domain.projects.project import Motion, MotionKind

FRAMES = 20
SIDES = st.integers(MIN_SIDE, MAX_SIDE)
FORMATS = st.builds(
    PictureFormat, SIDES, SIDES, st.just(30), st.sampled_from(list(Quality)), st.sampled_from(list(VideoCodec))
)


def spec_of(drawn: PictureFormat, encoded: PictureFormat) -> bytes:
    layer = ShotStretch(DrawnCard("One", "seed", "theme", "en"), Motion(MotionKind.NONE), FRAMES, 0)
    return SegmentSpec("", drawn, FRAMES, layer, rendition=encoded if encoded != drawn else None).to_bytes()


def need_of(spec: bytes) -> float:
    content = json.loads(spec)
    return encoder_mib(content["rendition"] or content["picture"])


@given(st.lists(FORMATS, min_size=1, max_size=MAX_OUTPUTS))
def test_encoders_of_one_task_stay_within_their_memory(formats: list[PictureFormat]) -> None:
    specs = [spec_of(formats[0], encoded) for encoded in formats]
    groups = encoded_together(specs)
    assert (RENDERING.memory >> 20) / 2 >= MOST_MIB
    assert sorted(place for group in groups for place in group) == list(range(len(formats)))
    for group in groups:
        assert len(group) == 1 or sum(need_of(specs[place]) for place in group) <= MOST_MIB


def uhd(codec: VideoCodec, quality: Quality = Quality.STANDARD) -> PictureFormat:
    return PictureFormat(3840, 2160, 30, quality, codec)


def test_large_outputs_are_encoded_apart_and_small_ones_together() -> None:
    largest = [uhd(codec) for codec in VideoCodec]
    assert len(encoded_together([spec_of(largest[0], encoded) for encoded in largest])) > 1
    assert len(encoded_together([spec_of(uhd(VideoCodec.AV1), uhd(VideoCodec.AV1))] * 2)) == 2
    hd = PictureFormat(1920, 1080, 30, Quality.STANDARD, VideoCodec.H264)
    phone = PictureFormat(854, 480, 30, Quality.STANDARD, VideoCodec.VP9)
    assert encoded_together([spec_of(hd, encoded) for encoded in (hd, phone, hd, phone)]) == [[0, 2, 1, 3]]


class FakeShare:
    """A share whose tasks fail where several renditions, or one that is named, are made."""

    def __init__(self, failure: RenderFailure, alone: str = "") -> None:
        self.failure = failure
        self.alone = alone
        self.made: list[list[str]] = []

    async def run_with(
        self,
        _options: object,
        _function: object,
        _specs: Sequence[bytes],
        _assets: object,
        _workdir: Path,
        outputs: Sequence[Path],
        *,
        on_report: Callable[[int], None],
    ) -> None:
        names = [output.name for output in outputs]
        self.made.append(names)
        if len(names) > 1 or self.alone in names:
            raise self.failure
        on_report(FRAMES)


DIED = RenderFailure(ErrorReason.COMPOSE_FAILED, "the worker process died repeatedly", worker_fault=True)


async def run(share: FakeShare, formats: Sequence[PictureFormat]) -> list[int]:
    jobs = [SegmentJob(spec_of(formats[0], encoded), {}, FRAMES) for encoded in formats]
    reports: list[int] = []
    outputs = [Path(str(place)) for place in range(len(jobs))]
    await PoolRunner(cast("Share", cast("Any", share))).run_renditions(jobs, Path(), outputs, reports.append)
    return reports


async def test_renditions_that_die_together_are_made_one_by_one() -> None:
    small = PictureFormat(160, 90, 30, Quality.DRAFT, VideoCodec.H264)
    share = FakeShare(DIED)
    await run(share, [small] * 3)
    assert share.made == [["0", "1", "2"], ["0"], ["1"], ["2"]]
    share = FakeShare(DIED, alone="1")
    with pytest.raises(RenderFailure) as failure:
        await run(share, [small] * 3)
    assert failure.value is DIED
    assert share.made == [["0", "1", "2"], ["0"], ["1"]]


async def test_frames_that_several_tasks_draw_are_counted_once() -> None:
    share = FakeShare(DIED)
    reports = await run(share, [uhd(VideoCodec.AV1)] * 3)
    assert share.made == [["0"], ["1"], ["2"]]
    assert sum(reports) == FRAMES
