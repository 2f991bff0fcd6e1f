"""The sample's music: a slow piece for felt piano, harp, strings and bass, made of sines and plucked strings."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

RATE = 48_000
TEMPO = 76.0
BEAT = 60 / TEMPO
BARS = 12
TARGET_LUFS = -16.0
PEAK = 10 ** (-1.5 / 20)

Signal = npt.NDArray[np.float64]

# One chord a bar: bass note, and the voices of harp and strings as MIDI numbers. D major, home again in the last bars.
CHORDS = (
    (38, (57, 62, 66, 69, 76)),  # D add9
    (35, (57, 62, 66, 69, 74)),  # Bm7
    (43, (59, 62, 66, 71, 74)),  # G maj7
    (45, (57, 62, 64, 69, 76)),  # A sus4
    (38, (57, 62, 66, 69, 76)),  # D add9
    (42, (57, 61, 64, 69, 73)),  # F#m7
    (43, (59, 62, 66, 71, 78)),  # G maj7
    (40, (55, 59, 62, 66, 74)),  # Em9
    (35, (57, 62, 66, 69, 78)),  # Bm7
    (43, (59, 62, 69, 71, 74)),  # G add9
    (45, (57, 61, 64, 69, 76)),  # A
    (38, (57, 62, 66, 69, 74)),  # D
)
# The piano's tune: (bar, beat, MIDI number, beats held, touch 0–1).
TUNE = (
    (1, 2.0, 78, 1.0, 0.5), (1, 3.0, 76, 1.0, 0.45), (2, 0.0, 74, 3.0, 0.55), (2, 3.0, 71, 1.0, 0.4),
    (3, 0.0, 76, 2.5, 0.55), (3, 2.5, 73, 0.5, 0.4), (3, 3.0, 74, 1.0, 0.45),
    (4, 0.0, 78, 2.0, 0.62), (4, 2.0, 81, 1.0, 0.62), (4, 3.0, 78, 1.0, 0.5), (5, 0.0, 76, 2.5, 0.55),
    (5, 2.5, 73, 0.5, 0.4), (5, 3.0, 76, 1.0, 0.5), (6, 0.0, 83, 2.0, 0.68), (6, 2.0, 81, 1.0, 0.58),
    (6, 3.0, 78, 1.0, 0.52), (7, 0.0, 79, 1.5, 0.58), (7, 1.5, 78, 0.5, 0.45), (7, 2.0, 76, 1.0, 0.5),
    (7, 3.0, 74, 1.0, 0.45), (8, 0.0, 78, 3.0, 0.6), (8, 3.0, 74, 1.0, 0.42), (9, 0.0, 76, 1.0, 0.5),
    (9, 1.0, 74, 2.0, 0.5), (9, 3.0, 71, 1.0, 0.4), (10, 0.0, 73, 2.0, 0.5), (10, 2.0, 76, 2.0, 0.45),
    (11, 0.0, 74, 4.0, 0.5), (11, 2.0, 81, 2.0, 0.25),
)  # fmt: skip


def _pitch(note: float) -> float:
    """Return the frequency of a MIDI note number in Hz, A4 = 440."""
    return float(440.0 * 2 ** ((note - 69) / 12))


def _felt_piano(note: int, held: float, touch: float, random: np.random.Generator) -> Signal:
    """Sound one piano string softly: partials of a stiff string, of which the higher die sooner, under a felt knock."""
    seconds = held + 1.6
    time = np.arange(int(seconds * RATE)) / RATE
    pitch = _pitch(note)
    tone = np.zeros_like(time)
    for partial in range(1, 12):
        frequency = pitch * partial * np.sqrt(1 + 0.00028 * partial**2)
        if frequency > 9_000:
            break
        level = np.exp(-0.62 * (partial - 1) * (1.35 - 0.75 * touch)) / partial**0.4
        decay = np.exp(-time * (0.75 + 0.42 * partial) * (pitch / 440) ** 0.5)
        for detune in (-0.00028, 0.00031):
            phase = random.uniform(0, 2 * np.pi)
            tone += 0.5 * level * decay * np.sin(2 * np.pi * frequency * (1 + detune) * time + phase)
    knock = random.standard_normal(len(time)) * np.exp(-time * 190)
    tone += 0.05 * np.convolve(knock, np.hanning(49) / 24, "same")
    tone *= 1 - np.exp(-time / 0.004)
    tone *= 1 / (1 + np.exp((time - held - 0.35) / 0.11))
    return np.asarray(tone * touch)


def _harp(note: int, touch: float, random: np.random.Generator) -> Signal:
    """Pluck one string: Karplus and Strong, "Digital synthesis of plucked-string and drum timbres" (1983)."""
    pitch = _pitch(note)
    period = max(2, int(RATE / pitch))
    laps = int(2.4 * pitch)
    burst = random.uniform(-1, 1, period)
    for _ in range(5):  # A soft finger: the burst is smoothed before the string takes it over.
        burst = 0.5 * burst + 0.25 * np.roll(burst, 1) + 0.25 * np.roll(burst, -1)
    burst -= burst.mean()
    keep = 0.5 ** (1 / (pitch * 0.55))
    rounds = np.empty((laps, period))
    for lap in range(laps):
        rounds[lap] = burst
        burst = keep * (0.5 * burst + 0.5 * np.roll(burst, 1))
    string = rounds.ravel() / (np.abs(rounds).max() + 1e-9)
    # Half a sample of delay sits in the averaging; the rest of the period is made up by reading at another speed.
    place = np.arange(0, len(string) - 2, pitch * (period + 0.5) / RATE)
    string = np.interp(place, np.arange(len(string)), string)
    time = np.arange(len(string)) / RATE
    return np.asarray(string * (1 - np.exp(-time / 0.002)) * np.clip((time[-1] - time) / 0.15, 0, 1) * touch)


def _strings(note: int, seconds: float, random: np.random.Generator) -> tuple[Signal, Signal]:
    """Swell one pad voice, left and right: three players a side, each with a slow vibrato of their own."""
    time = np.arange(int(seconds * RATE)) / RATE
    swell = np.clip(time / 1.1, 0, 1) * np.clip((seconds - time) / 1.5, 0, 1)
    swell = swell * swell * (3 - 2 * swell)
    sides = []
    for _ in range(2):
        side = np.zeros_like(time)
        for _ in range(3):
            vibrato = 0.0016 * np.sin(2 * np.pi * random.uniform(3.6, 5.2) * time + random.uniform(0, 6))
            phase = 2 * np.pi * np.cumsum(_pitch(note + random.normal(0, 0.04)) * (1 + vibrato)) / RATE
            turn = np.exp(1j * phase)
            wave = np.exp(1j * random.uniform(0, 6)) * turn
            breath = 1 + 0.25 * np.sin(2 * np.pi * random.uniform(0.1, 0.3) * time + random.uniform(0, 6))
            for partial in range(1, 7):
                side += wave.imag * breath / partial**2.1
                wave *= turn
        sides.append(np.asarray(side * swell / 3))
    return sides[0], sides[1]


def _bass(note: int, seconds: float) -> Signal:
    time = np.arange(int(seconds * RATE)) / RATE
    shape = np.clip(time / 0.06, 0, 1) * np.clip((seconds - time) / 0.4, 0, 1) * np.exp(-time * 0.28)
    phase = 2 * np.pi * _pitch(note) * time
    return np.asarray((np.sin(phase) + 0.45 * np.sin(2 * phase) + 0.1 * np.sin(3 * phase)) * shape)


def _convolve(signal: Signal, response: Signal) -> Signal:
    size = 1 << int(np.ceil(np.log2(len(signal) + len(response))))
    return np.asarray(np.fft.irfft(np.fft.rfft(signal, size) * np.fft.rfft(response, size), size)[: len(signal)])


def _hall(random: np.random.Generator) -> Signal:
    """Return the response of a soft hall: noise that dies away, the treble sooner, after 22 ms of stillness."""
    time = np.arange(int(2.6 * RATE)) / RATE
    noise = random.standard_normal(len(time))
    spectrum, frequency = np.fft.rfft(noise), np.fft.rfftfreq(len(time), 1 / RATE)
    dull = np.fft.irfft(spectrum / (1 + (frequency / 1_400) ** 2), len(time))
    clear = np.fft.irfft(spectrum * (frequency > 150) / (1 + (frequency / 5_000) ** 2), len(time))
    tail = dull * np.exp(-time * 2.6) * 1.6 + clear * np.exp(-time * 5.5)
    tail *= 1 - np.exp(-time / 0.03)
    tail = np.concatenate([np.zeros(int(0.022 * RATE)), tail])
    return np.asarray(tail / np.sqrt(np.sum(tail**2)))


class _Desk:
    """A stereo mix and the part of it that is sent to the hall; places in seconds, `side` -1 (left) to 1 (right)."""

    def __init__(self, seconds: float) -> None:
        self.dry = np.zeros((2, int(seconds * RATE)))
        self.send = np.zeros_like(self.dry)

    def add(self, signal: Signal, at: float, level: float, side: float, wet: float) -> None:
        """Mix a signal in, at equal power wherever it sits."""
        start = int(at * RATE)
        part = signal[: self.dry.shape[1] - start]
        angle = (side + 1) * np.pi / 4
        for channel, gain in enumerate((np.cos(angle), np.sin(angle))):
            self.dry[channel, start : start + len(part)] += part * level * gain
            self.send[channel, start : start + len(part)] += part * level * gain * wet


def loudness(sound: Signal) -> float:
    """Return the integrated loudness in LUFS of stereo sound of shape (2, samples), after ITU-R BS.1770-4."""
    size = 1 << (sound.shape[1] + RATE).bit_length()
    frequency = np.fft.rfftfreq(size, 1 / RATE)
    turn = np.exp(-2j * np.pi * frequency / RATE)
    shelf = (1.53512485958697 - 2.69169618940638 * turn + 1.19839281085285 * turn**2) / (
        1 - 1.69065929318241 * turn + 0.73248077421585 * turn**2
    )
    high = (1 - 2 * turn + turn**2) / (1 - 1.99004745483398 * turn + 0.99007225036621 * turn**2)
    weighted = np.fft.irfft(np.fft.rfft(sound, size) * shelf * high, size)[:, : sound.shape[1]]
    block, hop = int(0.4 * RATE), int(0.1 * RATE)
    power = np.array(
        [np.sum(np.mean(weighted[:, at : at + block] ** 2, axis=1)) for at in range(0, sound.shape[1] - block, hop)]
    )
    heard = power[-0.691 + 10 * np.log10(power + 1e-12) > -70]
    gate = -0.691 + 10 * np.log10(heard.mean()) - 10
    return float(-0.691 + 10 * np.log10(heard[-0.691 + 10 * np.log10(heard) > gate].mean()))


def compose(seed: int = 707) -> Signal:
    """Play the piece.

    Args:
        seed: Of the small irregularities of playing.

    Returns:
        Stereo sound of shape (2, samples) at RATE, at TARGET_LUFS, peaks below PEAK, faded in and out.
    """
    random = np.random.default_rng(seed)
    bar = 4 * BEAT
    desk = _Desk(BARS * bar + 2.6)
    for number, (root, voices) in enumerate(CHORDS):
        at = number * bar
        last = number == BARS - 1
        if number:
            desk.add(_bass(root, bar * (1.5 if last else 1.04)), at, 0.15, 0.0, 0.05)
        for voice in voices[:4]:
            left, right = _strings(voice, bar + 1.4, random)
            desk.add(left, max(at - 0.35, 0), 0.034, -0.75, 0.7)
            desk.add(right, max(at - 0.35, 0), 0.034, 0.75, 0.7)
        order = (0, 1, 2, 3, 4, 3, 2, 1) if number % 2 == 0 else (0, 2, 1, 3, 4, 2, 3, 1)
        for step, voice_number in enumerate(order[: 5 if last else 8]):
            lag = random.normal(0, 0.007) + (step * 0.09 if last else 0.0)
            touch = (0.78 if step % 4 == 0 else 0.55) * random.uniform(0.85, 1.1) * min(1.0, 0.55 + number * 0.15)
            side = -0.5 + 1.0 * voice_number / 4
            desk.add(_harp(voices[voice_number], touch, random), max(at + step * BEAT / 2 + lag, 0), 0.17, side, 0.5)
    for number, beat, note, held, touch in TUNE:
        at = (number * 4 + beat) * BEAT + random.normal(0, 0.008)
        desk.add(_felt_piano(note, held * BEAT, touch, random), at, 0.36, 0.12, 0.45)
        if touch > 0.55:  # An octave below lends the long notes some body.
            desk.add(_felt_piano(note - 12, held * BEAT, touch * 0.5, random), at, 0.3, -0.1, 0.4)
    hall = [_convolve(desk.send[channel], _hall(random)) for channel in range(2)]
    sound = desk.dry + 0.85 * np.stack(hall)
    time = np.arange(sound.shape[1]) / RATE
    sound *= np.clip(time / 0.6, 0, 1) * np.clip((time[-1] - time) / 3.0, 0, 1) ** 1.5
    sound *= 10 ** ((TARGET_LUFS - loudness(sound)) / 20)
    # A soft knee above half the peak keeps single notes from clipping without touching the rest.
    knee = PEAK * 0.5
    over = np.maximum(np.abs(sound) - knee, 0)
    return np.asarray(
        np.sign(sound) * (np.minimum(np.abs(sound), knee) + (PEAK - knee) * np.tanh(over / (PEAK - knee)))
    )


def save(sound: Signal, path: Path, bit_rate: int = 128_000) -> None:
    """Write stereo sound as AAC in an MP4 container."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as container:
        stream = container.add_stream("aac", rate=RATE, layout="stereo", bit_rate=bit_rate)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound, np.float32), format="fltp", layout="stereo")
        frame.sample_rate = RATE
        frame.pts = 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
