"""StartRender refuses what a speech provider cannot do, before anything is spoken or paid, and estimates the rest."""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from render_client.v1 import project_pb2

from render_service.config.settings import Settings
from render_service.db.brand.brand_kits import BrandKits
from render_service.db.brand.fonts import WorkspaceFonts
from render_service.db.database import Database
from render_service.db.jobs.jobs import Jobs
from render_service.db.projects.projects import Projects
from render_service.domain.errors import DomainError, ErrorReason, InvalidFields
from render_service.domain.faults import Faults
from render_service.domain.jobs.request import JobOptions, RenderRequest
from render_service.domain.projects.languages import respoken
from render_service.domain.projects.narrations import provider_faults
from render_service.domain.projects.project import Project, Shot, Speech, Translation
from render_service.domain.speech.lexicon import Lexicon, LexiconEntry
from render_service.domain.speech.options import SpeechChoice, SpeechOptions
from render_service.domain.speech.terms import ListedVoice
from render_service.domain.speech.voices import SpeechProvider
from render_service.fetch.policy import FetchPolicy
from render_service.server.fonts.pinning import FontPinner
from render_service.server.interceptors.rate_limits import QuotaCache
from render_service.server.services import speech_plan, start_render
from render_service.server.services.job_notifier import JobNotifier
from render_service.server.services.project_input import ProjectParser
from render_service.server.services.speech_plan import SpeechPlan, SpeechPlanner
from render_service.server.services.start_render import RenderStarter
from render_service.voices.catalog import VoiceCatalog, Voices

ELEVENLABS, OPENAI, CUSTOM, LOCAL = (
    SpeechProvider.ELEVENLABS,
    SpeechProvider.OPENAI_COMPATIBLE,
    SpeechProvider.CUSTOM,
    SpeechProvider.LOCAL,
)
GEORGE = ListedVoice("JBFqnCBsd6RMkjVDRZzb", "George")
SETTINGS: dict[str, Any] = {
    "speech_provider": "elevenlabs",
    "elevenlabs_api_key": "key",
    "openai_speech_base_url": "http://speech.internal/v1",
    "openai_speech_max_characters": 20,
    "custom_speech_api_url": "http://speech.internal",
}


class Catalog(VoiceCatalog):
    """Knows the voices of ElevenLabs only."""

    async def known(self, provider: SpeechProvider) -> Voices | None:
        return (GEORGE,) if provider is ELEVENLABS else None


async def plan(
    speech: Speech | None,
    provider: SpeechProvider | None = None,
    *,
    narration: str = "Hello",
    options: SpeechOptions | None = None,
    lexicon: Lexicon = (),
    override: Speech | None = None,
    **settings: object,
) -> SpeechPlan:
    configured = Settings(**{**SETTINGS, **settings})
    shots = (Shot("one", narration=narration), Shot("two", narration=narration))
    project = Project(shots=shots, speech=speech, lexicon=lexicon)
    if override is not None:
        project = respoken(project, override)
    request = RenderRequest(
        "team",
        project,
        JobOptions(),
        speech_provider=provider,
        speech=options or SpeechOptions(),
        speech_override=override,
    )
    return await SpeechPlanner(configured, Catalog(configured)).plan(request, project)


async def test_the_configured_provider_speaks_with_its_defaults() -> None:
    planned = await plan(Speech(), elevenlabs_price="0.10")
    assert planned.options == SpeechOptions(SpeechChoice(ELEVENLABS, GEORGE.id, "eleven_multilingual_v2"))
    assert [(one.shot_id, one.request.voice, one.cost) for one in planned.narrations] == [
        ("one", GEORGE.id, Decimal("0.0005")),
        ("two", GEORGE.id, Decimal("0.0005")),
    ]


async def test_a_price_that_nobody_has_set_is_unknown() -> None:
    assert [one.cost for one in (await plan(Speech())).narrations] == [None, None]


async def test_what_the_project_names_takes_precedence() -> None:
    speech = Speech("nova", 1.5, "de-DE", "gpt-4o-mini-tts", "calm")
    [one, _] = (await plan(speech, OPENAI)).narrations
    request = one.request
    assert (request.voice, request.speed, request.language) == ("nova", 1.5, "de-DE")
    assert (request.model, request.instructions, one.cost) == ("gpt-4o-mini-tts", "calm", None)


def recorded(work: Callable[..., Any], threads: list[threading.Thread]) -> Callable[..., Any]:
    """Return the same work, which records the thread that it runs in."""

    def run(*args: Any, **kwargs: Any) -> Any:
        threads.append(threading.current_thread())
        return work(*args, **kwargs)

    return run


async def test_narrations_are_checked_aside_from_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []
    monkeypatch.setattr(speech_plan, "provider_faults", recorded(provider_faults, threads))
    await plan(Speech())
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


class StoredProject:
    """A database with one project."""

    project = Project(shots=(Shot("one", narration="{{text}}"),))

    async def get(self, workspace_id: str, project_id: UUID) -> "StoredProject":
        return self


@pytest.mark.parametrize("is_stored", [True, False])
async def test_a_small_request_for_a_project_of_any_size_is_handled_aside_from_the_event_loop(
    monkeypatch: pytest.MonkeyPatch, is_stored: bool
) -> None:
    threads: list[threading.Thread] = []
    settings = Settings(**SETTINGS)
    parser = ProjectParser(FetchPolicy(), any_voice=True)
    for owner, name in ((ProjectParser, "fill_in"), (start_render, "respoken"), (start_render, "check_generation")):
        monkeypatch.setattr(owner, name, recorded(getattr(owner, name), threads))
    starter = RenderStarter(
        cast(Jobs, None),
        cast(Projects, StoredProject()),
        cast(JobNotifier, None),
        parser,
        settings=settings,
        quotas=cast(QuotaCache, None),
        speech=SpeechPlanner(settings, Catalog(settings)),
        kits=BrandKits(cast(Database, None)),
        fonts=FontPinner(cast(WorkspaceFonts, None)),
    )
    variables = {"text": "Hello"}
    source: UUID | Project = uuid4()
    if not is_stored:
        shot = project_pb2.Shot(id="one", narration="{{text}}")
        message = project_pb2.Project(storyboard=project_pb2.Storyboard(shots=[shot]))
        source = await parser.parse_for_render(message, variables, Faults())
    options = JobOptions()
    request = RenderRequest(
        "team", source, options, variables=variables, dry_run=True, speech_override=Speech(speed=0.8)
    )
    started = await starter.start(request)
    assert [one.request.text for one in started.narrations] == ["Hello"]
    assert len(threads) == 3
    assert threading.current_thread() not in threads


async def test_nothing_is_planned_where_nothing_is_spoken() -> None:
    assert await plan(None, CUSTOM, custom_speech_api_url=None) == SpeechPlan()


@pytest.mark.parametrize(
    ("speech", "provider", "field", "said"),
    [
        (Speech("Gorge"), ELEVENLABS, "project.speech.voice", f"did you mean {GEORGE.id} \\(George\\)"),
        (Speech(model="eleven_v9"), ELEVENLABS, "project.speech.model", "it has eleven_multilingual_v2"),
        (Speech(speed=1.5), ELEVENLABS, "project.speech.speed", "0.7 to 1.2"),
        (Speech(instructions="calm"), ELEVENLABS, "project.speech.instructions", "takes no instructions"),
        (Speech(language="cy"), ELEVENLABS, "project.speech.language", "does not speak cy"),
        (Speech(model="x"), LOCAL, "project.speech.model", "local has one model"),
        (Speech(instructions="x"), LOCAL, "project.speech.instructions", "takes no instructions"),
        (Speech(GEORGE.id), LOCAL, "project.speech.voice", "must be the id of a voice"),
    ],
)
async def test_what_a_provider_cannot_do_is_refused_once_at_its_field(
    speech: Speech, provider: SpeechProvider, field: str, said: str
) -> None:
    with pytest.raises(InvalidFields, match=said) as refused:
        await plan(speech, provider)
    assert [fault.field for fault in refused.value.faults] == [field]


LEXICON = (LexiconEntry("sql", respelling="sequel"), LexiconEntry("Siobhan", ipa="ʃɪˈvɔːn"))


@pytest.mark.parametrize("provider", [ELEVENLABS, OPENAI])
async def test_a_word_in_ipa_is_refused_by_name_where_the_provider_reads_none(provider: SpeechProvider) -> None:
    with pytest.raises(
        InvalidFields, match=f"{provider} reads no IPA, and a narration has the word Siobhan"
    ) as refused:
        await plan(Speech(), provider, narration="SQL, Siobhan", lexicon=LEXICON)
    assert [fault.field for fault in refused.value.faults] == ["project.lexicon[1].ipa"]
    [one, _] = (await plan(Speech(), CUSTOM, narration="SQL, Siobhan", lexicon=LEXICON)).narrations
    assert one.request.lexicon == LEXICON


async def test_the_text_as_it_is_sent_is_paid() -> None:
    [one, _] = (await plan(Speech(), narration="SQL", lexicon=LEXICON, elevenlabs_price="0.10")).narrations
    assert (one.request.text, one.request.lexicon, one.cost) == ("SQL", LEXICON[:1], Decimal("0.0006"))


@pytest.mark.parametrize(
    ("override", "provider", "field"),
    [
        (Speech("Gorge"), ELEVENLABS, "speech.voice"),
        (Speech(speed=1.5), ELEVENLABS, "speech.speed"),
        (Speech(model="x"), LOCAL, "speech.model"),
        (Speech("nobody"), LOCAL, "speech.voice"),
        (Speech(speed=0.8), ELEVENLABS, "project.speech.voice"),
    ],
)
async def test_what_the_request_overrides_is_refused_at_its_own_field(
    override: Speech, provider: SpeechProvider, field: str
) -> None:
    base = Speech("Gorge") if field.startswith("project") else Speech()
    with pytest.raises(InvalidFields) as refused:
        await plan(base, provider, override=override)
    assert [fault.field for fault in refused.value.faults] == [field]


async def test_a_translation_that_cannot_be_spoken_is_refused_at_its_own_field() -> None:
    translations = (Translation("fr", "Bonjour"), Translation("de", "Ein Satz von einiger Länge."))
    shots = (Shot("one", narration="Hello", translations=translations),)
    project, override = Project(shots=shots, speech=Speech()), Speech(language="de")
    settings = Settings(**SETTINGS)
    request = RenderRequest("team", project, JobOptions(), speech_provider=OPENAI, speech_override=override)
    with pytest.raises(InvalidFields, match="at most 20 characters") as refused:
        await SpeechPlanner(settings, Catalog(settings)).plan(request, respoken(project, override), project)
    assert [fault.field for fault in refused.value.faults] == ["project.storyboard.shots[0].translations[1].narration"]


@pytest.mark.parametrize("provider", [CUSTOM, LOCAL])
async def test_narrations_that_an_override_makes_too_long_are_refused(provider: SpeechProvider) -> None:
    narration = "a" * 4_000
    project = Project(shots=tuple(Shot(str(place), narration=narration) for place in range(30)), speech=Speech())
    settings = Settings(**SETTINGS)
    planner = SpeechPlanner(settings, Catalog(settings))
    slow = Speech(speed=0.5)
    request = RenderRequest("team", project, JobOptions(), speech_provider=provider, speech_override=slow)
    assert (await planner.plan(request, project)).options is not None
    with pytest.raises(InvalidFields, match="at most 150,000 characters") as refused:
        await planner.plan(request, respoken(project, slow))
    assert [fault.field for fault in refused.value.faults] == ["project.storyboard.shots[18].narration"]


async def test_a_model_newer_than_this_version_is_the_operators_to_allow() -> None:
    with pytest.raises(InvalidFields, match=r"eleven_v4 is none that is known; it has .*eleven_v3.* default model"):
        await plan(Speech(model="eleven_v4"))
    [one, _] = (await plan(Speech(), elevenlabs_model="eleven_v4", elevenlabs_price="0.10")).narrations
    assert (one.request.model, one.cost) == ("eleven_v4", Decimal(len(one.request.text)) / 10_000)


async def test_a_text_over_the_limit_is_refused_with_the_limit() -> None:
    with pytest.raises(InvalidFields, match="at most 20 characters") as refused:
        await plan(Speech(), OPENAI, narration="A sentence of some length.")
    assert [fault.field for fault in refused.value.faults] == [
        f"project.storyboard.shots[{place}].narration" for place in (0, 1)
    ]


@pytest.mark.parametrize(
    ("choice", "part"), [(SpeechChoice(ELEVENLABS, "nobody"), "voice"), (SpeechChoice(LOCAL, "nobody"), "voice")]
)
async def test_a_fallback_is_checked_as_well(choice: SpeechChoice, part: str) -> None:
    with pytest.raises(InvalidFields) as refused:
        await plan(Speech(), CUSTOM, options=SpeechOptions(fallbacks=(choice,)), speech_provider="local")
    assert [fault.field for fault in refused.value.faults] == [f"speech_provider_options.fallbacks[0].{part}"]


async def test_options_are_for_custom_only() -> None:
    options = SpeechOptions(options={"pitch": 2})
    assert (await plan(Speech(), CUSTOM, options=options)).options == SpeechOptions(
        SpeechChoice(CUSTOM), options=options.options
    )
    with pytest.raises(InvalidFields, match="must be empty for elevenlabs"):
        await plan(Speech(), options=options)


@pytest.mark.parametrize(
    ("provider", "setting"), [(ELEVENLABS, "ELEVENLABS_API_KEY"), (OPENAI, "OPENAI_SPEECH_BASE_URL")]
)
async def test_a_provider_that_is_not_configured_names_its_setting(provider: SpeechProvider, setting: str) -> None:
    with pytest.raises(DomainError, match=setting) as refused:
        await plan(Speech(), provider, elevenlabs_api_key=None, openai_speech_base_url=None)
    assert refused.value.reason is ErrorReason.PROVIDER_NOT_CONFIGURED
