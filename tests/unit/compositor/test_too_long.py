"""A video that its texts alone make too long is refused by the longest of them."""

from pathlib import Path

import pytest

from render_service.compositor.media.assets import Media
from render_service.compositor.shared_folder import Request
from render_service.compositor.stages import check_request
from render_service.domain.errors import RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
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
