"""A narration that takes long counts as progress, and what exceeds a limit is named by its shot."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from render_service.compositor.media.assets import Media
from render_service.compositor.processes.limits import TaskLimits
from render_service.compositor.processes.pool import ProcessPool, TaskOptions
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.narrations import spoken_narrations
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot, Speech, WordTiming
from render_service.domain.speech.options import SpeechChoice, SpeechOptions
from render_service.domain.speech.voices import SpeechProvider, primary
from render_service.engine import speakers
from render_service.engine.narrations import Narrator
from render_service.engine.speakers import Speakers
from render_service.speech.installation import Installation
from render_service.telemetry.metrics.worker import WORKER

pytestmark = pytest.mark.speech

PROJECT = Project(shots=(Shot("one", narration="Hello"), Shot("two", narration="Bye")), speech=Speech())
SPEC = RenderSpec(PROJECT, OutputSpec(256, 144, 25, Quality.DRAFT))


class Voice:
    """A share of processes whose narrations have a length, and which waits after each breath until it was reported."""

    def __init__(self, lasts: timedelta = timedelta(seconds=1), breaths: int = 0) -> None:
        self.heard = asyncio.Semaphore(0)
        self._words = (WordTiming("Hello", timedelta(0), lasts),)
        self._breaths = breaths

    def share(self) -> "Voice":
        return self

    def end_idle(self) -> None:
        """Have no processes."""

    async def run_with(
        self, _: TaskOptions, __: object, *arguments: Any, on_report: Callable[[Any], None]
    ) -> Sequence[WordTiming]:
        arguments[-1].write_bytes(b"")
        for _breath in range(self._breaths):
            on_report(None)
            await self.heard.acquire()
        return self._words


class NoStore:
    """Keeps nothing."""

    async def get(self, _key: str, _path: Path) -> bool:
        return False

    async def put(self, _key: str, _path: Path) -> None:
        return None


async def narrate(voice: object, folder: Path, on_spoken: Callable[[int, int], Any]) -> None:
    (folder / "af_heart.bin").write_bytes(b"")
    narrator = Narrator(Installation((), folder), None)
    narrator._pool = cast("ProcessPool", voice)
    store, lease = cast("Any", NoStore()), cast("Any", None)
    await Speakers(narrator).narrate(lease, SPEC, Media(), store, folder=folder / "sounds", on_spoken=on_spoken)


async def test_what_is_spoken_is_counted_with_the_work_that_it_took(tmp_path: Path) -> None:
    before = [spent("render_speech_spoken_seconds_total"), spent("render_speech_work_seconds_total")]
    await narrate(Voice(timedelta(seconds=3)), tmp_path, ignore)
    assert spent("render_speech_spoken_seconds_total") - before[0] == 6
    assert spent("render_speech_work_seconds_total") > before[1]


async def test_a_process_that_speaks_is_counted_and_measured() -> None:
    narrator, before = Narrator(Installation((), Path()), None), spent("render_speech_processes_started_total")
    assert narrator.memory_bytes == 0
    try:
        await narrator._pool.start()
        assert Speakers(narrator).memory_bytes > 1 << 20
        assert spent("render_speech_processes_started_total") - before == 1
    finally:
        await narrator.close()


async def test_narrations_are_planned_aside_from_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project's texts may take seconds: all of their characters are looked at."""
    threads: list[threading.Thread] = []

    def planned(*arguments: Any, **options: Any) -> Any:
        threads.append(threading.current_thread())
        return spoken_narrations(*arguments, **options)

    monkeypatch.setattr(speakers, "spoken_narrations", planned)
    await narrate(Voice(), tmp_path, ignore)
    paid = replace(SPEC, speech=SpeechOptions(SpeechChoice(SpeechProvider.CUSTOM)))
    assert await Speakers(None).paid_shots(paid) == {"one", "two"}
    assert len(threads) == 2
    assert threading.current_thread() not in threads


def spent(name: str) -> float:
    return WORKER.get_sample_value(name) or 0.0


async def ignore(_spoken: int, _of: int) -> None:
    """Report no progress."""


async def test_every_breath_of_a_long_narration_is_reported(tmp_path: Path) -> None:
    voice, reports = Voice(breaths=3), []

    async def on_spoken(spoken: int, of: int) -> None:
        reports.append((spoken, of))
        voice.heard.release()

    await narrate(voice, tmp_path, on_spoken)
    assert reports[:4] == [(0, 2)] * 3 + [(1, 2)]
    assert reports[-1] == (2, 2)


async def test_a_report_that_fails_stops_the_speech(tmp_path: Path) -> None:
    async def on_spoken(_spoken: int, _of: int) -> None:
        raise RuntimeError("the lease is lost")

    with pytest.raises(RuntimeError, match="the lease is lost"):
        await narrate(Voice(breaths=1), tmp_path, on_spoken)


async def test_narrations_longer_than_the_longest_video_are_refused_while_they_are_spoken(tmp_path: Path) -> None:
    async def on_spoken(_spoken: int, _of: int) -> None:
        return None

    with pytest.raises(RenderFailure, match="longer than 3 hours") as refused:
        await narrate(Voice(timedelta(hours=2)), tmp_path, on_spoken)
    assert refused.value.reason is ErrorReason.ASSET_INVALID


async def test_the_limits_of_a_task_are_named_with_its_work_and_remedy(tmp_path: Path) -> None:
    pool = ProcessPool(1)
    try:
        options = TaskOptions(
            TaskLimits(memory=300 << 20, cpu_seconds=60),
            work="one.narration: speaking it",
            remedy="split it over several shots",
        )
        with pytest.raises(RenderFailure) as refused:
            await pool.share().run_with(options, bytearray, 1 << 30)
        assert str(refused.value) == (
            "one.narration: speaking it takes more than 300 MiB of memory; split it over several shots"
        )
    finally:
        await pool.close()


async def test_the_process_with_the_model_ends_when_nothing_is_spoken(tmp_path: Path) -> None:
    narrator = Narrator(Installation((), tmp_path), None, idle_seconds=0)
    pool = narrator._pool = ProcessPool(1)
    try:
        await pool.start()
        assert narrator.is_loaded
        with narrator.working():
            await asyncio.sleep(0)
            assert narrator.is_loaded, "it is speaking"
        async with asyncio.timeout(60):
            while narrator.is_loaded:
                await asyncio.sleep(0.01)
        assert await narrator.share().run(primary, "zh-CN") == "zh", "the next narration starts one"
    finally:
        await narrator.close()
