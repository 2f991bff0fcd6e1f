"""The work that is measured: six photos of five seconds with captions, slow zooms and cross-fades, or other work."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
from google.protobuf.json_format import Parse
from render_client.v1 import project_pb2

from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot

FORM = OutputSpec(1920, 1080, 30, Quality.STANDARD)

CAPTIONS = (
    "The ferry leaves before the sun is up.",
    "港口的清晨，第一班渡轮缓缓离岸。",
    "Nobody speaks until the coffee has made its round.",
    "By eight the whole quay smells of bread and diesel.",
    "午后，风把云吹到了山的另一边。",
    "In the evening the lamps come on, one after the other.",
)


def photos(folder: Path) -> list[Path]:
    """Return the pictures of `PHOTOS=DIR`, or six made ones of photographic detail, noise and size."""
    given = os.environ.get("PHOTOS")
    if given:
        kinds = (".jpg", ".jpeg", ".png", ".webp", ".avif")
        return sorted(path for path in Path(given).iterdir() if path.suffix.lower() in kinds)
    made = [folder / f"photo-{number}.jpg" for number in range(6)]
    if not all(path.exists() for path in made):
        # In a process of its own: the memory it takes is none of the compositor's.
        subprocess.run([sys.executable, "-m", "benchmarks.compositor.work", *map(str, made)], check=True)
    return made


def _made(path: Path, seed: int, width: int = 3000, height: int = 2000) -> Path:
    """Write a picture with the spectrum of natural ones (energy at low frequencies), edges, light and grain."""
    random = np.random.default_rng(seed)
    across, down = np.fft.rfftfreq(width)[None, :], np.fft.fftfreq(height)[:, None]
    frequency = np.maximum(np.hypot(across, down), 1 / width)
    layers = []
    for _ in range(3):
        phases = random.normal(size=(height, across.shape[1])) + 1j * random.normal(size=(height, across.shape[1]))
        layer = np.fft.irfft2(phases / frequency**1.6, s=(height, width))
        layers.append((layer - layer.mean()) / layer.std())
    light, detail, tint = layers
    # Hills in front of each other: hard edges with texture on both sides.
    picture = np.zeros((height, width, 3), np.float32)
    picture += (150 + 30 * light)[..., None] * np.array((1.08, 1.0, 0.9), np.float32)
    for distance in range(5):
        ridge = height * (0.35 + 0.13 * distance) + 90 * light[height // 2] * (1 + 0.3 * distance)
        below = np.arange(height)[:, None] > np.roll(ridge, int(random.integers(width)))[None, :]
        shade = (120 - 18 * distance) + (14 + 5 * distance) * detail
        colour = 1 + 0.12 * random.uniform(-1, 1, 3)
        picture = np.where(below[..., None], shade[..., None] * colour, picture)
    picture += (6 * tint)[..., None] * np.array((1, -0.4, -0.6), np.float32) + random.normal(0, 1.0, picture.shape)
    pixels = cv2.GaussianBlur(np.clip(picture, 0, 255).astype(np.uint8), (0, 0), 0.6)
    cv2.imwrite(str(path), pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])
    return path


def storyboard(folder: Path, shots: int = 6) -> tuple[RenderSpec, Media]:
    """Return the work: `STORYBOARD=FILE` with the pictures in order, or `shots` shots of five seconds."""
    pictures = photos(folder)
    given = os.environ.get("STORYBOARD")
    if given:
        message = Parse(Path(given).read_text(), project_pb2.Project(), ignore_unknown_fields=True)
        listed = [
            Shot(
                shot.id or f"shot-{number}",
                caption=shot.caption or shot.narration,
                duration=shot.duration.ToTimedelta() if shot.HasField("duration") else timedelta(seconds=5),
                image_uri="given",
            )
            for number, shot in enumerate(message.storyboard.shots, start=1)
        ]
    else:
        listed = [
            Shot(
                f"shot-{number}",
                caption=CAPTIONS[number % len(CAPTIONS)],
                duration=timedelta(seconds=5),
                image_uri="given",
            )
            for number in range(shots)
        ]
    media = Media({shot.id: ShotMedia(image=pictures[number % len(pictures)]) for number, shot in enumerate(listed)})
    return RenderSpec(Project(title="Benchmark", shots=tuple(listed)), FORM), media


def write_clip(picture: Path, path: Path, seconds: int) -> Path:
    """Write a clip that moves over a picture, 1280 × 720 pixels at 30 frames per second, and return its path."""
    moving = "scale=1600:-2,crop=1280:720:x='t*10':y='t*5'"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-loop", "1", "-framerate", "30"]
    command += ["-i", str(picture), "-t", str(seconds), "-vf", moving, "-c:v", "libx264", "-preset", "veryfast"]
    subprocess.run([*command, "-pix_fmt", "yuv420p", str(path)], check=True)
    return path


if __name__ == "__main__":
    for seed, name in enumerate(sys.argv[1:]):
        _made(Path(name), seed)
