"""Mixes the sound of the whole video once: narration, clips and music, levelled, limited and encoded."""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.media.assets import Asset
from render_service.compositor.media.sound_format import SAMPLE_RATE, Sound
from render_service.compositor.media.sounds import SoundReader, has_sound, sound_length
from render_service.compositor.sound.ducking import Ducking, Span, duck_gain, fade_gain, merged
from render_service.compositor.sound.levelling import Voice, duck_depth, level_voice, measure, most_master_gain
from render_service.compositor.sound.limiter import CONTEXT, limited
from render_service.compositor.sound.loudness import LoudnessMeter, from_db, to_db
from render_service.compositor.sound.spec import ClipTrack, MusicTrack, NarrationTrack, SoundFacts, SoundSpec
from render_service.domain.projects.output import Container, Quality

TARGET_LUFS = -14.0
PEAK_CEILING_DBTP = -1.0
AAC_PRIMING = 1024  # samples that libav's encoder puts before the first; the file's edit list takes them off again

_BLOCK = SAMPLE_RATE
_TOLERANCE_LU = 0.1
_QUIET_LU = 1.0
_ENCODED_TOLERANCE_LU = 0.3
_ENCODINGS = 4
_ENCODER_MARGIN_DB = 1.0  # lossy coding moves peaks; checked after encoding, and widened where it was not enough
_MOST_LIMITING_DB = 14.0  # more is audible as pumping; such sound stays quieter instead
_DECLICK = SAMPLE_RATE // 200  # a narration that begins or is cut off zero within less is heard as a click
_BIT_RATES = {Quality.DRAFT: 128_000, Quality.STANDARD: 192_000, Quality.HIGH: 320_000}
_SAMPLE_BYTES = 8

Gain = Callable[[int, int], NDArray[np.float32]]


@dataclass(slots=True)
class _Track:
    """One sound in the mix: heard in `span` of the timeline, `gain` returns its gain for (first sample, count).

    With `only_channel`, that channel is heard on both sides.
    """

    open: Callable[[], SoundReader]
    span: Span
    gain: Gain
    only_channel: int | None = None

    def read(self, reader: SoundReader, first: int, last: int) -> Sound:
        """Return its samples from one position of the timeline to another, as they enter the mix."""
        samples = reader.read(last - first)
        if self.only_channel is not None:
            samples = samples[[self.only_channel, self.only_channel]]
        return samples * self.gain(first, last - first)


def mix_sound(content: bytes, assets: Mapping[str, Asset], path: Path) -> SoundFacts:
    """Mix the sound of a whole video and encode it once.

    Everything is streamed in blocks of a second: memory does not grow with length. The mix is levelled to
    −14 LUFS integrated with true peaks at most −1 dBTP after encoding (EBU R 128 s2, the practice of video platforms);
    sound whose peaks stand out too far for that stays quieter. Where nothing sounds the track is silent.

    Args:
        content: A `SoundSpec` in canonical form.
        assets: The local files that it names, by content hash.
        path: The file to write: AAC in MP4, or Opus in WebM where the video is WebM; 48 kHz stereo, exactly as long
            as the video. A file of the same name with `.pcm` appended lies beside it meanwhile.

    Returns:
        What was made, as measured on the encoded result.

    Raises:
        RenderFailure: ASSET_INVALID for a sound that cannot be decoded.
    """
    spec = SoundSpec.from_bytes(content)
    raw = path.with_name(f"{path.name}.pcm")
    try:
        meter = LoudnessMeter()
        levelled = _levelled(spec, assets)
        with raw.open("wb") as file:
            for block in _mixed(levelled.tracks, spec.samples):
                meter.feed(block)
                file.write(block.T.tobytes())
        with raw.open("rb") as file:
            facts = _level_and_encode(file, meter, path, spec, levelled.most_gain)
            return replace(facts, quiet=levelled.quiet or _all_quiet(spec, meter.integrated(), levelled.most_gain))
    finally:
        raw.unlink(missing_ok=True)


def _all_quiet(spec: SoundSpec, lufs: float, most_gain: float) -> tuple[str, ...]:
    """Return the sounds of a mix without narration that stays clearly too quiet with all the gain that it may get."""
    if spec.narrations or not math.isfinite(lufs) or lufs + to_db(most_gain) > TARGET_LUFS - _QUIET_LU:
        return ()
    return (*(track.sound for track in spec.clips), *((spec.music.sound,) if spec.music else ()))


@dataclass(frozen=True, slots=True)
class _Levelled:
    """All sounds of a video, levelled against each other.

    Args:
        tracks: The sounds.
        most_gain: The most by which the mix may be amplified.
        quiet: Content hashes of narrations that stay too quiet.
    """

    tracks: list[_Track]
    most_gain: float
    quiet: tuple[str, ...]


def _levelled(spec: SoundSpec, assets: Mapping[str, Asset]) -> _Levelled:
    most_peak = PEAK_CEILING_DBTP + _MOST_LIMITING_DB
    voices = [
        level_voice(measure(assets[track.sound], track.end - track.start), most_peak) for track in spec.narrations
    ]
    narrations = [
        _narration(track, assets[track.sound], voice) for track, voice in zip(spec.narrations, voices, strict=True)
    ]
    under = _Under(
        merged((track.span for track in narrations), Ducking().hold),
        min((voice.lufs for voice in voices if math.isfinite(voice.lufs)), default=-math.inf),
    )
    clips = [_clip(track, assets[track.sound], under) for track in spec.clips if has_sound(assets[track.sound])]
    music = [_music(spec.music, assets[spec.music.sound], spec.samples, under)] if spec.music else []
    gains = [voice.gain for voice in voices if math.isfinite(voice.lufs)] + [1.0 for _ in clips]
    gains += [spec.music.volume] if spec.music else []
    return _Levelled(
        narrations + clips + music,
        most_master_gain(gains),
        tuple(track.sound for track, voice in zip(spec.narrations, voices, strict=True) if voice.is_quiet),
    )


@dataclass(frozen=True, slots=True)
class _Under:
    """Where sound lies under narration, and the loudness of the quietest narration."""

    spans: tuple[Span, ...]
    voice_lufs: float

    def ducking(self, asset: Asset, samples: int, volume: float) -> Ducking:
        """Return how a sound gives way; it is measured only where there is narration."""
        if not self.spans:
            return Ducking()
        lufs = measure(asset, samples).lufs + to_db(volume)
        return Ducking(depth=duck_depth(Ducking().depth, self.voice_lufs, lufs))


def _narration(track: NarrationTrack, asset: Asset, voice: Voice) -> _Track:
    span = Span(track.start, track.end)

    def gain(at: int, count: int) -> NDArray[np.float32]:
        return fade_gain(at, count, span, _DECLICK, _DECLICK) * np.float32(voice.gain)

    return _Track(lambda: SoundReader(asset), span, gain, voice.only_channel)


def _clip(track: ClipTrack, asset: Asset, under: _Under) -> _Track:
    span = Span(track.start, track.end)
    ducking = under.ducking(asset, track.end - track.start, 1.0)

    def gain(at: int, count: int) -> NDArray[np.float32]:
        fades = fade_gain(at, count, span, track.fade_in, track.fade_out)
        return fades * duck_gain(at, count, under.spans, ducking)

    return _Track(lambda: SoundReader(asset), span, gain)


def _music(track: MusicTrack, asset: Asset, total: int, under: _Under) -> _Track:
    length = total if track.loop else min(total, sound_length(asset))
    span = Span(0, length)
    rise, fall = track.fade_in, track.fade_out
    if rise + fall > length:
        rise, fall = length * rise // (rise + fall), length * fall // (rise + fall)
    ducked = under.spans if track.duck else ()
    ducking = under.ducking(asset, length, track.volume) if track.duck else Ducking()

    def gain(at: int, count: int) -> NDArray[np.float32]:
        fades = fade_gain(at, count, span, rise, fall)
        return fades * duck_gain(at, count, ducked, ducking) * np.float32(track.volume)

    return _Track(lambda: SoundReader(asset, looped=track.loop), span, gain)


def _mixed(tracks: Sequence[_Track], total: int) -> Iterator[Sound]:
    """Yield the sum of all tracks, block by block; a track's file is open only while it sounds."""
    waiting = sorted(tracks, key=lambda track: track.span.start, reverse=True)
    with ExitStack() as stack:
        sounding: list[tuple[_Track, SoundReader]] = []
        for start in range(0, total, _BLOCK):
            end = min(start + _BLOCK, total)
            block = np.zeros((2, end - start), np.float32)
            while waiting and waiting[-1].span.start < end:
                track = waiting.pop()
                sounding.append((track, stack.enter_context(track.open())))
            for track, reader in sounding:
                first, last = max(start, track.span.start), min(end, track.span.end)
                block[:, first - start : last - start] += track.read(reader, first, last)
            for track, reader in sounding:
                if track.span.end <= end or reader.ended:
                    reader.close()
            sounding = [(track, reader) for track, reader in sounding if track.span.end > end and not reader.ended]
            yield block


def _level_and_encode(file: BinaryIO, raw: LoudnessMeter, path: Path, spec: SoundSpec, most_gain: float) -> SoundFacts:
    """Level and encode; what the encoder itself takes away or adds is made up for by encoding again."""
    total = spec.samples
    loudness, peak = raw.integrated(), raw.true_peak()
    if not math.isfinite(loudness):
        return _encode(_limited_blocks(file, total, 1.0, from_db(PEAK_CEILING_DBTP)), path, spec)
    most = min(from_db(PEAK_CEILING_DBTP + _MOST_LIMITING_DB - peak), most_gain)
    gain = min(from_db(TARGET_LUFS - loudness), most)
    aim, margin = TARGET_LUFS, _ENCODER_MARGIN_DB
    for _ in range(_ENCODINGS):
        ceiling = from_db(PEAK_CEILING_DBTP - margin)
        if gain * from_db(peak) > ceiling:
            gain = _gain_after_limiting(file, total, gain, ceiling=ceiling, aim=aim, most=most)
        facts = _encode(_limited_blocks(file, total, gain, ceiling), path, spec)
        excess, missing = facts.true_peak_dbtp - PEAK_CEILING_DBTP, TARGET_LUFS - facts.integrated_lufs
        if excess > 0:
            margin += excess + 0.1
        elif abs(missing) > _ENCODED_TOLERANCE_LU and (missing < 0 or gain < most):
            aim += missing
            gain = min(gain * from_db(missing), most)
        else:
            break
    return facts


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
    for start in range(0, total, _BLOCK):
        end = min(start + _BLOCK, total)
        yield limited(_samples(file, start - CONTEXT, end + CONTEXT, total), gain, ceiling)


def _samples(file: BinaryIO, start: int, end: int, total: int) -> Sound:
    """Read samples of the raw mix, with silence before its beginning and after its end: (2, end − start)."""
    first, last = max(start, 0), min(end, total)
    file.seek(first * _SAMPLE_BYTES)
    stored = np.frombuffer(file.read((last - first) * _SAMPLE_BYTES), np.float32).reshape(-1, 2).T
    return np.pad(stored, ((0, 0), (first - start, end - last)))


def _encode(blocks: Iterator[Sound], path: Path, spec: SoundSpec) -> SoundFacts:
    """Encode, and measure what a player will hear."""
    webm = spec.container is Container.WEBM
    with av.open(str(path), "w", format="webm" if webm else "mp4") as container:
        stream = container.add_stream("libopus" if webm else "aac", rate=SAMPLE_RATE)
        stream.layout = "stereo"
        stream.format = "flt" if webm else "fltp"
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


def measure_sound(path: Path) -> SoundFacts:
    """Decode the sound of a file that this service made, and measure it."""
    meter = LoudnessMeter()
    packets = hashlib.sha256()
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE, frame_size=_BLOCK)
        for packet in container.demux(container.streams.audio[0]):
            packets.update(packet)
            for frame in packet.decode():
                for piece in resampler.resample(frame):
                    meter.feed(np.ascontiguousarray(piece.to_ndarray(), np.float32))
        for piece in resampler.resample(None):
            meter.feed(np.ascontiguousarray(piece.to_ndarray(), np.float32))
    loudness = meter.integrated()
    return SoundFacts(not math.isfinite(loudness), loudness, meter.true_peak(), packets.hexdigest())


def packets_hash(path: Path) -> str:
    """Return the SHA-256 of the coded sound of a file that this service made, without decoding it."""
    packets = hashlib.sha256()
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.audio[0]):
            packets.update(packet)
    return packets.hexdigest()
