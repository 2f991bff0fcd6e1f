"""The same work with six layers over it: two animated texts, a picture, a clip in the picture, and two shapes."""

import asyncio
import os
import sys
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2

from benchmarks.compositor import ours, work
from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.layers.model import (
    Anchor,
    Animation,
    AnimationKind,
    AnimationUnit,
    Box,
    ClipLayer,
    ColorStop,
    Gradient,
    Keyframe,
    Layer,
    PictureLayer,
    Shadow,
    ShapeKind,
    ShapeLayer,
    Stroke,
    TextLayer,
    TextStyle,
    layer_field,
)

_SECONDS = 30


def layers() -> tuple[Layer, ...]:
    """Return the layers, which are seen in the whole video."""
    second = timedelta(seconds=1)
    shade = Gradient(stops=(ColorStop("#0B1E3B00"), ColorStop("#0B1E3BE6", 1.0)))
    return (
        Layer("shade", shape=ShapeLayer(gradient=shade), box=Box(anchor=Anchor.TOP, width=1.0, height=0.3)),
        Layer("logo", picture=PictureLayer("given"), box=Box(0.95, 0.06, Anchor.TOP_RIGHT, width=0.1)),
        Layer(
            "clip",
            clip=ClipLayer("given", sound=False),
            box=Box(0.95, 0.7, Anchor.BOTTOM_RIGHT, width=0.3, corner_radius=0.03),
            stroke=Stroke("#FFFFFF", 0.006),
            shadow=Shadow(),
        ),
        Layer(
            "name",
            text=TextLayer("The harbour wakes", TextStyle(size=0.09, weight=800)),
            box=Box(0.06, 0.12, Anchor.TOP_LEFT),
            enter=Animation(AnimationKind.SLIDE, AnimationUnit.LETTER, second),
            exit=Animation(AnimationKind.FADE),
        ),
        Layer(
            "place",
            text=TextLayer("five in the morning", TextStyle(size=0.05, weight=400)),
            box=Box(0.06, 0.25, Anchor.TOP_LEFT),
            start=second,
            enter=Animation(AnimationKind.POP, AnimationUnit.WORD, second),
        ),
        Layer(
            "badge",
            shape=ShapeLayer(ShapeKind.ELLIPSE, color="#E0206B"),
            box=Box(0.12, 0.6, height=0.16),
            # It moves all the time.
            keyframes=tuple(
                Keyframe(second * number, x=0.12 + 0.04 * (number % 2), rotation=12.0 * (number % 3 - 1))
                for number in range(1, _SECONDS)
            ),
        ),
    )


def layered(spec: RenderSpec, media: Media, folder: Path) -> tuple[RenderSpec, Media]:
    """Return the work with the layers over it."""
    over = layers()
    picture = next(files.image for files in media.shots.values() if files.image is not None)
    logo = folder / "logo.png"
    if not logo.exists():
        pixels = cv2.imread(str(picture))
        assert pixels is not None
        cv2.imwrite(str(logo), cv2.resize(pixels, (400, 400)))
    clip = folder / "picture-in-picture.mp4"
    if not clip.exists():
        work.write_clip(picture, clip, _SECONDS)
    sources = {"logo": logo, "clip": clip}
    files = {layer_field(index, layer): sources[layer.id] for index, layer in enumerate(over) if layer.id in sources}
    project = replace(spec.project, layers=over)
    return RenderSpec(project, spec.output), replace(media, layers=files)


async def cost(
    compositor: Compositor, spec: RenderSpec, media: Media, folder: Path, rounds: int
) -> tuple[float, float]:
    """Return what the layers take, as a part of the time of the work without them: wall time, and processor time."""
    plain: list[tuple[float, float]] = []
    over: list[tuple[float, float]] = []
    for attempt in range(rounds):
        for works, given in ((plain, (spec, media)), (over, layered(spec, media, folder))):
            store = ours.FolderStore(folder / f"layers-{attempt}-{len(given[0].project.layers)}")
            begun = ours.cpu_seconds(compositor.pids)
            measured = await ours.measure(compositor, *given, folder, store)
            works.append((measured.seconds, ours.cpu_seconds(compositor.pids) - begun))
    (wall, cpu), (wall_over, cpu_over) = ([min(one) for one in zip(*works, strict=True)] for works in (plain, over))
    return wall_over / wall - 1, cpu_over / cpu - 1


async def main() -> None:
    """Measure the layers alone."""
    rounds = int(os.environ.get("ROUNDS", "2"))
    with tempfile.TemporaryDirectory(prefix="bench-layers-") as name:
        spec, media = work.storyboard(Path(name))
        compositor = Compositor(processes=os.cpu_count() or 1)
        await compositor.start()
        wall, cpu = await cost(compositor, spec, media, Path(name), rounds)
        peak = ours.peak_megabytes(compositor.pids)
        await compositor.close()
    sys.stdout.write(
        f"six layers take {wall:.3f} of the wall time, {cpu:.3f} of the processor time; peak {peak:.0f} MB\n"
    )


if __name__ == "__main__":
    asyncio.run(main())
