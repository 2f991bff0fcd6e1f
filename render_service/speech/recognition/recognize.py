"""Recognises the words of a recording and when they are spoken, with Whisper."""

import re
import wave
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np

from render_service.domain.projects.project import WordTiming
from render_service.domain.projects.word_times import (
    LONGEST_ALIGNED,
    RecognitionGap,
    RecognitionRequest,
    RecognizedText,
)
from render_service.domain.speech.scripts import ChineseScript, chinese_script, recognized_language
from render_service.speech.alignment.sound import FRAME, SAMPLE_RATE, Samples, voiced_spans
from render_service.speech.recognition.model import RecognitionModel

_THREADS = 2
_FRAME_SECONDS = FRAME / SAMPLE_RATE
# Whisper writes phrases of its training under music and noise. Such a segment is one in which it hears no speech with
# this probability while it holds its own text unlikely (mean logarithm), or one that repeats itself: zlib then makes it
# this many times shorter. Both are Whisper's own thresholds (Radford et al. 2022, section 4.5).
_NO_SPEECH, _UNLIKELY, _REPETITIVE = 0.6, -1.0, 2.4
# A language that is detected with less certainty is none: of music, the likeliest one has 0.3.
_LEAST_CERTAIN = 0.5
# Without a sentence before it, the model writes Chinese without punctuation.
_CHINESE_PROMPT = "以下是普通话的句子。"

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
_NARROW_MARK = re.compile(f"(?<=[{_HAN}])[,.?!;:]")
_WIDE_MARKS = dict(zip(",.?!;:", "，。？！；：", strict=True))


class Word(Protocol):
    """A word as the recogniser returns it: its times in seconds; `word` begins with a blank where one is written."""

    @property
    def word(self) -> str: ...
    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...


class Segment(Protocol):
    """A stretch of speech as the recogniser returns it."""

    @property
    def words(self) -> Sequence[Word] | None: ...
    @property
    def no_speech_prob(self) -> float: ...
    @property
    def avg_logprob(self) -> float: ...
    @property
    def compression_ratio(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Heard:
    """What a recogniser heard: segments in order, made as they are taken, and the language as Whisper names it.

    `certainty` 0–1 is that of the language: 1 if it was given.
    """

    segments: Iterable[Segment]
    language: str
    certainty: float = 1.0


Listen = Callable[[Samples, str], Heard]
"""Hears one channel of 16 kHz, full scale ±1, in a language that Whisper names so; an empty one is detected."""


def recognize(
    samples: Samples, language: str, listen: Listen, report: Callable[[None], None] = lambda _: None
) -> RecognizedText:
    """Return the words of a sound, within the sound and in order, and its text.

    Args:
        samples: The sound: one channel of 16 kHz, full scale ±1; what lies after `LONGEST_ALIGNED` is left out.
        language: BCP 47 tag of a language that is recognised; empty or `und`: detected. Decides the script of Chinese.
        listen: Hears it.
        report: Is called after each segment, with None.
    """
    taken = samples[: LONGEST_ALIGNED * SAMPLE_RATE]
    if not taken.size:
        return RecognizedText("", (), RecognitionGap.NO_SPEECH)
    named = recognized_language(language) or ""
    heard = listen(taken, named)
    script = chinese_script(language if named else heard.language)
    gap = RecognitionGap.TOO_LONG if samples.size > taken.size else None
    text, words, length = "", list[WordTiming](), taken.size / SAMPLE_RATE
    voiced = [(first * _FRAME_SECONDS, last * _FRAME_SECONDS) for first, last in voiced_spans(taken)]
    for segment in heard.segments:
        report(None)
        if heard.certainty < _LEAST_CERTAIN:
            return RecognizedText("", (), RecognitionGap.UNKNOWN_LANGUAGE)
        if _is_made_up(segment):
            gap = RecognitionGap.UNCLEAR
            continue
        spoken = _whole_words(segment.words or ())
        for word, letters in zip(spoken, _written([word.text for word in spoken], script), strict=True):
            text += letters
            if letters.strip():
                start, end = _in_sound(word, voiced)
                start = min(max(words[-1].start.total_seconds() if words else 0.0, start), length - 0.001)
                end = max(min(end, length), start + 0.001)
                words.append(WordTiming(letters.strip(), _rounded(start), _rounded(end)))
    if not words:
        return RecognizedText("", (), gap or RecognitionGap.NO_SPEECH)
    return RecognizedText(" ".join(text.split()), tuple(words), gap)


def recognize_recording(
    request: RecognitionRequest, model: RecognitionModel, recording: Path, report: Callable[[None], None]
) -> RecognizedText:
    """Return what a WAV file of 16 kHz, 16 bits, one channel says; see `recognize`.

    Raises:
        RecognitionNotInstalled: The model is missing, or another one.
    """
    with wave.open(str(recording), "rb") as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (SAMPLE_RATE, 2, 1)
        samples: Samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32)
    return recognize(samples / np.float32(32768), request.language, open_listener(model), report)


@cache
def open_listener(model: RecognitionModel) -> Listen:
    """Return what hears with a model, which is loaded once.

    The same sound is always heard as the same words: nothing is drawn by lot, as Whisper does where it is in doubt.

    Raises:
        RecognitionNotInstalled: The model is missing, or another one.
    """
    from faster_whisper import WhisperModel  # noqa: PLC0415 - loads for a second; tests hear with another

    whisper = WhisperModel(
        "recognition", device="cpu", compute_type="int8", cpu_threads=_THREADS, files=dict(model.read())
    )

    def listen(samples: Samples, language: str) -> Heard:
        is_chinese = language == "zh"
        segments, found = whisper.transcribe(
            samples,
            language=language or None,
            beam_size=5,
            temperature=0.0,
            word_timestamps=True,
            condition_on_previous_text=False,
            # Another model finds the speech first: without it, Whisper makes up text for music and silence.
            vad_filter=True,
            # As `initial_prompt`, but for every 30 s, not only the first.
            hotwords=_CHINESE_PROMPT if is_chinese else None,
        )
        if not language and found.language == "zh" and found.language_probability >= _LEAST_CERTAIN:
            return Heard(listen(samples, "zh").segments, "zh", found.language_probability)
        return Heard(segments, found.language, found.language_probability)

    return listen


@dataclass(frozen=True, slots=True)
class _Spoken:
    text: str
    start: float
    end: float


def _in_sound(word: _Spoken, voiced: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return when a word begins and ends, in seconds: Whisper counts the silence before and after it to the word."""
    start = next((max(first, word.start) for first, last in voiced if last > word.start), word.start)
    end = next((min(last, word.end) for first, last in reversed(voiced) if first < word.end), word.end)
    return (start, end) if start < end else (word.start, word.end)


def _is_made_up(segment: Segment) -> bool:
    is_not_speech = segment.no_speech_prob > _NO_SPEECH and segment.avg_logprob < _UNLIKELY
    return is_not_speech or segment.compression_ratio > _REPETITIVE


def _whole_words(words: Sequence[Word]) -> list[_Spoken]:
    """Return words that are joined where Whisper, in a language without blanks, cuts numbers and Latin words."""
    whole: list[_Spoken] = []
    for word in words:
        if whole and _is_narrow(whole[-1].text[-1:]) and _is_narrow(word.word[:1]):
            whole[-1] = _Spoken(whole[-1].text + word.word, whole[-1].start, word.end)
        else:
            whole.append(_Spoken(word.word, word.start, word.end))
    return whole


def _is_narrow(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()


def _written(words: Sequence[str], script: ChineseScript | None) -> Sequence[str]:
    """Return the words of a sentence in a script, with its punctuation; None keeps them."""
    if script is None or not words:
        return words
    convert = _converter(script)
    # A character's counterpart depends on its neighbours, so the sentence is converted whole.
    whole = convert("".join(words))
    if len(whole) != sum(map(len, words)):
        return [_wide_marks(convert(word)) for word in words]
    whole = _wide_marks(whole)
    parts, position = list[str](), 0
    for word in words:
        parts.append(whole[position : position + len(word)])
        position += len(word)
    return parts


def _wide_marks(text: str) -> str:
    """Return a text with Chinese punctuation after Han characters, of which Whisper writes the Latin counterparts."""
    return _NARROW_MARK.sub(lambda mark: _WIDE_MARKS[mark[0]], text)


@cache
def _converter(script: ChineseScript) -> Callable[[str], str]:
    import opencc  # noqa: PLC0415 - only Chinese needs it

    convert: Callable[[str], str] = opencc.OpenCC(script.value).convert
    return convert


def _rounded(seconds: float) -> timedelta:
    return timedelta(milliseconds=round(seconds * 1000))
