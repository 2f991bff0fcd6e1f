"""The Go stubs: generated, vetted, compiled and run, with Go and its libraries from Debian's packages.

The main job is `clients/go/example`.
"""

import os
import shutil
import subprocess
from pathlib import Path

from tests.corners.node import ROOT

LIBRARIES = Path("/usr/share/gocode")
PACKAGES = "golang-go golang-google-grpc-dev golang-google-genproto-dev protoc-gen-go protoc-gen-go-grpc"


def run_corners(folder: Path, target: str) -> list[bool | None]:
    """Generate the stubs and run the example; None where this machine has no Go."""
    if not (LIBRARIES / "src/google.golang.org/grpc").is_dir() or not all(
        map(shutil.which, ("go", "protoc-gen-go", "protoc-gen-go-grpc"))
    ):
        print(f"go: not on this machine; run `apt install {PACKAGES}`")
        return [None]
    template = str(ROOT / "clients/go/buf.gen.yaml")
    source = folder / "src/example.com"
    environment = {
        **os.environ,
        # Without modules, which would be downloaded.
        "GO111MODULE": "off",
        "GOPATH": f"{folder}:{LIBRARIES}",
        "RENDER_TOKEN": "a-token",
        "RENDER_WORKSPACE": "default",
    }
    for step in (
        ("buf", "generate", str(ROOT / "proto"), "--template", template, "--output", str(folder)),
        ("go", "vet", "example.com/..."),
        ("go", "build", "-o", "example", "example.com/example"),
        ("./example", target, str(folder)),
    ):
        ran = subprocess.run(
            step, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        if ran.returncode:
            print(f"{' '.join(step)}: failed\n{ran.stdout}{ran.stderr}")
            return [False]
        if step[0] == "buf":
            source.parent.mkdir()
            (folder / "gen").rename(source)
            shutil.copytree(ROOT / "clients/go/example", source / "example")
    version = subprocess.run(("go", "version"), capture_output=True, text=True, check=True).stdout.split()[2]
    print(f"{version}: right")
    return [True]
