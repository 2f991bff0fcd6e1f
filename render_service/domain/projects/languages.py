"""Speaks a project with another voice or in another language, and finds what it lacks for that."""

from collections.abc import Iterator
from dataclasses import replace

from render_service.domain.errors import FieldFault
from render_service.domain.projects.project import Project, Shot, Speech, Translation
from render_service.domain.projects.word_times import unwritten_shots
from render_service.domain.speech.readable import guess_language, is_spoken
from render_service.domain.speech.scripts import UNDETERMINED
from render_service.domain.speech.voices import find_voice, primary


def respoken(project: Project, speech: Speech) -> Project:
    """Return a project as it is with other speech.

    Args:
        project: A valid project without variables that lacks no translation; see `missing_translations`.
        speech: Its fields take precedence over those of the project's. With a language, every shot has its texts in it,
            and voices of `local` that do not speak it are omitted. What clips say stays in its language.
    """
    base, language = project.speech or Speech(), speech.language
    if not language:
        return replace(project, speech=_over(speech, base))
    unwritten = unwritten_shots(project)
    return replace(
        project,
        speech=_over(speech, _in_language(base, language)),
        language=project.language if speaks(project.language, language) else language,
        shots=tuple(
            _heard(shot, unwritten[shot.id].language, language)
            if shot.id in unwritten and _serves(shot, unwritten[shot.id].language, language)
            else _translated(project, shot, language)
            for shot in project.shots
        ),
    )


def missing_translations(project: Project, language: str) -> Iterator[FieldFault]:
    """Yield a fault for each shot whose narration is in another language and not translated; see `respoken`."""
    for place, shot in enumerate(project.shots):
        is_narrated = bool(shot.narration_audio_uri) or is_spoken(shot.narration)
        if is_narrated and not speaks(original_language(project, shot), language) and _of(shot, language) is None:
            field = f"project.storyboard.shots[{place}].translations"
            yield FieldFault(field, f"must have one in {language}: the narration is in another language")


def original_language(project: Project, shot: Shot) -> str:
    """Return the language of a shot's narration as it is given, as a BCP 47 tag."""
    given = [speech.language for speech in (shot.speech, project.speech) if speech is not None]
    return next(filter(None, (*given, project.language)), "") or guess_language(shot.narration)


def spoken_language(project: Project) -> str:
    """Return the language of a project's first narration, as a BCP 47 tag; without one, the project's."""
    narrated = (shot for shot in project.shots if shot.narration_audio_uri or is_spoken(shot.narration))
    first = next(narrated, None)
    return project.language if first is None else original_language(project, first)


def speaks(language: str, wanted: str) -> bool:
    """Return whether a text in one language serves those who want another: script and region do not matter."""
    return primary(language) == primary(wanted)


def _serves(shot: Shot, original: str, language: str) -> bool:
    """Return whether the sound of a shot stays: it is in the language, or the shot is translated into no such one."""
    return speaks(original, language) or _of(shot, language) is None


def _heard(shot: Shot, original: str, language: str) -> Shot:
    """Return a shot whose captions come from its sound: it is in the language that it was in."""
    if speaks(original, language):
        return shot
    return replace(shot, speech=replace(shot.speech or Speech(), language=original or UNDETERMINED))


def _translated(project: Project, shot: Shot, language: str) -> Shot:
    speech = None if shot.speech is None else _in_language(shot.speech, language)
    translation = _of(shot, language)
    if translation is None or speaks(original_language(project, shot), language):
        return replace(shot, speech=speech)
    original = Translation(original_language(project, shot), shot.narration, shot.caption)
    return replace(
        shot,
        narration=translation.narration,
        caption=shot.caption if translation.caption is None else translation.caption,
        narration_audio_uri="",
        words=(),
        speech=speech,
        translations=(*(one for one in shot.translations if one is not translation), original),
    )


def _of(shot: Shot, language: str) -> Translation | None:
    """Return the translation into a language: of that very tag, or else of another of the same language."""
    exact = (one for one in shot.translations if one.language.lower() == language.lower())
    near = (one for one in shot.translations if speaks(one.language, language))
    return next(exact, None) or next(near, None)


def _in_language(speech: Speech, language: str) -> Speech:
    """Return speech without what speaks other languages."""
    voice = find_voice(speech.voice)
    return replace(speech, language="", voice="" if voice is not None and not voice.speaks(language) else speech.voice)


def _over(speech: Speech, base: Speech) -> Speech:
    return Speech(
        voice=speech.voice or base.voice,
        speed=base.speed if speech.speed is None else speech.speed,
        language=speech.language or base.language,
        model=speech.model or base.model,
        instructions=speech.instructions or base.instructions,
    )
