"""The sound of a stream is copied segment by segment."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.container import InputContainer

from render_service.compositor.streaming import tracks
from render_service.compositor.streaming.boxes import Sample, fragment
from render_service.compositor.streaming.checking import check_track

RATE, BLOCK, PRIMING, SECONDS = 48_000, 1024, 1024, 20
STARTS = (0, 6, 12, 18)


class CountingSource:
    """A file that counts the packets that were read of it."""

    def __init__(self, source: InputContainer) -> None:
        self.source, self.streams, self.count = source, source.streams, 0

    def __enter__(self) -> "CountingSource":
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()

    def demux(self, stream: Any) -> Iterator[Any]:
        """Yield the packets of a stream."""
        for packet in self.source.demux(stream):
            self.count += 1
            yield packet


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """An MP4 with 20 s of sound."""
    path = tmp_path / "video.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=RATE, layout="mono")
        for number in range(SECONDS):
            frame = AudioFrame.from_ndarray(np.zeros((1, RATE), np.float32), "fltp", "mono")
            frame.rate, frame.pts = RATE, number * RATE
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def test_no_more_than_a_segment_is_in_memory(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_file = av.open
    source = CountingSource(open_file(str(video)))
    segments: list[tuple[int, int]] = []
    written = 0

    def open_counting(file: Any, *args: Any, **options: Any) -> Any:
        return source if file == str(video) else open_file(file, *args, **options)

    def recorded(number: int, decode_time: int, samples: Sequence[Sample]) -> bytes:
        nonlocal written
        written += len(samples)
        segments.append((decode_time, source.count - written))
        return fragment(number, decode_time, samples)

    with monkeypatch.context() as patch:
        patch.setattr(av, "open", open_counting)
        patch.setattr(tracks, "fragment", recorded)
        track = tracks.write_sound(video, 0, STARTS, tmp_path / "audio.mp4")

    # What is read ahead is the block that begins the next segment, and the one that tells how long it lasts.
    assert [ahead <= 2 for _, ahead in segments] == [True] * len(STARTS)
    begins = [time - PRIMING for time, _ in segments[1:]]
    assert begins == pytest.approx([start * RATE for start in STARTS[1:]], abs=BLOCK // 2)
    assert track.duration == pytest.approx(SECONDS, abs=BLOCK / RATE)
    check_track(video, 0, tmp_path / "audio.mp4", track)
