"""Describes the tracks of sound of a finished video: what they hold, and who speaks in them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from render_service.domain.jobs.job import Artifact, AudioTrack, AudioTrackKind, StoredFile, Video
from render_service.domain.projects.looks.sounds import SoundRole
from render_service.domain.projects.project import Project
from render_service.domain.speech.requests import SpeechRequest
from render_service.domain.speech.voices import SpeechProvider, find_voice

STEMS = {
    AudioTrackKind.MIX: Artifact.MIX,
    AudioTrackKind.NARRATION: Artifact.NARRATION,
    AudioTrackKind.MUSIC: Artifact.MUSIC,
    AudioTrackKind.EFFECTS: Artifact.EFFECTS,
}
"""The files that hold stems."""
_WITH_VOICES = frozenset((AudioTrackKind.MIX, AudioTrackKind.NARRATION))


@dataclass(frozen=True, slots=True)
class DubbedSound:
    """A further track of sound in a video: its language, what is spoken in it, and the SHA-256 of its packets."""

    language: str
    requests: tuple[SpeechRequest, ...]
    sha256: str


def describe_tracks(
    project: Project,
    requests: Iterable[SpeechRequest],
    video: Video,
    sound_sha256: str,
    dubs: Iterable[DubbedSound] = (),
) -> tuple[AudioTrack, ...]:
    """Return the tracks of a video: the one in it, then those in files of their own.

    Args:
        project: What was rendered.
        requests: What is spoken in it, in order.
        video: The video with its files.
        sound_sha256: SHA-256 of the coded packets of its sound; empty without sound.
        dubs: The further tracks of sound in the video.
    """
    files: Mapping[Artifact, StoredFile] = video.files
    tracks = [(AudioTrackKind.MIX, Artifact.VIDEO, sound_sha256)] if sound_sha256 else []
    tracks += [(kind, artifact, files[artifact].sha256) for kind, artifact in STEMS.items() if artifact in files]
    spoken = list(requests)
    voices = _voices(spoken)
    sounds = (*project.sounds, *(sound for shot in project.shots for sound in shot.sounds))
    recorded = any(shot.narration_audio_uri for shot in project.shots) or any(
        sound.role is SoundRole.VOICE for sound in sounds
    )
    has_narration = bool(spoken) or recorded
    language = _language(spoken[0]) if spoken else project.language
    provider = spoken[0].provider if spoken else ""
    described = [
        AudioTrack(
            kind=kind,
            language=language if kind in _WITH_VOICES and has_narration else "",
            voices=voices if kind in _WITH_VOICES else (),
            provider=provider if kind in _WITH_VOICES else "",
            duration=video.duration,
            sha256=sha256,
            artifact=artifact,
        )
        for kind, artifact, sha256 in tracks
    ]
    further = [
        AudioTrack(
            kind=AudioTrackKind.MIX,
            language=dub.language,
            voices=_voices(dub.requests),
            provider=dub.requests[0].provider if dub.requests else "",
            duration=video.duration,
            sha256=dub.sha256,
            artifact=Artifact.VIDEO,
        )
        for dub in dubs
    ]
    return (*described[:1], *further, *described[1:])


def _voices(requests: Iterable[SpeechRequest]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(request.voice for request in requests if request.voice))


def _language(request: SpeechRequest) -> str:
    """Return the language of a narration: `local` has voices that speak one each."""
    voice = find_voice(request.voice) if request.provider is SpeechProvider.LOCAL else None
    return voice.language if voice is not None else request.language
