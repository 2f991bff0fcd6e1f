"""What the lists of the contract share: views, and pages that fit in a message."""

from collections.abc import Sequence
from enum import StrEnum

from google.protobuf.message import Message
from render_client.v1 import job_pb2, project_pb2

from render_service.server.mapping.enums import EnumTable

MAX_PAGE_BYTES = 3 * 1024 * 1024
"""How large a page of several items gets. gRPC clients accept 4 MiB by default."""


class View(StrEnum):
    """How much of each item a list contains."""

    BASIC = "basic"
    FULL = "full"


PROJECT_VIEW = EnumTable(project_pb2.ProjectView.DESCRIPTOR, View)
JOB_VIEW = EnumTable(job_pb2.JobView.DESCRIPTOR, View)


def count_fitting(items: Sequence[Message]) -> int:
    """Return how many of the first items fit in a page: all, or as many as MAX_PAGE_BYTES holds, but at least one."""
    total = 0
    for count, item in enumerate(items):
        total += item.ByteSize()
        if count and total > MAX_PAGE_BYTES:
            return count
    return len(items)
