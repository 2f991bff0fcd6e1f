"""The wire side of ProjectService."""

import asyncio

from render_client.v1 import project_pb2, project_service_pb2_grpc
from render_client.v1 import project_service_pb2 as pb

from render_service.db.jobs.deletions import Deletions
from render_service.db.jobs.job_lists import Position
from render_service.db.projects.projects import Projects, StoredProject, project_not_found
from render_service.domain.faults import Faults
from render_service.domain.projects.project import Project
from render_service.retention.remover import Remover
from render_service.server.interceptors.authentication import current_origin
from render_service.server.interceptors.base import Context
from render_service.server.interceptors.requests import LARGE_BYTES
from render_service.server.mapping import page_token
from render_service.server.mapping.ids import page_size_field, uuid_field, workspace_field
from render_service.server.mapping.pages import MAX_PAGE_BYTES, PROJECT_VIEW, View, count_fitting
from render_service.server.mapping.project import BASIC_ETAG, project_to_proto
from render_service.server.services.project_input import ProjectParser


class ProjectServicer(project_service_pb2_grpc.ProjectServiceServicer):
    """Stores projects.

    Args:
        projects: The projects in Postgres.
        parser: Reads and validates projects.
        deletions: Deletes projects with their jobs.
        remover: Deletes their objects.
    """

    def __init__(self, projects: Projects, parser: ProjectParser, *, deletions: Deletions, remover: Remover) -> None:
        self._deletions = deletions
        self._remover = remover
        self._projects = projects
        self._parser = parser

    async def CreateProject(self, request: pb.CreateProjectRequest, context: Context) -> pb.CreateProjectResponse:
        """Store a new project."""
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        project = await self._project(request, faults)
        stored = await self._projects.create(request.workspace_id, project, origin=current_origin())
        return pb.CreateProjectResponse(project=await _to_proto(stored))

    async def GetProject(self, request: pb.GetProjectRequest, context: Context) -> pb.GetProjectResponse:
        """Return a project."""
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        project_id = uuid_field(request.project_id, "project_id", faults)
        faults.raise_if_any()
        stored = await self._projects.get(request.workspace_id, project_id)
        return pb.GetProjectResponse(project=await _to_proto(stored))

    async def UpdateProject(self, request: pb.UpdateProjectRequest, context: Context) -> pb.UpdateProjectResponse:
        """Replace a project's content."""
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        project_id = uuid_field(request.project.project_id, "project.project_id", faults)
        if request.project.etag.endswith(BASIC_ETAG):
            faults.add("project.etag", "is of a project without storyboard; use that of GetProject or the FULL view")
        project = await self._project(request, faults)
        stored = await self._projects.update(
            request.workspace_id, project_id, project, etag=request.project.etag, origin=current_origin()
        )
        return pb.UpdateProjectResponse(project=await _to_proto(stored))

    async def ListProjects(self, request: pb.ListProjectsRequest, context: Context) -> pb.ListProjectsResponse:
        """Return a page of projects."""
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        limit = page_size_field(request.page_size, "page_size", faults)
        view = PROJECT_VIEW.read(request.view, "view", faults) or View.BASIC
        faults.raise_if_any()
        binding = page_token.binding_of(request)
        after = page_token.decode(request.page_token, binding=binding) if request.page_token else None
        found, end = await self._projects.list(
            request.workspace_id,
            after=after,
            limit=limit,
            with_shots=view is View.FULL,
            max_bytes=MAX_PAGE_BYTES if view is View.FULL else None,
        )
        items = [await _to_proto(stored, view) for stored in found]
        if (count := count_fitting(items)) < len(items):
            end = Position(found[count - 1].create_time, found[count - 1].id)
        return pb.ListProjectsResponse(
            projects=items[:count],
            next_page_token=page_token.encode(end, binding=binding) if end else "",
        )

    async def DeleteProject(self, request: pb.DeleteProjectRequest, context: Context) -> pb.DeleteProjectResponse:
        """Remove a project."""
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        project_id = uuid_field(request.project_id, "project_id", faults)
        faults.raise_if_any()
        if request.delete_jobs:
            if not await self._deletions.delete_project(request.workspace_id, project_id, origin=current_origin()):
                raise project_not_found(project_id)
            self._remover.nudge()
        else:
            await self._projects.delete(request.workspace_id, project_id, origin=current_origin())
        return pb.DeleteProjectResponse()

    async def _project(self, request: pb.CreateProjectRequest | pb.UpdateProjectRequest, faults: Faults) -> Project:
        if not request.HasField("project"):
            faults.add("project", "is required")
        project = await self._parser.parse(request.project, faults)
        faults.raise_if_any()
        return project


async def _to_proto(stored: StoredProject, view: View = View.FULL) -> project_pb2.Project:
    """Do as `project_to_proto`, aside from the event loop if the project is large."""
    if view is View.FULL and stored.size_bytes > LARGE_BYTES:
        return await asyncio.to_thread(project_to_proto, stored, view)
    return project_to_proto(stored, view)
