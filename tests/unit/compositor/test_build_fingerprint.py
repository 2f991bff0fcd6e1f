"""The build fingerprint covers what can change a segment's bytes, wherever it lies, and nothing else."""

import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import render_service
from render_service.compositor.segments import code_fingerprint as code
from render_service.compositor.segments import reachable_sources as sources
from render_service.compositor.segments.build_fingerprint import PICTURE_ENTRY, SOUND_ENTRY, build_fingerprint

PACKAGE = Path(render_service.__file__).parent


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the service's code that the fingerprint is taken of."""
    copy = tmp_path / PACKAGE.name
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "_PACKAGE", copy)
    return copy


def fingerprint(entry: str = PICTURE_ENTRY) -> str:
    """The fingerprint of the code as it is now."""
    build_fingerprint.cache_clear()
    return build_fingerprint(entry)


_IMPORTS_OF = sources._imports


@cache
def imports_of(source: bytes, name: str) -> tuple[str, ...]:
    """What a module imports: of hundreds, a test changes few, and the others need not be parsed again."""
    return tuple(_IMPORTS_OF(source, name))


@pytest.fixture(autouse=True)
def _forget_fingerprints(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sources, "_imports", imports_of)
    yield
    build_fingerprint.cache_clear()


def file_of(package: Path, module: str) -> Path:
    """The file of a module in the copy."""
    return package.parent.joinpath(*module.split(".")).with_suffix(".py")


def edit(file: Path) -> None:
    """Append a comment."""
    file.write_text(file.read_text(encoding="utf-8") + "# Edited.\n", encoding="utf-8")


def test_moving_a_drawing_module_into_a_sub_folder_changes_the_fingerprint(package: Path) -> None:
    before = fingerprint()
    old = "render_service.compositor.drawing.motion"
    new = "render_service.compositor.effects.motion"
    file_of(package, new).parent.mkdir()
    file_of(package, old).rename(file_of(package, new))
    for file in package.rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        if old in source:
            file.write_text(source.replace(old, new), encoding="utf-8")
    moved = fingerprint()
    assert moved != before
    edit(file_of(package, new))
    assert fingerprint() not in {before, moved}, "the module is covered where it is now"


def test_every_module_that_drawing_loads_is_covered(package: Path) -> None:
    before = fingerprint()
    for module in sources.reachable_sources(PICTURE_ENTRY, package):
        file = file_of(package, module)
        if not file.is_file():
            continue
        edit(file)
        after = fingerprint()
        assert after != before, module
        before = after


@pytest.mark.parametrize("entry", [PICTURE_ENTRY, SOUND_ENTRY])
@pytest.mark.parametrize(
    "module",
    [
        "render_service.compositor.verification.video",
        "render_service.compositor.processes.pool",
        "render_service.server.server",
    ],
)
def test_a_comment_in_the_checks_empties_no_cache(package: Path, entry: str, module: str) -> None:
    before = fingerprint(entry)
    edit(file_of(package, module))
    assert fingerprint(entry) == before


def test_an_edit_of_the_drawing_keeps_the_cached_sound(package: Path) -> None:
    before = fingerprint(SOUND_ENTRY)
    edit(file_of(package, "render_service.compositor.drawing.motion"))
    assert fingerprint(SOUND_ENTRY) == before
