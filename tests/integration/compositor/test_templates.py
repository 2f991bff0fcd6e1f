"""A template rendered again with other values makes anew only what the values are seen in."""

from dataclasses import replace
from pathlib import Path

import pytest

from render_service.compositor.compositor import Compositor
from render_service.domain.projects.template import fill_in
from tests.integration.compositor.storyboards import FolderStore, composed, photo_shots, spec_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_other_values_render_only_the_shots_that_show_them(
    compositor: Compositor, tmp_path: Path, store: FolderStore
) -> None:
    shots, media = photo_shots(tmp_path, 5, 1.5)
    template = spec_of((*shots[:4], replace(shots[4], caption="Welcome to {{city}}")))
    counts: list[tuple[int, int]] = []
    for city in ("Oslo", "Bergen", "Tromsø", "Oslo"):
        project = fill_in(template.project, {"city": city}, "project", "variables").project
        assert project is not None
        video = await composed(
            compositor, replace(template, project=project), media, tmp_path / str(len(counts)), store
        )
        counts.append((video.segments_made, video.segments_reused))
    # Of five bodies and four transitions, the last body and the way into it show the city.
    assert counts == [(9, 0), (2, 7), (2, 7), (0, 9)]
