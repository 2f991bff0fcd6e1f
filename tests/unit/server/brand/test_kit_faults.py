"""What is wrong with a kit that was stored under other rules is the fault of the field that names it."""

from dataclasses import replace

import pytest

from render_service.domain.brand.kit import BrandKit
from render_service.domain.errors import InvalidFields
from render_service.domain.faults import Faults
from render_service.domain.projects.project import CaptionOptions, Music, Project, Shot
from render_service.fetch.policy import FetchPolicy
from render_service.server.services.project_input import ProjectParser


def refused(project: Project, kit: BrandKit) -> dict[str, str]:
    faults = Faults()
    ProjectParser(FetchPolicy()).apply_kit(project, kit, faults)
    with pytest.raises(InvalidFields) as caught:
        faults.raise_if_any()
    return {fault.field: fault.description for fault in caught.value.faults}


def test_a_fault_within_the_kit_names_the_kit_and_none_of_the_projects_fields() -> None:
    project = Project(brand_kit="acme", shots=(Shot("one"),))
    kit = BrandKit("acme", music=Music("file:///etc/theme.m4a"))
    (fault,) = refused(project, kit).items()
    assert fault[0] == "project.brand_kit"
    assert fault[1].startswith("must name a kit without faults; acme.music.uri ")
    own = replace(project, captions=CaptionOptions(font="brand:heading"))
    assert list(refused(own, BrandKit("acme"))) == ["project.captions.font"]
