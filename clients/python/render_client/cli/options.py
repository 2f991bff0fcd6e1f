"""Options of the `render` command, and their counterparts in the contract."""

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Optional, cast

import typer

if TYPE_CHECKING:
    from render_client.messages import ArtifactName
    from render_client.v1 import job_pb2, output_pb2, project_pb2, render_service_pb2


class AspectRatio(str, Enum):
    """Aspect ratios."""

    LANDSCAPE = "16:9"
    PORTRAIT = "9:16"
    SQUARE = "1:1"
    TALL = "4:5"


class Quality(str, Enum):
    """Quality presets."""

    DRAFT = "draft"
    STANDARD = "standard"
    HIGH = "high"


class FileFormat(str, Enum):
    """File formats."""

    MP4 = "mp4"
    WEBM = "webm"
    GIF = "gif"
    MOV = "mov"
    WEBP = "webp"


class Codec(str, Enum):
    """Codecs of the pictures."""

    H264 = "h264"
    HEVC = "hevc"
    AV1 = "av1"
    VP9 = "vp9"
    PRORES = "prores_422_hq"


class Loudness(str, Enum):
    """Loudness targets."""

    ONLINE = "online"
    PODCAST = "podcast"
    BROADCAST = "broadcast"


class Sidecar(str, Enum):
    """Files beside a video."""

    THUMBNAILS = "thumbnails"
    CHAPTERS = "chapters"
    METADATA = "metadata"
    TIMELINE = "timeline"


class Artifact(str, Enum):
    """Files of a job."""

    VIDEO = "video"
    POSTER = "poster"
    CONTACT_SHEET = "contact-sheet"
    CAPTIONS_SRT = "captions-srt"
    CAPTIONS_VTT = "captions-vtt"
    WORDS = "words"
    MIX = "mix"
    NARRATION = "narration"
    MUSIC = "music"
    EFFECTS = "effects"
    THUMBNAILS = "thumbnails"
    THUMBNAILS_VTT = "thumbnails-vtt"
    CHAPTERS_VTT = "chapters-vtt"
    METADATA = "metadata"
    TIMELINE = "timeline"
    HLS = "hls"
    DASH = "dash"

    @property
    def artifact_name(self) -> "ArtifactName":
        """Its name in the client."""
        return cast("ArtifactName", self.value.replace("-", "_"))

    def file_name(self, job: "job_pb2.Job", of: str = "") -> str:
        """Return the default file name of this file of a job, or of one of its outputs."""
        if self is Artifact.VIDEO:
            video = next((named.video for named in job.outputs if named.name == of), job.video)
            ending = _ENDINGS.get(video.content_type, ".mp4")
        else:
            ending = {
                Artifact.POSTER: ".jpg",
                Artifact.CONTACT_SHEET: "-contact-sheet.jpg",
                Artifact.CAPTIONS_SRT: ".srt",
                Artifact.CAPTIONS_VTT: ".vtt",
                Artifact.WORDS: "-words.json",
                Artifact.THUMBNAILS: "-thumbnails.jpg",
                Artifact.THUMBNAILS_VTT: "-thumbnails.vtt",
                Artifact.CHAPTERS_VTT: "-chapters.vtt",
                Artifact.METADATA: "-metadata.json",
                Artifact.TIMELINE: ".otio",
                Artifact.HLS: "-stream",
                Artifact.DASH: "-stream",
            }.get(self, f"-{self.value}.flac")
        return job.job_id + (of and f"-{of}") + ending


_ENDINGS = {"video/webm": ".webm", "image/gif": ".gif", "video/quicktime": ".mov", "image/webp": ".webp"}


class Status(str, Enum):
    """Statuses of a job."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


def output_options(
    aspect_ratio: Optional[AspectRatio],
    fps: int,
    quality: Optional[Quality],
    container: Optional[FileFormat],
    *,
    codec: Optional[Codec] = None,
    loudness: Optional[Loudness] = None,
    stems: Optional[bool] = None,
    sidecars: Sequence[Sidecar] = (),
    poster_time: Optional[float] = None,
) -> "output_pb2.OutputOptions":
    """Return the options as a message. What is not set is left to the project and the service."""
    from render_client.v1 import output_pb2

    options = output_pb2.OutputOptions(fps=fps)
    if aspect_ratio:
        options.aspect_ratio = output_pb2.AspectRatio.Value(f"ASPECT_RATIO_{aspect_ratio.replace(':', '_')}")
    if quality:
        options.quality = output_pb2.QualityPreset.Value(f"QUALITY_PRESET_{quality.upper()}")
    if container:
        options.container = output_pb2.Container.Value(f"CONTAINER_{container.upper()}")
    if codec:
        options.codec = output_pb2.VideoCodec.Value(f"VIDEO_CODEC_{codec.upper()}")
    if loudness:
        options.loudness = output_pb2.LoudnessTarget.Value(f"LOUDNESS_TARGET_{loudness.upper()}")
    if stems is not None:
        options.stems = stems
    for sidecar in sidecars:
        setattr(options.sidecars, sidecar.value, True)
    if poster_time is not None:
        options.poster_time.FromNanoseconds(round(poster_time * 1e9))
    return options


def label_as_generated(
    options: "output_pb2.OutputOptions", is_asked: bool, text: Optional[str], producer: Optional[str]
) -> None:
    """Ask for the label of generated videos, if any of its options does."""
    if is_asked or text is not None or producer is not None:
        options.ai_label.SetInParent()
        options.ai_label.text = text or ""
        options.ai_label.producer = producer or ""


def provider_options(model: Optional[str]) -> "Optional[render_service_pb2.ProviderOptions]":
    """Return how clips are generated; None if nothing is set."""
    from render_client.v1 import render_service_pb2

    return render_service_pb2.ProviderOptions(model=model) if model else None


def speech_of(voice: Optional[str], language: Optional[str]) -> "Optional[project_pb2.Speech]":
    """Return the speech that overrides a project's; None if nothing is set."""
    from render_client.v1 import project_pb2

    return project_pb2.Speech(voice=voice or "", language=language or "") if voice or language else None


def parse_pairs(given: Optional[list[str]], option: str) -> dict[str, str]:
    """Parse the NAME=VALUE pairs of a repeatable option.

    Raises:
        typer.BadParameter: A pair has no `=` or no name, or a name is repeated.
    """
    pairs: dict[str, str] = {}
    for pair in given or ():
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{option} {pair}: must have the form NAME=VALUE")
        if name in pairs:
            raise typer.BadParameter(f"{option} {name}: repeated; give each name once")
        pairs[name] = value
    return pairs
