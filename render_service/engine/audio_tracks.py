"""Describes the tracks of sound of a finished video: what they hold, and who speaks in them."""

from collections.abc import Iterable, Mapping

from render_service.domain.jobs.job import Artifact, AudioTrack, AudioTrackKind, StoredFile, Video
from render_service.domain.projects.project import Project
from render_service.domain.speech.requests import SpeechRequest
from render_service.domain.speech.voices import find_voice

STEMS = {
    AudioTrackKind.MIX: Artifact.MIX,
    AudioTrackKind.NARRATION: Artifact.NARRATION,
    AudioTrackKind.MUSIC: Artifact.MUSIC,
    AudioTrackKind.EFFECTS: Artifact.EFFECTS,
}
"""The files that hold stems."""
_WITH_VOICES = frozenset((AudioTrackKind.MIX, AudioTrackKind.NARRATION))


def describe_tracks(
    project: Project,
    requests: Iterable[SpeechRequest],
    video: Video,
    sound_sha256: str,
) -> tuple[AudioTrack, ...]:
    """Return the tracks of a video: the one in it, then those in files of their own.

    Args:
        project: What was rendered.
        requests: What is spoken in it, in order.
        video: The video with its files.
        sound_sha256: SHA-256 of the coded packets of its sound; empty without sound.
    """
    files: Mapping[Artifact, StoredFile] = video.files
    tracks = [(AudioTrackKind.MIX, Artifact.VIDEO, sound_sha256)] if sound_sha256 else []
    tracks += [(kind, artifact, files[artifact].sha256) for kind, artifact in STEMS.items() if artifact in files]
    voices = tuple(dict.fromkeys(request.voice for request in requests))
    spoken = [voice for voice in map(find_voice, voices) if voice is not None]
    has_narration = bool(voices) or any(shot.narration_audio_uri for shot in project.shots)
    language = spoken[0].language if spoken else project.language
    provider = spoken[0].provider if spoken else ""
    return tuple(
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
    )
