"""Typed Python client of the render service."""

from render_client.aio import AsyncRenderClient
from render_client.config import TLS, ClientConfig, ConfigurationError
from render_client.errors import (
    AlreadyExistsError,
    AuthenticationError,
    ClientClosedError,
    ConflictError,
    DeadlineError,
    DownloadError,
    InvalidRequestError,
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

__all__ = [
    "TLS",
    "AlreadyExistsError",
    "AsyncRenderClient",
    "AuthenticationError",
    "ClientClosedError",
    "ClientConfig",
    "ConfigurationError",
    "ConflictError",
    "DeadlineError",
    "DownloadError",
    "FieldFault",
    "InvalidRequestError",
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
    "stage_name",
    "status_name",
]
