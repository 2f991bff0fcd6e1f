"""The access that each RPC requires: one rule for every method, and the interceptor that enforces it."""

from enum import Enum

from render_service.domain.access.access import Access, is_workspace_id
from render_service.domain.errors import DomainError, ErrorReason
from render_service.server.interceptors.base import Call


class Rule(Enum):
    """The access that a call requires: none, or read or write access to a workspace."""

    OPEN = None
    READ = Access.READ
    WRITE = Access.WRITE


RULES = {
    "/render.v1.RenderService/StartRender": Rule.WRITE,
    "/render.v1.RenderService/GetJob": Rule.READ,
    "/render.v1.RenderService/ListJobs": Rule.READ,
    "/render.v1.RenderService/CancelJob": Rule.WRITE,
    "/render.v1.RenderService/WatchProgress": Rule.READ,
    "/render.v1.RenderService/WatchWorkspace": Rule.READ,
    "/render.v1.RenderService/CreateDownloadUrl": Rule.READ,
    "/render.v1.RenderService/DownloadVideo": Rule.READ,
    "/render.v1.RenderService/ListVoices": Rule.READ,
    # It draws what the request says, from any address, on the workers.
    "/render.v1.RenderService/RenderFrame": Rule.WRITE,
    "/render.v1.RenderService/DeleteJob": Rule.WRITE,
    "/render.v1.ProjectService/CreateProject": Rule.WRITE,
    "/render.v1.ProjectService/GetProject": Rule.READ,
    "/render.v1.ProjectService/UpdateProject": Rule.WRITE,
    "/render.v1.ProjectService/ListProjects": Rule.READ,
    "/render.v1.ProjectService/DeleteProject": Rule.WRITE,
    "/render.v1.WebhookService/CreateWebhook": Rule.WRITE,
    "/render.v1.WebhookService/ListWebhooks": Rule.READ,
    "/render.v1.WebhookService/DeleteWebhook": Rule.WRITE,
    "/render.v1.WebhookService/GetWebhookSecret": Rule.WRITE,
    "/render.v1.WebhookService/ListWebhookDeliveries": Rule.READ,
    "/render.v1.WebhookService/RedeliverWebhook": Rule.WRITE,
    "/render.v1.BrandService/CreateBrandKit": Rule.WRITE,
    "/render.v1.BrandService/GetBrandKit": Rule.READ,
    "/render.v1.BrandService/UpdateBrandKit": Rule.WRITE,
    "/render.v1.BrandService/ListBrandKits": Rule.READ,
    "/render.v1.BrandService/DeleteBrandKit": Rule.WRITE,
    "/render.v1.BatchService/StartBatch": Rule.WRITE,
    "/render.v1.BatchService/GetBatch": Rule.READ,
    "/render.v1.BatchService/ListBatches": Rule.READ,
    "/render.v1.BatchService/WatchBatch": Rule.READ,
    "/render.v1.BatchService/CancelBatch": Rule.WRITE,
    "/render.v1.BatchService/RetryBatch": Rule.WRITE,
    "/render.v1.BrandService/UploadFont": Rule.WRITE,
    "/render.v1.BrandService/GetFont": Rule.READ,
    "/render.v1.BrandService/ListFonts": Rule.READ,
    "/render.v1.BrandService/DeleteFont": Rule.WRITE,
    "/grpc.health.v1.Health/Check": Rule.OPEN,
    "/grpc.health.v1.Health/List": Rule.OPEN,
    "/grpc.health.v1.Health/Watch": Rule.OPEN,
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": Rule.OPEN,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Rule.OPEN,
}
"""The rule of every method that the server has. A call without a rule is refused."""


def is_open(method: str) -> bool:
    """Whether a method needs no credentials."""
    return RULES.get(method) is Rule.OPEN


def workspace_of(call: Call) -> str:
    """Return the workspace that a call names; empty if it names none, or the id is malformed."""
    workspace_id: str = getattr(call.request, "workspace_id", "")
    return workspace_id if is_workspace_id(workspace_id) else ""


class Authorization:
    """Admits a call only if the caller has the access that its rule requires in the named workspace."""

    async def admit(self, call: Call) -> None:
        """Admit a call or refuse it."""
        rule = RULES[call.method]
        if rule.value is not None:
            principal = call.principal
            assert principal is not None, "runs after authentication"
            workspace_id = workspace_of(call)
            # The handler refuses a malformed id before it reads anything.
            if workspace_id and not principal.may_enter(workspace_id):
                raise DomainError(
                    ErrorReason.WORKSPACE_FORBIDDEN,
                    "these credentials do not open this workspace",
                    {"workspace_id": workspace_id},
                )
            if not principal.access.includes(rule.value):
                raise DomainError(
                    ErrorReason.WRITE_FORBIDDEN,
                    "these credentials are for reading only",
                    {"workspace_id": workspace_id},
                )
