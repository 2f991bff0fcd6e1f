"""Finds when the words of a known text are spoken in a sound, by the best method that its language has."""

import wave
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import chain
from pathlib import Path

import numpy as np

from render_service.domain.projects.project import WordTiming
from render_service.domain.projects.word_times import LONGEST_ALIGNED, AlignedText, AlignmentRequest, TimingMethod
from render_service.domain.speech.lexicon import Lexicon, without_words
from render_service.domain.speech.readable import unreadable_characters
from render_service.domain.speech.requests import SpeechRequest
from render_service.domain.speech.voices import default_voice, primary
from render_service.speech.alignment.acoustic import find_words
from render_service.speech.alignment.cepstra import cepstra
from render_service.speech.alignment.estimate import estimated_words, spread_words
from render_service.speech.alignment.sound import SAMPLE_RATE, Samples, covered_part, resample
from render_service.speech.alignment.warping import distance, warp
from render_service.speech.installation import Installation
from render_service.speech.kokoro import SAMPLE_RATE as READING_RATE
from render_service.speech.phonemes import pronounce
from render_service.speech.synthesis import synthesize

_LEAST_RATIO, _MOST_RATIO = 0.3, 3.5
"""A sound that lasts so much less or more than our own reading says something else."""
_MOST_UNLIKE = 0.9
"""A sound says something else that is more than this part as far from our reading as from that played backwards.

Measured in Chinese: 0.65 and 0.76 for other voices, 0.89 for one in noise; 0.91 to 0.96 for other texts and English,
0.98 for noise. In English: 0.44 to 0.88, also in noise of −15 dB; 0.89 to 0.99 for other texts, and 0.84 for one that
the voice of our reading speaks.
"""
_LEAST_COVERED = 0.97
"""Words that the acoustic model finds stand if they cover this part of what is not silent in a sound; otherwise they
must also pass the comparison with our reading.

Measured in English: 0.98 to 1.0, or 0.87 to 0.88 in noise of −15 dB; 0.76 to 0.95 for other texts, of which the model
finds one in ten in a short sound. Of 60 other texts, one passes both.
"""
_FRAME_SECONDS = 0.01

Spans = Mapping[int, tuple[float, float]]


def align(
    text: str,
    samples: Samples,
    language: str,
    installation: Installation,
    *,
    lexicon: Lexicon = (),
    sample_rate: int = SAMPLE_RATE,
    report: Callable[[None], None] = lambda _: None,
) -> AlignedText:
    """Return when the words of a text are spoken in a sound.

    English is found by an acoustic model, what else voices speak by comparison with their reading of the text; other
    languages, and sounds that seem to say something else, are estimated.

    Takes about 1 s of work for 100 s of English, and for other languages the time that speaking the text takes. Takes
    at most 1.5 GB. Run it in a process that speaks.

    Args:
        text: What the sound says, with at least one letter or digit.
        samples: The sound: one channel, full scale ±1.
        language: BCP 47 tag of the text's language.
        installation: What our own reading is spoken with.
        lexicon: How words of the text are read; of its language.
        sample_rate: Hz of the sound.
        report: Is called after each breath of our own reading, with None.

    Returns:
        The words as they are written, in order, within the sound, and how their times were found.

    Raises:
        SpeechNotInstalled: The model is missing, or another one.
        OSError: The voice cannot be read.
    """
    sound = resample(samples, sample_rate)
    voice = default_voice(language)
    unread = without_words(lexicon, text)
    if voice is None or unreadable_characters(unread, language) or not 0 < sound.size <= LONGEST_ALIGNED * SAMPLE_RATE:
        return _estimated(text, estimated_words(text), sound)
    pronunciation = pronounce(text, voice.language, lexicon)
    found = find_words(pronunciation, sound) if primary(language) == "en" else None
    if found is not None and covered_part(found.values(), sound) > _LEAST_COVERED:
        return AlignedText(_timings(pronunciation.words, found, sound), TimingMethod.ACOUSTIC)
    reading, words = synthesize(SpeechRequest(text, voice.id, 1.0, lexicon=lexicon), installation, report)
    if not _LEAST_RATIO < sound.size / SAMPLE_RATE / (reading.size / READING_RATE) < _MOST_RATIO:
        return _estimated(text, pronunciation.words, sound)
    spans = _compared(words, resample(reading, READING_RATE), sound)
    if spans is None:
        return _estimated(text, pronunciation.words, sound)
    if found is not None:
        return AlignedText(_timings(pronunciation.words, found, sound), TimingMethod.ACOUSTIC)
    return AlignedText(_timings([word.text for word in words], spans, sound), TimingMethod.COMPARISON)


def align_recording(
    request: AlignmentRequest, installation: Installation, recording: Path, report: Callable[[None], None]
) -> AlignedText:
    """Return when the words of a text are spoken in a WAV file of 16 kHz, 16 bits, one channel; see `align`."""
    with wave.open(str(recording), "rb") as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (SAMPLE_RATE, 2, 1)
        samples: Samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32)
    sound = samples / np.float32(32768)
    return align(request.text, sound, request.language, installation, lexicon=request.lexicon, report=report)


def _compared(words: Sequence[WordTiming], reading: Samples, sound: Samples) -> Spans | None:
    """Return when words of our own reading are spoken in another sound, by their place; None if it says other words."""
    ours, theirs = cepstra(reading), cepstra(sound)
    path = warp(ours, theirs)
    backwards = ours[::-1]
    if distance(ours, theirs, path) > _MOST_UNLIKE * distance(backwards, theirs, warp(backwards, theirs)):
        return None
    edges = np.array(list(chain.from_iterable((word.start, word.end) for word in words)), "timedelta64[us]")
    places = edges.astype(np.float64) / 1e6 / _FRAME_SECONDS
    found = np.interp(places, np.arange(path.size) + 0.5, path + 0.5) * _FRAME_SECONDS
    return {number: (first, last) for number, (first, last) in enumerate(found.reshape(-1, 2).tolist())}


def _estimated(text: str, words: Sequence[str], sound: Samples) -> AlignedText:
    spans = dict(enumerate(spread_words(text, words, sound)))
    return AlignedText(_timings(words, spans, sound), TimingMethod.ESTIMATE)


def _timings(words: Sequence[str], spans: Spans, sound: Samples) -> tuple[WordTiming, ...]:
    """Return the words that have times; none starts before the one before it, or after the sound ends."""
    timings: list[WordTiming] = []
    before, length = 0.0, sound.size / SAMPLE_RATE
    for word, (start, end) in sorted(spans.items()):
        before = min(max(before, start), max(0.0, length - 0.001))
        timings.append(WordTiming(words[word], _rounded(before), _rounded(max(min(end, length), before + 0.001))))
    return tuple(timings)


def _rounded(seconds: float) -> timedelta:
    return timedelta(milliseconds=round(seconds * 1000))
