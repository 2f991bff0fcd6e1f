"""Between the contract's enums and the domain's, matched by name."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Generic, TypeVar

from google.protobuf.descriptor import EnumDescriptor
from render_client.v1 import job_pb2, project_pb2

from render_service.domain.faults import Faults
from render_service.domain.jobs.job import Artifact, AudioTrackKind, JobStage, JobStatus
from render_service.domain.projects.project import ProjectStatus
from render_service.domain.warning import WarningCode

E = TypeVar("E", bound=StrEnum)


class EnumTable(Generic[E]):
    """The values of one enum on both sides.

    A name of the contract is the domain's value in capitals after the enum's own name: `TRANSITION_KIND_CROSS_FADE` is
    `cross_fade`, `ASPECT_RATIO_16_9` is `16:9`. Zero means unspecified, and has no counterpart.

    Args:
        descriptor: The contract's enum.
        kind: The domain's enum.

    Raises:
        ValueError: The two do not have the same values.
    """

    def __init__(self, descriptor: EnumDescriptor, kind: type[E]) -> None:
        prefix = "".join(f"_{letter}" if letter.isupper() else letter for letter in descriptor.name)[1:].upper() + "_"
        numbers = {value.name: value.number for value in descriptor.values if value.number}
        members = {prefix + member.value.replace(":", "_").upper(): member for member in kind}
        if numbers.keys() != members.keys():
            raise ValueError(f"{descriptor.name} and {kind.__name__} differ: {numbers.keys() ^ members.keys()}")
        self._members = {number: members[name] for name, number in numbers.items()}
        self._numbers = {member: number for number, member in self._members.items()}
        self._allowed = "must be one of " + ", ".join(numbers)

    def read(self, number: int, path: str, faults: Faults) -> E | None:
        """Return the domain's value of a number; None for 0, and with a fault for a number the contract lacks."""
        member = self._members.get(number)
        if member is None and number:
            faults.add(path, self._allowed)
        return member

    def read_all(self, numbers: Sequence[int], path: str, faults: Faults) -> tuple[E, ...]:
        """Return the values of a filter, each once; 0 and numbers that the contract lacks are faults."""
        found: dict[E, None] = {}
        for index, number in enumerate(numbers):
            member = self.read(number, f"{path}[{index}]", faults)
            if member is not None:
                found[member] = None
            elif not number:
                faults.add(f"{path}[{index}]", self._allowed)
        return tuple(found)

    def number(self, member: E) -> Any:
        """Return the contract's number of a value; an int, but the stubs have a type of numbers for each enum."""
        return self._numbers[member]


JOB_STATUS = EnumTable(job_pb2.JobStatus.DESCRIPTOR, JobStatus)
ARTIFACT = EnumTable(job_pb2.Artifact.DESCRIPTOR, Artifact)
AUDIO_TRACK_KIND = EnumTable(job_pb2.AudioTrackKind.DESCRIPTOR, AudioTrackKind)
JOB_STAGE = EnumTable(job_pb2.JobStage.DESCRIPTOR, JobStage)
WARNING_CODE = EnumTable(job_pb2.WarningCode.DESCRIPTOR, WarningCode)
PROJECT_STATUS = EnumTable(project_pb2.ProjectStatus.DESCRIPTOR, ProjectStatus)
