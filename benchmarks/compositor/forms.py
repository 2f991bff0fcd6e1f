"""`make bench-forms`: what other codecs cost beside H.264, in time and bytes, and a GIF beside its encoder alone."""

import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import GifImagePlugin, Image

from benchmarks.compositor import ours, work
from render_service.compositor.compositor import Compositor
from render_service.compositor.encoding.gif import write_gif
from render_service.compositor.media.assets import Media
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import ANIMATION_FPS, ANIMATION_SIDE, VideoCodec

GIF_TARGET = 3.0
"""How many times the processor time of its encoder a GIF may take."""
_SHOTS = 2
_CODECS = (VideoCodec.H264, VideoCodec.HEVC, VideoCodec.AV1)
_TICK = Fraction(1, 100)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a video took: seconds of wall time and of processor time, and its bytes."""

    seconds: float
    processor: float
    size: int


async def codecs(compositor: Compositor, folder: Path, rounds: int) -> dict[VideoCodec, Cost]:
    """Return the least that the same work costs as MP4 with each codec.

    Args:
        compositor: A compositor that is ready.
        folder: For the pictures and the videos.
        rounds: How often each video is made, in turns.
    """
    spec, media = work.storyboard(folder, _SHOTS)
    found: dict[VideoCodec, list[Cost]] = {codec: [] for codec in _CODECS}
    for attempt in range(rounds):
        for codec, costs in found.items():
            wanted = RenderSpec(spec.project, replace(spec.output, codec=codec))
            store = ours.FolderStore(folder / f"forms-{attempt}-{codec}")
            begun = ours.cpu_seconds(compositor.pids)
            made = await ours.measure(compositor, wanted, media, folder, store)
            processor = ours.cpu_seconds(compositor.pids) - begun
            costs.append(Cost(made.seconds, processor, made.video.stat().st_size))
    return {
        codec: Cost(min(cost.seconds for cost in costs), min(cost.processor for cost in costs), costs[0].size)
        for codec, costs in found.items()
    }


async def gif(compositor: Compositor, folder: Path, rounds: int) -> tuple[float, float]:
    """Return the processor time in seconds that a GIF takes once its segments are made, and that of its encoder alone.

    Args:
        compositor: A compositor that is ready.
        folder: For the pictures and the files.
        rounds: How often each is measured, in turns; the least counts.
    """
    spec, media = work.storyboard(folder, _SHOTS)
    video, frames = await _small_video(compositor, spec, media, folder)
    path = folder / "animation.gif"
    whole, alone = [], []
    for _ in range(rounds):
        began = time.process_time()
        write_gif([video], ANIMATION_FPS, frames, path)
        whole.append(time.process_time() - began)
        ready = _pictures(path)
        began = time.process_time()
        _encode(ready, folder / "alone.gif")
        alone.append(time.process_time() - began)
    return min(whole), min(alone)


async def _small_video(compositor: Compositor, spec: RenderSpec, media: Media, folder: Path) -> tuple[Path, int]:
    """Compose the work in the size of an animation; return the video and how many frames it has."""
    height = ANIMATION_SIDE * spec.output.height // spec.output.width // 2 * 2
    small = replace(spec.output, width=ANIMATION_SIDE, height=height, fps=ANIMATION_FPS)
    store = ours.FolderStore(folder / "forms-small")
    made = await ours.measure(compositor, RenderSpec(spec.project, small), media, folder, store)
    return made.video, made.frames


def _pictures(path: Path) -> list[VideoFrame]:
    """Return the pictures of a GIF as its encoder was given them: in its own colors."""
    frames = []
    GifImagePlugin.LOADING_STRATEGY = GifImagePlugin.LoadingStrategy.RGB_AFTER_DIFFERENT_PALETTE_ONLY
    with Image.open(path) as animation:
        for number in range(getattr(animation, "n_frames", 1)):
            animation.seek(number)
            assert animation.mode == "P"
            colors = np.full((256, 4), 255, np.uint8)  # blue, green, red, alpha
            given = np.asarray(animation.getpalette(), np.uint8).reshape(-1, 3)
            colors[: len(given), :3] = given[:, ::-1]
            frame = VideoFrame(animation.width, animation.height, "pal8")
            indices, entries = frame.planes
            rows = np.frombuffer(memoryview(indices), np.uint8).reshape(indices.height, indices.line_size)
            rows[:, : indices.width] = np.asarray(animation)
            entries.update(colors.tobytes())
            frame.pts, frame.time_base = round(number * 100 / ANIMATION_FPS), _TICK
            frames.append(frame)
    return frames


def _encode(frames: list[VideoFrame], path: Path) -> None:
    with av.open(str(path), "w", format="gif", options={"loop": "0"}) as output:
        stream = output.add_stream("gif", rate=ANIMATION_FPS)
        assert isinstance(stream, VideoStream)
        stream.pix_fmt, stream.width, stream.height = "pal8", frames[0].width, frames[0].height
        stream.codec_context.time_base = _TICK
        for frame in frames:
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def lines(costs: dict[VideoCodec, Cost]) -> list[str]:
    """Return the costs of the codecs as sentences of a report."""
    usual = costs[VideoCodec.H264]
    return [
        f"- {codec.upper()}: {cost.seconds:.2f} s, {cost.processor:.2f} s of processor time, {cost.size / 1e6:.2f} MB"
        + (
            ""
            if codec is VideoCodec.H264
            else f"; {cost.processor / usual.processor:.2f} times the processor time of H264, "
            f"{cost.size / usual.size:.2f} times its bytes"
        )
        + "."
        for codec, cost in costs.items()
    ]


async def main() -> int:
    """Measure both alone; return the exit code."""
    rounds = int(os.environ.get("ROUNDS", "3"))
    with tempfile.TemporaryDirectory(prefix="bench-forms-") as name:
        folder = Path(name)
        compositor = Compositor(processes=os.cpu_count() or 1)
        await compositor.start()
        sys.stdout.write("\n".join(lines(await codecs(compositor, folder, rounds))) + "\n")
        whole, alone = await gif(compositor, folder, rounds)
        await compositor.close()
    met = whole <= GIF_TARGET * alone
    sys.stdout.write(
        f"- GIF: {whole:.2f} s of processor time, its encoder alone {alone:.2f} s: {whole / alone:.2f} times as much "
        f"(≤ {GIF_TARGET:g}) {'ok' if met else 'MISSED'}.\n"
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
