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
from render_service.domain.projects.looks.clips import ClipEdit
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import CaptionOptions, Project, Shot, WordTiming
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


class Process:
    """A share of processes that hears the same in every sound, and counts."""

    def __init__(self, heard: RecognizedText | None) -> None:
        self.heard = heard
        self.recognized = 0

    def share(self) -> "Process":
        return self

    def end_idle(self) -> None:
        return None

    async def run_with(
        self, _: TaskOptions, __: object, *_arguments: Any, on_report: Callable[[Any], None] | None = None
    ) -> Any:
        if on_report is None:
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
