"""The sounds of a video, levelled against each other, and their sum."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render_service.compositor.media.assets import Asset
from render_service.compositor.media.sound_format import SAMPLE_RATE, Sound
from render_service.compositor.media.sounds import SoundReader, has_sound, sound_length
from render_service.compositor.sound.clip_sounds import PartReader
from render_service.compositor.sound.ducking import Ducking, Span, duck_gain, fade_gain, merged
from render_service.compositor.sound.further_sounds import PlacedSound, placed_sounds
from render_service.compositor.sound.levelling import (
    Measured,
    Voice,
    duck_depth,
    level_voice,
    measure,
    most_master_gain,
)
from render_service.compositor.sound.limiter import MOST_LIMITING_DB, PEAK_CEILING_DBTP
from render_service.compositor.sound.loudness import to_db
from render_service.compositor.sound.spec import ClipTrack, MusicTrack, NarrationTrack, SoundSpec
from render_service.domain.jobs.job import AudioTrackKind
from render_service.domain.projects.looks.sounds import SoundRole

BLOCK = SAMPLE_RATE
"""Samples that are mixed at a time."""
_DECLICK = SAMPLE_RATE // 200  # a narration that begins or is cut off zero within less is heard as a click

Gain = Callable[[int, int], NDArray[np.float32]]


@dataclass(slots=True)
class Track:
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


@dataclass(frozen=True, slots=True)
class Levelled:
    """All sounds of a video, levelled against each other.

    Args:
        tracks: The sounds, by what they are.
        most_gain: The most by which the mix may be amplified.
        quiet: Content hashes of narrations that stay too quiet.
    """

    tracks: Mapping[AudioTrackKind, list[Track]]
    most_gain: float
    quiet: tuple[str, ...]

    def all(self) -> list[Track]:
        """Return all sounds."""
        return [track for tracks in self.tracks.values() for track in tracks]


def level_tracks(spec: SoundSpec, assets: Mapping[str, Asset]) -> Levelled:
    """Level the sounds of a video: every narration equally loud, everything else quieter while one is heard.

    Args:
        spec: What the sound is made from.
        assets: The local files that it names, by content hash.

    Raises:
        RenderFailure: ASSET_INVALID for a sound that cannot be decoded.
    """
    most_peak = PEAK_CEILING_DBTP + MOST_LIMITING_DB
    voices = [
        level_voice(measure(assets[track.sound], track.end - track.start), most_peak) for track in spec.narrations
    ]
    narrations = [
        _narration(track, assets[track.sound], voice) for track, voice in zip(spec.narrations, voices, strict=True)
    ]
    further = list(placed_sounds(spec.sounds, assets, spec.samples))
    spoken = [one for one in further if one.sound.role is SoundRole.VOICE]
    levels = [level_voice(_measured(one), most_peak) for one in spoken]
    narrations += [_placed(one, voice) for one, voice in zip(spoken, levels, strict=True)]
    under = _Under(
        merged((track.span for track in narrations), Ducking().hold),
        min((voice.lufs for voice in (*voices, *levels) if math.isfinite(voice.lufs)), default=-math.inf),
    )
    clips = [_clip(track, assets[track.sound], under) for track in spec.clips if has_sound(assets[track.sound])]
    music = [_music(spec.music, assets[spec.music.sound], spec.samples, under)] if spec.music else []
    music += [_placed(one, under=under) for one in further if one.sound.role is SoundRole.MUSIC]
    clips += [_placed(one) for one in further if one.sound.role is SoundRole.EFFECT]
    gains = [voice.gain for voice in voices if math.isfinite(voice.lufs)] + [1.0 for _ in clips]
    gains += [spec.music.volume] if spec.music else []
    gains += [voice.gain * one.sound.volume for one, voice in zip(spoken, levels, strict=True)]
    gains += [one.sound.volume for one in further if one.sound.role is not SoundRole.VOICE]
    return Levelled(
        {AudioTrackKind.NARRATION: narrations, AudioTrackKind.EFFECTS: clips, AudioTrackKind.MUSIC: music},
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


def _narration(track: NarrationTrack, asset: Asset, voice: Voice) -> Track:
    span = Span(track.start, track.end)

    def gain(at: int, count: int) -> NDArray[np.float32]:
        return fade_gain(at, count, span, _DECLICK, _DECLICK) * np.float32(voice.gain)

    return Track(lambda: SoundReader(asset), span, gain, voice.only_channel)


def _clip(track: ClipTrack, asset: Asset, under: _Under) -> Track:
    span = Span(track.start, track.end)
    ducking = under.ducking(asset, track.end - track.start, track.volume)
    rise, fall = _within(track.fade_in, track.fade_out, track.end - track.start)

    def gain(at: int, count: int) -> NDArray[np.float32]:
        fades = fade_gain(at, count, span, rise, fall)
        return fades * duck_gain(at, count, under.spans, ducking) * np.float32(track.volume)

    part = track.part
    return Track(lambda: SoundReader(asset) if part is None else PartReader(asset, part), span, gain)


def _measured(placed: PlacedSound) -> Measured:
    return measure(placed.asset, placed.span.end - placed.span.start, placed.sound.part)


def _placed(placed: PlacedSound, voice: Voice | None = None, under: _Under | None = None) -> Track:
    """Return a further sound: levelled as a voice, or lowered under voices."""
    sound, (rise, fall) = placed.sound, placed.fades
    level = np.float32(sound.volume * (voice.gain if voice else 1.0))
    ducked: tuple[Span, ...] = ()
    ducking = Ducking()
    if under is not None and under.spans:
        lufs = _measured(placed).lufs + to_db(sound.volume)
        ducked, ducking = under.spans, Ducking(depth=duck_depth(Ducking().depth, under.voice_lufs, lufs))

    def gain(at: int, count: int) -> NDArray[np.float32]:
        return fade_gain(at, count, placed.span, rise, fall) * duck_gain(at, count, ducked, ducking) * level

    return Track(placed.open, placed.span, gain, voice.only_channel if voice else None)


def _within(rise: int, fall: int, length: int) -> tuple[int, int]:
    """Return two fades, shortened in proportion if they are longer than the sound."""
    if rise + fall <= length:
        return rise, fall
    return length * rise // (rise + fall), length * fall // (rise + fall)


def _music(track: MusicTrack, asset: Asset, total: int, under: _Under) -> Track:
    length = total if track.loop else min(total, sound_length(asset))
    span = Span(0, length)
    rise, fall = _within(track.fade_in, track.fade_out, length)
    ducked = under.spans if track.duck else ()
    ducking = under.ducking(asset, length, track.volume) if track.duck else Ducking()

    def gain(at: int, count: int) -> NDArray[np.float32]:
        fades = fade_gain(at, count, span, rise, fall)
        return fades * duck_gain(at, count, ducked, ducking) * np.float32(track.volume)

    return Track(lambda: SoundReader(asset, looped=track.loop), span, gain)


def mixed(tracks: Sequence[Track], total: int) -> Iterator[Sound]:
    """Yield the sum of all tracks, block by block; a track's file is open only while it sounds."""
    waiting = sorted(tracks, key=lambda track: track.span.start, reverse=True)
    with ExitStack() as stack:
        sounding: list[tuple[Track, SoundReader]] = []
        for start in range(0, total, BLOCK):
            end = min(start + BLOCK, total)
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
