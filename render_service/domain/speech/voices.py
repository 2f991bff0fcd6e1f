"""The voices that speak narrations: what they are called, and which languages they speak."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum


class Gender(StrEnum):
    """How a voice sounds."""

    FEMALE = "female"
    MALE = "male"


class SpeechProvider(StrEnum):
    """Who speaks: `local` is the model that comes as a package; the others are HTTP APIs."""

    LOCAL = "local"
    ELEVENLABS = "elevenlabs"
    OPENAI_COMPATIBLE = "openai_compatible"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice.

    Args:
        id: Its name in `Speech.voice`.
        language: BCP 47 tag of the language that it speaks.
        gender: How it sounds.
        style: What listeners should know of it; empty for nothing.
    """

    id: str
    language: str
    gender: Gender
    style: str = ""

    @property
    def sample_text(self) -> str:
        """A sentence by which people can judge the voice."""
        return sample_text(self.language)

    def speaks(self, language: str) -> bool:
        """Return whether the voice speaks a language, given as a BCP 47 tag: script and region do not matter."""
        return primary(language) == primary(self.language)


_SAMPLES = {
    "en": "The lighthouse has guided ships into the harbour since 1887.",
    "zh": "自1887年以来，这座灯塔一直为船只照亮归途。",
}
_NAMES = {
    ("en-US", Gender.FEMALE): "af_heart af_alloy af_aoede af_bella af_jessica af_kore af_nicole af_nova af_river"
    " af_sarah af_sky",
    ("en-US", Gender.MALE): "am_adam am_echo am_eric am_fenrir am_liam am_michael am_onyx am_puck am_santa",
    ("en-GB", Gender.FEMALE): "bf_alice bf_emma bf_isabella bf_lily",
    ("en-GB", Gender.MALE): "bm_daniel bm_fable bm_george bm_lewis",
    ("zh-CN", Gender.FEMALE): "zf_xiaobei zf_xiaoni zf_xiaoxiao zf_xiaoyi",
    ("zh-CN", Gender.MALE): "zm_yunjian zm_yunxi zm_yunxia zm_yunyang",
}

# Measured by `make bench-speech`: a recognizer hears other tones than are meant in 37 % and 8 % of their syllables, and
# in 3–4 % of the others'.
_STYLES = {"zf_xiaoni": "tones hard to hear", "zm_yunyang": "less distinct"}

VOICES = tuple(
    sorted(
        (
            Voice(name, language, gender, _STYLES.get(name, ""))
            for (language, gender), names in _NAMES.items()
            for name in names.split()
        ),
        key=lambda voice: voice.id,
    )
)
"""All voices, in the order of their ids."""

_BY_ID = {voice.id: voice for voice in VOICES}
_DEFAULTS = {"en": "af_heart", "zh": "zf_xiaobei"}
_DEFAULTS_OF_REGIONS = {"en-gb": "bf_emma"}
LANGUAGES = tuple(_DEFAULTS)
"""Primary subtags of the languages that are spoken."""


def sample_text(language: str) -> str:
    """Return a sentence by which people can judge a voice of a language; empty for other languages than `local`'s."""
    return _SAMPLES.get(primary(language), "")


def primary(language: str) -> str:
    """Return the primary subtag of a BCP 47 tag: `zh` of `zh-Hans`."""
    return language.partition("-")[0].lower()


def find_voice(voice_id: str) -> Voice | None:
    """Return the voice of an id."""
    return _BY_ID.get(voice_id)


def default_voice(language: str) -> Voice | None:
    """Return the voice that speaks a language where a project names none; None where no voice speaks it."""
    name = _DEFAULTS_OF_REGIONS.get(language.lower()) or _DEFAULTS.get(primary(language))
    return None if name is None else _BY_ID[name]


def nearest_voices(voice_id: str) -> tuple[str, ...]:
    """Return the ids of up to three voices that an unknown id may have meant."""
    return nearest(
        {**{name: name for name in _BY_ID}, **{voice.id.partition("_")[2]: voice.id for voice in VOICES}}, voice_id
    )


def nearest(names: Mapping[str, str], written: str) -> tuple[str, ...]:
    """Return up to three values whose names, in lower case, are similar to what was written."""
    near = get_close_matches(written.strip().lower(), names, n=3, cutoff=0.5)
    return tuple(dict.fromkeys(names[name] for name in near))
