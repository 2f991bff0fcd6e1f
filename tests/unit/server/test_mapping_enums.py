"""Every value of every enum of the contract has its counterpart in the domain."""

from enum import StrEnum

import pytest
from google.protobuf.descriptor import EnumDescriptor
from render_client.v1 import error_reason_pb2, job_pb2, output_pb2, project_pb2

from render_service.domain import errors
from render_service.domain.faults import Faults
from render_service.domain.jobs import job
from render_service.domain.projects import output, project
from render_service.domain.projects.looks import captions, clips, sounds
from render_service.domain.warning import WarningCode
from render_service.server.mapping.enums import EnumTable
from render_service.server.mapping.pages import View

_ELSEWHERE: dict[str, type[StrEnum]] = {
    "QualityPreset": output.Quality,
    "LoudnessTarget": output.Loudness,
    "WarningCode": WarningCode,
    "ProjectView": View,
    "JobView": View,
    "CaptionPreset": captions.CaptionPreset,
    "CaptionPosition": captions.CaptionPosition,
    "Platform": captions.Platform,
    "ClipFlip": clips.ClipFlip,
    "ShortClip": clips.ShortClip,
    "SoundRole": sounds.SoundRole,
}
PAIRS: list[tuple[EnumDescriptor, type[StrEnum]]] = [
    (descriptor, _ELSEWHERE.get(name) or getattr(domain, name))
    for file, domain in ((error_reason_pb2, errors), (job_pb2, job), (output_pb2, output), (project_pb2, project))
    for name, descriptor in file.DESCRIPTOR.enum_types_by_name.items()
]


@pytest.mark.parametrize(("descriptor", "kind"), PAIRS, ids=[descriptor.name for descriptor, _ in PAIRS])
def test_every_value_maps_both_ways(descriptor: EnumDescriptor, kind: type[StrEnum]) -> None:
    table = EnumTable(descriptor, kind)
    faults = Faults()
    numbers = [value.number for value in descriptor.values if value.number]
    members = [table.read(number, "field", faults) for number in numbers]
    assert set(members) == set(kind)
    assert [table.number(member) for member in members if member] == numbers
    assert table.read(0, "field", faults) is None
    assert not faults
    assert table.read(max(numbers) + 1, "field", faults) is None
    assert faults


def test_enums_that_differ_are_noticed_at_once() -> None:
    class Fit(StrEnum):
        COVER = "cover"
        STRETCH = "stretch"

    with pytest.raises(ValueError, match="FIT_STRETCH"):
        EnumTable(project_pb2.Fit.DESCRIPTOR, Fit)
