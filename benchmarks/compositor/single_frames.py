"""`make bench-frames`: how long RenderFrame takes on a server and a worker that are warm, each kind of frame by itself.

The least of several calls counts: on a busy machine elapsed time says little.
"""

import asyncio
import sys
import time
from dataclasses import dataclass, replace
from datetime import timedelta

from google.protobuf.json_format import ParseDict
from render_client.aio import AsyncRenderClient
from render_client.v1 import output_pb2, project_pb2

from benchmarks.compositor import work
from benchmarks.service import stack
from benchmarks.service.results import Results

STILL_SECONDS = 0.4
"""The most that a frame of a picture with a caption and layers may take."""
CLIP_SECONDS = 1.5
"""The most that a frame of a clip may take."""
_CALLS = 5
_SECONDS = 20
_OUTPUT = output_pb2.OutputOptions(size=output_pb2.FrameSize(width=1280, height=720))


@dataclass(frozen=True, slots=True)
class Latencies:
    """Seconds from the request to the picture: a new one of a still, a new one of a clip, one that was drawn before."""

    still: float
    clip: float
    known: float


async def latencies() -> Latencies:
    """Start a service, and measure its frames of 1280 × 720 pixels."""
    async with stack.stores() as stores:
        picture = work.photos(stores.folder)[0]
        clip = work.write_clip(picture, stores.folder / "clip.mp4", _SECONDS)
        open_to_files = replace(stores, environment={**stores.environment, "RENDER_FILE_ROOTS": str(stores.folder)})
        async with (
            stack.server(open_to_files) as server,
            stack.worker(open_to_files, 1),
            AsyncRenderClient(f"127.0.0.1:{server.port}", workspace="default") as client,
        ):
            still_project = _project({"image_uri": picture.as_uri()}, layers=True)
            clip_project = _project({"clip_uri": clip.as_uri()}, layers=False)
            still, clips = await _seconds(client, still_project), await _seconds(client, clip_project)
            known = min([await _call(client, still_project, 1.0) for _ in range(_CALLS)])
    return Latencies(min(still), min(clips), known)


async def _seconds(client: AsyncRenderClient, project: project_pb2.Project) -> list[float]:
    """Return how long frames take that differ from each other, after a first one that warms the worker."""
    await _call(client, project, 1.0)
    return [await _call(client, project, 2.0 + number) for number in range(_CALLS)]


async def _call(client: AsyncRenderClient, project: project_pb2.Project, at: float) -> float:
    began = time.perf_counter()
    await client.frame(project, time=timedelta(seconds=at), output=_OUTPUT)
    return time.perf_counter() - began


def _project(source: dict[str, str], *, layers: bool) -> project_pb2.Project:
    over = [
        {
            "shape": {"gradient": {"stops": [{"color": "#0B1E3B00"}, {"color": "#0B1E3BE6", "position": 1}]}},
            "box": {"anchor": "ANCHOR_BOTTOM", "width": 1, "height": 0.4},
        },
        {
            "text": {"text": "The harbour wakes", "style": {"size": 0.085, "weight": 800}},
            "box": {"x": 0.085, "y": 0.2, "anchor": "ANCHOR_BOTTOM_LEFT"},
        },
    ]
    shot = {"id": "only", "caption": work.CAPTIONS[0], "duration": f"{_SECONDS}s", **source}
    shown = {**shot, "layers": over} if layers else shot
    return ParseDict({"title": "Bench", "storyboard": {"shots": [shown]}}, project_pb2.Project())


def main() -> int:
    """Measure the frames; return the exit code."""
    results = Results()
    found = asyncio.run(latencies())
    results.show("a frame of a still with caption and layers", found.still, "s", at_most=STILL_SECONDS)
    results.show("a frame of a clip", found.clip, "s", at_most=CLIP_SECONDS)
    results.show("a frame that was drawn before", found.known, "s")
    print(results.verdict())
    return 1 if results.missed else 0


if __name__ == "__main__":
    sys.exit(main())
