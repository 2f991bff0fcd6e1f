"""Renders the sample storyboards with the whole service, and draws a contact sheet of each: moments of its video.

    python -m scripts.gallery.storyboards [NAME …] [--videos FOLDER]

It writes docs/images/storyboards/NAME-SHAPE.jpg. Names, such as `news` or `news-9x16`, are rendered alone. Narrations
are spoken only with `--videos`, which also keeps the videos.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
from PIL import Image
from render_client import RenderClient, load_project
from render_client.v1 import output_pb2, project_pb2

from render_service.embedded.session import WORKSPACE, key_of, make_stack

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples"
FOLDER = ROOT / "docs/images/storyboards"
_SIZES = {"16x9": (640, 360), "9x16": (360, 640), "1x1": (480, 480)}
_SHAPES = {
    "news": ("16x9", "9x16"),
    "product": ("1x1", "16x9", "9x16"),
    "course": ("16x9", "9x16"),
    "quote": ("16x9", "9x16"),
    "recipe": ("16x9", "9x16"),
    "emoji-vlog": ("9x16",),
}
_MOMENTS, _COLUMNS, _GAP, _WIDTH = 12, {"16x9": 4, "9x16": 6, "1x1": 6}, 4, 1200
_HANG_SECONDS = 900.0


@dataclass(frozen=True)
class Storyboard:
    """A sample in one shape."""

    name: str
    shape: str
    path: Path

    @property
    def file_name(self) -> str:
        """The name of its sheet, without an ending."""
        return f"{self.name}-{self.shape}"


def storyboards() -> Iterator[Storyboard]:
    """Yield all samples in all their shapes."""
    for path in (*SAMPLES.glob("*/project.yaml"), *SAMPLES.glob("storyboards/*.yaml")):
        name = path.parent.name if path.stem == "project" else path.stem
        yield from (Storyboard(name, shape, path) for shape in _SHAPES.get(name, ("16x9",)))


def moments(video: Path, count: int) -> list[Image.Image]:
    """Return frames of a video at equal distances; the first and last stand half a distance from its ends."""
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        wanted = {round((number + 0.5) * stream.frames / count) for number in range(count)}
        frames = enumerate(container.decode(stream))
        return [Image.fromarray(frame.to_ndarray(format="rgb24")) for index, frame in frames if index in wanted]


def sheet(frames: Sequence[Image.Image], columns: int) -> Image.Image:
    """Return frames side by side."""
    width = (_WIDTH - (columns - 1) * _GAP) // columns
    height = round(width * frames[0].height / frames[0].width)
    rows = -(-len(frames) // columns)
    page = Image.new("RGB", (columns * (width + _GAP) - _GAP, rows * (height + _GAP) - _GAP), "white")
    for number, frame in enumerate(frames):
        place = (number % columns * (width + _GAP), number // columns * (height + _GAP))
        page.paste(frame.resize((width, height), Image.Resampling.LANCZOS), place)
    return page


def silenced(project: project_pb2.Project) -> project_pb2.Project:
    """Return a project whose narrations are shown only."""
    project.ClearField("speech")
    for shot in project.storyboard.shots:
        shot.ClearField("speech")
    return project


def render(client: RenderClient, chosen: Sequence[Storyboard], folder: Path, *, speak: bool) -> None:
    """Render storyboards, and write their sheets."""
    jobs = []
    for one in chosen:
        project = load_project(one.path)
        width, height = _SIZES[one.shape]
        output = output_pb2.OutputOptions(
            size=output_pb2.FrameSize(width=width, height=height), quality=output_pb2.QUALITY_PRESET_HIGH
        )
        jobs.append(client.start(project if speak else silenced(project), output=output).job_id)
    for one, job in zip(chosen, jobs, strict=True):
        finished = client.wait(job, timeout=_HANG_SECONDS)
        for warning in finished.warnings:
            print(f"{one.file_name}: {warning.message}", flush=True)
        video = client.download(job, folder / f"{one.file_name}.mp4")
        page = sheet(moments(video, _MOMENTS), _COLUMNS[one.shape])
        page.save(FOLDER / f"{one.file_name}.jpg", quality=80, optimize=True, progressive=True)
        print(one.file_name, flush=True)


async def main(names: Sequence[str], videos: Path | None) -> None:
    """Start the service, and draw the sheets of the named storyboards, or of all."""
    chosen = [one for one in storyboards() if not names or one.name in names or one.file_name in names]
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="render-") as name:
        folder = Path(name)
        async with make_stack(folder / "service", port=None, file_roots=(SAMPLES,)) as stack:
            with RenderClient(stack.target, token=await key_of(stack), workspace=WORKSPACE) as client:
                await asyncio.to_thread(render, client, chosen, videos or folder, speak=videos is not None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--videos", type=Path)
    options = parser.parse_args()
    asyncio.run(main(options.names, options.videos))
