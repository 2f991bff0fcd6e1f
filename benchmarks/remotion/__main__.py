"""`make bench-remotion`: renders the work of `make bench-layers` with Remotion and with the compositor, and compares.

Remotion is installed from npm into a temporary folder, without running scripts of packages, and uses the Chromium of
this machine (`apt-get install chromium`, or `CHROMIUM=PATH`). Its licence allows evaluation but asks larger companies
for a fee: it may be measured here, but nothing of it may be shipped. `OUT=FOLDER` keeps both videos, and `ROUNDS=N`
sets how often each is rendered (default: 1).
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.compositor import layered, ours, work
from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media
from render_service.compositor.text.fonts import file_of, regional_face
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.timeline import plan_timeline
from tests.integration.compositor.inspecting import inspected

LEAST = 4.0
HERE = Path(__file__).parent
_SOURCES = ("package.json", "package-lock.json", ".npmrc", "index.jsx", "film.jsx", "render.mjs")


def install(folder: Path) -> Path:
    """Install Remotion beside a copy of the composition; return the folder."""
    home = folder / "remotion"
    home.mkdir()
    for name in _SOURCES:
        shutil.copyfile(HERE / name, home / name)
    environment = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
    subprocess.run(command, cwd=home, env=environment, check=True)
    return home


def scene(spec: RenderSpec, media: Media, public: Path) -> dict[str, object]:
    """Return the scene as the composition takes it, and link its files into the folder that Remotion serves."""
    timeline = plan_timeline(spec.project, spec.output.fps, inspected(media).facts)
    public.mkdir()
    shutil.copyfile(file_of(regional_face("")), public / "service.ttc")
    shots = []
    for planned in timeline.shots:
        picture = media.shots[planned.shot_id].image
        assert picture is not None
        shutil.copyfile(picture, public / picture.name)
        shots.append(
            {
                "start": planned.start,
                "frames": planned.frames,
                "overlap": planned.overlap_in,
                "picture": picture.name,
                "caption": planned.shot.caption or "",
                "from": 1.0,
                "to": 1.0 + (planned.motion.amount or 0.0),
            }
        )
    texts = {layer.id: layer.text.text for layer in spec.project.layers if layer.text is not None}
    files = {path.stem: path.name for path in media.layers.values()}
    for path in media.layers.values():
        shutil.copyfile(path, public / path.name)
    return {
        "width": spec.output.width,
        "height": spec.output.height,
        "fps": spec.output.fps,
        "frames": timeline.frames,
        "shots": shots,
        "layers": {**texts, "logo": files["logo"], "clip": files["picture-in-picture"]},
    }


def remotion(home: Path, chromium: str, props: dict[str, object], folder: Path) -> dict[str, float]:
    """Render with Remotion; return the seconds of each phase, and the number of frames."""
    given = folder / "scene.json"
    given.write_text(json.dumps(props), encoding="utf-8")
    command = [
        "node",
        str(home / "render.mjs"),
        chromium,
        str(given),
        str(folder / "public"),
        str(folder / "remotion.mp4"),
    ]
    made = subprocess.run(command, cwd=home, check=True, stdout=subprocess.PIPE, text=True, timeout=1800)
    phases: dict[str, float] = json.loads(made.stdout.strip().splitlines()[-1])
    return phases


async def service(spec: RenderSpec, media: Media, folder: Path, rounds: int) -> ours.Measured:
    """Render with warm processes of the compositor; return the fastest round."""
    compositor = Compositor(processes=os.cpu_count() or 1)
    await compositor.start()
    runs = [
        await ours.measure(compositor, spec, media, folder, ours.FolderStore(folder / f"store-{number}"))
        for number in range(rounds)
    ]
    await compositor.close()
    return min(runs, key=lambda run: run.seconds)


def main() -> int:
    """Measure both and return 0 if the compositor is as much faster as it must be."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        sys.stderr.write("chromium is missing: install it, or add CHROMIUM= with its path\n")
        return 2
    rounds = int(os.environ.get("ROUNDS", "1"))
    with tempfile.TemporaryDirectory(prefix="bench-remotion-") as name:
        folder = Path(name)
        home = install(folder)
        spec, media = layered.layered(*work.storyboard(folder), folder)
        props = scene(spec, media, folder / "public")
        run = asyncio.run(service(spec, media, folder, rounds))
        theirs = min((remotion(home, chromium, props, folder) for _ in range(rounds)), key=lambda it: it["rendering"])
        if os.environ.get("OUT"):
            shutil.copyfile(run.video, Path(os.environ["OUT"]) / "service.mp4")
            shutil.copyfile(folder / "remotion.mp4", Path(os.environ["OUT"]) / "remotion.mp4")
    assert theirs["frames"] == run.frames
    ratio = theirs["rendering"] / run.seconds
    print(f"{run.frames} frames of {spec.output.width} × {spec.output.height}, six layers, {os.cpu_count()} cores")
    print(f"service     {run.seconds:7.2f} s, with sound track, check of the video, poster and contact sheet")
    print(
        f"Remotion    {theirs['rendering']:7.2f} s, after {theirs['bundling']:.1f} s for the bundle and "
        f"{theirs['opening']:.1f} s for the browser, which do not count"
    )
    print(f"Remotion / service: {ratio:.2f}, target ≥ {LEAST:g}: {'PASS' if ratio >= LEAST else 'FAIL'}")
    return 0 if ratio >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
