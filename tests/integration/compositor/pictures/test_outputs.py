"""Several videos of one render: those of one shape share their pictures, and each is whole by itself."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from render_service.compositor.compositor import ComposedVideo, Compositor
from render_service.compositor.media.assets import Media
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.delivery.outputs import ResolvedOutput
from render_service.domain.projects.output import AiLabel, Container, OutputSpec, Quality
from tests.integration.compositor.storyboards import FolderStore, photo_shots, spec_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

LARGE = OutputSpec(320, 180, 25, Quality.STANDARD)
OUTPUTS = {
    "small": replace(LARGE, width=160, height=90),
    "large": LARGE,
    "web": replace(LARGE, container=Container.WEBM),
    "square": replace(LARGE, width=180, height=180),
    "moving": replace(LARGE, container=Container.WEBP, width=160, height=90, fps=15),
}


def several(folder: Path, outputs: Mapping[str, OutputSpec], **changed: object) -> tuple[RenderSpec, Media]:
    """Return a render with two captioned photos and some outputs."""
    shots, media = photo_shots(folder, 2, seconds=0.8)
    named = tuple(ResolvedOutput(name, output) for name, output in outputs.items())
    spec = spec_of(shots, named[0].output, **changed)
    return replace(spec, outputs=named), media


async def compose_all(
    compositor: Compositor, spec: RenderSpec, media: Media, workdir: Path, store: FolderStore | None = None
) -> tuple[list[ComposedVideo], list[float]]:
    workdir.mkdir()
    parts: list[float] = []

    async def note(part: float) -> None:
        parts.append(part)

    videos = await compositor.compose_all(spec, media, workdir=workdir, segments=store, on_progress=note)
    return list(videos), parts


def picture(video: ComposedVideo, number: int = 12) -> np.ndarray:
    with av.open(str(video.path)) as container:
        frame = next(frame for place, frame in enumerate(container.decode(video=0)) if place == number)
        return frame.to_ndarray(format="rgb24").astype(float)


async def test_outputs_of_one_shape_are_drawn_once_and_show_the_same(
    compositor: Compositor, store: FolderStore, tmp_path: Path
) -> None:
    spec, media = several(tmp_path, OUTPUTS)
    videos, parts = await compose_all(compositor, spec, media, tmp_path / "work", store)
    assert [video.path.relative_to(tmp_path / "work") for video in videos] == [
        Path("outputs", name, f"video.{output.container.value}") for name, output in OUTPUTS.items()
    ]
    assert [(video.width, video.height, video.fps) for video in videos] == [
        (output.width, output.height, output.fps) for output in OUTPUTS.values()
    ]
    assert parts == sorted(parts)
    assert parts[-1] == 1
    assert all(video.check for video in videos)
    small, large, web = videos[:3]
    expected = cv2.resize(picture(large), (160, 90), interpolation=cv2.INTER_AREA)
    assert np.abs(picture(small) - expected).mean() < 8
    assert np.abs(picture(web) - picture(large)).mean() < 8
    # One file is drawn for each shape and rate; the others are encoded from its frames.
    alone = replace(spec, output=LARGE, outputs=(spec.outputs[1],))
    store.hits.clear()
    (again,), _ = await compose_all(compositor, alone, media, tmp_path / "alone", store)
    assert (again.segments_made, again.segments_reused) == (0, large.segments_made)
    assert again.path.read_bytes() == large.path.read_bytes()


async def test_only_what_an_output_lacks_is_encoded(compositor: Compositor, store: FolderStore, tmp_path: Path) -> None:
    spec, media = several(tmp_path, {"large": LARGE})
    (first,), _ = await compose_all(compositor, spec, media, tmp_path / "first", store)
    both, media = several(tmp_path, {"large": LARGE, "small": OUTPUTS["small"]})
    (large, small), _ = await compose_all(compositor, both, media, tmp_path / "both", store)
    assert (large.segments_made, large.segments_reused) == (0, first.segments_made)
    assert (small.segments_made, small.segments_reused) == (first.segments_made, 0)
    assert large.path.read_bytes() == first.path.read_bytes()


async def test_captions_are_burned_in_where_the_output_says_so(compositor: Compositor, tmp_path: Path) -> None:
    spec, media = several(tmp_path, {"with": LARGE, "without": LARGE})
    plain = replace(spec.outputs[1], burn_captions=False)
    spec = replace(spec, outputs=(spec.outputs[0], plain))
    (burned, bare), _ = await compose_all(compositor, spec, media, tmp_path / "work")
    difference = np.abs(picture(burned) - picture(bare)).max(axis=2)
    assert difference[120:].max() > 100
    assert difference[:90].mean() < 10
    assert bare.captions_vtt.read_bytes() == burned.captions_vtt.read_bytes()


async def test_a_failure_names_its_output(compositor: Compositor, tmp_path: Path) -> None:
    late = replace(OUTPUTS["small"], poster_time=timedelta(seconds=60))
    spec, media = several(tmp_path, {"large": LARGE, "late": late})
    with pytest.raises(RenderFailure, match=r'^outputs\[1\] "late": output.poster_time must be less than') as failure:
        await compose_all(compositor, spec, media, tmp_path / "work")
    assert failure.value.reason is ErrorReason.INVALID_FIELD
    assert failure.value.metadata["output"] == "late"
    assert failure.value.metadata["field"] == "outputs[1].output.poster_time"
    assert not [*(tmp_path / "work").rglob("parts")]


@pytest.mark.parametrize(
    ("late", "message"),
    [
        ({"poster_time": timedelta(seconds=9)}, "output.poster_time must be less than"),
        ({"ai_label": AiLabel("\N{CUNEIFORM SIGN A}")}, "no font has a glyph"),
    ],
)
async def test_a_fault_of_any_output_is_found_before_anything_is_paid(
    compositor: Compositor, tmp_path: Path, late: dict[str, Any], message: str
) -> None:
    spec, media = several(tmp_path, {"first": LARGE, "late": replace(LARGE, **late)})
    (tmp_path / "work").mkdir()
    with pytest.raises(RenderFailure, match=rf'outputs\[1\] "late": .*{message}'):
        await compositor.check(spec, media, tmp_path / "work")
