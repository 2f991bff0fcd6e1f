"""Which narrations of a project are spoken, and by whom."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import accumulate

from render_service.domain.errors import FieldFault
from render_service.domain.projects.project import Project, Shot, Speech
from render_service.domain.speech.han import is_han
from render_service.domain.speech.lexicon import applying
from render_service.domain.speech.options import SpeechChoice
from render_service.domain.speech.readable import guess_language, is_spoken
from render_service.domain.speech.requests import SpeechFault, SpeechRequest, named_fault, plan_speech
from render_service.domain.speech.terms import ListedVoice, SpeechTerms
from render_service.domain.speech.voices import SpeechProvider, find_voice

MAX_SPOKEN = 150_000
"""Characters of all narrations that are spoken: about three hours, the longest video. See `_weight`."""


_LOCAL = SpeechChoice()


def spoken_narrations(
    project: Project, choice: SpeechChoice = _LOCAL, *, is_fallback: bool = False
) -> Mapping[str, SpeechRequest]:
    """Return what is spoken over the shots of a validated project, by shot id, in order.

    A shot's narration is spoken if the shot or the project has a `speech`, and the shot no audio of its own.

    Args:
        project: The project.
        choice: Who speaks.
        is_fallback: Whether the project's voices, models and instructions are those of another provider.
    """
    plans = ((shot.id, _plan(project, shot, choice, is_fallback)) for shot in _spoken_shots(project))
    return {shot_id: plan for shot_id, plan in plans if isinstance(plan, SpeechRequest)}


def is_anything_spoken(project: Project) -> bool:
    """Return whether a project has a narration to be spoken."""
    return next(_spoken_shots(project), None) is not None


def provider_faults(
    project: Project, choice: SpeechChoice, terms: SpeechTerms | None, voices: tuple[ListedVoice, ...] | None
) -> Iterator[FieldFault]:
    """Yield what the first provider of a job cannot do, each fault once, at its field of `project`.

    Args:
        project: A valid project without variables.
        choice: Who speaks.
        terms: What the provider can do; None for `local`, whose voices decide.
        voices: The provider's voices; None if they are not known.
    """
    too_long = length_fault(project, "project")
    if too_long is not None:
        # Another speed or another language can make it so after the project was validated: at the shot that exceeds it.
        place = _first_too_long(project)
        yield FieldFault(f"project.storyboard.shots[{place}].narration", too_long.description)
        return
    if terms is None:
        yield from _faults_of_local(project)
        return
    places = {shot.id: place for place, shot in enumerate(project.shots)}
    found: dict[str, FieldFault] = {}
    for shot in _spoken_shots(project):
        request = _plan(project, shot, choice, is_fallback=False)
        fault = terms.fault_of(request, voices) if isinstance(request, SpeechRequest) else request
        if fault is not None:
            field = _place(project, shot, fault, f"project.storyboard.shots[{places[shot.id]}]")
            found.setdefault(field, FieldFault(field, fault.description))
    yield from found.values()


def fallback_fault(
    project: Project, choice: SpeechChoice, terms: SpeechTerms | None, voices: tuple[ListedVoice, ...] | None
) -> SpeechFault | None:
    """Return the first reason for which a fallback cannot speak a narration of a project; see `provider_faults`."""
    for shot in _spoken_shots(project):
        plan = _plan(project, shot, choice, is_fallback=True)
        if isinstance(plan, SpeechRequest) and terms is not None:
            fault = terms.fault_of(plan, voices)
            plan = fault if fault is not None else plan
        if isinstance(plan, SpeechFault):
            return plan
    return None


def _faults_of_local(project: Project) -> Iterator[FieldFault]:
    for name, fault in (
        ("model", "must be empty: local has one model"),
        ("instructions", "must be empty: local takes no instructions"),
    ):
        for path, speech in _speeches(project):
            if getattr(speech, name):
                yield FieldFault(f"{path}.{name}", fault)
    for path, speech in _speeches(project):
        # The language of a shot without a narration says what is heard in its sound, which no voice speaks.
        is_said = path == "project.speech" or any(shot.narration for shot in project.shots if shot.speech is speech)
        named = named_fault(speech.voice, speech.language if is_said else "")
        if named is not None:
            yield FieldFault(f"{path}.{named.part}", named.description)
            return
    yield from speech_faults(project, "project")


def _speeches(project: Project) -> Iterator[tuple[str, Speech]]:
    if project.speech is not None:
        yield "project.speech", project.speech
    for place, shot in enumerate(project.shots):
        if shot.speech is not None:
            yield f"project.storyboard.shots[{place}].speech", shot.speech


def _place(project: Project, shot: Shot, fault: SpeechFault, path: str) -> str:
    """Return the field that the faulty part of a shot's request comes from."""
    part = fault.part
    if part == "text":
        return f"{path}.narration"
    if part == "lexicon":
        entries = enumerate(project.lexicon)
        place = next(place for place, entry in entries if entry.word == fault.word and entry.is_phonetic)
        return f"project.lexicon[{place}].{'ipa' if project.lexicon[place].ipa else 'respelling'}"
    if shot.speech is not None and getattr(shot.speech, part) not in ("", None):
        return f"{path}.speech.{part}"
    if project.speech is not None and getattr(project.speech, part) not in ("", None):
        return f"project.speech.{part}"
    return "project.language" if part == "language" else f"project.speech.{part}"


def speech_faults(project: Project, path: str) -> Iterator[FieldFault]:
    """Yield what is wrong with the narrations of a project that the voices of `local` are to read.

    Args:
        project: A project without variables, whose voices and their languages are valid.
        path: Its path in the request, such as `project`.
    """
    too_long = length_fault(project, path)
    if too_long is not None:
        yield too_long
        return
    places = {shot.id: place for place, shot in enumerate(project.shots)}
    for shot in _spoken_shots(project):
        plan = _plan(project, shot, _LOCAL, is_fallback=False)
        if isinstance(plan, SpeechFault) and plan.part == "language":
            # The others are checked where they are given.
            yield FieldFault(f"{path}.language", f"{plan.description}; or set speech.voice or speech.language")
            return
        if isinstance(plan, SpeechFault):
            yield FieldFault(f"{path}.storyboard.shots[{places[shot.id]}].narration", plan.description)


def length_fault(project: Project, path: str) -> FieldFault | None:
    """Return the fault of narrations that are too long together to be spoken by anyone."""
    if _first_too_long(project) is None:
        return None
    return FieldFault(
        f"{path}.storyboard.shots",
        f"must have at most {MAX_SPOKEN:,} characters in all narrations that are spoken; a Han character counts as"
        " 3, and the count is divided by the speed",
    )


def _first_too_long(project: Project) -> int | None:
    """Return the place of the shot with which the narrations become too long together, if they do."""
    places = {shot.id: place for place, shot in enumerate(project.shots)}
    spoken = list(_spoken_shots(project))
    weights = accumulate(_weight(shot.narration, _speed(project, shot)) for shot in spoken)
    return next((places[shot.id] for shot, weight in zip(spoken, weights, strict=True) if weight > MAX_SPOKEN), None)


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


def _plan(project: Project, shot: Shot, choice: SpeechChoice, is_fallback: bool) -> SpeechRequest | SpeechFault:
    """Return how a shot is spoken: by its own fields over the project's, and those over the choice's."""
    own, base = shot.speech or Speech(), project.speech or Speech()
    if choice.provider is SpeechProvider.LOCAL:
        return _plan_local(project, shot, choice if is_fallback else None)
    language = own.language or base.language or project.language
    voice, model, instructions = choice.voice, choice.model, ""
    if not is_fallback:
        voice = own.voice or base.voice or choice.voice
        model = own.model or base.model or choice.model
        instructions = own.instructions or base.instructions
    speed = _speed(project, shot)
    lexicon = applying(project.lexicon, shot.narration, language or guess_language(shot.narration))
    return SpeechRequest(shot.narration, voice, speed, choice.provider, model, instructions, language, lexicon)


def _plan_local(project: Project, shot: Shot, fallback: SpeechChoice | None) -> SpeechRequest | SpeechFault:
    """Return how `local` speaks a shot; a voice of the project must speak the shot's language."""
    own, base = shot.speech or Speech(), project.speech or Speech()
    if fallback is not None:
        own, base = replace(own, voice=""), replace(base, voice=fallback.voice)
    language = own.language or ("" if own.voice else base.language)
    voice = own.voice or base.voice
    inherited = find_voice(base.voice)
    if own.language and not own.voice and inherited is not None and not inherited.speaks(own.language):
        voice = ""
    if not voice and not language:
        language = project.language
    return plan_speech(shot.narration, voice, language, _speed(project, shot), project.lexicon)
