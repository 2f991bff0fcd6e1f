"""Renders the pictures of the storyboard guide with the service itself: one picture for each group of options.

    python -m scripts.make_gallery

It starts the whole service, renders the storyboards below as drafts, and writes docs/images/options-*.jpg.
"""

import asyncio
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from google.protobuf import json_format
from PIL import Image, ImageDraw, ImageFont
from render_client import RenderClient
from render_client.v1 import output_pb2, project_pb2

from render_service.embedded.session import WORKSPACE, key_of, make_stack

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
SAMPLES = ROOT / "samples/harbour/images"
_WIDE, _TALL = (640, 360), (360, 640)
_GAP, _LABEL, _LETTERS = 8, 26, 17
_HANG_SECONDS = 600.0


@dataclass(frozen=True)
class Sheet:
    """A picture of the guide: frames of one or more videos, side by side.

    Attributes:
        name: What `docs/images/options-….jpg` is called.
        columns: Number of frames in a row.
        height: Height of a frame in the picture, in pixels.
        videos: Each project with the frames to take from it: their labels and times in seconds.
        size: Size of the videos in pixels; None is that of the project's mode.
    """

    name: str
    columns: int
    height: int
    videos: Sequence[tuple[dict[str, Any], Sequence[tuple[str, float]]]]
    size: tuple[int, int] | None = _WIDE


def picture(name: str, **options: Any) -> dict[str, Any]:
    """Return a shot of one second, without motion, after a cut."""
    return {
        "image_uri": (SAMPLES / f"{name}.jpg").as_uri(),
        "caption": "",
        "duration": "1s",
        "motion": {"kind": "MOTION_KIND_NONE"},
        "transition": {"kind": "TRANSITION_KIND_CUT"},
        **options,
    }


def project(*shots: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Return a project of these shots."""
    return {"title": "Options", "storyboard": {"shots": list(shots)}, **options}


def _fits() -> Sheet:
    kinds = ("COVER", "CONTAIN", "BLUR")
    shots = [picture("04-golden", fit=f"FIT_{kind}") for kind in kinds]
    frames = [(f"FIT_{kind}", number + 0.5) for number, kind in enumerate(kinds)]
    return Sheet("fit", 3, 426, [(project(*shots), frames)], _TALL)


def _motions() -> Sheet:
    kinds = ("ZOOM_IN", "ZOOM_OUT", "PAN_LEFT", "PAN_RIGHT", "PAN_UP", "PAN_DOWN")
    shots = [
        picture("04-golden", motion={"kind": f"MOTION_KIND_{kind}", "amount": 0.3, "easing": "EASING_LINEAR"})
        for kind in kinds
    ]
    frames = [
        label
        for number, kind in enumerate(kinds)
        for label in ((f"{kind}: begins", number + 0.02), (f"{kind}: ends", number + 0.94))
    ]
    return Sheet("motion", 4, 134, [(project(*shots), frames)])


def _captions() -> Sheet:
    words = [
        {"text": word, "start": f"{number * 0.25}s", "end": f"{number * 0.25 + 0.25}s"}
        for number, word in enumerate(("By", "morning,", "every", "sail", "is", "out."))
    ]
    shot = picture("02-morning", caption="By morning, every sail is out.", words=words, duration="2s")
    looks = (
        ("PLAIN", {"style": "CAPTION_STYLE_PLAIN"}),
        ("OUTLINE", {"style": "CAPTION_STYLE_OUTLINE"}),
        ("BOX", {"style": "CAPTION_STYLE_BOX"}),
        ("BOX, highlight_words", {"style": "CAPTION_STYLE_BOX", "highlight_words": True}),
    )
    videos = [(project(shot, captions=options), [(label, 0.9)]) for label, options in looks]
    return Sheet("captions", 2, 270, videos)


def _cards() -> Sheet:
    whole = project(
        {"visual_description": "A shot without a picture", "caption": "", "duration": "2s"},
        title="A day at the harbour",
        title_card={"title": "A day at the harbour", "subtitle": "title_card", "duration": "2s"},
        end_card={"title": "Thank you", "subtitle": "end_card", "duration": "2s"},
    )
    whole["storyboard"]["shots"][0]["transition"] = {"kind": "TRANSITION_KIND_CUT"}
    return Sheet("cards", 3, 179, [(whole, [("title_card", 1.0), ("a shot with text alone", 3.0), ("end_card", 5.0)])])


def _modes() -> Sheet:
    videos = []
    for mode in ("STANDARD", "SHORT", "SLIDESHOW"):
        shot = picture("05-dusk", duration="2s", narration="The last ferry goes home.")
        del shot["caption"], shot["motion"], shot["transition"]
        videos.append((project(shot, mode=f"PROJECT_MODE_{mode}"), [(mode, 1.0)]))
    return Sheet("mode", 3, 240, videos, None)


SHEETS = (_fits(), _motions(), _captions(), _cards(), _modes())


def frames_at(video: Path, moments: Iterable[float]) -> Iterator[Image.Image]:
    """Give the frames that are shown at these times, in seconds, which rise."""
    wanted = list(moments)
    with av.open(str(video)) as container:
        shown: Image.Image | None = None
        for frame in container.decode(video=0):
            while wanted and frame.time is not None and frame.time > wanted[0] and shown is not None:
                wanted.pop(0)
                yield shown
            shown = Image.fromarray(frame.to_ndarray(format="rgb24"))
            if not wanted:
                return
        if shown is not None:
            yield from (shown for _ in wanted)


def draw(sheet: Sheet, videos: Sequence[Path]) -> Image.Image:
    """Return the frames of a sheet side by side, each under its label."""
    labelled = [
        (label, frame)
        for (_, frames), video in zip(sheet.videos, videos, strict=True)
        for (label, _), frame in zip(frames, frames_at(video, [moment for _, moment in frames]), strict=True)
    ]
    sizes = [(round(sheet.height * frame.width / frame.height), sheet.height) for _, frame in labelled]
    rows = [range(first, min(first + sheet.columns, len(labelled))) for first in range(0, len(labelled), sheet.columns)]
    width = max(sum(sizes[number][0] + _GAP for number in row) for row in rows) - _GAP
    grid = Image.new("RGB", (width, len(rows) * (sheet.height + _LABEL + _GAP) - _GAP), "white")
    pen, font = ImageDraw.Draw(grid), ImageFont.load_default(_LETTERS)
    top = 0
    for row in rows:
        left = 0
        for number in row:
            label, frame = labelled[number]
            pen.text((left, top), label, fill="#333333", font=font)
            grid.paste(frame.resize(sizes[number], Image.Resampling.LANCZOS), (left, top + _LABEL))
            left += sizes[number][0] + _GAP
        top += sheet.height + _LABEL + _GAP
    return grid


def output(size: tuple[int, int] | None) -> output_pb2.OutputOptions:
    """Return how videos are rendered: small, and sharp enough to be shown."""
    if size is None:
        return output_pb2.OutputOptions(quality=output_pb2.QUALITY_PRESET_DRAFT)
    frame = output_pb2.FrameSize(width=size[0], height=size[1])
    return output_pb2.OutputOptions(size=frame, quality=output_pb2.QUALITY_PRESET_HIGH)


def render(client: RenderClient, folder: Path) -> None:
    """Render all storyboards, and write the pictures."""
    started = [
        [
            client.start(json_format.ParseDict(each, project_pb2.Project()), output=output(sheet.size)).job_id
            for each, _ in sheet.videos
        ]
        for sheet in SHEETS
    ]
    for sheet, jobs in zip(SHEETS, started, strict=True):
        videos = []
        for job in jobs:
            client.wait(job, timeout=_HANG_SECONDS)
            videos.append(client.download(job, folder / f"{job}.mp4"))
        target = IMAGES / f"options-{sheet.name}.jpg"
        draw(sheet, videos).save(target, quality=82, optimize=True, progressive=True)


async def main() -> None:
    """Start the service, and make the pictures."""
    with tempfile.TemporaryDirectory(prefix="render-") as name:
        folder = Path(name)
        async with make_stack(folder / "service", port=None, file_roots=(ROOT / "samples",)) as stack:
            with RenderClient(stack.target, token=await key_of(stack), workspace=WORKSPACE) as client:
                await asyncio.to_thread(render, client, folder)


if __name__ == "__main__":
    asyncio.run(main())
