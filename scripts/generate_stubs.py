"""Makes the typed Python stubs from the contract, or checks that the committed ones are fresh (`--check`)."""

import argparse
import filecmp
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STUBS = Path("clients/python/render/v1")
PACKAGE_DOC = '"""Generated from proto/render/v1 by `make generate`; do not edit."""\n'


def generate(target: Path) -> None:
    """Write the stubs of every proto file below `target`/render/v1."""
    protos = sorted(str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto").rglob("*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        descriptors = Path(scratch) / "fds.binpb"
        subprocess.run(
            ["buf", "build", "proto", "--as-file-descriptor-set", "-o", str(descriptors)], cwd=ROOT, check=True
        )
        subprocess.run(
            [
                sys.executable,
                "-m",
                "grpc_tools.protoc",
                f"--descriptor_set_in={descriptors}",
                *(f"--{plugin}={target}" for plugin in ("python_out", "grpc_python_out")),
                *(f"--{plugin}=quiet:{target}" for plugin in ("mypy_out", "mypy_grpc_out")),
                *protos,
            ],
            cwd=ROOT,
            check=True,
        )
    for grpc_file in target.rglob("*_pb2_grpc.py*"):
        service = grpc_file.name.removesuffix("i").replace("_pb2_grpc.py", ".proto")
        if "\nservice " not in (ROOT / "proto/render/v1" / service).read_text(encoding="utf-8"):
            grpc_file.unlink()
    (target / "render/v1/__init__.py").write_text(PACKAGE_DOC, encoding="utf-8")
    (target / "render/v1/py.typed").touch()


def main() -> int:
    """Generate in place, or compare with what is committed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 where a stub is stale")
    if not parser.parse_args().check:
        stubs = ROOT / STUBS
        stubs.mkdir(parents=True, exist_ok=True)
        for stale in stubs.iterdir():
            if stale.is_file():
                stale.unlink()
        generate(ROOT / "clients/python")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch))
        fresh, kept = Path(scratch) / "render/v1", ROOT / STUBS
        names = {path.name for folder in (fresh, kept) for path in folder.iterdir() if path.is_file()}
        _, different, missing = filecmp.cmpfiles(fresh, kept, sorted(names), shallow=False)
    for name in (*different, *missing):
        print(f"stale: {STUBS / name} (run `make generate`)", file=sys.stderr)
    return 1 if different or missing else 0


if __name__ == "__main__":
    sys.exit(main())
