"""Sounds to mix, and what was mixed from them."""

from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from render_service.compositor.media.assets import Media
from render_service.compositor.sound.spec import SoundFacts
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import Container, Loudness, OutputSpec, Quality
from render_service.domain.projects.project import Music, NarrationPolicy, Project, Shot, Transition, TransitionKind
from render_service.domain.projects.timeline import Timeline, plan_timeline
from tests.integration.compositor.inspecting import inspected
from tests.integration.compositor.oracle import decoded_sound
from tests.integration.compositor.storyboards import mix

Sound = NDArray[np.float32]


RATE = 48_000


def shot(shot_id: str, seconds: float = 2, fade: float = 0, *, clip_sound: bool = True, clip: bool = False) -> Shot:
    kind = TransitionKind.CROSS_FADE if fade else TransitionKind.CUT
    return Shot(
        id=shot_id,
        duration=timedelta(seconds=seconds),
        transition=Transition(kind, timedelta(seconds=fade) if fade else None),
        clip_sound=clip_sound,
        clip_uri="https://example.com/clip.mp4" if clip else "",
    )


def story(
    *shots: Shot,
    music: Music | None = None,
    policy: NarrationPolicy = NarrationPolicy.EXTEND,
    fps: int = 25,
    container: Container = Container.MP4,
    loudness: Loudness = Loudness.ONLINE,
    stems: bool = False,
) -> RenderSpec:
    project = Project(shots=shots, music=music, narration_policy=policy)
    return RenderSpec(project, OutputSpec(320, 180, fps, Quality.STANDARD, container, loudness, stems))


def mixed(spec: RenderSpec, media: Media, folder: Path) -> tuple[Timeline, SoundFacts, Sound]:
    """Mix; return the timeline, what was measured, and the sound as FFmpeg decodes it."""
    timeline = plan_timeline(spec.project, spec.output.fps, inspected(media).facts)
    path = folder / "mixed"
    facts = mix(timeline, spec, media, path)
    assert list(folder.glob("*.pcm")) == []
    return timeline, facts, decoded_sound(path)


def tone(seconds: float, frequency: float = 440, amplitude: float = 0.3) -> Sound:
    at = np.arange(round(seconds * RATE)) / RATE
    mono = amplitude * np.sin(2 * np.pi * frequency * at)
    return np.stack([mono, mono]).astype(np.float32)


def chirp_at(seconds: float, length: float) -> Sound:
    """Silence with a short burst that can be found again to the sample."""
    sound = np.zeros((2, round(length * RATE)), np.float32)
    start = round(seconds * RATE)
    at = np.arange(RATE // 20) / RATE
    burst = 0.5 * np.hanning(len(at)) * np.sin(2 * np.pi * (500 + 20_000 * at) * at)
    sound[:, start : start + len(at)] = burst.astype(np.float32)
    return sound


def found_at(sound: Sound, burst: Sound) -> float:
    """When a burst is heard, in seconds, by cross-correlation."""
    size = 1 << (sound.shape[1] + burst.shape[1]).bit_length()
    spectrum = np.fft.rfft(sound[0], size) * np.conj(np.fft.rfft(burst[0], size))
    return int(np.argmax(np.fft.irfft(spectrum)[: sound.shape[1]])) / RATE


BURST = chirp_at(0, 0.05)


def loudness_of(sound: Sound, start: float, end: float) -> float:
    """RMS of a stretch, in dB."""
    stretch = sound[:, round(start * RATE) : round(end * RATE)]
    return float(10 * np.log10(np.mean(np.square(stretch, dtype=np.float64)) + 1e-12))


def speech(seconds: float, seed: int = 3) -> Sound:
    """Syllables of noise with pauses: as uneven as speech, with peaks some 15 dB above its loudness."""
    random = np.random.default_rng(seed)
    count = round(seconds * RATE)
    syllables = np.repeat(random.choice([0, 0.3, 0.6, 1.0], count // 6000 + 1), 6000)[:count]
    swing = np.abs(np.sin(np.arange(count) * np.pi / 6000))
    mono = np.clip(random.normal(0, 0.1, count), -1, 1) * syllables * swing
    return np.stack([mono, mono]).astype(np.float32)


def plucked(seconds: float) -> Sound:
    """Very short sounds far apart: peaks more than 30 dB above the loudness."""
    sound = np.zeros((2, round(seconds * RATE)), np.float32)
    sound[:, :: RATE // 2] = 0.9
    return sound


def noise(seconds: float) -> Sound:
    return np.random.default_rng(5).standard_normal((2, round(seconds * RATE))).astype(np.float32)


HISS = np.float32(0.0002)  # about −69 LUFS
