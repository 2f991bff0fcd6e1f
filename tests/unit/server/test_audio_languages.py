"""Further languages of a video are planned, and refused where they cannot be spoken, before anything is."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest
from render_client.v1 import output_pb2

from render_service.config.settings import Settings
from render_service.db.brand.brand_kits import BrandKits
from render_service.db.brand.fonts import WorkspaceFonts
from render_service.db.database import Database
from render_service.db.jobs.jobs import Jobs
from render_service.db.projects.projects import Projects
from render_service.domain.errors import InvalidFields
from render_service.domain.faults import Faults
from render_service.domain.jobs.request import JobOptions, RenderRequest
from render_service.domain.projects.languages import respoken
from render_service.domain.projects.looks.modes import MODE_PRESETS
from render_service.domain.projects.output import AudioLanguage, Container, OutputOptions, decide_output
from render_service.domain.projects.project import Project, Shot, Speech, Translation
from render_service.domain.projects.validation import check_output
from render_service.domain.speech.voices import SpeechProvider
from render_service.fetch.policy import FetchPolicy
from render_service.server.fonts.pinning import FontPinner
from render_service.server.interceptors.rate_limits import QuotaCache
from render_service.server.mapping.output import output_from_proto
from render_service.server.services.job_notifier import JobNotifier
from render_service.server.services.project_input import ProjectParser
from render_service.server.services.speech_plan import SpeechPlanner
from render_service.server.services.start_render import RenderStarter, Started
from tests.unit.server.test_speech_plan import SETTINGS, Catalog

SHOTS = (
    Shot("one", narration="Hello", translations=(Translation("de", "Hallo"), Translation("zh", "你好"))),
    Shot("two", narration="Bye", translations=(Translation("de", "Tschüss"),)),
)
GERMAN = (AudioLanguage("de"),)
PROJECT = Project(shots=SHOTS, speech=Speech())


async def start(
    languages: Sequence[str | AudioLanguage],
    project: Project = PROJECT,
    provider: SpeechProvider = SpeechProvider.CUSTOM,
    main: Speech | None = None,
) -> Started:
    settings = Settings(**SETTINGS)
    starter = RenderStarter(
        cast(Jobs, None),
        cast(Projects, None),
        cast(JobNotifier, None),
        ProjectParser(FetchPolicy(), any_voice=True),
        settings=settings,
        quotas=cast(QuotaCache, None),
        speech=SpeechPlanner(settings, Catalog(settings)),
        kits=BrandKits(cast(Database, None)),
        fonts=FontPinner(cast(WorkspaceFonts, None)),
    )
    output = OutputOptions(
        audio_languages=tuple(AudioLanguage(one) if isinstance(one, str) else one for one in languages)
    )
    request = RenderRequest(
        "team",
        project,
        JobOptions(),
        output=output,
        dry_run=True,
        speech_provider=provider,
        speech_override=main,
    )
    return await starter.start(request)


async def test_the_narrations_of_all_languages_are_planned() -> None:
    planned = (await start(["de-DE"])).narrations
    assert [(one.shot_id, one.request.text, one.request.language) for one in planned] == [
        ("one", "Hello", ""),
        ("two", "Bye", ""),
        ("one", "Hallo", "de-DE"),
        ("two", "Tschüss", "de-DE"),
    ]


async def test_a_language_of_the_project_that_becomes_the_main_one_has_no_second_track() -> None:
    project = replace(PROJECT, output=OutputOptions(audio_languages=GERMAN))
    planned = (await start([], project, main=Speech(language="de-AT"))).narrations
    assert [one.request.text for one in planned] == ["Hallo", "Tschüss"]


async def test_a_fault_in_the_options_of_an_inline_project_is_named_there() -> None:
    project = replace(PROJECT, output=OutputOptions(audio_languages=(AudioLanguage("fr"),)))
    with pytest.raises(InvalidFields) as refused:
        await start([], project)
    assert [fault.field for fault in refused.value.faults] == ["project.output.audio_languages[0].language"]


@pytest.mark.parametrize(
    ("languages", "place", "said"),
    [
        (["de", "zh"], 1, r"shots\[1\].translations has none in zh"),
        (["fr"], 0, r"shots\[0\].translations has none in fr"),
        (["en-GB"], 0, "must be another language"),
    ],
)
async def test_a_language_that_cannot_be_spoken_is_refused(languages: list[str], place: int, said: str) -> None:
    with pytest.raises(InvalidFields, match=said) as refused:
        await start(languages)
    assert [fault.field for fault in refused.value.faults] == [f"output.audio_languages[{place}].language"]


async def test_a_voice_that_does_not_exist_is_refused_at_the_language_that_names_it() -> None:
    audio = (AudioLanguage("de"), AudioLanguage("zh", "Gorge"))
    shot = Shot("one", narration="Hello", translations=(Translation("de", "Hallo"), Translation("zh", "你好")))
    with pytest.raises(InvalidFields, match="did you mean") as refused:
        await start(audio, Project(shots=(shot,), speech=Speech()), SpeechProvider.ELEVENLABS)
    assert [fault.field for fault in refused.value.faults] == ["output.audio_languages[1].voice"]


async def test_what_a_voice_cannot_speak_is_refused_at_its_translation() -> None:
    long = Shot("one", narration="Hi", translations=(Translation("de", "x" * 21),))
    settings = Settings(**SETTINGS)
    request = RenderRequest("team", PROJECT, JobOptions(), speech_provider=SpeechProvider.OPENAI_COMPATIBLE)
    project = Project(shots=(long,), speech=Speech())
    planner = SpeechPlanner(settings, Catalog(settings))
    with pytest.raises(InvalidFields) as refused:
        await planner.plan(request, respoken(project, Speech(language="de")), project)
    assert [fault.field for fault in refused.value.faults] == ["project.storyboard.shots[0].translations[0].narration"]


@pytest.mark.parametrize(
    ("languages", "field"),
    [
        (["de", "DE"], "[1].language"),
        ([""], "[0].language"),
        (["not a tag"], "[0].language"),
        ([f"x{n}" for n in range(9)], ""),
    ],
)
def test_malformed_languages_are_refused_by_name(languages: list[str], field: str) -> None:
    faults = Faults()
    named = [output_pb2.AudioLanguage(language=language) for language in languages]
    message = output_pb2.OutputOptions(audio_languages=named)
    options = output_from_proto(message, "output", faults)
    assert field in {fault.field.removeprefix("output.audio_languages") for fault in check_output(options, "output")}


def test_an_animation_has_no_sound_in_any_language() -> None:
    ratio = MODE_PRESETS[Project().mode].aspect_ratio
    options = OutputOptions(container=Container.GIF, audio_languages=GERMAN)
    assert decide_output(options, ratio).audio_languages == ()
    assert decide_output(OutputOptions(audio_languages=GERMAN), ratio).audio_languages == GERMAN
