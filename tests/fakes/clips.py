"""Real clips, as a provider would make them: H.264 in MP4 by FFmpeg."""

import subprocess
import tempfile
from functools import cache
from pathlib import Path

import imageio_ffmpeg


@cache
def make_clip(width: int, height: int, seconds: float, sound: bool = False) -> bytes:
    """Return a clip of moving test bars at 24 pictures a second."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        tone = ["-f", "lavfi", "-i", f"sine=440:duration={seconds}", "-c:a", "aac"] if sound else []
        source = f"testsrc2=size={width}x{height}:rate=24:duration={seconds}"
        codec = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
        ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
        command = [ffmpeg, "-v", "error", "-f", "lavfi", "-i", source, *tone, *codec, "-threads", "1", str(path)]
        subprocess.run(command, check=True)
        return path.read_bytes()
