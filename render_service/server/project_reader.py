"""Reads projects from requests and holds them against the rules."""

import asyncio

from render.v1 import project_pb2

from render_service.domain.project import Project
from render_service.domain.validation import check_project
from render_service.fetch.policy import FetchPolicy, check_uri
from render_service.server.mapping.faults import Faults
from render_service.server.mapping.project import project_from_proto

# Beyond this a project takes so long to read that the other calls on the event loop would notice.
_LARGE_BYTES = 128 * 1024


class ProjectReader:
    """Reads projects.

    Args:
        policy: Which addresses a project may name.
    """

    def __init__(self, policy: FetchPolicy) -> None:
        self._policy = policy

    async def read(self, message: project_pb2.Project, faults: Faults, *, for_render: bool) -> Project:
        """Return the project of a request, noting everything that is wrong with it.

        Args:
            message: The field `project` of the request.
            faults: Where faults are noted.
            for_render: Whether it is to be rendered now.
        """

        def read() -> Project:
            project = project_from_proto(message, "project", faults)
            self.check(project, faults, for_render=for_render)
            return project

        return await asyncio.to_thread(read) if message.ByteSize() > _LARGE_BYTES else read()

    def check(self, project: Project, faults: Faults, *, for_render: bool) -> None:
        """Note everything that is wrong with a project."""
        faults.add_all(
            check_project(project, "project", lambda uri: check_uri(uri, self._policy), for_render=for_render)
        )
