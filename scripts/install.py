"""Install hash-pinned requirements and this repository into a virtual environment.

    python3 scripts/install.py .venv requirements/embedded.txt --size "170 MB to download"

Runs on the machine's own Python before anything is installed, so it names what that Python lacks. uv downloads in
parallel and takes a fifth of pip's time. Where uv cannot install, because only pip can reach the index, pip does. Both
check the same hashes. Everything is compiled to bytecode: with PYTHONDONTWRITEBYTECODE set, as in many containers, each
start of a program would otherwise compile all modules that it imports again.
"""

import argparse
import platform
import subprocess
import sys
import time
from pathlib import Path

OLDEST_PYTHON = (3, 11)
OLDEST_GLIBC = (2, 28)
UV_REQUIREMENTS = Path("requirements/uv.txt")
# Not worth compiling: the tests of packages, and the dictionaries of pypinyin_dict, which take longer than all others.
NEVER_IMPORTED = r"/tests?/|/pypinyin_dict/\w+/(?!__init__|large_pinyin)"
SOURCES = (Path("render_service"), Path("clients/python"))
_UV_FLAGS = {"index-url": "--default-index", "extra-index-url": "--index", "find-links": "--find-links"}
_LINE_SECONDS = 5.0


def missing(
    python: "tuple[int, ...]" = tuple(sys.version_info[:3]), libc: "tuple[str, str] | None" = None
) -> "str | None":
    """Say what the machine lacks to run the service, and the remedy; None if it lacks nothing.

    Args:
        python: The version of Python.
        libc: Name and version of the C library as `platform.libc_ver` reports them; None: this machine's.
    """
    if python < OLDEST_PYTHON:
        found = ".".join(map(str, python))
        return f"Python 3.11 or newer is needed, and python3 is {found}: install it, then add PYTHON=python3.11"
    library, version = libc or platform.libc_ver()
    if sys.platform == "linux" and library != "glibc":
        return "glibc is needed: Postgres and PyAV have no wheels for another C library. Use Debian, Ubuntu or Fedora"
    if library == "glibc" and tuple(map(int, version.split(".")[:2])) < OLDEST_GLIBC:
        return f"glibc 2.28 or newer is needed, and this machine has {version}: use Debian 10 or Ubuntu 20.04"
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian packages it apart.
    except ImportError:
        return "the module ensurepip is needed: run `apt install python3-venv`"
    return None


def index_flags(configuration: str) -> "list[str]":
    """Return the flags that make uv use the package indexes that pip is set up for.

    Args:
        configuration: What `pip config list` prints: lines like `global.index-url='https://example.test'`.
    """
    flags = ["--index-strategy", "unsafe-best-match"]  # As pip does. The hashes decide which file is meant.
    for line in configuration.splitlines():
        name, _, value = line.partition("=")
        flag = _UV_FLAGS.get(name.rpartition(".")[2])
        if flag is not None:
            flags += [part for one in value.strip("'\"").replace("\\n", " ").split() for part in (flag, one)]
    return flags


def _run(*command: "str | Path") -> bool:
    return subprocess.run([str(part) for part in command], check=False).returncode == 0


def _run_with_progress(*command: "str | Path") -> bool:
    """Run uv, show on one line which packages it waits for, and print what it said only if it fails."""
    said = []
    waiting = []  # type: list[str]
    began = shown = time.monotonic()
    moving = sys.stderr.isatty()
    process = subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        said.append(line)
        verb, _, package = line.strip().partition(" ")
        if verb in ("Downloading", "Building"):
            waiting.append(package)
        elif verb in ("Downloaded", "Built"):
            waiting = [one for one in waiting if one.split(" ")[0] != package.split(" ")[0]]
        else:
            continue
        now = time.monotonic()
        if moving or now - shown > _LINE_SECONDS:
            shown = now
            text = "  {:.0f} s, waiting for {}".format(now - began, ", ".join(waiting) or "the last files")
            print("\r\033[K" + text[:100] if moving else text, end="" if moving else "\n", file=sys.stderr, flush=True)
    done = process.wait() == 0
    if moving:
        print("\r\033[K", end="", file=sys.stderr)
    print(f"  {time.monotonic() - began:.0f} s" if done else "".join(said), file=sys.stderr, flush=True)
    return done


def install(environment: Path, requirements: Path) -> bool:
    """Make the environment if it is not there, install the requirements, then this repository; False if it failed."""
    python = environment / "bin/python"
    if not python.exists() and not _run(sys.executable, "-m", "venv", environment):
        return False
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]  # type: list[str | Path]
    repository = ["--no-deps", "--no-build-isolation", "--editable", "clients/python", "--editable", "."]
    uv = environment / "bin/uv"
    if uv.exists() or _run(*pip, "--require-hashes", "--requirement", UV_REQUIREMENTS):
        listed = subprocess.run(
            [str(python), "-m", "pip", "config", "list"], check=False, capture_output=True, text=True
        ).stdout
        command = [uv, "pip", "install", "--python", python, *index_flags(listed)]  # type: list[str | Path]
        if _run_with_progress(*command, "--no-deps", "--require-hashes", "--requirement", requirements):
            return _run(*command, "--quiet", *repository) and _compile(python)
        print("uv could not install the packages; pip tries next …", file=sys.stderr)
    return (
        _run(*pip, "--no-compile", "--require-hashes", "--requirement", requirements)
        and _run(*pip, *repository)
        and _compile(python)
    )


def _compile(python: Path) -> bool:
    """Compile this repository's packages, which an editable installation does not, and the installed ones."""
    compiling = [python, "-m", "compileall", "-j", "0"]  # type: list[str | Path]
    # Some packages hold files for other versions of Python, which cannot be compiled.
    _run(*compiling, "-qq", "-x", NEVER_IMPORTED, *python.parents[1].glob("lib/python3*/site-packages"))
    return _run(*compiling, "-q", *SOURCES)


def main() -> int:
    """Check the machine, say what will be installed, and install it; the exit status of the process."""
    parser = argparse.ArgumentParser(description="Install what the service needs into a virtual environment.")
    parser.add_argument("environment", type=Path, help="the virtual environment; made if it is not there")
    parser.add_argument("requirements", type=Path, help="a file of requirements with hashes")
    parser.add_argument("--size", required=True, help="what is downloaded and kept, in words")
    options = parser.parse_args()
    lack = missing()
    if lack is not None:
        print(lack, file=sys.stderr)
        return 1
    print(f"Installing into {options.environment}: {options.size} …", file=sys.stderr, flush=True)
    return 0 if install(options.environment, options.requirements) else 1


if __name__ == "__main__":
    sys.exit(main())
