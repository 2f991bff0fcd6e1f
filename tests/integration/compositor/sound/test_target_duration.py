"""A video with a target duration is as long as that, because its voice is faster or slower."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Pacing, Project, Shot, Transition, TransitionKind, WordTiming
from tests.integration.compositor.mixes import speech
from tests.integration.compositor.oracle import write_sound
from tests.integration.compositor.storyboards import composed

pytestmark = pytest.mark.asyncio(loop_scope="module")
ZERO, SECOND = timedelta(0), timedelta(seconds=1)
CUT = Transition(TransitionKind.CUT)


def told(target: float) -> RenderSpec:
    words = (WordTiming("Hello", ZERO, timedelta(seconds=1)), WordTiming("there", timedelta(seconds=1), 2 * SECOND))
    shots = tuple(Shot(name, narration="Hello there", words=words, transition=CUT) for name in ("one", "two"))
    duration = timedelta(seconds=target)
    project = Project(shots=shots, target_duration=duration, pacing=Pacing(ZERO, ZERO))
    return RenderSpec(project, OutputSpec(160, 90, 25, Quality.DRAFT))


@pytest.mark.parametrize(("target", "frames", "tempo"), [(3.6, 90, 1.12), (4.2, 105, 0.96), (3, 88, 1.15)])
async def test_a_spoken_narration_gives_way_to_the_target(
    target: float, frames: int, tempo: float, compositor: Compositor, tmp_path: Path
) -> None:
    voice = write_sound(tmp_path / "voice.wav", speech(2, 3))
    media = Media({name: ShotMedia(narration=voice) for name in ("one", "two")})
    video = await composed(compositor, told(target), media, tmp_path / "work")
    assert video.frames == frames
    words = json.loads(video.words.read_text(encoding="utf-8"))
    second = words[1]
    assert second["start"] == pytest.approx(1 / tempo, abs=0.041)


async def test_a_recording_stays_as_it_is(compositor: Compositor, tmp_path: Path) -> None:
    spec = told(3)
    shots = tuple(replace(shot, narration_audio_uri="https://example.com/voice.wav") for shot in spec.project.shots)
    recorded = replace(spec, project=replace(spec.project, shots=shots))
    voice = write_sound(tmp_path / "voice.wav", speech(2, 3))
    media = Media({name: ShotMedia(narration=voice) for name in ("one", "two")})
    assert (await composed(compositor, recorded, media, tmp_path / "work")).frames == 100
