"""Who may do what: principals, the workspaces that they may access, and the two levels of access."""

import re
from dataclasses import dataclass
from enum import StrEnum

_WORKSPACE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def is_workspace_id(text: str) -> bool:
    """Whether a text has the format of a workspace id: 1–64 characters `a–z 0–9 _ -`, first a letter or digit."""
    return _WORKSPACE.fullmatch(text) is not None


class Access(StrEnum):
    """What a principal may do in its workspaces; WRITE includes READ."""

    READ = "read"
    WRITE = "write"

    def includes(self, needed: "Access") -> bool:
        """Whether this level includes the required one."""
        return self is Access.WRITE or needed is Access.READ


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls.

    Args:
        id: Stable and unique, for records: `key:UUID`, `jwt:ISSUER#SUBJECT`, `certificate:SUBJECT`.
        name: For people.
        workspaces: The workspaces that it may access; None for all.
        access: What it may do there.
    """

    id: str
    name: str
    workspaces: frozenset[str] | None
    access: Access

    def may_enter(self, workspace_id: str) -> bool:
        """Whether this principal may access a workspace."""
        return self.workspaces is None or workspace_id in self.workspaces


EVERYBODY = Principal("anonymous", "anonymous", None, Access.WRITE)
"""The caller if authentication is off."""
