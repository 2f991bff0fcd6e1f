"""One process speaks a few sentences, once for all tests of speech."""

import sys
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from render_service.domain.projects.project import WordTiming
from render_service.domain.speech.requests import SpeechRequest
from render_service.speech.installation import find_installation
from render_service.speech.synthesis import speak


@dataclass(frozen=True)
class Spoken:
    """A sentence that was spoken: its samples at 24 kHz, full scale ±1, and its words."""

    samples: npt.NDArray[np.floating[Any]]
    words: tuple[WordTiming, ...]

    @property
    def seconds(self) -> float:
        return self.samples.size / 24_000


class Speaker:
    """Speaks sentences into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.installation = find_installation(None, None)

    def speak(self, text: str, voice: str, speed: float = 1.0) -> Spoken:
        path = self._folder / "speech.wav"
        words = speak(SpeechRequest(text, voice, speed), self.installation, path)
        with wave.open(str(path), "rb") as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / np.float32(32768)
        return Spoken(samples, words)


@pytest.fixture(scope="session")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Speaker]:
    yield Speaker(tmp_path_factory.mktemp("speech"))
    # The model takes 0.7 GB, and other tests of this process need none of it.
    sys.modules["render_service.speech.synthesis"]._model.cache_clear()
