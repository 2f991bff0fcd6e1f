"""Takes the documentation's screenshots from a real run: of the `render` command and of the demo's video.

    python -m scripts.make_screenshots

It starts the whole service, renders the samples with the command in a terminal, and writes docs/images.
"""

import asyncio
import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

import av
from PIL import Image
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from render_service.embedded.session import WORKSPACE, key_of, make_stack

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
_COLUMNS = 104
_STILL, _GAP = (480, 270), 6
_STATES = re.compile(r"PENDING|PREPARING|GENERATING|COMPOSING|CHECKING|UPLOADING|COMPLETED")
# What a live display sends before it redraws: back to the start of the line, and lines erased upwards.
_REDRAWN = re.compile(r"\r(?:\x1b\[2K|\x1b\[1A)+")
_OTHER_CONTROLS = re.compile(r"\x1b\[\?25[lh]|\r")
_RENDER = Path(sys.executable).parent / "render"


def in_terminal(arguments: list[str], environment: dict[str, str]) -> str:
    """Run a command in its own terminal.

    Returns:
        Everything that it wrote, with its control sequences.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, _COLUMNS, 0, 0))
    process = subprocess.Popen(arguments, cwd=ROOT, env=environment, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    written = bytearray()
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # Linux raises this once the other end is closed.
            break
        if not piece:
            break
        written += piece
    os.close(master)
    if process.wait() != 0:
        raise RuntimeError(f"{arguments} ended with {process.returncode}:\n{written.decode()}")
    return written.decode()


def frames_of(written: str) -> list[str]:
    """Return the content of the terminal after each redraw of a live display."""
    return [_OTHER_CONTROLS.sub("", frame).strip("\n") for frame in _REDRAWN.split(written)]


def picture(name: str, command: str, shown: str) -> None:
    """Write a terminal with a command and its output as a self-contained SVG."""
    console = Console(record=True, width=_COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.assemble(("$ ", "dim"), (command, "bold")), highlight=False)
    console.print(Text.from_ansi(shown), soft_wrap=True)
    svg = console.export_svg(title="render", theme=MONOKAI, unique_id=name)
    # Fonts would be fetched from the network.
    svg = re.sub(r"@font-face \{.*?\}\n", "", svg, flags=re.DOTALL).replace("Fira Code", "DejaVu Sans Mono")
    svg = "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"
    (IMAGES / f"{name}.svg").write_text(svg, encoding="utf-8")


def photograph(environment: dict[str, str], scratch: Path) -> None:
    """Render with the command, and save its output."""

    def render(*arguments: str) -> str:
        return in_terminal([str(_RENDER), *arguments], environment)

    def start(*arguments: str) -> str:
        ran = subprocess.run(
            [_RENDER, "start", *arguments], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
        )
        return ran.stdout.strip()

    demo = start("samples/harbour/project.json")
    jobs = [demo, start("samples/quickstart/project.json"), start("samples/quickstart/project.json", "--provider=mock")]
    frames = frames_of(render("watch", *jobs))
    varied = max(frames, key=lambda frame: (len(set(_STATES.findall(frame))), frame.count("%")))
    picture("cli-watch", f"render watch {' '.join(job[:8] + '…' for job in jobs)}", varied)
    picture("cli-list", "render list", render("list").replace("\r", "").strip("\n"))

    video = scratch / "demo.mp4"
    render("download", demo, str(video))
    stills(video)


def stills(video: Path) -> None:
    """Write a picture of the middle frames of the demo's shots except its card, three per row."""
    shots = json.loads((ROOT / "samples/harbour/project.json").read_text(encoding="utf-8"))["storyboard"]["shots"]
    begins, moments = 0.0, []
    for shot in shots:
        transition = shot.get("transition", {})
        begins -= float(transition.get("duration", "0s").rstrip("s")) if begins else 0
        seconds = float(shot["duration"].rstrip("s"))
        moments += [begins + seconds / 2] if "image_uri" in shot else []
        begins += seconds
    grid = Image.new("RGB", (3 * _STILL[0] + 2 * _GAP, 2 * _STILL[1] + _GAP), "white")
    with av.open(str(video)) as container:
        wanted = iter(enumerate(moments))
        number, moment = next(wanted)
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time >= moment:
                still = Image.fromarray(frame.to_ndarray(format="rgb24")).resize(_STILL, Image.Resampling.LANCZOS)
                grid.paste(still, (number % 3 * (_STILL[0] + _GAP), number // 3 * (_STILL[1] + _GAP)))
                number, moment = next(wanted, (number, float("inf")))
    grid.save(IMAGES / "demo.jpg", quality=80, optimize=True, progressive=True)


async def main() -> None:
    """Start the service, and take the screenshots."""
    with tempfile.TemporaryDirectory(prefix="render-") as name:
        folder = Path(name)
        async with make_stack(folder / "service", port=None, file_roots=(ROOT / "samples",)) as stack:
            environment = {
                **os.environ,
                "TERM": "xterm-256color",
                "COLORTERM": "truecolor",
                "HOME": name,
                "RENDER_TARGET": stack.target,
                "RENDER_TOKEN": await key_of(stack),
                "RENDER_WORKSPACE": WORKSPACE,
            }
            await asyncio.to_thread(photograph, environment, folder)


if __name__ == "__main__":
    asyncio.run(main())
