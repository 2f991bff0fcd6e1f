"""Takes the documentation's screenshots from a real run: of the `render` command and of the demo's video.

    python -m scripts.make_screenshots [--only-command]

It starts the whole service, renders the samples with the command in a terminal, and writes docs/images; with
`--only-command` not the demo's animation.
"""

import argparse
import asyncio
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from fractions import Fraction
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
# The demo in the README: pixels, pictures a second, how much faster than the video, and the quality of WebP.
_ANIMATION, _ANIMATION_FPS, _SPEED, _ANIMATION_QUALITY = (640, 360), 8, 2, 60
_STATES = re.compile(r"PENDING|PREPARING|GENERATING|COMPOSING|CHECKING|UPLOADING|COMPLETED")
# What a live display sends before it redraws: back to the start of the line, and lines erased upwards.
_REDRAWN = re.compile(r"\r(?:\x1b\[2K|\x1b\[1A)+")
_OTHER_CONTROLS = re.compile(r"\x1b\[\?25[lh]|\r")
_RENDER = Path(sys.executable).parent / "render"


def in_terminal(arguments: list[str], environment: dict[str, str], *, exit_code: int = 0) -> str:
    """Run a command in its own terminal, which must end with an exit code.

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
    if process.wait() != exit_code:
        raise RuntimeError(f"{arguments} ended with {process.returncode}:\n{written.decode()}")
    return written.decode()


def frames_of(written: str) -> list[str]:
    """Return the content of the terminal after each redraw of a live display."""
    return [_OTHER_CONTROLS.sub("", frame).strip("\n") for frame in _REDRAWN.split(written)]


def picture(name: str, command: str, shown: str) -> None:
    """Write a terminal with a command and its output as a self-contained SVG."""
    console = Console(record=True, width=_COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.assemble(("$ ", "dim"), (command, "bold")), highlight=False)
    # Folded as a terminal does. Without the empty line, the descenders of the last one would be cut off.
    console.print(Text.from_ansi(shown), overflow="fold", end="\n\n")
    svg = console.export_svg(title="render", theme=MONOKAI, unique_id=name)
    # Fonts would be fetched from the network.
    svg = re.sub(r"@font-face \{.*?\}\n", "", svg, flags=re.DOTALL).replace("Fira Code", "DejaVu Sans Mono")
    svg = "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"
    (IMAGES / f"{name}.svg").write_text(svg, encoding="utf-8")


_UNREACHABLE = """title: Postcards
storyboard: {shots: [{image_uri: "https://pictures.example.invalid/boat.jpg"}]}
"""
_FAULTY = """titel: A morning by the sea
storyboard:
  shots:
    - image_uri: images/boat.jpg
      duration: 4
      motion: {kind: zoomin}
"""


def photograph(environment: dict[str, str], scratch: Path, *, with_animation: bool) -> None:
    """Render with the command, and save its output."""

    def render(*arguments: str, exit_code: int = 0) -> str:
        return in_terminal([str(_RENDER), *arguments], environment, exit_code=exit_code)

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
    (scratch / "postcards.yaml").write_text(_UNREACHABLE, encoding="utf-8")
    render("watch", start(str(scratch / "postcards.yaml")), exit_code=1)
    picture("cli-list", "render list", render("list").replace("\r", "").strip("\n"))
    (scratch / "film.yaml").write_text(_FAULTY, encoding="utf-8")
    faults = render("check", str(scratch / "film.yaml"), exit_code=2)
    picture("cli-check", "render check film.yaml", faults.replace(f"{scratch}/", "").replace("\r", "").strip("\n"))
    if not with_animation:
        return
    video = scratch / "demo.mp4"
    render("download", demo, str(video))
    moving_picture(video)


def moving_picture(video: Path) -> None:
    """Write the demo as a small animation without sound: every shot in brief, with its way into the next one."""
    step = Fraction(_SPEED, _ANIMATION_FPS)
    frames: list[Image.Image] = []
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time >= len(frames) * step:
                shown = Image.fromarray(frame.to_ndarray(format="rgb24"))
                frames.append(shown.resize(_ANIMATION, Image.Resampling.LANCZOS))
    frames[0].save(
        IMAGES / "demo.webp",
        save_all=True,
        append_images=frames[1:],
        duration=1000 // _ANIMATION_FPS,
        loop=0,
        quality=_ANIMATION_QUALITY,
        method=6,
    )


async def main() -> None:
    """Start the service, and take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only-command", action="store_true", help="not the demo's animation, which takes longest")
    only_command = parser.parse_args().only_command
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
            await asyncio.to_thread(photograph, environment, folder, with_animation=not only_command)


if __name__ == "__main__":
    asyncio.run(main())
