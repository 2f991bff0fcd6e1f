"""A project that asks for speech is refused on a server without it, and named what to install."""

from typing import Any, cast

import pytest

from render_service.config.settings import Settings
from render_service.config.speech import speech_extra
from render_service.db.brand.brand_kits import BrandKits
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.request import JobOptions, RenderRequest
from render_service.domain.projects.output import OutputOptions
from render_service.domain.projects.project import Project, Shot, Speech
from render_service.server.fonts.pinning import FontPinner
from render_service.server.services.speech_plan import SpeechPlanner
from render_service.server.services.start_render import RenderStarter
from render_service.voices.catalog import VoiceCatalog

pytestmark = pytest.mark.speech


def test_speech_is_on_where_it_is_installed_unless_it_is_turned_off() -> None:
    assert Settings().speaks_locally
    assert Settings(speech_provider="local").speaks_locally
    assert not Settings(speech_provider="none").speaks_locally


def test_what_to_install_names_the_versions_of_python_that_can_speak() -> None:
    assert speech_extra((3, 12)) == "render-service[speech]"
    assert speech_extra((3, 13)) == "render-service[speech] on Python 3.11 or 3.12"


async def test_a_spoken_project_is_refused_where_speech_is_off() -> None:
    nothing = cast("Any", None)
    settings = Settings(speech_provider="none")
    speech = SpeechPlanner(settings, VoiceCatalog(settings))
    starter = RenderStarter(
        nothing,
        nothing,
        nothing,
        nothing,
        settings=settings,
        quotas=nothing,
        speech=speech,
        kits=BrandKits(nothing),
        fonts=FontPinner(nothing),
    )
    project = Project(shots=(Shot("one", narration="Hello"),), speech=Speech())
    request = RenderRequest("team", project, JobOptions(), output=OutputOptions())
    with pytest.raises(DomainError, match=r"install the extra render-service\[speech\]") as refused:
        await starter.start(request)
    assert refused.value.reason is ErrorReason.PROVIDER_NOT_CONFIGURED
    assert refused.value.metadata["setting"] == "RENDER_SPEECH_PROVIDER"
