"""Straightens the clocks of clips: joined streams, missing or disordered time stamps."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias

from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

AnyPacket: TypeAlias = "Packet[Any]"

# Demuxers of formats that can be joined byte by byte, so that the clock is set back in the middle of the file.
JOINABLE = frozenset(("mpegts", "mpeg", "flv"))
# A clock that steps back or forward by more was reset (as in FFmpeg's dts_delta_threshold); less is disorder.
_SET_BACK_SECONDS = 1.0
_SET_FORWARD_SECONDS = 10.0
# All decoded pictures get times in these ticks.
TICKS_PER_SECOND = 90_000
_TICK = Fraction(1, TICKS_PER_SECOND)
_SMALLEST_STEP = 1e-3


@dataclass(frozen=True, slots=True)
class ClockShift:
    """From a packet of a stream on, counted from 0, the file's clock is off by some seconds, which are to be added."""

    first_packet: int
    seconds: float


ClockShifts: TypeAlias = Mapping[int, Sequence[ClockShift]]
"""The shifts of each stream, by the stream's index."""


@dataclass(slots=True)
class _StreamClock:
    packets: int = 0
    last: float | None = None
    end: float = 0.0
    shifts: list[ClockShift] = field(default_factory=list)


class ClockSurvey:
    """Finds the places where a file's clock was reset. Takes all packets of the file in order.

    All streams share the clock: the first to jump sets the shift for all, so that sound and picture stay together.
    """

    def __init__(self) -> None:
        self._streams: dict[int, _StreamClock] = {}
        self._shift = 0.0

    @property
    def shifts(self) -> ClockShifts:
        """The shifts found so far; empty where the clock runs straight."""
        return {index: tuple(clock.shifts) for index, clock in self._streams.items() if clock.shifts}

    def add(self, packet: AnyPacket) -> float | None:
        """Take the next packet; return its decoding time in seconds on the straightened clock, if it has one."""
        clock = self._streams.setdefault(packet.stream.index, _StreamClock())
        number = clock.packets
        clock.packets += 1
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None or packet.time_base is None:
            return None
        raw = float(stamp * packet.time_base)
        time = raw + self._shift
        if clock.last is not None and not -_SET_BACK_SECONDS < time - clock.last < _SET_FORWARD_SECONDS:
            self._shift = clock.end - raw
            time = clock.end
        if self._shift != (clock.shifts[-1].seconds if clock.shifts else 0.0):
            clock.shifts.append(ClockShift(number, self._shift))
        clock.last = time
        clock.end = time + float((packet.duration or 0) * packet.time_base)
        return time


def clock_shifts(container: InputContainer) -> ClockShifts:
    """Read all packets of a container, and return where its clock was reset."""
    survey = ClockSurvey()
    for packet in container.demux((*container.streams.video, *container.streams.audio)):
        if packet.size:
            survey.add(packet)
    return survey.shifts


def straightened(packets: Iterable[AnyPacket], shifts: Sequence[ClockShift]) -> Iterator[AnyPacket]:
    """Yield the packets of one stream, from its first on, with the shifts of its clock added to their times."""
    waiting, seconds, number = list(shifts), 0.0, 0
    for packet in packets:
        if packet.size:
            while waiting and number >= waiting[0].first_packet:
                seconds = waiting.pop(0).seconds
            number += 1
        if seconds and packet.time_base is not None:
            ticks = round(seconds / packet.time_base)
            packet.pts = packet.pts + ticks if packet.pts is not None else None
            packet.dts = packet.dts + ticks if packet.dts is not None else None
        yield packet


class PictureClock:
    """Gives every decoded picture a time that rises.

    The better of presentation and decoding times is used, as FFmpeg does for `best_effort_timestamp`: files without
    presentation times, such as AVI, show pictures at the times at which the decoder returns them.

    Args:
        video: The stream.
        by_decoding: Whether presentation times are to be ignored.
    """

    def __init__(self, video: VideoStream, *, by_decoding: bool) -> None:
        self._start = start_seconds(video)
        self._interval = float(1 / video.average_rate) if video.average_rate else 0.04
        self._by_decoding = by_decoding
        self._first_dts: int | None = None
        self._pts = self._dts = -(2**63)
        self._bad_pts = self._bad_dts = 0
        self._last: float | None = None
        self._shift = 0.0

    def stamp(self, frame: VideoFrame) -> None:
        """Set a picture's time. Pictures come in the order of the decoder."""
        seconds = self._seconds(frame)
        frame.pts, frame.time_base = round(seconds * TICKS_PER_SECOND), _TICK
        frame.dts = None

    def _seconds(self, frame: VideoFrame) -> float:
        raw = self._best(frame)
        if self._last is None:
            self._last = self._start if raw is None else raw
            return self._last
        time = self._last + self._interval if raw is None else raw + self._shift
        if time < self._last - _SET_BACK_SECONDS:
            self._shift += self._last + self._interval - time
            time = self._last + self._interval
        self._last = max(time, self._last + _SMALLEST_STEP)
        return self._last

    def _best(self, frame: VideoFrame) -> float | None:
        assert frame.time_base is not None
        pts, dts = frame.pts, frame.dts
        if dts is not None:
            self._bad_dts += dts <= self._dts
            self._dts = dts
        if pts is not None:
            self._bad_pts += pts <= self._pts
            self._pts = pts
        if pts is not None and not self._by_decoding and (dts is None or self._bad_pts <= self._bad_dts):
            return float(pts * frame.time_base)
        if dts is None:
            return None
        if self._first_dts is None:
            # The decoder returns the first picture some packets late; the delay is not part of the picture's time.
            self._first_dts = dts
        return self._start + float((dts - self._first_dts) * frame.time_base)


def start_seconds(video: VideoStream) -> float:
    """Return the time of the first picture, in seconds on the file's clock."""
    if video.start_time is None or video.time_base is None:
        return 0.0
    return float(video.start_time * video.time_base)
