"""Shots that nobody has written down get captions from their sound, once for a sound and a language."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from render_service.compositor.media.assets import Media, ShotMedia
from render_service.compositor.processes.pool import ProcessPool, TaskOptions
from render_service.domain.errors import RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.looks.clips import ClipEdit, ShortClip
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import CaptionOptions, Project, Shot, Translation, WordTiming
from render_service.domain.projects.word_times import (
    RecognitionGap,
    RecognitionRequest,
    RecognizedText,
    TimingMethod,
    unwritten_shots,
)
from render_service.domain.warning import JobWarning, WarningCode
from render_service.engine import recognitions
from render_service.engine.recognitions import Recognizer, recognize_shots
from render_service.speech.recognition.model import RecognitionModel

WORD = WordTiming("Hello", timedelta(0), timedelta(seconds=1))
HEARD = RecognizedText("Hello", (WORD,))
RECORDED = Shot("one", narration_audio_uri="https://example.com/one.wav")
CLIP = Shot("clip", clip_uri="https://example.com/one.mp4")
FROM_AUDIO = CaptionOptions(from_audio=True)


def test_only_what_nobody_has_written_down_is_recognised() -> None:
    written = (
        replace(RECORDED, id="text", narration="Hello"),
        replace(RECORDED, id="timed", words=(WORD,)),
        replace(RECORDED, id="captioned", caption=""),
        replace(CLIP, id="muted", clip_sound=False),
        replace(CLIP, id="quiet", clip=ClipEdit(volume=0)),
        replace(CLIP, id="backwards", clip=ClipEdit(reverse=True)),
        Shot("still", image_uri="https://example.com/one.png"),
    )
    project = Project(shots=(RECORDED, CLIP, *written), language="zh-TW", captions=FROM_AUDIO)
    request = RecognitionRequest("zh-TW")
    assert dict(unwritten_shots(project)) == {"one": request, "clip": request}
    assert not unwritten_shots(replace(project, captions=CaptionOptions()))


PART = ClipEdit(start=timedelta(seconds=700), length=timedelta(seconds=6), speed=2)


@pytest.mark.parametrize(
    ("shot", "length"),
    [
        (replace(CLIP, clip=replace(PART, length=None)), None),
        (replace(CLIP, clip=PART), 6),
        (replace(CLIP, clip=replace(PART, when_short=ShortClip.EXTEND)), None),
        (replace(CLIP, clip=PART, duration=timedelta(seconds=2)), 4),
        (replace(CLIP, clip=PART, duration=timedelta(seconds=2), translations=(Translation("de", "Hallo"),)), 6),
    ],
)
def test_only_the_part_of_a_clip_that_the_shot_can_play_is_recognised(shot: Shot, length: float | None) -> None:
    part = None if length is None else timedelta(seconds=length)
    [request] = unwritten_shots(Project(shots=(shot,), captions=FROM_AUDIO)).values()
    assert request == RecognitionRequest("", timedelta(seconds=700), part)


def test_a_recording_is_recognised_whole_whatever_its_shots_clip_shows() -> None:
    shot = replace(RECORDED, clip_uri=CLIP.clip_uri, clip=PART, duration=timedelta(seconds=2))
    [request] = unwritten_shots(Project(shots=(shot,), captions=FROM_AUDIO)).values()
    assert request == RecognitionRequest("")


class Process:
    """A share of processes that hears the same in every sound, and counts."""

    def __init__(self, heard: RecognizedText | None) -> None:
        self.heard = heard
        self.recognized = 0
        self.decoded: list[tuple[timedelta, ...]] = []

    def share(self) -> "Process":
        return self

    def end_idle(self) -> None:
        return None

    async def run_with(
        self, _: TaskOptions, __: object, *arguments: Any, on_report: Callable[[Any], None] | None = None
    ) -> Any:
        if on_report is None:
            self.decoded.append(tuple(one for one in arguments if isinstance(one, timedelta)))
            return self.heard is not None
        self.recognized += 1
        return self.heard


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


async def run(
    process: Process | None, folder: Path, monkeypatch: pytest.MonkeyPatch, *shots: Shot, language: str = ""
) -> tuple[tuple[Shot, ...], Media, tuple[JobWarning, ...]]:
    monkeypatch.setattr(recognitions, "_fingerprint", lambda: "code")
    recognizer = None
    if process is not None:
        recognizer = Recognizer(RecognitionModel((), folder), None)
        recognizer._pool = cast("ProcessPool", process)
    (folder / "sound").write_bytes(b"sound")

    async def working() -> None:
        return None

    project = Project(shots=shots, captions=FROM_AUDIO, language=language)
    sound = folder / "sound"
    files = {one.id: ShotMedia(clip=sound) if one.clip_uri else ShotMedia(narration=sound) for one in shots}
    spec, media, warnings = await recognize_shots(
        recognizer,
        RenderSpec(project, OutputSpec(256, 144, 25, Quality.DRAFT)),
        Media(shots=files),
        FolderStore(folder),
        folder=folder / "work",
        working=working,
    )
    return spec.project.shots, media, warnings


async def test_a_sound_is_recognised_once_for_a_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(HEARD)
    shots, media, warnings = await run(process, tmp_path, monkeypatch, RECORDED, CLIP)
    assert [(shot.caption, shot.words) for shot in shots] == [("Hello", (WORD,))] * 2
    assert [files.timing for files in media.shots.values()] == [TimingMethod.RECOGNIZED] * 2
    assert (warnings, process.recognized) == ((), 1)
    await run(process, tmp_path, monkeypatch, RECORDED, language="zh-TW")
    assert process.recognized == 2


async def test_the_part_of_a_clip_is_recognised_once_and_its_words_count_from_the_start_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process(HEARD)
    edited, other = replace(CLIP, clip=PART), replace(CLIP, id="other", clip=replace(PART, start=timedelta(0)))
    for _ in range(2):
        shots, *_ = await run(process, tmp_path, monkeypatch, edited, other)
        assert [shot.words[0].start.total_seconds() for shot in shots] == [700, 0]
        assert [shot.words[0].end.total_seconds() for shot in shots] == [701, 1]
    assert process.decoded == [(timedelta(seconds=start), timedelta(seconds=6)) for start in (700, 0)]


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        (None, "clip.clip_uri: has no sound"),
        (RecognizedText("", (), RecognitionGap.NO_SPEECH), "clip.clip_uri: no speech is heard"),
        (RecognizedText("", (), RecognitionGap.UNKNOWN_LANGUAGE), "set the language of the project"),
    ],
)
async def test_a_shot_in_which_nothing_is_recognised_stays_without_caption_and_has_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: RecognizedText | None, said: str
) -> None:
    shots, media, [warning] = await run(Process(heard), tmp_path, monkeypatch, CLIP)
    assert (shots, media.shots["clip"].timing) == ((CLIP,), None)
    assert (warning.code, warning.shot_id) == (WarningCode.SPEECH_NOT_RECOGNIZED, "clip")
    assert said in warning.message


async def test_a_worker_without_a_recogniser_fails_only_jobs_that_need_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await run(None, tmp_path, monkeypatch, replace(CLIP, caption="Hello")))[2] == ()
    with pytest.raises(RenderFailure, match="install the extra `recognition`"):
        await run(None, tmp_path, monkeypatch, CLIP)


async def test_a_part_that_is_not_recognised_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, [warning] = await run(Process(replace(HEARD, gap=RecognitionGap.UNCLEAR)), tmp_path, monkeypatch, RECORDED)
    assert (warning.code, warning.shot_id, warning.field) == (
        WarningCode.SPEECH_NOT_RECOGNIZED,
        "one",
        "narration_audio_uri",
    )
