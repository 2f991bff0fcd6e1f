"""Makes the stream of a render from its finished videos. Parents import this module, so it loads no codecs."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from render_service.compositor.encoding.language_codes import language_name
from render_service.compositor.processes.pool import Share
from render_service.compositor.streaming.dash import manifest
from render_service.compositor.streaming.hls import playlists
from render_service.compositor.streaming.model import (
    CAPTIONS_NAME,
    MANIFEST_NAME,
    MASTER_NAME,
    SUBTITLES_NAME,
    AudioRendition,
    Stream,
    SubtitleRendition,
    VideoRendition,
    segment_starts,
    sound_file,
    video_file,
)
from render_service.compositor.streaming.subtitles import write_subtitles
from render_service.compositor.streaming.text_checking import (
    ListedFile,
    check_manifest,
    check_playlists,
    read_playlists,
)
from render_service.compositor.task_group import task_group
from render_service.compositor.tasks import package_track
from render_service.domain.jobs.job import Artifact
from render_service.domain.projects.output import OutputSpec

_BLOCK = 1024
"""Samples in a block of coded sound."""


@dataclass(frozen=True, slots=True)
class StreamedVideo:
    """A finished video that is a rendition.

    Args:
        name: That of its output; empty where the job has one video.
        output: Its format.
        path: The file.
        frames: Its length.
        captions: Its captions as WebVTT.
        shows_captions: Whether they are in the pictures, too.
    """

    name: str
    output: OutputSpec
    path: Path
    frames: int
    captions: Path
    shows_captions: bool

    @property
    def duration(self) -> Fraction:
        """How long it plays, in seconds."""
        return Fraction(self.frames, self.output.fps)


@dataclass(frozen=True, slots=True)
class StreamFiles:
    """The playlist or manifest of a stream, and all files that it names; they lie beside it."""

    entry: Path
    parts: tuple[Path, ...]


class Naming(Protocol):
    """Names a rendition, given by its place, in failures."""

    def __call__(self, place: int, /) -> AbstractContextManager[None]: ...


async def package_stream(
    share: Share,
    videos: Sequence[StreamedVideo],
    languages: Sequence[str],
    naming: Naming,
    folder: Path,
) -> Mapping[Artifact, StreamFiles]:
    """Write the files of a stream, and check them.

    Args:
        share: Where the media files are written.
        videos: The renditions; the sound and the captions are those of the first.
        languages: The languages of its tracks of sound, the main one first; an empty one is unknown.
        naming: Names a rendition in failures.
        folder: An empty folder for the files.

    Returns:
        The streams that the options of the videos ask for.

    Raises:
        RenderFailure: CHECK_FAILED.
    """
    streaming = videos[0].output.streaming
    assert streaming is not None
    starts = segment_starts(videos[0].duration, streaming.segment_seconds)
    made: dict[int, VideoRendition] = {}
    sounds: dict[int, AudioRendition] = {}

    async def make_video(place: int) -> None:
        video = videos[place]
        path = folder / video_file(video.name)
        with naming(place):
            track = await share.run(package_track, video.path, None, starts, path)
        output = video.output
        made[place] = VideoRendition(video.name, track, output.width, output.height, output.fps)

    async def make_sound(place: int) -> None:
        language = languages[place]
        path = folder / sound_file(place, language)
        with naming(0):
            track = await share.run(package_track, videos[0].path, place, starts, path)
        label = language_name(language) if language else "Audio"
        sounds[place] = AudioRendition(track, language, label, is_default=place == 0)

    async with task_group() as group:
        for place in range(len(videos)):
            group.create_task(make_video(place))
        for place in range(len(languages)):
            group.create_task(make_sound(place))
    order = sorted(made, key=lambda place: -made[place].width * made[place].height)
    renditions = tuple(made[place] for place in order)
    audios = tuple(sounds[place] for place in sorted(sounds))
    found = await asyncio.to_thread(_write_texts, videos[0], renditions, audios, folder)
    await asyncio.to_thread(_check_texts, videos, audios, found, naming, folder)
    return found


def _write_texts(
    first: StreamedVideo, videos: tuple[VideoRendition, ...], audios: tuple[AudioRendition, ...], folder: Path
) -> Mapping[Artifact, StreamFiles]:
    """Write captions, playlists and manifest."""
    streaming = first.output.streaming
    assert streaming is not None
    target = streaming.segment_seconds
    tracks = (*(video.track for video in videos), *(audio.track for audio in audios))
    media = tuple(folder / track.name for track in tracks)
    starts = segment_starts(first.duration, target)
    segments = write_subtitles(first.captions, first.duration, starts, folder / SUBTITLES_NAME)
    subtitles, found = None, {}
    if segments:
        language = audios[0].language if audios else ""
        label = language_name(language) if language else "Captions"
        subtitles = SubtitleRendition(language, label, segments, first.shows_captions, first.captions.stat().st_size)
    stream = Stream(target, videos, audios, subtitles)
    if streaming.hls:
        texts = playlists(stream)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
        named = [folder / name for name in texts if name != MASTER_NAME]
        captions = (folder / SUBTITLES_NAME,) if subtitles is not None else ()
        found[Artifact.HLS] = StreamFiles(folder / MASTER_NAME, (*named, *media, *captions))
    if streaming.dash:
        (folder / MANIFEST_NAME).write_text(manifest(stream), encoding="utf-8", newline="\n")
        captions = (folder / CAPTIONS_NAME,) if subtitles is not None else ()
        for path in captions:
            path.write_bytes(first.captions.read_bytes())
        found[Artifact.DASH] = StreamFiles(folder / MANIFEST_NAME, (*media, *captions))
    return found


def _check_texts(
    videos: Sequence[StreamedVideo],
    audios: Sequence[AudioRendition],
    found: Mapping[Artifact, StreamFiles],
    naming: Naming,
    folder: Path,
) -> None:
    """Check the written playlists and manifest."""
    first = videos[0]
    pictures = [ListedFile(video_file(video.name), video.duration, Fraction()) for video in videos]
    # The check of a video lets its sound be a picture longer or shorter; sound ends with a whole block.
    sounds = [
        ListedFile(
            audio.track.name, first.duration, Fraction(1, first.output.fps) + Fraction(_BLOCK, audio.track.timescale)
        )
        for audio in audios
    ]
    if Artifact.HLS in found:
        with naming(0):
            playlists = read_playlists(folder)
        for place, listed in enumerate(pictures):
            with naming(place):
                check_playlists(folder, playlists, listed)
        subtitles = [ListedFile(SUBTITLES_NAME, first.duration, Fraction(1, 1000))]
        with naming(0):
            for listed in (*sounds, *(subtitles if (folder / SUBTITLES_NAME).exists() else ())):
                check_playlists(folder, playlists, listed)
    if Artifact.DASH in found:
        with naming(0):
            check_manifest(folder, [*pictures, *sounds])
