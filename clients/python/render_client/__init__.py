"""Typed Python client of the render service.

Names are imported on first use, so that importing the package, or asking `render` for help, does not load gRPC.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from render_client.aio import AsyncRenderClient
    from render_client.batches import BatchChange
    from render_client.config import TLS, ClientConfig, ConfigurationError
    from render_client.durations import seconds
    from render_client.errors import (
        AlreadyExistsError,
        AuthenticationError,
        ClientClosedError,
        ConflictError,
        DeadlineError,
        DownloadError,
        InvalidRequestError,
        JobFailedError,
        NotFoundError,
        OutOfRangeError,
        PermissionDeniedError,
        PreconditionError,
        QuotaError,
        RenderError,
        ServiceError,
        UnavailableError,
    )
    from render_client.messages import has_ended, stage_name, status_name
    from render_client.projects_file import ProjectFileError, load_project
    from render_client.retry import RetryPolicy
    from render_client.status_details import FieldFault
    from render_client.sync import RenderClient
    from render_client.watch import WorkspaceChange

# gRPC's core writes to standard error what every call of this package reports as an error. Set it yourself to see more.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

_MODULES = {
    "aio": ("AsyncRenderClient",),
    "batches": ("BatchChange",),
    "config": ("TLS", "ClientConfig", "ConfigurationError"),
    "durations": ("seconds",),
    "errors": (
        "AlreadyExistsError",
        "AuthenticationError",
        "ClientClosedError",
        "ConflictError",
        "DeadlineError",
        "DownloadError",
        "InvalidRequestError",
        "JobFailedError",
        "NotFoundError",
        "OutOfRangeError",
        "PermissionDeniedError",
        "PreconditionError",
        "QuotaError",
        "RenderError",
        "ServiceError",
        "UnavailableError",
    ),
    "messages": ("has_ended", "stage_name", "status_name"),
    "projects_file": ("ProjectFileError", "load_project"),
    "retry": ("RetryPolicy",),
    "status_details": ("FieldFault",),
    "sync": ("RenderClient",),
    "watch": ("WorkspaceChange",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "TLS",
    "AlreadyExistsError",
    "AsyncRenderClient",
    "AuthenticationError",
    "BatchChange",
    "ClientClosedError",
    "ClientConfig",
    "ConfigurationError",
    "ConflictError",
    "DeadlineError",
    "DownloadError",
    "FieldFault",
    "InvalidRequestError",
    "JobFailedError",
    "NotFoundError",
    "OutOfRangeError",
    "PermissionDeniedError",
    "PreconditionError",
    "ProjectFileError",
    "QuotaError",
    "RenderClient",
    "RenderError",
    "RetryPolicy",
    "ServiceError",
    "UnavailableError",
    "WorkspaceChange",
    "has_ended",
    "load_project",
    "seconds",
    "stage_name",
    "status_name",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
