"""A narration without word times is heard, and its captions change where it pauses."""

import re
from pathlib import Path

import numpy as np
import pytest

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.projects.project import Shot
from tests.integration.compositor.oracle import write_sound
from tests.integration.compositor.storyboards import composed, spec_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_captions_change_where_the_narration_pauses(compositor: Compositor, tmp_path: Path) -> None:
    # The first sentence is spoken slowly, the second fast: their letters alone would place the border at 1.9 s.
    parts = ((0.3, 0.0), (2.4, 0.4), (0.5, 0.0), (1.0, 0.4), (0.3, 0.0))
    levels = np.concatenate([np.full(round(seconds * 48_000), level) for seconds, level in parts])
    voice = (levels * np.sin(np.arange(levels.size) * 0.03))[None].astype(np.float32)
    path = write_sound(tmp_path / "voice.wav", voice, 48_000, "-c:a", "pcm_s16le")
    text = "The harbour wakes before the sun does every day. Nobody remembers who told the stories first, not one."
    shot = Shot("s", narration=text)
    video = await composed(compositor, spec_of((shot,)), Media({"s": ShotMedia(narration=path)}), tmp_path / "work")
    times = re.findall(r"(\d\d\.\d{3}) --> ", video.captions_vtt.read_text())
    assert [float(time) for time in times] == pytest.approx([0.3, 3.2], abs=0.07)
