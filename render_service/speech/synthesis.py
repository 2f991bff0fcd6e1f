"""Speaks a narration into a file, and returns when each of its words is spoken."""

import os
import wave
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import numpy as np

from render_service.domain.projects.project import WordTiming
from render_service.domain.speech.requests import SpeechRequest
from render_service.domain.speech.voices import find_voice
from render_service.speech.installation import Installation
from render_service.speech.kokoro import SAMPLE_RATE, Kokoro, Samples
from render_service.speech.pauses import WINDOW, faded, silent_windows, with_natural_pauses
from render_service.speech.phonemes import SENTENCE_ENDS, Sounds, pronounce, sentences

MOST_AT_ONCE = 240
"""Signs that are spoken in one breath: some three sentences. More takes more memory, and the voice begins to hurry."""
PAUSE_SECONDS = 0.25
"""Pause between two breaths."""
_BEFORE_SECONDS, _AFTER_SECONDS = 0.05, 0.1
"""What is kept of the silence before and after speech."""
# The model counts its start whole, and speaks that much before it (measured against an independent aligner).
_LEAD_SECONDS = 0.075
THREADS = min(2, os.cpu_count() or 1)
"""Threads of the model: more gain little."""


def speak(
    request: SpeechRequest, installation: Installation, output: Path, report: Callable[[None], None] = lambda _: None
) -> tuple[WordTiming, ...]:
    """Speak a text into a WAV file: 24 kHz, 16 bits, one channel; see `synthesize`.

    Args:
        request: What is spoken. Its text has something to read, and its voice is known.
        installation: What it is spoken with.
        output: The file.
        report: Is called after each breath, with None.

    Returns:
        The words as they are written, with the times at which they are spoken, in order.

    Raises:
        SpeechNotInstalled: The model is missing, or another one.
        OSError: The voice cannot be read, or the file not be written.
    """
    sound, words = synthesize(request, installation, report)
    _write(sound, output)
    return words


def synthesize(
    request: SpeechRequest, installation: Installation, report: Callable[[None], None] = lambda _: None
) -> tuple[Samples, tuple[WordTiming, ...]]:
    """Speak a text: 24 kHz, one channel, 50 ms of silence before and 100 ms after speech.

    Args:
        request: What is spoken. Its text has something to read, and its voice is known.
        installation: What it is spoken with.
        report: Is called after each breath, with None.

    Returns:
        The sound, full scale ±1, and the words as they are written with the times at which they are spoken, in order.

    Raises:
        SpeechNotInstalled: The model is missing, or another one.
        OSError: The voice cannot be read.
    """
    voice = find_voice(request.voice)
    assert voice is not None
    model = _model(installation)
    pronunciation = pronounce(request.text, voice.language, request.lexicon)
    sound: list[Samples] = []
    spans: dict[int, tuple[float, float]] = {}
    length = 0
    for part in sentences(pronunciation.sounds, MOST_AT_ONCE):
        if sound:
            sound.append(np.zeros(round((PAUSE_SECONDS - _BEFORE_SECONDS - _AFTER_SECONDS) * SAMPLE_RATE), np.float32))
            length += sound[-1].size
        signs = "".join(one.signs for one in part)
        spoken, durations = model.speak(signs, request.voice, request.speed)
        first, last = _audible(spoken)
        ends = [end - first / SAMPLE_RATE for end in _sentence_ends(part, durations)]
        paused, moved = with_natural_pauses(spoken[first:last], ends)
        base = length / SAMPLE_RATE
        for word, times in _word_times(part, durations).items():
            start, end = (base + moved(max(0.0, time - first / SAMPLE_RATE)) for time in times)
            begin = spans[word][0] if word in spans else start
            spans[word] = (begin, min(end, base + paused.size / SAMPLE_RATE))
        sound.append(faded(paused))
        length += sound[-1].size
        report(None)
    joined = np.concatenate(sound or [np.zeros(WINDOW, np.float32)])
    return joined, tuple(_timings(pronunciation.words, spans))


def _timings(words: Sequence[str], spans: dict[int, tuple[float, float]]) -> list[WordTiming]:
    """Return the words that are spoken; none starts before the one before it, or ends before it starts."""
    timings: list[WordTiming] = []
    before = 0.0
    for word, (start, end) in sorted(spans.items()):
        before = max(before, start)
        timings.append(WordTiming(words[word], _milliseconds(before), _milliseconds(max(end, before + 0.001))))
    return timings


def _milliseconds(seconds: float) -> timedelta:
    return timedelta(milliseconds=round(seconds * 1000))


def _word_times(sounds: Sequence[Sounds], durations: Sequence[float]) -> dict[int, tuple[float, float]]:
    """Return start and end of each word in seconds from the start of the sound that the model makes."""
    ends = [end - _LEAD_SECONDS for end in accumulate(durations)]
    times: dict[int, tuple[float, float]] = {}
    place = 0
    for one in sounds:
        first, place = place, place + len(one.signs)
        if one.word is not None:
            start = times[one.word][0] if one.word in times else ends[first]
            times[one.word] = (start, ends[place])
    return times


def _sentence_ends(sounds: Sequence[Sounds], durations: Sequence[float]) -> list[float]:
    """Return when sentences end within a breath, in seconds from the start of the sound that the model makes."""
    signs = "".join(one.signs for one in sounds)
    times = [end - _LEAD_SECONDS for end in accumulate(durations)]
    spoken = signs.rstrip()
    return [times[place] for place, sign in enumerate(spoken[:-1]) if sign in SENTENCE_ENDS]


def _audible(sound: Samples) -> tuple[int, int]:
    """Return the samples between which there is speech, with some silence around it."""
    loud = np.flatnonzero(~silent_windows(sound))
    if not loud.size:
        return 0, sound.size
    first = int(loud[0]) * WINDOW - round(_BEFORE_SECONDS * SAMPLE_RATE)
    last = (int(loud[-1]) + 1) * WINDOW + round(_AFTER_SECONDS * SAMPLE_RATE)
    return max(0, first), min(sound.size, last)


def _write(sound: Samples, output: Path) -> None:
    peak = float(np.abs(sound).max(initial=0.0))
    if peak > 1:
        sound = sound / peak
    with wave.open(str(output), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((sound * 32767).round().astype("<i2").tobytes())


@lru_cache(maxsize=1)
def _model(installation: Installation) -> Kokoro:
    return Kokoro(installation, threads=THREADS)
