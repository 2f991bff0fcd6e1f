"""What a project says of its captions is what is in the picture and in the sidecar files."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from render_service.compositor.compositor import ComposedVideo, Compositor
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.projects.project import (
    CaptionOptions,
    MissingGlyph,
    Motion,
    MotionKind,
    NarrationPolicy,
    Shot,
    WordTiming,
)
from render_service.domain.warning import WarningCode
from tests.integration.compositor.oracle import write_sound
from tests.integration.compositor.storyboards import composed, spec_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

_STILL = Motion(kind=MotionKind.NONE)


def _shot(caption: str) -> Shot:
    return Shot("s", visual_description="Dawn", caption=caption, duration=timedelta(seconds=0.5), motion=_STILL)


def _middle(video: ComposedVideo) -> NDArray[np.uint8]:
    with av.open(str(video.path)) as container:
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    return np.asarray(frames[len(frames) // 2], np.uint8)


async def test_captions_that_are_not_burnt_in_are_in_the_sidecars_only(compositor: Compositor, tmp_path: Path) -> None:
    pictures = {}
    for name, caption, burn_in in (("with", "Hello there", True), ("beside", "Hello there", False), ("none", "", True)):
        spec = spec_of((_shot(caption),), captions=CaptionOptions(burn_in=burn_in))
        video = await composed(compositor, spec, Media({}), tmp_path / name)
        pictures[name] = _middle(video).astype(int)
        assert ("Hello there" in video.captions_srt.read_text()) == bool(caption)
        assert ("Hello there" in video.captions_vtt.read_text()) == bool(caption)
    assert np.abs(pictures["beside"] - pictures["none"]).max() <= 2
    assert np.abs(pictures["with"] - pictures["none"]).max() > 100


async def test_a_character_that_no_font_has_fails_the_render_or_is_replaced(
    compositor: Compositor, tmp_path: Path
) -> None:
    shots = (_shot("A \U00013080 bird"),)
    with pytest.raises(RenderFailure) as caught:
        await composed(compositor, spec_of(shots), Media({}), tmp_path / "fails")
    assert caught.value.reason is ErrorReason.GLYPH_MISSING
    spec = spec_of(shots, missing_glyph=MissingGlyph.REPLACE)
    video = await composed(compositor, spec, Media({}), tmp_path / "replaced")
    (warning,) = video.warnings
    assert (warning.code, warning.shot_id, warning.field) == (WarningCode.GLYPH_REPLACED, "s", "caption")
    assert "\U00013080" in video.captions_vtt.read_text()


async def test_words_of_another_text_and_a_cut_narration_are_warned_about(
    compositor: Compositor, tmp_path: Path
) -> None:
    tone = (0.3 * np.sin(np.linspace(0, 2 * np.pi * 440, 48_000))).astype(np.float32)
    voice = write_sound(tmp_path / "voice.wav", tone[None, :])
    words = (WordTiming("Goodbye", timedelta(0), timedelta(seconds=0.4)),)
    spec = spec_of(
        (replace(_shot("Hello"), words=words, narration_audio_uri="https://a.test/voice.wav"),),
        narration_policy=NarrationPolicy.TRIM,
    )
    video = await composed(compositor, spec, Media({"s": ShotMedia(narration=voice)}), tmp_path / "work")
    found = [(warning.code, warning.shot_id, warning.field) for warning in video.warnings]
    assert (WarningCode.NARRATION_TRIMMED, "s", "narration_audio_uri") in found
    assert (WarningCode.WORDS_UNMATCHED, "s", "words") in found
