"""Stores a finished video with the files that belong to it, and describes them all in one of them."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from render_service.compositor.composition import ComposedVideo
from render_service.compositor.packaging import StreamFiles
from render_service.domain.jobs.job import Artifact, AudioTrack, Lease, NamedVideo, RenderSpec, StoredFile, Video
from render_service.domain.projects.output import default_codec
from render_service.domain.speech.requests import SpeechRequest
from render_service.engine.audio_tracks import STEMS, DubbedSound, describe_tracks
from render_service.storage import keys
from render_service.storage.store import ObjectStore

_JSON = "application/json"
_METADATA_VERSION = 1
_SIDECAR_TYPES = {
    Artifact.THUMBNAILS: "image/jpeg",
    Artifact.THUMBNAILS_VTT: "text/vtt",
    Artifact.CHAPTERS_VTT: "text/vtt",
    Artifact.TIMELINE: _JSON,
}
_STREAM_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".mp4": "video/mp4",
    ".vtt": "text/vtt",
}


@dataclass(frozen=True, slots=True)
class FinishedVideos:
    """All videos of a job on disk, and what they were made of.

    Args:
        spec: What was asked for.
        composed: The videos, in the order of the outputs; one where there are none.
        requests: What is spoken in them, in order.
        dubs: What is spoken in each of their further tracks of sound.
    """

    spec: RenderSpec
    composed: tuple[ComposedVideo, ...]
    requests: tuple[SpeechRequest, ...]
    dubs: tuple[tuple[SpeechRequest, ...], ...]


async def store_videos(lease: Lease, finished: FinishedVideos, store: ObjectStore) -> Video:
    """Store all files of all videos under the keys of an attempt; return the first, with all as its `outputs`.

    Raises:
        DomainError: The store is unavailable.
    """
    spec = finished.spec
    if not spec.outputs:
        return await _store_video(lease, spec, finished.composed[0], finished, store)
    videos = []
    for output, composed in zip(spec.outputs, finished.composed, strict=True):
        video = await _store_video(lease, spec.of(output), composed, finished, store, folder=output.name)
        videos.append(NamedVideo(output.name, video))
    return replace(videos[0].video, outputs=tuple(videos))


async def _store_video(
    lease: Lease,
    spec: RenderSpec,
    composed: ComposedVideo,
    finished: FinishedVideos,
    store: ObjectStore,
    *,
    folder: str = "",
) -> Video:
    made = {
        Artifact.VIDEO: (composed.path, composed.content_type),
        Artifact.POSTER: (composed.poster, "image/jpeg"),
        Artifact.CONTACT_SHEET: (composed.contact_sheet, "image/jpeg"),
        Artifact.CAPTIONS_SRT: (composed.captions_srt, "application/x-subrip"),
        Artifact.CAPTIONS_VTT: (composed.captions_vtt, "text/vtt"),
        Artifact.WORDS: (composed.words, _JSON),
        **{STEMS[kind]: (path, "audio/flac") for kind, path in composed.stems.items()},
        **{artifact: (path, _SIDECAR_TYPES[artifact]) for artifact, path in composed.sidecars.items()},
    }
    files = {}
    for artifact, (path, content_type) in made.items():
        files[artifact] = await _store(lease, path, content_type, store, folder)
    files |= await _store_stream(lease, composed.stream, store)
    video = Video(
        files=files,
        width=composed.width,
        height=composed.height,
        fps=composed.fps,
        frames=composed.frames,
        check=composed.check,
    )
    languages = (audio.language for audio in spec.output.audio_languages)
    dubs = map(DubbedSound, languages, finished.dubs, composed.dub_sha256s)
    tracks = describe_tracks(spec.project, finished.requests, video, composed.sound_sha256, dubs)
    video = replace(video, audio_tracks=tracks)
    if not spec.output.sidecars.metadata:
        return video
    path = composed.path.with_name("metadata.json")
    content = json.dumps(described(str(lease.job_id), spec, composed, video), ensure_ascii=False, indent=1)
    await asyncio.to_thread(path.write_text, content + "\n", encoding="utf-8")
    return replace(video, files={**files, Artifact.METADATA: await _store(lease, path, _JSON, store, folder)})


def described(job_id: str, spec: RenderSpec, composed: ComposedVideo, video: Video) -> Mapping[str, Any]:
    """Return what a player or a content system needs to know of a video; JSON values only.

    Args:
        job_id: Id of the job that made it.
        spec: What was asked for.
        composed: The video on disk.
        video: The video as it is stored, with its tracks of sound.
    """
    output, fps = spec.output, composed.fps
    codec = output.codec or default_codec(output.container)
    sheet = composed.sprites
    return {
        "version": _METADATA_VERSION,
        "job_id": job_id,
        "title": spec.project.title,
        "language": spec.project.language,
        "duration_seconds": round(composed.frames / fps, 6),
        "frames": composed.frames,
        "fps": fps,
        "width": composed.width,
        "height": composed.height,
        "container": output.container.value,
        "video_codec": codec.value if codec is not None else output.container.value,
        "loudness_lufs": composed.check.get("loudness_lufs"),
        "audio_tracks": [_track(track) for track in video.audio_tracks],
        "chapters": [
            {
                "title": chapter.title,
                "start": round(chapter.start / fps, 6),
                "end": round(chapter.end / fps, 6),
                "shot": chapter.shot_id,
            }
            for chapter in composed.chapters
        ],
        "thumbnails": None
        if sheet is None
        else {
            "width": sheet.width,
            "height": sheet.height,
            "columns": sheet.columns,
            "count": sheet.count,
            "interval_seconds": sheet.interval,
        },
        "files": [
            {
                "artifact": artifact.value,
                "name": Path(file.key).name,
                "content_type": file.content_type,
                "size_bytes": file.size_bytes,
                "sha256": file.sha256,
            }
            for artifact, file in video.files.items()
        ],
    }


def _track(track: AudioTrack) -> Mapping[str, Any]:
    return {
        "kind": track.kind.value,
        "language": track.language,
        "voices": list(track.voices),
        "provider": track.provider,
        "artifact": track.artifact.value,
    }


async def _store_stream(
    lease: Lease, stream: Mapping[Artifact, StreamFiles], store: ObjectStore
) -> dict[Artifact, StoredFile]:
    """Store the files of the streams of a job, each once; what names others comes last."""
    stored: dict[Path, StoredFile] = {}
    for path in dict.fromkeys(path for files in stream.values() for path in (*files.parts, files.entry)):
        stored[path] = await _store(lease, path, _STREAM_TYPES[path.suffix], store, keys.STREAM_FOLDER)
    return {
        kind: replace(stored[files.entry], parts=tuple(stored[path] for path in files.parts))
        for kind, files in stream.items()
    }


async def _store(lease: Lease, path: Path, content_type: str, store: ObjectStore, folder: str) -> StoredFile:
    name = f"{folder}/{path.name}" if folder else path.name
    key = keys.file_key(lease.workspace_id, lease.job_id, lease.attempt, name)
    sha256, size = await asyncio.to_thread(_digest, path)
    await store.put_file(key, path, content_type=content_type)
    return StoredFile(key, size, sha256, content_type)


def _digest(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size
