"""What is too long or too short is refused by name before anything is paid or drawn."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from render_service.compositor.media.assets import Media, ShotMedia
from render_service.compositor.shared_folder import Request
from render_service.compositor.stages import check_request, draw_frame, plan_composition
from render_service.domain.errors import RenderFailure
from render_service.domain.jobs.frame import FramePosition, ImageFormat
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.looks.clips import ClipEdit
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.output import Container, OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot


@pytest.mark.parametrize("field", ["caption", "narration"])
def test_texts_that_take_more_than_three_hours_to_read_are_refused_by_name(field: str, tmp_path: Path) -> None:
    texts = [*["word " * 780] * 60, "word " * 790]
    shots = tuple(Shot(f"s{number}", **{field: text}) for number, text in enumerate(texts))  # type: ignore[arg-type]
    spec = RenderSpec(Project(shots=shots), OutputSpec(160, 90, 25, Quality.DRAFT))
    Request(spec, Media(), {}, {}).write(tmp_path)
    with pytest.raises(RenderFailure, match="takes longer than 3 hours; shorten them") as refused:
        check_request(tmp_path, gets_clips=False)
    assert refused.value.metadata == {"shot_id": "s60", "field": field, "fault": "too_long"}


@pytest.mark.parametrize("stage", ["check", "frame", "plan"])
def test_a_clip_that_would_start_beyond_its_end_is_refused_at_every_stage(stage: str, tmp_path: Path) -> None:
    shot = Shot("a", clip_uri="https://example.com/a.mp4", clip=ClipEdit(start=timedelta(seconds=30)))
    spec = RenderSpec(Project(shots=(shot,)), OutputSpec(160, 90, 25, Quality.DRAFT))
    clip = tmp_path / "a.mp4"
    facts = {"a": MediaFacts(clip=timedelta(seconds=5))}
    Request(spec, Media({"a": ShotMedia(clip=clip)}), facts, {clip: "0" * 64}).write(tmp_path)
    frame, srt, vtt, words = (tmp_path / name for name in ("frame.png", "srt", "vtt", "words"))
    stages: dict[str, Callable[[], object]] = {
        "check": lambda: check_request(tmp_path, gets_clips=True),
        "frame": lambda: draw_frame(tmp_path, FramePosition(ImageFormat.PNG), frame),
        "plan": lambda: plan_composition(tmp_path, srt, vtt, words),
    }
    with pytest.raises(RenderFailure, match="lies beyond the end of the clip, which lasts 5 s") as refused:
        stages[stage]()
    assert refused.value.metadata == {"shot_id": "a", "field": "clip.start", "fault": "truncated"}


def test_an_animation_whose_files_make_it_too_long_for_webp_is_refused_by_name(tmp_path: Path) -> None:
    shot = Shot("a", clip_uri="https://example.com/a.mp4")
    output = OutputSpec(160, 90, 15, Quality.DRAFT, Container.WEBP)
    clip = tmp_path / "a.mp4"
    facts = {"a": MediaFacts(clip=timedelta(minutes=11))}
    spec = RenderSpec(Project(shots=(shot,)), output)
    Request(spec, Media({"a": ShotMedia(clip=clip)}), facts, {clip: "0" * 64}).write(tmp_path)
    with pytest.raises(RenderFailure, match="the file makes the video longer than 10 minutes; shorten it") as refused:
        check_request(tmp_path, gets_clips=False)
    assert refused.value.metadata["field"] == "clip_uri"
