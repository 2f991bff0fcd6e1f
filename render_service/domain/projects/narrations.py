"""Which narrations of a project are spoken, and by whom."""

from collections.abc import Iterator, Mapping

from render_service.domain.errors import FieldFault
from render_service.domain.projects.project import Project, Shot, Speech
from render_service.domain.speech.han import is_han
from render_service.domain.speech.readable import is_spoken
from render_service.domain.speech.requests import SpeechFault, SpeechRequest, plan_speech
from render_service.domain.speech.voices import find_voice

MAX_SPOKEN = 150_000
"""Characters of all narrations that are spoken: about three hours, the longest video. See `_weight`."""


def spoken_narrations(project: Project) -> Mapping[str, SpeechRequest]:
    """Return what is spoken over the shots of a validated project, by shot id, in order.

    A shot's narration is spoken if the shot or the project has a `speech`, and the shot no audio of its own.
    """
    plans = ((shot.id, _plan(project, shot)) for shot in _spoken_shots(project))
    return {shot_id: plan for shot_id, plan in plans if isinstance(plan, SpeechRequest)}


def speech_faults(project: Project, path: str) -> Iterator[FieldFault]:
    """Yield what is wrong with the narrations of a project that voices are to read.

    Args:
        project: A project without variables, whose voices and their languages are valid.
        path: Its path in the request, such as `project`.
    """
    places = {shot.id: place for place, shot in enumerate(project.shots)}
    spoken = list(_spoken_shots(project))
    if sum(_weight(shot.narration, _speed(project, shot)) for shot in spoken) > MAX_SPOKEN:
        yield FieldFault(
            f"{path}.storyboard.shots",
            f"must have at most {MAX_SPOKEN:,} characters in all narrations that are spoken; a Han character counts as"
            " 3, and the count is divided by the speed",
        )
        return
    for shot in spoken:
        plan = _plan(project, shot)
        if isinstance(plan, SpeechFault) and plan.part == "language":
            # The others are checked where they are given.
            yield FieldFault(f"{path}.language", f"{plan.description}; or set speech.voice or speech.language")
            return
        if isinstance(plan, SpeechFault):
            yield FieldFault(f"{path}.storyboard.shots[{places[shot.id]}].narration", plan.description)


def _spoken_shots(project: Project) -> Iterator[Shot]:
    for shot in project.shots:
        is_on = project.speech is not None or shot.speech is not None
        if is_on and not shot.narration_audio_uri and is_spoken(shot.narration):
            yield shot


def _weight(text: str, speed: float) -> float:
    """Return how many Latin characters at speed 1 take as long as a text: a Han character is a syllable."""
    return (len(text) + 2 * sum(map(is_han, text))) / speed


def _speed(project: Project, shot: Shot) -> float:
    given = [
        speech.speed for speech in (shot.speech, project.speech) if speech is not None and speech.speed is not None
    ]
    return given[0] if given else 1.0


def _plan(project: Project, shot: Shot) -> SpeechRequest | SpeechFault:
    """Return how a shot is spoken: by its own fields over the project's, whose voice must speak the shot's language."""
    own, base = shot.speech or Speech(), project.speech or Speech()
    language = own.language or ("" if own.voice else base.language)
    voice = own.voice or base.voice
    inherited = find_voice(base.voice)
    if own.language and not own.voice and inherited is not None and not inherited.speaks(own.language):
        voice = ""
    if not voice and not language:
        language = project.language
    return plan_speech(shot.narration, voice, language, _speed(project, shot))
