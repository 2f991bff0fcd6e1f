"""Inspects a render's files within this process."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

from render_service.compositor.faces.found import FoundFaces
from render_service.compositor.inspection import Inspection, InspectionChoices, inspect_media
from render_service.compositor.media.assets import Media
from render_service.compositor.processes.pool import Share
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project

R = TypeVar("R")


class _Inline:
    """A share of a process pool that runs each function at once, in the calling thread."""

    width = 1

    async def run_with(self, _: object, function: Callable[..., R], *arguments: Any) -> R:
        return function(*arguments)


def inspected(media: Media, project: Project | None = None, known: FoundFaces | None = None) -> Inspection:
    """Inspect all files of a render; raises as `inspect_media`. May be called where an event loop runs."""
    choices = InspectionChoices.of(RenderSpec(project or Project(), OutputSpec(1280, 720, 30, Quality.STANDARD)))
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(
            asyncio.run,
            inspect_media(cast("Share", _Inline()), media, choices, known),
        ).result()
