"""Generates the synchronous Python client from the asyncio one, or checks that it is current (`--check`)."""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from unasync import Rule, unasync_files

CLIENT = Path(__file__).resolve().parent.parent / "clients/python/render_client"
SOURCE, TARGET = CLIENT / "aio", CLIENT / "sync"
# Written by hand in both forms: what a folder is for, and what threads and asyncio do differently.
BY_HAND = {"__init__.py", "primitives.py"}
NAMES = {
    "aio": "sync",
    "AsyncConnection": "Connection",
    "AsyncDownloadMethods": "DownloadMethods",
    "AsyncFrameMethods": "FrameMethods",
    "AsyncProjectMethods": "ProjectMethods",
    "AsyncRenderClient": "RenderClient",
    "AsyncVoiceMethods": "VoiceMethods",
    "AsyncWebhookMethods": "WebhookMethods",
}
HEADER = "# Generated from render_client/aio by `make generate`; do not edit.\n"


def generate() -> dict[str, str]:
    """Return the text of every generated module, by file name."""
    sources = sorted(str(file) for file in SOURCE.glob("*.py") if file.name not in BY_HAND)
    with tempfile.TemporaryDirectory() as scratch:
        unasync_files(sources, [Rule(fromdir=str(SOURCE), todir=scratch, additional_replacements=NAMES)])
        return {
            file.name: tidy(HEADER + file.read_text(encoding="utf-8"), file.name) for file in Path(scratch).iterdir()
        }


def tidy(text: str, name: str) -> str:
    """Sort the imports of a generated module, and format it."""
    # By its final name, because ruff recognises first-party imports by a file's path.
    for command in (["check", "--select", "I", "--fix"], ["format"]):
        place = ["--quiet", "--stdin-filename", str(TARGET / name), "-"]
        text = subprocess.run(["ruff", *command, *place], input=text, capture_output=True, text=True, check=True).stdout
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Generate in place, or compare with what is committed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 if a module is stale")
    only_check = parser.parse_args(arguments).check
    fresh = generate()
    committed = {
        file.name: file.read_text(encoding="utf-8") for file in TARGET.glob("*.py") if file.name not in BY_HAND
    }
    stale = sorted(name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name))
    for name in stale:
        if only_check:
            print(f"stale: {TARGET.relative_to(CLIENT.parents[2]) / name} (run `make generate`)", file=sys.stderr)
        elif name in fresh:
            (TARGET / name).write_text(fresh[name], encoding="utf-8")
        else:
            (TARGET / name).unlink()
    return 1 if stale and only_check else 0


if __name__ == "__main__":
    sys.exit(main())
