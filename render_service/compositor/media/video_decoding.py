"""Decodes the pictures of a clip: in order, from any moment on, interlaced ones made whole."""

from collections.abc import Generator
from itertools import chain

from av.container import InputContainer
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as Ended
from av.error import InvalidDataError
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from render_service.compositor.media.assets import Asset, AssetFault, MediaLimits
from render_service.compositor.media.demuxing import VIDEO_CODECS


def picture_stream(asset: Asset, container: InputContainer, limits: MediaLimits) -> VideoStream:
    """Return the clip's first picture track, ready to be decoded.

    Raises:
        RenderFailure: ASSET_INVALID where there is none, its codec is not supported, or its frames are too large.
    """
    videos = container.streams.video
    if not videos:
        raise asset.invalid(AssetFault.NOT_A_VIDEO, "has no picture track")
    video = videos[0]
    codec = video.codec_context
    if codec is None or codec.name not in VIDEO_CODECS:
        name = codec.name if codec is not None else "unknown"
        raise asset.invalid(AssetFault.UNSUPPORTED_CODEC, f"has pictures of codec {name}, which is not supported")
    if codec.width * codec.height > limits.clip_pixels:
        raise asset.invalid(AssetFault.TOO_MANY_PIXELS, f"has more than {limits.clip_pixels} pixels a frame")
    codec.thread_count = 1
    return video


def start_seconds(video: VideoStream) -> float:
    """Return when the first picture is shown, on the file's own clock."""
    if video.start_time is None or video.time_base is None:
        return 0.0
    return float(video.start_time * video.time_base)


def frame_seconds(frame: VideoFrame) -> float:
    """Return when a picture is shown, on the file's own clock."""
    return float(frame.pts * frame.time_base) if frame.pts is not None and frame.time_base is not None else 0.0


def shown_size(frame: VideoFrame, video: VideoStream) -> tuple[float, float]:
    """Return width and height of a picture as it is to be shown: with square pixels, turned by its rotation flag."""
    width = max(1.0, frame.width * float(video.sample_aspect_ratio or 1))
    return (float(frame.height), width) if quarter_turns(frame) % 2 else (width, float(frame.height))


def quarter_turns(frame: VideoFrame) -> int:
    """Return by how many quarters counter-clockwise a picture is to be turned to be shown upright: 0–3."""
    return round(frame.rotation / 90) % 4


def progressive_frames(
    asset: Asset, container: InputContainer, video: VideoStream, wanted: float
) -> Generator[VideoFrame, None, None]:
    """Yield decoded pictures in order; interlaced ones are made whole.

    Args:
        asset: The clip, for errors.
        container: Its open file.
        video: Its picture track.
        wanted: The first picture yielded is the one shown at this moment, in seconds on the file's clock, or one
            before it.
    """
    frames = _decoded_from(asset, container, video, wanted)
    first = next(frames, None)
    if first is None:
        return
    frames_again = chain((first,), frames)
    if not first.interlaced_frame:
        yield from frames_again
        return
    graph = Graph()
    source = graph.add_buffer(template=video)
    source.link_to(deinterlacer := graph.add("bwdif", "mode=send_frame:deint=interlaced"))
    deinterlacer.link_to(sink := graph.add("buffersink"))
    graph.configure()
    for frame in chain(frames_again, (None,)):
        source.push(frame)
        while True:
            try:
                made = sink.pull()
            except (NothingYet, Ended):
                break
            assert isinstance(made, VideoFrame)
            yield made


def _decoded_from(
    asset: Asset, container: InputContainer, video: VideoStream, wanted: float
) -> Generator[VideoFrame, None, None]:
    if wanted > start_seconds(video) and video.time_base is not None:
        # Some files' indexes lead a little too far; a second of reserve costs less than a wrong picture.
        container.seek(max(0, round((wanted - 1.0) / video.time_base)), stream=video)
        frames = decoded_frames(asset, container, video)
        first = next(frames, None)
        if first is not None and frame_seconds(first) <= wanted:
            yield first
            yield from frames
            return
        container.seek(0, stream=video)
    yield from decoded_frames(asset, container, video)


def decoded_frames(asset: Asset, container: InputContainer, video: VideoStream) -> Generator[VideoFrame, None, None]:
    """Decode all pictures in order.

    What cannot be decoded before the first whole picture is passed over, as in a stream cut at its start. Later faults
    end the clip with an error, except in transport streams, which are made to be received with faults.
    """
    started = False
    for packet in container.demux(video):
        try:
            frames = packet.decode()
        except InvalidDataError:
            if started and container.format.name != "mpegts":
                raise
            continue
        for frame in frames:
            assert isinstance(frame, VideoFrame)
            started = True
            if frame.pts is not None:
                yield frame
