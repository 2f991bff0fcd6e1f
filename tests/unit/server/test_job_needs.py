"""What a job needs of its worker is decided when it starts; captions from the sound are refused where nobody can."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from render_service.config.settings import ConfigurationError, Settings
from render_service.db.brand.brand_kits import BrandKits
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.jobs.needs import JobNeed
from render_service.domain.jobs.request import JobOptions, RenderRequest
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import CaptionOptions, Project, Shot, Speech, WordTiming
from render_service.domain.speech.options import SpeechChoice, SpeechOptions
from render_service.domain.speech.voices import SpeechProvider
from render_service.server.fonts.pinning import FontPinner
from render_service.server.services.speech_plan import SpeechPlanner
from render_service.server.services.start_render import RenderStarter
from render_service.voices.catalog import VoiceCatalog
from render_service.worker.speech import open_recognizer

RECORDED = Shot("one", narration_audio_uri="https://example.com/one.wav")
TEXT = replace(RECORDED, narration="Hello")
TIMED = replace(TEXT, words=(WordTiming("Hello", timedelta(0), timedelta(seconds=1)),))
SPOKEN = Shot("one", narration="Hello")
FROM_AUDIO = CaptionOptions(from_audio=True)
REMOTE = SpeechOptions(SpeechChoice(SpeechProvider.CUSTOM))


def starter(**settings: Any) -> RenderStarter:
    nothing, given = cast("Any", None), Settings(**settings)
    speech = SpeechPlanner(given, VoiceCatalog(given))
    return RenderStarter(
        nothing,
        nothing,
        nothing,
        nothing,
        settings=given,
        quotas=nothing,
        speech=speech,
        kits=BrandKits(nothing),
        fonts=FontPinner(nothing),
    )


@pytest.mark.parametrize(
    ("project", "speech", "needs"),
    [
        (Project(shots=(RECORDED,)), SpeechOptions(), ()),
        (Project(shots=(RECORDED,), captions=FROM_AUDIO), SpeechOptions(), (JobNeed.RECOGNITION,)),
        (Project(shots=(TEXT,), captions=FROM_AUDIO), SpeechOptions(), ()),
        (Project(shots=(TEXT,), speech=Speech()), SpeechOptions(), (JobNeed.ALIGNMENT,)),
        (Project(shots=(TIMED,), speech=Speech()), SpeechOptions(), ()),
        (Project(shots=(SPOKEN,), speech=Speech()), SpeechOptions(), ()),
        (Project(shots=(SPOKEN,), speech=Speech()), REMOTE, (JobNeed.ALIGNMENT,)),
        (
            Project(shots=(TEXT, replace(RECORDED, id="two")), speech=Speech(), captions=FROM_AUDIO),
            SpeechOptions(),
            (JobNeed.ALIGNMENT, JobNeed.RECOGNITION),
        ),
    ],
)
def test_a_job_needs_what_its_sounds_need(project: Project, speech: SpeechOptions, needs: tuple[JobNeed, ...]) -> None:
    spec = RenderSpec(project, OutputSpec(256, 144, 25, Quality.DRAFT), speech=speech)
    assert starter(recognition=True, speech_provider="local")._needs(spec) == needs


def test_a_server_that_does_not_know_of_alignment_leaves_it_to_the_worker_that_comes_first() -> None:
    spec = RenderSpec(Project(shots=(TEXT,), speech=Speech()), OutputSpec(256, 144, 25, Quality.DRAFT))
    assert starter(speech_provider="none")._needs(spec) == ()


async def test_captions_from_the_sound_are_refused_where_recognition_is_off() -> None:
    project = Project(shots=(RECORDED,), captions=FROM_AUDIO)
    request = RenderRequest("team", project, JobOptions())
    with pytest.raises(DomainError, match=r"install the extra render-service\[recognition\]") as refused:
        await starter(recognition=False).start(request)
    assert refused.value.reason is ErrorReason.PROVIDER_NOT_CONFIGURED
    assert refused.value.metadata["setting"] == "RENDER_RECOGNITION"


async def test_a_worker_starts_without_recognition_unless_it_is_asked_for(tmp_path: Path) -> None:
    async with open_recognizer(Settings(recognition=False), tmp_path) as recognizer:
        assert recognizer is None


async def test_a_model_that_is_absent_or_another_stops_the_start_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("render_service.speech.recognition.model.missing_recognition_packages", lambda **_: ())
    settings = Settings(recognition=True, recognition_model=tmp_path)
    with pytest.raises(
        ConfigurationError, match=r"RENDER_RECOGNITION_MODEL: .* has no model\.bin, config\.json"
    ) as absent:
        await open_recognizer(settings, tmp_path).__aenter__()
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt"):
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(ConfigurationError, match="not the model with the SHA-256") as another:
        await open_recognizer(settings, tmp_path).__aenter__()
    assert "\n" not in f"{absent.value}{another.value}"
