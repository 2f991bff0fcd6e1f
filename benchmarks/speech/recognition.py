"""How well recordings without a text are recognized: the truth is what was spoken, and the voice's own word times."""

import json
import os
import subprocess
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.speech.letters import distance, letters
from benchmarks.speech.sentences import CHINESE, ENGLISH
from render_service.domain.projects.project import WordTiming
from render_service.domain.speech.requests import SpeechRequest
from render_service.speech.installation import Installation
from render_service.speech.kokoro import SAMPLE_RATE
from render_service.speech.synthesis import synthesize

MOST_ERRORS = {"en": 0.02, "zh": 0.1}
"""The most words in English, or characters in Chinese, that may be wrong, as a part of all."""
MOST_MEDIAN_MS, MOST_NINETIETH_MS = 80.0, 250.0
"""The most that half, or nine tenths, of the word starts may be off."""
_PAUSE = np.zeros(SAMPLE_RATE, np.float32)
_VOICES = {"en": ("am_michael", "af_bella", "af_heart", "am_fenrir"), "zh": ("zm_yunxi", "zf_xiaoxiao", "zm_yunjian")}
_RATE = 16_000


@dataclass(frozen=True)
class Recognized:
    """What was recognized of a language's sounds.

    `wrong` of `units` words (in Chinese, characters) are wrong; `errors` is how far the starts of the others are off,
    in milliseconds; `work` the seconds of work for a second of sound.
    """

    language: str
    wrong: int
    units: int
    errors: tuple[float, ...]
    work: float


def measure(installation: Installation, python: Path, folder: Path) -> tuple[list[Recognized], int]:
    """Have the recognizer hear sentences, a second apart, and noise and tones without speech.

    Args:
        installation: Speaks the sentences.
        python: The interpreter of the environment that has the recognizer.
        folder: An empty folder.

    Returns:
        A result for each language, and how many words were heard where nobody speaks.
    """
    sounds: list[dict[str, str]] = []
    truth: list[tuple[str, Sequence[WordTiming], float]] = []
    for language, voices in _VOICES.items():
        sentences = ENGLISH if language == "en" else CHINESE
        for number, voice in enumerate(voices):
            parts, words, seconds = [_PAUSE], list[WordTiming](), 1.0
            for text in sentences[4 * number : 4 * number + 4]:
                sound, timings = synthesize(SpeechRequest(text, voice, 1.0), installation)
                words += [_later(word, seconds) for word in timings]
                parts += [sound, _PAUSE]
                seconds += len(sound) / SAMPLE_RATE + 1
            file = f"{language}-{voice}.wav"
            _write(np.concatenate(parts), folder / file)
            sounds.append({"file": file, "language": language})
            truth.append((language, words, seconds))
    for name, silent in _without_speech().items():
        _write(silent, folder / f"{name}.wav")
        sounds.append({"file": f"{name}.wav", "language": ""})
    (folder / "sounds.json").write_text(json.dumps(sounds), encoding="utf-8")
    command = [str(python), "-m", "benchmarks.speech.hear", str(folder)]
    here = {**os.environ, "PYTHONPATH": f"{Path.cwd()}{os.pathsep}{Path.cwd() / 'clients/python'}"}
    heard = json.loads(subprocess.run(command, check=True, capture_output=True, env=here).stdout)
    made_up = sum(len(result["words"]) for result in heard[len(truth) :])
    return [_compared(language, truth, heard) for language in _VOICES], made_up


def _compared(
    language: str, truth: Sequence[tuple[str, Sequence[WordTiming], float]], heard: Sequence[Mapping[str, Any]]
) -> Recognized:
    wrong = units = 0
    errors, work, length = list[float](), 0.0, 0.0
    for (spoken, words, seconds), result in zip(truth, heard, strict=False):
        if spoken != language:
            continue
        wanted = _starts([(word.text, word.start.total_seconds()) for word in words])
        found = _starts([(text, start) for text, start, _ in result["words"]])
        texts = [unit for unit, _ in wanted], [unit for unit, _ in found]
        wrong, units = wrong + distance(*texts), units + len(wanted)
        for block in SequenceMatcher(None, *texts, autojunk=False).get_matching_blocks():
            for offset in range(block.size):
                known, start = wanted[block.a + offset][1], found[block.b + offset][1]
                if known is not None and start is not None:
                    errors.append(1000 * abs(known - start))
        work, length = work + result["work"], length + seconds
    return Recognized(language, wrong, units, tuple(errors), work / length)


def _starts(words: Sequence[tuple[str, float]]) -> list[tuple[str, float | None]]:
    """Return the units that are compared, each with its start where a word begins with it."""
    return [(unit, start if place == 0 else None) for text, start in words for place, unit in enumerate(letters(text))]


def _later(word: WordTiming, seconds: float) -> WordTiming:
    delay = timedelta(seconds=seconds)
    return WordTiming(word.text, word.start + delay, word.end + delay)


def _without_speech() -> Mapping[str, NDArray[np.float32]]:
    time = np.arange(12 * SAMPLE_RATE) / SAMPLE_RATE
    chord = sum(
        0.1 * np.sin(2 * np.pi * pitch * time) * (np.sin(2 * np.pi * time * beat) > 0) for pitch, beat in _CHORD
    )
    noise = 0.05 * np.random.default_rng(0).standard_normal(time.size)
    return {
        "silence": np.zeros(time.size, np.float32),
        "noise": noise.astype(np.float32),
        "music": np.asarray(chord, np.float32),
    }


_CHORD = ((220.0, 1.0), (277.0, 2.0), (330.0, 0.5))


def _write(sound: NDArray[np.float32], path: Path) -> None:
    """Write 24 kHz as a WAV file of 16 kHz."""
    places = np.arange(0, len(sound) - 1, SAMPLE_RATE / _RATE)
    samples = np.interp(places, np.arange(len(sound)), sound)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
