"""What is listened to is the part of a sound that is asked for."""

import wave
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from render_service.compositor.media.assets import Asset
from render_service.compositor.media.sounds import write_recording

RATE = 48_000
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("start", "length", "levels"),
    [
        (timedelta(0), 4 * SECOND, [0.0, 0.5, 0.25]),
        (SECOND, SECOND, [0.5]),
        (SECOND, 4 * SECOND, [0.5, 0.25]),
        (4 * SECOND, SECOND, []),
    ],
)
def test_a_part_of_a_sound_is_written(tmp_path: Path, start: timedelta, length: timedelta, levels: list[float]) -> None:
    source, recording = tmp_path / "sound.wav", tmp_path / "recording.wav"
    sound = np.repeat([0.0, 0.5, 0.25], RATE) * np.sin(np.arange(3 * RATE) * (2 * np.pi * 440 / RATE))
    with wave.open(str(source), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    write_recording(Asset(source, "narration_audio_uri", "one"), length, recording, start)
    with wave.open(str(recording), "rb") as file:
        assert (file.getframerate(), file.getnchannels()) == (16_000, 1)
        written = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
    assert written.size == pytest.approx(16_000 * len(levels), abs=40)
    seconds = [written[second * 16_000 + 200 :][:15_600] for second in range(len(levels))]
    # The resampler brings one channel to two at equal power.
    heard = [float(np.abs(one).max()) * np.sqrt(2) for one in seconds]
    assert heard == pytest.approx(levels, abs=0.02)
