# Generated from render_client/aio by `make generate`; do not edit.
"""Methods of the client for stored projects."""

from __future__ import annotations

from render_client.sync.batches import SyncBatchMethods
from render_client.sync.brand import SyncBrandMethods
from render_client.sync.primitives import Stream
from render_client.v1 import project_pb2


class ProjectMethods(SyncBrandMethods, SyncBatchMethods):
    """Methods of the client for stored projects, for the brand kits that they name, and for batches of them."""

    def create_project(self, project: project_pb2.Project) -> project_pb2.Project:
        """Store a new project, and return it with its project_id."""
        request = self._requests.create_project(project)
        return (self._call(self._projects.CreateProject, request, repeatable=False)).project

    def get_project(self, project_id: str) -> project_pb2.Project:
        """Return a stored project."""
        return (self._call(self._projects.GetProject, self._requests.get_project(project_id))).project

    def update_project(self, project: project_pb2.Project) -> project_pb2.Project:
        """Replace a stored project. With an etag, fails if the project has changed since."""
        request = self._requests.update_project(project)
        return (self._call(self._projects.UpdateProject, request, repeatable=False)).project

    def list_projects(self, *, full: bool = False) -> Stream[project_pb2.Project]:
        """Iterate over the projects of the workspace, newest first; pages are fetched on demand.

        Args:
            full: Whether projects contain their storyboards, as `get_project` returns them. To update a project, get it
                first or list it in full: the service refuses an update with the etag of a project without storyboard.
        """
        request = self._requests.list_projects(full=full)
        return self._pages(self._projects.ListProjects, request, lambda page: page.projects)

    def delete_project(self, project_id: str, *, delete_jobs: bool = False) -> None:
        """Delete a stored project. Its jobs and videos are kept, unless delete_jobs is set."""
        request = self._requests.delete_project(project_id, delete_jobs)
        self._call(self._projects.DeleteProject, request, repeatable=False)
