"""Project files: `render.v1.Project` in JSON or YAML, with comments, short enum names and paths of local files."""

from render_client.projects_file.faults import FileFault, ProjectFileError
from render_client.projects_file.loading import ProjectDocument, load_document, load_project

__all__ = ["FileFault", "ProjectDocument", "ProjectFileError", "load_document", "load_project"]
