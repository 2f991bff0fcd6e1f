"""Decodes the pictures of a clip in order, from any time on, and deinterlaces them."""

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
    """Return the clip's first video track, ready to decode.

    Raises:
        RenderFailure: ASSET_INVALID where there is none, its codec is not supported, or its frames are too large.
    """
    videos = container.streams.video
    if not videos:
        raise asset.invalid(AssetFault.NOT_A_VIDEO, "the file has no video track")
    video = videos[0]
    codec = video.codec_context
    if codec is None or codec.name not in VIDEO_CODECS:
        name = codec.name if codec is not None else "unknown"
        raise asset.invalid(
            AssetFault.UNSUPPORTED_CODEC, f"the video codec {name} is not supported; convert the clip to H.264"
        )
    if codec.width * codec.height > limits.clip_pixels:
        raise asset.invalid(
            AssetFault.TOO_MANY_PIXELS, f"the clip has more than {limits.clip_pixels} pixels a frame; scale it down"
        )
    codec.thread_count = 1
    return video


def start_seconds(video: VideoStream) -> float:
    """Return the time of the first picture, in seconds on the file's clock."""
    if video.start_time is None or video.time_base is None:
        return 0.0
    return float(video.start_time * video.time_base)


def frame_seconds(frame: VideoFrame) -> float:
    """Return the time of a picture, in seconds on the file's clock."""
    return float(frame.pts * frame.time_base) if frame.pts is not None and frame.time_base is not None else 0.0


def shown_size(frame: VideoFrame, video: VideoStream) -> tuple[float, float]:
    """Return width and height of a picture as displayed: with square pixels, rotated upright."""
    width = max(1.0, frame.width * float(video.sample_aspect_ratio or 1))
    return (float(frame.height), width) if quarter_turns(frame) % 2 else (width, float(frame.height))


def quarter_turns(frame: VideoFrame) -> int:
    """Return the counter-clockwise quarter turns, 0–3, that display a picture upright."""
    return round(frame.rotation / 90) % 4


def progressive_frames(
    asset: Asset, container: InputContainer, video: VideoStream, wanted: float
) -> Generator[VideoFrame, None, None]:
    """Yield decoded pictures in order, deinterlaced.

    Args:
        asset: The clip, named in errors.
        container: Its open file.
        video: Its video track.
        wanted: The first picture yielded is the one shown at this time, in seconds on the file's clock, or an
            earlier one.
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
        # Some indexes seek slightly too far; a second of margin costs less than a wrong picture.
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

    Packets that cannot be decoded before the first picture are skipped, as in a stream cut at its start. Later errors
    fail the clip, except in transport streams, which are designed for lossy reception.
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
