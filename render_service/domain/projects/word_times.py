"""When the words of narrations are spoken that came without times: which are to be found, and how they were."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from render_service.domain.projects.project import Project, Shot, Speech, WordTiming
from render_service.domain.speech.lexicon import Lexicon, applying
from render_service.domain.speech.readable import guess_language, is_spoken

LONGEST_ALIGNED = 600
"""Seconds of a recording whose words are found; those of longer ones are only estimated."""


class TimingMethod(StrEnum):
    """How the times of words were found."""

    ACOUSTIC = "acoustic"
    """An acoustic model of the language found the words in the sound."""
    COMPARISON = "comparison"
    """The sound was compared with the service's own reading of the text."""
    ESTIMATE = "estimate"
    """The words were spread over the parts of the sound that are not silent, by their length."""


@dataclass(frozen=True, slots=True)
class AlignedText:
    """The words of a text with the times at which they are spoken, in order, and how these were found."""

    words: tuple[WordTiming, ...]
    method: TimingMethod


@dataclass(frozen=True, slots=True)
class AlignmentRequest:
    """A text that a sound says, the BCP 47 tag of its language, and how words of it are read."""

    text: str
    language: str
    lexicon: Lexicon = ()


def unaligned_narrations(project: Project) -> Mapping[str, AlignmentRequest]:
    """Return the narrations of a project whose words have no times and are to get them, by shot id, in order.

    They are those of shots with `speech`, their own or the project's: recordings, and what was spoken without times.

    Args:
        project: A project whose spoken narrations have their words.
    """
    return {
        shot.id: _request(shot.narration, _language(project, shot), project.lexicon)
        for shot in project.shots
        if (shot.speech or project.speech) is not None and not shot.words and is_spoken(shot.narration)
    }


def _request(text: str, language: str, lexicon: Lexicon) -> AlignmentRequest:
    return AlignmentRequest(text, language, applying(lexicon, text, language))


def _language(project: Project, shot: Shot) -> str:
    own, base = shot.speech or Speech(), project.speech or Speech()
    return own.language or base.language or project.language or guess_language(shot.narration)
