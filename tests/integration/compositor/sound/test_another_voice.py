"""Another voice makes the sound anew, and only those pictures whose captions follow it."""

from datetime import timedelta
from pathlib import Path

import pytest

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import CaptionOptions, Project, Shot, WordTiming
from tests.integration.compositor.mixes import speech
from tests.integration.compositor.oracle import write_sound
from tests.integration.compositor.storyboards import FolderStore, composed

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECOND = timedelta(seconds=1)


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
