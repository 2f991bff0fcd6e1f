"""Other ways to do the same work: the encoder alone, one FFmpeg command, MoviePy."""

import subprocess
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
from av.video.frame import VideoFrame
from PIL import Image

from render_service.compositor.captions.drawing import CaptionFormat, draw_caption
from render_service.compositor.media.assets import Media
from render_service.domain.jobs.job import RenderSpec

X264 = {"preset": "veryfast", "crf": "21"}


def encode_alone(frames: Sequence[VideoFrame], path: Path, fps: int) -> float:
    """Encode ready frames with x264 on all cores; return the seconds."""
    started = time.perf_counter()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options=X264)
        stream.thread_count = 0
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return time.perf_counter() - started


def caption_file(spec: RenderSpec, text: str, path: Path) -> Path:
    """Write a caption as a transparent picture of the frame's size, for those that cannot set Chinese themselves."""
    overlay = draw_caption(text, spec.output.width, spec.output.height, CaptionFormat())
    canvas = np.zeros((spec.output.height, spec.output.width, 4), np.uint8)
    if overlay is not None:
        part = canvas[overlay.y : overlay.y + overlay.height, overlay.x : overlay.x + overlay.width]
        part[:, :, 3] = 255 - overlay.clear
        opacity = np.maximum(part[:, :, 3], 1).astype(np.float32)
        grey = (overlay.luma.astype(np.float32) * 255 / opacity - 16) * 255 / 219
        part[:, :, :3] = np.clip(grey, 0, 255)[..., None].astype(np.uint8)
    Image.fromarray(canvas).save(path)
    return path


def one_command(spec: RenderSpec, media: Media, folder: Path) -> float:
    """Do the work with one FFmpeg command; return the seconds.

    zoompan moves by whole pixels of its input, so the picture is scaled up by two first to keep the zoom from jumping.
    """
    fps, width, height = spec.output.fps, spec.output.width, spec.output.height
    inputs: list[str] = []
    chains: list[str] = []
    for number, shot in enumerate(spec.project.shots):
        assert shot.duration is not None
        frames = round(shot.duration.total_seconds() * fps)
        picture = media.shots[shot.id].image
        caption = caption_file(spec, shot.caption or "", folder / f"caption-{number}.png")
        inputs += ["-i", str(picture), "-i", str(caption)]
        progress = f"(on/{frames - 1})"
        chains.append(
            f"[{2 * number}:v]scale={2 * width}:{2 * height}:force_original_aspect_ratio=increase,"
            f"crop={2 * width}:{2 * height},"
            f"zoompan=z='1+0.1*{progress}*{progress}*(3-2*{progress})':x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2'"
            f":d={frames}:s={width}x{height}:fps={fps},format=yuv420p[z{number}];"
            f"[z{number}][{2 * number + 1}:v]overlay=0:0,settb=1/{fps}[s{number}]"
        )
    last, at = "s0", 0.0
    for number in range(1, len(spec.project.shots)):
        before = spec.project.shots[number - 1].duration
        assert before is not None
        at += before.total_seconds() - 0.5
        chains.append(f"[{last}][s{number}]xfade=transition=fade:duration=0.5:offset={at}[x{number}]")
        last = f"x{number}"
    command = [
        *(imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-v", "error", "-y", *inputs),
        *("-filter_complex", ";".join(chains), "-map", f"[{last}]"),
        *("-c:v", "libx264", "-preset", X264["preset"], "-crf", X264["crf"], "-r", str(fps)),
        *("-movflags", "+faststart", str(folder / "one-command.mp4")),
    ]
    started = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - started


def moviepy(python: Path, spec: RenderSpec, media: Media, folder: Path, shots: int) -> tuple[float, int]:
    """Do the first shots of the work with MoviePy in its own environment; return seconds and frames."""
    chosen = spec.project.shots[:shots]
    arguments = []
    for number, shot in enumerate(chosen):
        assert shot.duration is not None
        caption = caption_file(spec, shot.caption or "", folder / f"moviepy-{number}.png")
        arguments += [str(media.shots[shot.id].image), str(caption), str(shot.duration.total_seconds())]
    script = Path(__file__).with_name("moviepy_work.py")
    output = folder / "moviepy.mp4"
    size = (str(spec.output.width), str(spec.output.height), str(spec.output.fps))
    started = time.perf_counter()
    subprocess.run([str(python), str(script), str(output), *size, *arguments], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    with av.open(str(output)) as container:
        return seconds, container.streams.video[0].frames
