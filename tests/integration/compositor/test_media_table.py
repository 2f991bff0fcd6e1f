"""Clips of every container and codec show the pictures, and play the sounds, that FFmpeg's own decoder finds in them.

Every picture carries its number, every second begins with a beep.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from render_service.compositor.media.assets import clip_asset
from render_service.compositor.media.clips import ClipReader, FrameFormat
from render_service.compositor.media.probing import probe_clip
from render_service.compositor.media.sound_format import SAMPLE_RATE
from render_service.compositor.media.sounds import decode_sound
from tests.integration.compositor.oracle import Sound, decoded_sound, ffmpeg

FPS, SECONDS = 25, 3
FRAMES = FPS * SECONDS
WIDTH, HEIGHT = 176, 144  # H.263 takes few sizes
FRAME = 1 / FPS


def picture(number: int) -> NDArray[np.uint8]:
    """A picture with a number in binary, as two rows of four fields, the lowest bit first."""
    bits = np.array([number >> bit & 1 for bit in range(8)], np.uint8).reshape(2, 4)
    return np.kron(16 + 219 * bits, np.ones((HEIGHT // 2, WIDTH // 4), np.uint8)).astype(np.uint8)


def number_in(luma: NDArray[np.uint8]) -> int:
    fields = luma.reshape(2, HEIGHT // 2, 4, WIDTH // 4)[:, 20:-20, :, 12:-12].mean(axis=(1, 3)).reshape(8)
    return sum((field > 125) << bit for bit, field in enumerate(fields))


def beeps() -> Sound:
    """100 ms of 1 kHz at the beginning of every second."""
    time = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    tone = np.where(time % 1 < 0.1, 0.5 * np.sin(2000 * np.pi * time), 0)
    return np.stack([tone, tone]).astype(np.float32)


def onsets(sound: Sound) -> list[float]:
    """When beeps begin, in seconds."""
    loud = np.abs(sound).max(axis=0).reshape(-1)
    blocks = loud[: len(loud) // 48 * 48].reshape(-1, 48).max(axis=1) > 0.1
    found: list[float] = []
    for block in np.flatnonzero(blocks):
        if not found or block / 1000 - found[-1] > 0.5:
            found.append(block / 1000)
    return found


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of clip.

    Args:
        container: What people call the container.
        video: What they call its video codec.
        sound: What they call its sound codec; empty without sound.
        suffix: The file's name ends in it.
        options: How FFmpeg is to make it.
        late: By how many pictures it may be late: FFmpeg's muxers delay the pictures of some files by one.
        join: How often the file is repeated, byte by byte.
    """

    container: str
    video: str
    sound: str
    suffix: str
    options: str
    late: int = 0
    join: int = 1

    @property
    def name(self) -> str:
        return f"{self.container} {self.video} {self.sound}" + (" joined" if self.join > 1 else "")


H264 = "-c:v libx264 -bf 2 -g 20 -preset veryfast"
HEVC = "-c:v libx265 -preset ultrafast -g 20 -x265-params log-level=error:pools=1:frame-threads=1"
AV1 = "-c:v libsvtav1 -preset 10 -crf 8 -g 20 -svtav1-params lp=1"
VP8 = "-c:v libvpx -deadline realtime -cpu-used 8 -g 20"
VP9 = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 20"
AMR = "-c:a libopencore_amrnb -ar 8000 -ac 1 -b:a 12.2k"
CASES = [
    Case("MP4", "H.264", "AAC", ".mp4", f"{H264} -c:a aac"),
    Case("MP4", "H.264", "MP3", ".mp4", f"{H264} -c:a libmp3lame"),
    Case("MP4", "H.264", "AC-3", ".mp4", f"{H264} -c:a ac3"),
    Case("MP4", "H.264", "ALAC", ".mp4", f"{H264} -c:a alac"),
    Case("MP4", "H.265", "AAC", ".mp4", f"{HEVC} -c:a aac"),
    Case("MP4", "AV1", "AAC", ".mp4", f"{AV1} -c:a aac"),
    Case("MP4", "VP9", "Opus", ".mp4", f"{VP9} -c:a libopus"),
    Case("MP4", "MPEG-4 Part 2", "AAC", ".mp4", "-c:v mpeg4 -q:v 3 -bf 2 -g 20 -c:a aac"),
    Case("fragmented MP4", "H.264", "AAC", ".mp4", f"{H264} -c:a aac -movflags frag_keyframe+empty_moov"),
    Case("QuickTime", "ProRes 422", "PCM", ".mov", "-c:v prores_ks -profile:v 2 -c:a pcm_s16le"),
    Case("QuickTime", "ProRes 4444", "PCM", ".mov", "-c:v prores_ks -profile:v 4 -pix_fmt yuva444p10le -c:a pcm_s24le"),
    Case("QuickTime", "Motion JPEG", "PCM", ".mov", "-c:v mjpeg -q:v 3 -c:a pcm_s16be"),
    Case("QuickTime", "PNG", "PCM", ".mov", "-c:v png -c:a pcm_s16le"),
    Case("QuickTime", "QuickTime Animation", "PCM", ".mov", "-c:v qtrle -c:a pcm_s16le"),
    Case("QuickTime", "MPEG-2", "PCM", ".mov", "-c:v mpeg2video -q:v 3 -bf 2 -c:a pcm_s16le"),
    Case("3GP", "H.263", "AMR", ".3gp", f"-c:v h263 -q:v 3 {AMR}"),
    Case("Matroska", "H.264", "FLAC", ".mkv", f"{H264} -c:a flac"),
    Case("Matroska", "H.265", "Opus", ".mkv", f"{HEVC} -c:a libopus"),
    Case("Matroska", "AV1", "Opus", ".mkv", f"{AV1} -c:a libopus"),
    Case("Matroska", "FFV1", "PCM", ".mkv", "-c:v ffv1 -c:a pcm_s16le"),
    Case("Matroska", "Theora", "Vorbis", ".mkv", "-c:v libtheora -q:v 8 -c:a libvorbis"),
    Case("Matroska", "MPEG-2", "MP2", ".mkv", "-c:v mpeg2video -q:v 3 -bf 2 -c:a mp2"),
    Case("Matroska", "MPEG-4 Part 2", "MP3", ".mkv", "-c:v mpeg4 -q:v 3 -bf 2 -c:a libmp3lame"),
    Case("Matroska", "H.264", "E-AC-3", ".mkv", f"{H264} -c:a eac3"),
    Case("WebM", "VP8", "Vorbis", ".webm", f"{VP8} -c:a libvorbis"),
    Case("WebM", "VP9", "Opus", ".webm", f"{VP9} -c:a libopus"),
    Case("WebM", "VP8 with opacity", "Vorbis", ".webm", f"{VP8} -pix_fmt yuva420p -auto-alt-ref 0 -c:a libvorbis"),
    Case("WebM", "VP9 with opacity", "Opus", ".webm", f"{VP9} -pix_fmt yuva420p -c:a libopus"),
    Case("WebM", "AV1", "Opus", ".webm", f"{AV1} -c:a libopus"),
    Case("AVI", "MPEG-4 Part 2", "MP3", ".avi", "-c:v mpeg4 -q:v 3 -g 20 -c:a libmp3lame", late=1),
    Case("AVI", "MPEG-4 Part 2 with B-frames", "MP3", ".avi", "-c:v mpeg4 -q:v 3 -bf 2 -g 20 -c:a libmp3lame", late=1),
    Case("AVI", "H.264 with B-frames", "PCM", ".avi", f"{H264} -c:a pcm_s16le", late=2),
    Case("AVI", "Motion JPEG", "PCM", ".avi", "-c:v mjpeg -q:v 3 -c:a pcm_s16le"),
    Case("AVI", "MS MPEG-4 v2", "MP3", ".avi", "-c:v msmpeg4v2 -q:v 3 -c:a libmp3lame", late=1),
    Case("AVI", "MS MPEG-4 v3", "AC-3", ".avi", "-c:v msmpeg4 -q:v 3 -c:a ac3"),
    Case("MPEG transport stream", "H.264", "AAC", ".ts", f"{H264} -c:a aac"),
    Case("MPEG transport stream", "H.265", "AAC", ".ts", f"{HEVC} -c:a aac"),
    Case("MPEG transport stream", "MPEG-2", "MP2", ".ts", "-c:v mpeg2video -q:v 3 -bf 2 -g 20 -c:a mp2"),
    Case("MPEG transport stream", "H.264", "AC-3", ".ts", f"{H264} -c:a ac3"),
    Case("M2TS (192-byte packets)", "H.264", "AC-3", ".m2ts", f"{H264} -c:a ac3 -mpegts_m2ts_mode 1"),
    Case("MPEG transport stream", "H.264", "AAC", ".ts", f"{H264} -c:a aac", late=3, join=2),
    Case("MPEG program stream", "MPEG-1", "MP2", ".mpg", "-c:v mpeg1video -q:v 3 -bf 2 -g 20 -c:a mp2"),
    Case("MPEG program stream", "MPEG-2", "AC-3", ".vob", "-c:v mpeg2video -q:v 3 -bf 2 -g 20 -c:a ac3"),
    Case("FLV", "H.264", "AAC", ".flv", f"{H264} -c:a aac"),
    Case("FLV", "Sorenson Spark", "MP3", ".flv", "-c:v flv -q:v 3 -c:a libmp3lame -ar 44100"),
    Case("ASF", "WMV 1", "WMA 1", ".asf", "-c:v wmv1 -q:v 3 -c:a wmav1"),
    Case("ASF", "WMV 2", "WMA 2", ".wmv", "-c:v wmv2 -q:v 3 -c:a wmav2"),
    Case("Ogg", "Theora", "Vorbis", ".ogv", "-c:v libtheora -q:v 8 -c:a libvorbis"),
    Case("MXF", "MPEG-2", "PCM", ".mxf", "-c:v mpeg2video -q:v 3 -bf 2 -c:a pcm_s16le"),
    Case("IVF", "VP9", "", ".ivf", VP9),
    Case("GIF", "GIF", "", ".gif", "-c:v gif"),
    Case("APNG", "PNG", "", ".apng", "-c:v apng -f apng"),
    Case("WebP", "animated WebP", "", ".webp", "-c:v libwebp_anim -lossless 1 -loop 0"),
]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], Path]:
    folder = tmp_path_factory.mktemp("table")
    numbered, beeping = folder / "numbered.gray", folder / "beeping.raw"
    numbered.write_bytes(b"".join(picture(number).tobytes() for number in range(FRAMES)))
    beeping.write_bytes(beeps().T.astype("<f4").tobytes())
    pictures = f"-f rawvideo -pix_fmt gray -s {WIDTH}x{HEIGHT} -r {FPS} -i {numbered}".split()
    sounds = f"-f f32le -ar {SAMPLE_RATE} -ac 2 -i {beeping}".split()

    def made(case: Case) -> Path:
        path = folder / f"clip{case.suffix}"
        limited = "scale=in_range=tv:out_range=tv:out_color_matrix=smpte170m,format=yuv420p"
        filters = [] if "-pix_fmt" in case.options else ["-vf", limited]
        ffmpeg("-v", "error", *pictures, *(sounds if case.sound else ()), *filters, *case.options.split(), path)
        path.write_bytes(path.read_bytes() * case.join)
        return path

    return made


def seen_by_ffmpeg(path: Path) -> list[int]:
    """Decode all pictures of a clip, in the order of their times."""
    raw = ffmpeg("-v", "fatal", "-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-")
    return [number_in(frame) for frame in np.frombuffer(raw, np.uint8).reshape(-1, HEIGHT, WIDTH)]


def seen(path: Path, first: int, count: int) -> list[int]:
    form = FrameFormat(WIDTH, HEIGHT, FPS)
    with ClipReader(clip_asset("opening", path), form, first=first) as reader:
        return [number_in(np.ascontiguousarray(reader.read().y)) for _ in range(count)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_clip_is_shown_and_heard_as_ffmpeg_decodes_it(case: Case, make: Callable[[Case], Path]) -> None:
    path = make(case)
    total = FRAMES * case.join
    facts = probe_clip(clip_asset("opening", path))
    assert abs(facts.duration.total_seconds() - total * FRAME) < (1.5 + case.late) * FRAME
    wanted = seen_by_ffmpeg(path)
    assert wanted == [*range(FRAMES)] * case.join
    ours = seen(path, 0, total)
    assert np.abs(np.array(ours) - np.array(wanted)).max() <= case.late
    assert ours[0] == 0
    assert ours[-1] >= FRAMES - 1 - case.late
    for first in (FPS - 1, total // 2 + 3, total - 2):
        assert seen(path, first, 4)[: total - first] == ours[first : first + 4]
    if case.sound:
        sound = np.concatenate([*decode_sound(clip_asset("opening", path))], axis=1)
        # WMA loses its first 43 ms.
        assert np.allclose(onsets(sound), range(SECONDS * case.join), atol=0.045)
        assert len(onsets(decoded_sound(path))) >= SECONDS
