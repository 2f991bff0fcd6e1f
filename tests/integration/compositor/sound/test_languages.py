"""A video has a track of sound for each language, which players find by its name."""

from datetime import timedelta
from pathlib import Path

import av
import pytest
from av.stream import Disposition

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Dub, Media, ShotMedia
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import AudioLanguage, Container, OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot, Transition, TransitionKind
from tests.integration.compositor.mixes import speech, tone
from tests.integration.compositor.oracle import write_sound
from tests.integration.compositor.storyboards import FolderStore, composed

pytestmark = pytest.mark.asyncio(loop_scope="module")
LANGUAGES = ("zh-CN", "pt-BR")


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
