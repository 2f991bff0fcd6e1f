"""Mixes the sound of the whole video once: narration, clips and music, levelled, limited and encoded."""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.audio.stream import AudioStream

from render_service.compositor.media.assets import Asset
from render_service.compositor.media.sound_format import SAMPLE_RATE, Sound
from render_service.compositor.sound.limiter import (
    CONTEXT,
    MOST_LIMITING_DB,
    PEAK_CEILING_DBTP,
    limited,
    limiting_gain,
)
from render_service.compositor.sound.loudness import LoudnessMeter, from_db, to_db
from render_service.compositor.sound.spec import SoundFacts, SoundSpec
from render_service.compositor.sound.stems import write_stems
from render_service.compositor.sound.tracks import BLOCK, level_tracks, mixed
from render_service.domain.jobs.job import AudioTrackKind
from render_service.domain.projects.output import Container, Quality

AAC_PRIMING = 1024  # samples that libav's encoder puts before the first; the file's edit list takes them off again

_TOLERANCE_LU = 0.1
_QUIET_LU = 1.0
_ENCODED_TOLERANCE_LU = 0.3
_ENCODINGS = 4
_ENCODER_MARGIN_DB = 1.0  # lossy coding moves peaks; checked after encoding, and widened where it was not enough
_BIT_RATES = {Quality.DRAFT: 128_000, Quality.STANDARD: 192_000, Quality.HIGH: 320_000}
_SAMPLE_BYTES = 8
_UNCOMPRESSED = "pcm_s24le"
# File format, codec and form of the samples that the codec takes, by the video's file format.
_CODECS = {
    Container.MP4: ("mp4", "aac", "fltp"),
    Container.WEBM: ("webm", "libopus", "flt"),
    Container.MOV: ("mov", _UNCOMPRESSED, "s32"),
}


@dataclass(frozen=True, slots=True)
class _Mastered:
    """A finished sound: what was measured of it, and the linear gain and ceiling that the mix got."""

    facts: SoundFacts
    gain: float
    ceiling: float


def mix_sound(content: bytes, assets: Mapping[str, Asset], path: Path) -> SoundFacts:
    """Mix the sound of a whole video and encode it once.

    Everything is streamed in blocks of a second: memory does not grow with length. The mix is levelled to the
    integrated loudness that the spec names, with true peaks at most −1 dBTP after encoding (EBU R 128); sound whose
    peaks stand out too far for that stays quieter. Where nothing sounds the track is silent.

    Args:
        content: A `SoundSpec` in canonical form.
        assets: The local files that it names, by content hash.
        path: The file to write: AAC in MP4, Opus in WebM where the video is WebM, 24-bit PCM in MOV where it is MOV;
            48 kHz stereo, exactly as long as the video. A file of the same name with `.pcm` appended lies beside it
            meanwhile; where the spec asks for stems, they lie beside it afterwards, see `spec.stem_file`.

    Returns:
        What was made, as measured on the encoded result.

    Raises:
        RenderFailure: ASSET_INVALID for a sound that cannot be decoded.
    """
    spec = SoundSpec.from_bytes(content)
    raw = path.with_name(f"{path.name}.pcm")
    try:
        meter = LoudnessMeter()
        levelled = level_tracks(spec, assets)
        with raw.open("wb") as file:
            for block in mixed(levelled.all(), spec.samples):
                meter.feed(block)
                file.write(block.T.tobytes())
        with raw.open("rb") as file:
            mastered = _level_and_encode(file, meter, path, spec, levelled.most_gain)
            quiet = levelled.quiet or _all_quiet(spec, meter.integrated(), levelled.most_gain)
            stems: tuple[AudioTrackKind, ...] = ()
            if spec.stems:
                stems = write_stems(levelled.tracks, _gains(file, spec.samples, mastered), spec.samples, path)
            return replace(mastered.facts, quiet=quiet, stems=stems)
    finally:
        raw.unlink(missing_ok=True)


def _all_quiet(spec: SoundSpec, lufs: float, most_gain: float) -> tuple[str, ...]:
    """Return the sounds of a mix without narration that stays clearly too quiet with all the gain that it may get."""
    if spec.narrations or not math.isfinite(lufs) or lufs + to_db(most_gain) > spec.loudness.lufs - _QUIET_LU:
        return ()
    music = (spec.music.sound,) if spec.music else ()
    return (*(track.sound for track in spec.clips), *music, *(sound.sound for sound in spec.sounds))


def _level_and_encode(file: BinaryIO, raw: LoudnessMeter, path: Path, spec: SoundSpec, most_gain: float) -> _Mastered:
    """Level and encode; what the encoder itself takes away or adds is made up for by encoding again."""
    total, target = spec.samples, spec.loudness.lufs
    loudness, peak = raw.integrated(), raw.true_peak()
    if not math.isfinite(loudness):
        ceiling = from_db(PEAK_CEILING_DBTP)
        return _Mastered(_encode(_limited_blocks(file, total, 1.0, ceiling), path, spec), 1.0, ceiling)
    most = min(from_db(PEAK_CEILING_DBTP + MOST_LIMITING_DB - peak), most_gain)
    gain = min(from_db(target - loudness), most)
    aim, margin = target, _ENCODER_MARGIN_DB
    for _ in range(_ENCODINGS):
        ceiling = from_db(PEAK_CEILING_DBTP - margin)
        if gain * from_db(peak) > ceiling:
            gain = _gain_after_limiting(file, total, gain, ceiling=ceiling, aim=aim, most=most)
        facts = _encode(_limited_blocks(file, total, gain, ceiling), path, spec)
        mastered = _Mastered(facts, gain, ceiling)
        excess, missing = facts.true_peak_dbtp - PEAK_CEILING_DBTP, target - facts.integrated_lufs
        if excess > 0:
            margin += excess + 0.1
        elif abs(missing) > _ENCODED_TOLERANCE_LU and (missing < 0 or gain < most):
            aim += missing
            gain = min(gain * from_db(missing), most)
        else:
            break
    return mastered


def _gain_after_limiting(file: BinaryIO, total: int, gain: float, *, ceiling: float, aim: float, most: float) -> float:
    """Return a gain, at most `most`, that gives the loudness aimed at although the limiter takes some of it away."""
    for _ in range(4):
        meter = LoudnessMeter()
        for block in _limited_blocks(file, total, gain, ceiling):
            meter.feed(block)
        missing = aim - meter.integrated()
        if missing <= _TOLERANCE_LU or gain >= most:
            break
        gain = min(gain * from_db(missing), most)
    return gain


def _limited_blocks(file: BinaryIO, total: int, gain: float, ceiling: float) -> Iterator[Sound]:
    for start in range(0, total, BLOCK):
        end = min(start + BLOCK, total)
        yield limited(_samples(file, start - CONTEXT, end + CONTEXT, total), gain, ceiling)


def _gains(file: BinaryIO, total: int, mastered: _Mastered) -> Iterator[Sound]:
    """Yield the gain of each sample of the mix, or one for all of them, block by block."""
    for start in range(0, total, BLOCK):
        end = min(start + BLOCK, total)
        yield limiting_gain(_samples(file, start - CONTEXT, end + CONTEXT, total), mastered.gain, mastered.ceiling)


def _samples(file: BinaryIO, start: int, end: int, total: int) -> Sound:
    """Read samples of the raw mix, with silence before its beginning and after its end: (2, end − start)."""
    first, last = max(start, 0), min(end, total)
    file.seek(first * _SAMPLE_BYTES)
    stored = np.frombuffer(file.read((last - first) * _SAMPLE_BYTES), np.float32).reshape(-1, 2).T
    return np.pad(stored, ((0, 0), (first - start, end - last)))


def _encode(blocks: Iterator[Sound], path: Path, spec: SoundSpec) -> SoundFacts:
    """Encode, and measure what a player will hear."""
    file_format, codec, sample_format = _CODECS[spec.container]
    with av.open(str(path), "w", format=file_format) as container:
        stream = container.add_stream(codec, rate=SAMPLE_RATE)
        assert isinstance(stream, AudioStream)
        stream.layout = "stereo"
        stream.format = sample_format
        if codec != _UNCOMPRESSED:
            stream.bit_rate = _BIT_RATES[spec.quality]
        at = 0
        for block in blocks:
            samples = np.ascontiguousarray(block)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, at, Fraction(1, SAMPLE_RATE)
            at += block.shape[1]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return measure_sound(path)


def measure_sound(path: Path, track: int = 0) -> SoundFacts:
    """Decode a track of sound of a file that this service made, and measure it."""
    meter = LoudnessMeter()
    packets = hashlib.sha256()
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE, frame_size=BLOCK)
        for packet in container.demux(container.streams.audio[track]):
            packets.update(packet)
            for frame in packet.decode():
                for piece in resampler.resample(frame):
                    meter.feed(np.ascontiguousarray(piece.to_ndarray(), np.float32))
        for piece in resampler.resample(None):
            meter.feed(np.ascontiguousarray(piece.to_ndarray(), np.float32))
    loudness = meter.integrated()
    return SoundFacts(not math.isfinite(loudness), loudness, meter.true_peak(), packets.hexdigest())


def packets_hash(path: Path, track: int = 0) -> str:
    """Return the SHA-256 of a coded track of sound of a file that this service made, without decoding it."""
    packets = hashlib.sha256()
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.audio[track]):
            packets.update(packet)
    return packets.hexdigest()
