"""How each codec is driven: encoder, settings by quality, and what its streams look like.

Every setting keeps three rules: one thread (the processes are the parallelism), the same bytes on every run and
machine, and the same headers in every segment whatever it shows, so that packets of segments can be joined.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2

from render_service.domain.projects.output import Container, Quality, VideoCodec, default_codec

KEYFRAME_SECONDS = 20
"""Few segments are longer than this, so almost all have exactly one keyframe, their first."""

_FORCING = ("libx264", "libx265")  # have the option; AV1's intra pictures are keyframes without it
_AVX512 = 13  # CV_CPU_AVX_512F of OpenCV's cvdef.h
_X265 = "log-level=error:pools=none:frame-threads=1:wpp=0:scenecut=0:open-gop=0:info=0:bframes=3:b-adapt=0"


@dataclass(frozen=True, slots=True)
class CodecSettings:
    """How pictures are encoded with one codec.

    Args:
        encoder: Name of the encoder in libav.
        by_quality: Options of the encoder by quality.
        options: Further options, the same for every quality.
        names: Names under which libav reads a stream of it back.
        pixel_format: Form of the pictures that the encoder takes.
        profile: The profile that its streams name, as libav reads it back; empty if it is not checked.
        delay: How many pictures a picture may be decoded before it is shown.
        keyframes: Whether pictures depend on each other, so that keyframes have a distance.
        tag: The stream's four letters in MP4 and MOV; empty for libav's choice.
    """

    encoder: str
    by_quality: Mapping[Quality, Mapping[str, str]]
    options: Mapping[str, str]
    names: tuple[str, ...]
    pixel_format: str = "yuv420p"
    profile: str = ""
    delay: int = 0
    keyframes: bool = True
    tag: str = ""

    def encoder_options(self, quality: Quality, fps: int, *, forces_keyframes: bool = False) -> dict[str, str]:
        """Return the options of the encoder for a quality and a frame rate.

        `forces_keyframes`: an intra picture that is asked for begins a closed GOP.
        """
        distance = {"g": str(KEYFRAME_SECONDS * fps)} if self.keyframes else {}
        machine = {}
        if self.encoder == "libx264" and cv2.checkHardwareSupport(_AVX512):
            # x264's AVX-512 code reads uninitialised memory at some widths (192, 320 and 1080 among them) and differs
            # from its AVX2 code for some pictures at 1920: neither two runs nor two machines would agree. The AVX2
            # code is deterministic and 4 % slower.
            machine["x264-params"] = "asm=avx2"
        forced = {"forced-idr": "1"} if forces_keyframes and self.encoder in _FORCING else {}
        return {**self.by_quality[quality], **distance, **self.options, **machine, **forced}


CODECS: Mapping[VideoCodec, CodecSettings] = {
    # A segment holds one shot, so scene-cut detection is off. With B-frames H.264 is decoded up to two pictures before
    # it is shown (x264's pyramid).
    VideoCodec.H264: CodecSettings(
        "libx264",
        {
            Quality.DRAFT: {"preset": "superfast", "crf": "27"},
            Quality.STANDARD: {"preset": "veryfast", "crf": "21"},
            Quality.HIGH: {"preset": "slow", "crf": "17"},
        },
        {"profile": "high", "sc_threshold": "0"},
        ("h264",),
        profile="High",
        delay=2,
    ),
    VideoCodec.HEVC: CodecSettings(
        "libx265",
        {
            Quality.DRAFT: {"preset": "ultrafast", "crf": "30"},
            Quality.STANDARD: {"preset": "superfast", "crf": "24"},
            Quality.HIGH: {"preset": "medium", "crf": "20"},
        },
        {"x265-params": _X265},
        ("hevc",),
        profile="Main",
        delay=2,
        tag="hvc1",
    ),
    VideoCodec.AV1: CodecSettings(
        "libsvtav1",
        {
            Quality.DRAFT: {"preset": "12", "crf": "42"},
            Quality.STANDARD: {"preset": "10", "crf": "36"},
            Quality.HIGH: {"preset": "7", "crf": "26"},
        },
        {"svtav1-params": "lp=1:scd=0"},
        ("libdav1d", "av1"),
        profile="Main",
    ),
    VideoCodec.VP9: CodecSettings(
        "libvpx-vp9",
        {
            Quality.DRAFT: {"deadline": "realtime", "cpu-used": "8", "crf": "38"},
            Quality.STANDARD: {"deadline": "realtime", "cpu-used": "6", "crf": "31"},
            Quality.HIGH: {"deadline": "good", "cpu-used": "3", "crf": "24"},
        },
        {"b": "0", "row-mt": "0"},
        ("vp9", "libvpx-vp9"),
    ),
    VideoCodec.PRORES_422_HQ: CodecSettings(
        "prores_ks",
        {quality: {} for quality in Quality},
        {"profile": "hq", "vendor": "apl0"},
        ("prores",),
        pixel_format="yuv422p10le",
        profile="HQ",
        keyframes=False,
        tag="apch",
    ),
}


def segment_codec(container: Container, codec: VideoCodec | None) -> VideoCodec:
    """Return how the segments of a video are coded; those of an animation are H.264, and are decoded again.

    Args:
        container: The file format.
        codec: The codec that was asked for; None for the default.
    """
    return codec or default_codec(container) or VideoCodec.H264
