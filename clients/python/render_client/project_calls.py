"""The calls about stored projects, of the synchronous and of the asyncio client."""

from collections.abc import AsyncGenerator, Iterator
from typing import TYPE_CHECKING

from render.v1 import project_pb2
from render.v1.project_service_pb2_grpc import ProjectServiceStub

from render_client.calls import AsyncCalls, Calls

if TYPE_CHECKING:
    # Only the published types have it.
    from render.v1.project_service_pb2_grpc import ProjectServiceAsyncStub


class ProjectCalls(Calls):
    """Calls of `RenderClient` about stored projects."""

    _projects: ProjectServiceStub

    def create_project(self, project: project_pb2.Project) -> project_pb2.Project:
        """Store a new project, and return it with its project_id."""
        request = self._requests.create_project(project)
        return self._call(self._projects.CreateProject, request, repeatable=False).project

    def get_project(self, project_id: str) -> project_pb2.Project:
        """Return a stored project."""
        return self._call(self._projects.GetProject, self._requests.get_project(project_id)).project

    def update_project(self, project: project_pb2.Project) -> project_pb2.Project:
        """Replace a stored project. With an etag, fails if the project has changed since."""
        request = self._requests.update_project(project)
        return self._call(self._projects.UpdateProject, request, repeatable=False).project

    def list_projects(self) -> Iterator[project_pb2.Project]:
        """Iterate over the projects of the workspace, newest first; pages are fetched as needed."""
        request = self._requests.list_projects()
        while True:
            page = self._call(self._projects.ListProjects, request)
            yield from page.projects
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def delete_project(self, project_id: str, *, delete_jobs: bool = False) -> None:
        """Delete a stored project. Its jobs and videos are kept, unless delete_jobs is set."""
        request = self._requests.delete_project(project_id, delete_jobs)
        self._call(self._projects.DeleteProject, request, repeatable=False)


class AsyncProjectCalls(AsyncCalls):
    """Calls of `AsyncRenderClient` about stored projects."""

    _projects: "ProjectServiceAsyncStub"

    async def create_project(self, project: project_pb2.Project) -> project_pb2.Project:
        """Store a new project, and return it with its project_id."""
        request = self._requests.create_project(project)
        return (await self._call(self._projects.CreateProject, request, repeatable=False)).project

    async def get_project(self, project_id: str) -> project_pb2.Project:
        """Return a stored project."""
        return (await self._call(self._projects.GetProject, self._requests.get_project(project_id))).project

    async def update_project(self, project: project_pb2.Project) -> project_pb2.Project:
        """Replace a stored project. With an etag, fails if the project has changed since."""
        request = self._requests.update_project(project)
        return (await self._call(self._projects.UpdateProject, request, repeatable=False)).project

    async def list_projects(self) -> AsyncGenerator[project_pb2.Project, None]:
        """Iterate over the projects of the workspace, newest first; pages are fetched as needed."""
        request = self._requests.list_projects()
        while True:
            page = await self._call(self._projects.ListProjects, request)
            for project in page.projects:
                yield project
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def delete_project(self, project_id: str, *, delete_jobs: bool = False) -> None:
        """Delete a stored project. Its jobs and videos are kept, unless delete_jobs is set."""
        request = self._requests.delete_project(project_id, delete_jobs)
        await self._call(self._projects.DeleteProject, request, repeatable=False)
