"""The format of a finished video: frame size, frame rate, quality."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class AspectRatio(StrEnum):
    """Aspect ratios, each with its size at full HD quality."""

    LANDSCAPE_16_9 = "16:9"
    PORTRAIT_9_16 = "9:16"
    SQUARE_1_1 = "1:1"
    PORTRAIT_4_5 = "4:5"


class Quality(StrEnum):
    """Trades encoding time against size and sharpness."""

    DRAFT = "draft"
    STANDARD = "standard"
    HIGH = "high"


class VideoCodec(StrEnum):
    """How pictures are coded."""

    H264 = "h264"
    HEVC = "hevc"
    AV1 = "av1"
    VP9 = "vp9"
    PRORES_422_HQ = "prores_422_hq"


class Container(StrEnum):
    """File formats of the finished video. MP4 has AAC sound, WebM Opus, MOV uncompressed; animations are silent."""

    MP4 = "mp4"
    WEBM = "webm"
    GIF = "gif"
    MOV = "mov"
    WEBP = "webp"

    @property
    def content_type(self) -> str:
        """The media type of a file of this format."""
        return _CONTENT_TYPES[self]

    @property
    def codecs(self) -> tuple[VideoCodec, ...]:
        """The codecs that a file of this format may hold, the default first; none for an animation."""
        return _CODECS[self]

    @property
    def is_animation(self) -> bool:
        """Whether it is a silent picture that moves, small and slow, rather than a video."""
        return not self.codecs


_CONTENT_TYPES = {
    Container.MP4: "video/mp4",
    Container.WEBM: "video/webm",
    Container.GIF: "image/gif",
    Container.MOV: "video/quicktime",
    Container.WEBP: "image/webp",
}
_CODECS = {
    Container.MP4: (VideoCodec.H264, VideoCodec.HEVC, VideoCodec.AV1),
    Container.WEBM: (VideoCodec.VP9, VideoCodec.AV1),
    Container.GIF: (),
    Container.MOV: (VideoCodec.PRORES_422_HQ, VideoCodec.H264, VideoCodec.HEVC),
    Container.WEBP: (),
}


class Loudness(StrEnum):
    """Named targets of the finished sound's loudness."""

    ONLINE = "online"
    PODCAST = "podcast"
    BROADCAST = "broadcast"

    @property
    def lufs(self) -> float:
        """Integrated loudness (BS.1770-4) that is aimed at."""
        return _LUFS[self]


_LUFS = {Loudness.ONLINE: -14.0, Loudness.PODCAST: -16.0, Loudness.BROADCAST: -23.0}

FRAME_RATES = (24, 25, 30, 50, 60)
DEFAULT_FPS = 30
MIN_SIDE = 128
MAX_SIDE = 3840

STREAMED_CONTAINER = Container.MP4
SHORTEST_SEGMENT = timedelta(seconds=2)
LONGEST_SEGMENT = timedelta(seconds=10)
DEFAULT_SEGMENT = timedelta(seconds=6)

ANIMATION_FPS = 15
ANIMATION_SIDE = 640

_SIZES = {
    AspectRatio.LANDSCAPE_16_9: (1920, 1080),
    AspectRatio.PORTRAIT_9_16: (1080, 1920),
    AspectRatio.SQUARE_1_1: (1080, 1080),
    AspectRatio.PORTRAIT_4_5: (1080, 1350),
}


@dataclass(frozen=True, slots=True)
class FrameSize:
    """A picture size in pixels; both sides even, `MIN_SIDE` to `MAX_SIDE`."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class AudioLanguage:
    """A further language that a video is spoken in, as a BCP 47 tag, and its voice; empty for the default."""

    language: str = ""
    voice: str = ""


@dataclass(frozen=True, slots=True)
class Sidecars:
    """Which files are made beside a video.

    A sprite sheet with its WebVTT, chapters as WebVTT, metadata as JSON, what it is cut from as OpenTimelineIO.
    """

    thumbnails: bool = False
    chapters: bool = False
    metadata: bool = False
    timeline: bool = False


@dataclass(frozen=True, slots=True)
class AiLabel:
    """Says that a video was generated: `text` and `duration` for viewers; empty and None mean: the default."""

    text: str = ""
    duration: timedelta | None = None
    producer: str = ""


@dataclass(frozen=True, slots=True)
class Streaming:
    """Which streams the video is a rendition of; `segment_duration` is in whole seconds, None means: the default."""

    hls: bool = False
    dash: bool = False
    segment_duration: timedelta | None = None

    @property
    def is_asked_for(self) -> bool:
        """Whether there is any stream."""
        return self.hls or self.dash

    @property
    def segment_seconds(self) -> int:
        """Length of all segments but the last, in seconds."""
        return int((self.segment_duration or DEFAULT_SEGMENT).total_seconds())


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """What a caller asked for; None means that it was not given."""

    aspect_ratio: AspectRatio | None = None
    size: FrameSize | None = None
    fps: int | None = None
    quality: Quality | None = None
    container: Container | None = None
    loudness: Loudness | None = None
    stems: bool | None = None
    codec: VideoCodec | None = None
    audio_languages: tuple[AudioLanguage, ...] = ()
    sidecars: Sidecars | None = None
    poster_time: timedelta | None = None
    ai_label: AiLabel | None = None
    streaming: Streaming | None = None

    def over(self, other: "OutputOptions") -> "OutputOptions":
        """Return these options, with those that are not given taken from `other`.

        The codec and the streaming of `other` are forgotten where the container that is chosen here cannot hold them.
        """
        says_frame = self.aspect_ratio is not None or self.size is not None
        frame = self if says_frame else other
        container = self.container or other.container
        holds_codec = self.container is None or other.codec in self.container.codecs
        streams = self.container in (None, STREAMED_CONTAINER)
        return OutputOptions(
            aspect_ratio=frame.aspect_ratio,
            size=frame.size,
            fps=self.fps if self.fps is not None else other.fps,
            quality=self.quality or other.quality,
            container=container,
            loudness=self.loudness or other.loudness,
            stems=self.stems if self.stems is not None else other.stems,
            codec=self.codec or (other.codec if holds_codec else None),
            audio_languages=self.audio_languages or other.audio_languages,
            sidecars=self.sidecars or other.sidecars,
            poster_time=self.poster_time if self.poster_time is not None else other.poster_time,
            ai_label=self.ai_label or other.ai_label,
            streaming=self.streaming or (other.streaming if streams else None),
        )


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """The resolved format of a video: sides in pixels (even), frames per second, quality, file format.

    `loudness` is that of its sound; `stems` says whether the parts of the sound are also stored as files of their own.
    `codec` is None where it is the container's default, and for an animation. `audio_languages` are those of the
    tracks of sound beside the main one, none for an animation. `poster_time` is what the poster shows; None leaves the
    choice to the compositor. `streaming` is None where there is no stream.
    """

    width: int
    height: int
    fps: int
    quality: Quality
    container: Container = Container.MP4
    loudness: Loudness = Loudness.ONLINE
    stems: bool = False
    codec: VideoCodec | None = None
    audio_languages: tuple[AudioLanguage, ...] = ()
    sidecars: Sidecars = field(default_factory=Sidecars)
    poster_time: timedelta | None = None
    ai_label: AiLabel | None = None
    streaming: Streaming | None = None


def decide_output(options: OutputOptions, default_ratio: AspectRatio) -> OutputSpec:
    """Resolve output options.

    Args:
        options: Validated options of the caller.
        default_ratio: The aspect ratio if the options name none; that of the project's mode.

    Returns:
        The resolved format. A DRAFT of an aspect ratio has half its sides (rounded down to even); exact sizes are kept.
        An animation is scaled down if its longer side exceeds `ANIMATION_SIDE`, and its frame rate reduced if it
        exceeds `ANIMATION_FPS`.
    """
    quality = options.quality or Quality.STANDARD
    if options.size is not None:
        width, height = options.size.width, options.size.height
    else:
        width, height = _SIZES[options.aspect_ratio or default_ratio]
        if quality is Quality.DRAFT:
            width, height = width // 4 * 2, height // 4 * 2
    fps, container = options.fps or DEFAULT_FPS, options.container or Container.MP4
    if container.is_animation:
        fps, longer = min(fps, ANIMATION_FPS), max(width, height)
        if longer > ANIMATION_SIDE:
            # Rounded to even; a side never becomes nothing, as no shape is narrower than MIN_SIDE : MAX_SIDE.
            width, height = (side * ANIMATION_SIDE // longer // 2 * 2 for side in (width, height))
    loudness = options.loudness or Loudness.ONLINE
    codec = options.codec if options.codec is not default_codec(container) else None
    languages = () if container.is_animation else options.audio_languages
    return OutputSpec(
        width=width,
        height=height,
        fps=fps,
        quality=quality,
        container=container,
        loudness=loudness,
        stems=bool(options.stems),
        codec=codec,
        audio_languages=languages,
        sidecars=options.sidecars or Sidecars(),
        poster_time=options.poster_time,
        ai_label=options.ai_label,
        streaming=options.streaming if options.streaming is not None and options.streaming.is_asked_for else None,
    )


def default_codec(container: Container) -> VideoCodec | None:
    """Return the codec of a file format where none is asked for; None for an animation."""
    return next(iter(container.codecs), None)


def codec_fault(options: OutputOptions) -> str | None:
    """Return why a file of the chosen format cannot hold the chosen codec, in words that follow the field's name."""
    container = options.container or Container.MP4
    if options.codec is None or options.codec in container.codecs:
        return None
    if container.is_animation:
        return f"must be omitted: {container.name} has no choice of codecs"
    return f"must be one of {', '.join(codec.name for codec in container.codecs)} in {container.name}"
