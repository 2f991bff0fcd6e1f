"""Poster and contact sheet show captions as viewers read them."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.projects.project import Motion, MotionKind, Shot, Transition, TransitionKind
from tests.integration.compositor.mixes import tone
from tests.integration.compositor.oracle import write_sound
from tests.integration.compositor.storyboards import composed, plain, spec_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_captions_in_poster_and_contact_sheet_are_at_full_strength(
    compositor: Compositor, tmp_path: Path
) -> None:
    # Narrations begin with the bodies of their shots, and so do the fades of the captions.
    grey, voice = plain(tmp_path / "grey.png", (90, 90, 90)), write_sound(tmp_path / "voice.wav", tone(2))
    shots = [
        Shot(
            f"s{number}",
            caption="MMMMMMMM",
            duration=timedelta(seconds=3),
            image_uri="given",
            motion=Motion(MotionKind.NONE),
            transition=Transition(TransitionKind.CROSS_FADE),
        )
        for number in range(4)
    ]
    media = Media({shot.id: ShotMedia(image=grey, narration=voice) for shot in shots})
    video = await composed(compositor, spec_of(shots), media, tmp_path / "work")
    poster = np.asarray(Image.open(video.poster).convert("L"))
    assert poster[140:175].max() > 240
    sheet = np.asarray(Image.open(video.contact_sheet).convert("L"))
    rows, columns = sheet.shape[0] // 2, sheet.shape[1] // 2
    for cell in (sheet[:rows, :columns], sheet[:rows, columns:], sheet[rows:, :columns], sheet[rows:, columns:]):
        assert cell.max() > 240
