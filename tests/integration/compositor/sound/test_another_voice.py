"""Another voice, language or tempo makes the sound anew, and only those pictures whose captions follow it."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import av
import pytest
from av.stream import Disposition

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Dub, Media, ShotMedia
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import AudioLanguage, Container, OutputSpec, Quality
from render_service.domain.projects.project import (
    CaptionOptions,
    Pacing,
    Project,
    Shot,
    Transition,
    TransitionKind,
    WordTiming,
)
from tests.integration.compositor.mixes import speech, tone
from tests.integration.compositor.oracle import write_sound
from tests.integration.compositor.storyboards import FolderStore, composed

pytestmark = pytest.mark.asyncio(loop_scope="session")
ZERO, SECOND = timedelta(0), timedelta(seconds=1)
CUT = Transition(TransitionKind.CUT)
LANGUAGES = ("zh-CN", "pt-BR")


def spoken(word_end: float, captions: CaptionOptions) -> RenderSpec:
    words = (WordTiming("Hello", timedelta(0), timedelta(seconds=word_end)),)
    shots = (
        Shot("spoken", narration="Hello", words=words, duration=2 * SECOND),
        Shot("silent", caption="The end", duration=SECOND),
    )
    return RenderSpec(Project(shots=shots, captions=captions), OutputSpec(192, 108, 25, Quality.DRAFT))


@pytest.mark.parametrize(
    ("captions", "drawn_again"),
    [(CaptionOptions(burn_in=False), 0), (CaptionOptions(highlight_words=True), 1)],
)
async def test_pictures_are_reused_where_captions_do_not_follow_the_voice(
    compositor: Compositor, tmp_path: Path, captions: CaptionOptions, drawn_again: int
) -> None:
    (tmp_path / "store").mkdir()
    store = FolderStore(tmp_path / "store")
    voices = [write_sound(tmp_path / f"{seed}.wav", speech(1, seed)) for seed in (3, 4)]
    media = [Media({"spoken": ShotMedia(narration=voice)}) for voice in voices]
    first = await composed(compositor, spoken(0.5, captions), media[0], tmp_path / "first", store)
    second = await composed(compositor, spoken(0.8, captions), media[1], tmp_path / "second", store)
    assert (first.segments_reused, second.frames) == (0, first.frames)
    assert second.segments_made == drawn_again
    assert first.sound_sha256 != second.sound_sha256


def paced(target: float) -> RenderSpec:
    words = (WordTiming("Hello", ZERO, timedelta(seconds=1)), WordTiming("there", timedelta(seconds=1), 2 * SECOND))
    shots = tuple(Shot(name, narration="Hello there", words=words, transition=CUT) for name in ("one", "two"))
    duration = timedelta(seconds=target)
    project = Project(shots=shots, target_duration=duration, pacing=Pacing(ZERO, ZERO))
    return RenderSpec(project, OutputSpec(160, 90, 25, Quality.DRAFT))


async def test_a_spoken_narration_gives_way_to_the_target_duration(compositor: Compositor, tmp_path: Path) -> None:
    voice = write_sound(tmp_path / "voice.wav", speech(2, 3))
    media = Media({name: ShotMedia(narration=voice) for name in ("one", "two")})
    video = await composed(compositor, paced(3.6), media, tmp_path / "work")
    assert video.frames == 90
    words = json.loads(video.words.read_text(encoding="utf-8"))
    second = words[1]
    assert second["start"] == pytest.approx(1 / 1.12, abs=0.041)


async def test_the_tracks_of_all_languages_give_way_to_the_target_duration(
    compositor: Compositor, tmp_path: Path
) -> None:
    voices = [write_sound(tmp_path / f"{seed}.wav", speech(2, seed)) for seed in (3, 4)]
    media = Media(
        {name: ShotMedia(narration=voices[0]) for name in ("one", "two")},
        dubs=(Dub("de", {"one": voices[1], "two": voices[1]}),),
    )
    assert (await composed(compositor, paced(3.6), media, tmp_path / "work")).frames == 90


async def test_a_recording_stays_as_it_is(compositor: Compositor, tmp_path: Path) -> None:
    spec = paced(3)
    shots = tuple(replace(shot, narration_audio_uri="https://example.com/voice.wav") for shot in spec.project.shots)
    recorded = replace(spec, project=replace(spec.project, shots=shots))
    voice = write_sound(tmp_path / "voice.wav", speech(2, 3))
    media = Media({name: ShotMedia(narration=voice) for name in ("one", "two")})
    assert (await composed(compositor, recorded, media, tmp_path / "work")).frames == 100


def told(container: Container, languages: tuple[str, ...]) -> RenderSpec:
    cut = Transition(TransitionKind.CUT)
    shots = tuple(Shot(name, narration="Hello", duration=timedelta(seconds=1), transition=cut) for name in "ab")
    output = OutputSpec(160, 90, 25, Quality.DRAFT, container, audio_languages=tuple(map(AudioLanguage, languages)))
    return RenderSpec(Project(shots=shots, language="en-US"), output)


@pytest.mark.parametrize("container", [Container.MP4, Container.WEBM, Container.MOV])
async def test_each_language_has_a_track_that_says_so(
    container: Container, compositor: Compositor, tmp_path: Path
) -> None:
    music = write_sound(tmp_path / "music.wav", tone(5, 200, 0.1))
    lengths = {1: 1, 2: 2, 3: 1}
    voices = [write_sound(tmp_path / f"{seed}.wav", speech(seconds, seed)) for seed, seconds in lengths.items()]
    files = {name: ShotMedia(narration=voices[0]) for name in "ab"}
    dubs = (Dub(LANGUAGES[0], {"a": voices[1]}), Dub(LANGUAGES[1], {"a": voices[2], "b": voices[2]}))
    media = Media(files, music, dubs=dubs)
    video = await composed(compositor, told(container, LANGUAGES), media, tmp_path / "work")
    assert len({video.sound_sha256, *video.dub_sha256s}) == 3
    with av.open(str(video.path)) as opened:
        tracks = opened.streams.audio
        chinese = "chi" if container is Container.MOV else "zho"
        assert [track.metadata["language"] for track in tracks] == ["eng", chinese, "por"]
        name = "title" if container is Container.WEBM else "handler_name"
        assert [track.metadata[name] for track in tracks] == ["English (en-US)", "中文 (zh-CN)", "Português (pt-BR)"]
        assert [bool(track.disposition & Disposition.default) for track in tracks] == [True, False, False]
    # The first shot lasts until its narration is over in Chinese, with the pause before the next.
    assert video.check["sound_languages"] == ["eng", chinese, "por"]
    assert video.frames >= 3 * 25


async def test_another_language_draws_no_picture_again_and_changes_no_other_sound(
    compositor: Compositor, tmp_path: Path
) -> None:
    (tmp_path / "store").mkdir()
    store = FolderStore(tmp_path / "store")
    voice = write_sound(tmp_path / "voice.wav", speech(1, 1))
    files = {name: ShotMedia(narration=voice) for name in "ab"}
    alone = await composed(compositor, told(Container.MP4, ()), Media(files), tmp_path / "alone", store)
    dubs = (Dub("de", {"a": write_sound(tmp_path / "de.wav", speech(1, 2))}),)
    both = await composed(compositor, told(Container.MP4, ("de",)), Media(files, dubs=dubs), tmp_path / "both", store)
    assert (both.segments_made, both.sound_sha256, both.frames) == (0, alone.sound_sha256, alone.frames)
    assert both.dub_sha256s != (alone.sound_sha256,)
