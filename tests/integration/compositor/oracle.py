"""FFmpeg as a judge of its own: makes media of every kind for the tests, and decodes and measures what we make."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]


def ffmpeg(*arguments: str | Path, content: bytes | None = None) -> bytes:
    """Run FFmpeg; return its standard output. Its warnings are errors."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    done = subprocess.run(
        [program, "-hide_banner", "-y", "-v", "warning", *map(str, arguments)],
        input=content or b"",
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(done.stderr.decode(errors="replace"))
    return done.stdout


def warnings_of_decoding(path: Path) -> str:
    """Decode a file whole; return everything FFmpeg has to say about it."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-hide_banner", "-nostdin", "-v", "warning", "-i", str(path), "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, check=True).stderr.decode()


def decoded_sound(path: Path) -> Sound:
    """Decode the sound of a file as a player would: (2, n) samples at 48 kHz."""
    raw = ffmpeg("-i", path, "-map", "0:a:0", "-f", "f32le", "-ar", "48000", "-ac", "2", "-")
    return np.frombuffer(raw, "<f4").reshape(-1, 2).T


@dataclass(frozen=True, slots=True)
class Measured:
    """Loudness as FFmpeg measures it: integrated in LUFS, true peak in dBTP."""

    integrated: float
    true_peak: float


def measured(path: Path) -> Measured:
    """Measure a file with FFmpeg's ebur128 filter."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-hide_banner", "-nostdin", "-i", str(path), "-af", "ebur128=peak=true", "-f", "null", "-"]
    output = subprocess.run(command, capture_output=True, check=True).stderr.decode()
    summary = output[output.rindex("Summary:") :]
    integrated = re.search(r"I:\s+(\S+) LUFS", summary)
    peak = re.search(r"Peak:\s+(\S+) dBFS", summary)
    assert integrated is not None
    assert peak is not None
    return Measured(float(integrated[1]), float(peak[1]))


def write_sound(path: Path, sound: Sound, rate: int = 48_000, *options: str) -> Path:
    """Write (channels, n) samples into a file whose name gives the format."""
    raw = ("-f", "f32le", "-ar", str(rate), "-ac", str(sound.shape[0]), "-i", "-")
    ffmpeg(*raw, *options, path, content=sound.T.astype("<f4").tobytes())
    return path
