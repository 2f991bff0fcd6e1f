"""Project files: `render.v1.Project` in JSON or YAML, with comments, short enum names and paths of local files.

The reader is imported on first use: a command that reads no file needs only the errors.
"""

import importlib
from typing import TYPE_CHECKING, Any

from render_client.projects_file.faults import FileFault, ProjectFileError

if TYPE_CHECKING:
    from render_client.projects_file.loading import ProjectDocument, load_brand_kit, load_document, load_project

__all__ = ["FileFault", "ProjectDocument", "ProjectFileError", "load_brand_kit", "load_document", "load_project"]


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(f"{__name__}.loading"), name)
    return found
