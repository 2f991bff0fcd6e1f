"""Client certificates: maps their subjects to principals."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, field_validator

from render_service.domain.access.access import Access, Principal, is_workspace_id
from render_service.server.tls.reloading_file import ReloadingFile


class _Grant(BaseModel):
    model_config = ConfigDict(extra="forbid")
    workspaces: frozenset[str]
    access: Access = Access.WRITE

    @field_validator("workspaces")
    @classmethod
    def _sound(cls, value: frozenset[str]) -> frozenset[str]:
        for workspace_id in value:
            if not is_workspace_id(workspace_id):
                raise ValueError("holds what is no workspace")
        return value


_GRANTS = TypeAdapter(dict[str, _Grant])


class SubjectReader:
    """Finds the principal of a client certificate that TLS has verified.

    Args:
        file: JSON object from subjects to `{"workspaces": […], "access": "read" | "write"}`. A subject is the
            certificate's distinguished name in the form of RFC 4514, such as `CN=backend,O=Team A`, or a SPIFFE id from
            its alternative names, such as `spiffe://example.org/backend`.

    Raises:
        OSError, ValueError: the file cannot be read, or is not of that form.
    """

    def __init__(self, file: Path) -> None:
        self._grants = ReloadingFile("subjects of client certificates", [file], lambda: _read(file))

    def principal(self, auth_context: Mapping[str, Iterable[bytes]]) -> Principal | None:
        """Return the principal; None if there is no certificate, or its subject is unknown."""
        grants = self._grants.get()
        for field in ("peer_spiffe_id", "x509_subject"):
            for raw in auth_context.get(field, ()):
                subject = raw.decode("utf-8", "replace")
                grant = grants.get(subject)
                if grant is not None:
                    return Principal(f"certificate:{subject}", subject, grant.workspaces, grant.access)
        return None


def _read(file: Path) -> dict[str, _Grant]:
    return _GRANTS.validate_json(file.read_bytes())
