"""How exactly the words of a recorded narration are found: the truth is the voice's own word times."""

from dataclasses import dataclass

from benchmarks.speech.sentences import CHINESE, ENGLISH
from render_service.domain.speech.requests import SpeechRequest
from render_service.speech.alignment.align import align
from render_service.speech.installation import Installation
from render_service.speech.kokoro import SAMPLE_RATE
from render_service.speech.synthesis import synthesize

MOST_MEDIAN_MS = 45.0
"""The most that half of the words may be off."""
_SPOKEN = (
    ("en", "am_michael", " ".join(ENGLISH[:5])),
    ("en", "af_bella", " ".join(ENGLISH[5:10])),
    ("zh", "zm_yunxi", "".join(CHINESE[:5])),
    ("zh", "zf_xiaoxiao", "".join(CHINESE[5:10])),
)
"""Language, a voice other than the one of the service's own reading, and the text."""


@dataclass(frozen=True)
class Aligned:
    """How far the starts of a language's words are off, in milliseconds, and by which methods they were found."""

    language: str
    methods: tuple[str, ...]
    errors: tuple[float, ...]


def measure(installation: Installation) -> list[Aligned]:
    """Speak texts with known word times, and find their words in the sound; one result a language."""
    found: dict[str, tuple[list[str], list[float]]] = {}
    for language, voice, text in _SPOKEN:
        sound, words = synthesize(SpeechRequest(text, voice, 1.0), installation)
        aligned = align(text, sound, language, installation, sample_rate=SAMPLE_RATE)
        methods, errors = found.setdefault(language, ([], []))
        methods.append(aligned.method.value)
        pairs = zip(aligned.words, words, strict=True)
        errors += [1000 * abs((one.start - other.start).total_seconds()) for one, other in pairs]
    return [
        Aligned(language, tuple(dict.fromkeys(methods)), tuple(errors)) for language, (methods, errors) in found.items()
    ]
