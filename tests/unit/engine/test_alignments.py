"""Narrations without word times get them from their sound where speech is on, once for a sound and its text."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from render_service.compositor.media.assets import Media, ShotMedia
from render_service.compositor.processes.pool import ProcessPool, TaskOptions
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot, Speech, WordTiming
from render_service.domain.projects.word_times import (
    AlignedText,
    AlignmentRequest,
    TimingMethod,
    unaligned_narrations,
)
from render_service.domain.speech.lexicon import LexiconEntry
from render_service.domain.warning import JobWarning, WarningCode
from render_service.engine.alignments import align_narrations
from render_service.engine.narrations import Narrator
from render_service.speech.installation import Installation

pytestmark = pytest.mark.speech

WORD = WordTiming("Hello", timedelta(0), timedelta(seconds=1))
RECORDED = Shot("one", narration="Hello", narration_audio_uri="https://example.com/one.wav")


def test_only_recorded_narrations_without_words_are_aligned_and_only_where_speech_is_on() -> None:
    timed, silent = replace(RECORDED, id="timed", words=(WORD,)), replace(RECORDED, id="silent", narration="…")
    shots = (RECORDED, timed, silent, replace(RECORDED, id="own", speech=Speech(language="zh")))
    assert dict(unaligned_narrations(Project(shots=shots))) == {"own": AlignmentRequest("Hello", "zh")}
    for project, language in (
        (Project(shots=(RECORDED,), speech=Speech()), "en"),
        (Project(shots=(RECORDED,), speech=Speech(), language="fr"), "fr"),
        (Project(shots=(RECORDED,), speech=Speech(language="zh"), language="fr"), "zh"),
    ):
        assert dict(unaligned_narrations(project)) == {"one": AlignmentRequest("Hello", language)}


def test_what_the_lexicon_says_of_a_narration_is_aligned_with_it() -> None:
    entry = LexiconEntry("Hello", respelling="hullo", language="en")
    lexicon = (entry, LexiconEntry("you", respelling="yew"), LexiconEntry("Hello", respelling="allô", language="fr"))
    project = Project(shots=(RECORDED,), speech=Speech(), lexicon=lexicon)
    assert dict(unaligned_narrations(project)) == {"one": AlignmentRequest("Hello", "en", (entry,))}


class Aligner:
    """A share of processes that aligns by a method, and counts."""

    def __init__(self, method: TimingMethod) -> None:
        self.aligned = AlignedText((WORD,), method)
        self.tasks = 0

    def share(self) -> "Aligner":
        return self

    def end_idle(self) -> None:
        """Have no processes."""

    async def run_with(
        self, _: TaskOptions, __: object, *_arguments: Any, on_report: Callable[[Any], None] | None = None
    ) -> AlignedText | None:
        self.tasks += 1
        return None if on_report is None else self.aligned


class FolderStore:
    """Keeps files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def get(self, key: str, path: Path) -> bool:
        if (self._folder / key).exists():
            path.write_bytes((self._folder / key).read_bytes())
            return True
        return False

    async def put(self, key: str, path: Path) -> None:
        (self._folder / key).write_bytes(path.read_bytes())


async def align(aligner: Aligner | None, project: Project, folder: Path) -> tuple[Project, Media, list[JobWarning]]:
    narrator = Narrator(Installation((), folder), None) if aligner is not None else None
    if narrator is not None:
        narrator._pool = cast("ProcessPool", aligner)
    (folder / "sound").write_bytes(b"sound")

    async def working() -> None:
        return None

    spec = RenderSpec(project, OutputSpec(256, 144, 25, Quality.DRAFT))
    media = Media(shots={shot.id: ShotMedia(narration=folder / "sound") for shot in project.shots})
    spec, media, warnings = await align_narrations(
        narrator, spec, media, FolderStore(folder), folder=folder / "work", working=working
    )
    return spec.project, media, list(warnings)


async def test_words_are_found_once_for_a_sound_and_its_text(tmp_path: Path) -> None:
    aligner = Aligner(TimingMethod.ACOUSTIC)
    project = Project(shots=(RECORDED, replace(RECORDED, id="two")), speech=Speech())
    aligned, media, warnings = await align(aligner, project, tmp_path)
    assert [shot.words for shot in aligned.shots] == [(WORD,), (WORD,)]
    assert [files.timing for files in media.shots.values()] == [TimingMethod.ACOUSTIC] * 2
    assert warnings == []
    assert aligner.tasks == 2, "decoded and aligned for the first shot, stored for the second"
    changed = replace(project, shots=(replace(RECORDED, narration="Hello you"),))
    await align(aligner, changed, tmp_path)
    assert aligner.tasks == 4


async def test_estimated_words_come_with_a_warning(tmp_path: Path) -> None:
    _, media, [warning] = await align(
        Aligner(TimingMethod.ESTIMATE), Project(shots=(RECORDED,), speech=Speech()), tmp_path
    )
    assert (warning.code, warning.shot_id, warning.field) == (
        WarningCode.WORDS_ESTIMATED,
        "one",
        "narration_audio_uri",
    )
    assert media.shots["one"].timing is TimingMethod.ESTIMATE


SPOKEN = replace(RECORDED, narration_audio_uri="")


@pytest.mark.parametrize(
    ("method", "warned"), [(TimingMethod.ACOUSTIC, []), (TimingMethod.ESTIMATE, ["are estimated"]), (None, ["extra"])]
)
async def test_a_narration_that_a_provider_spoke_without_word_times_is_aligned_as_recordings_are(
    method: TimingMethod | None, warned: list[str], tmp_path: Path
) -> None:
    aligner = Aligner(method) if method is not None else None
    aligned, media, warnings = await align(aligner, Project(shots=(SPOKEN,), speech=Speech()), tmp_path)
    assert aligned.shots[0].words == ((WORD,) if method is not None else ())
    assert media.shots["one"].timing is method
    assert [said in warning.message for said, warning in zip(warned, warnings, strict=True)] == [True] * len(warned)
    assert all((one.code, one.field) == (WarningCode.WORDS_ESTIMATED, "narration") for one in warnings)


@pytest.mark.parametrize("speech", [None, Speech()])
async def test_without_speech_or_without_a_model_nothing_changes(tmp_path: Path, speech: Speech | None) -> None:
    project = Project(shots=(RECORDED,), speech=speech)
    aligner = Aligner(TimingMethod.ACOUSTIC) if speech is None else None
    aligned, media, warnings = await align(aligner, project, tmp_path)
    assert aligned == project
    assert media.shots["one"].timing is None
    assert warnings == []
