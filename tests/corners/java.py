"""The Java stubs: generated, compiled and run, with Java's gRPC from Debian's packages.

The main job is `clients/java/example`.
"""

import os
import shutil
from pathlib import Path

from tests.corners.node import ROOT, run

LIBRARIES = Path("/usr/share/java")
# Names of files there, without `.jar`.
JARS = (
    "grpc-*",
    "protobuf",
    "guava",
    "failureaccess",
    "jsr305",
    "geronimo-annotation-1.3-spec",
    "netty-*",
    "perfmark-*",
)
PACKAGES = (
    "default-jdk-headless libgrpc-java libgeronimo-annotation-1.3-spec-java libnetty-java protobuf-compiler "
    "protobuf-compiler-grpc-java-plugin"
)


def run_corners(folder: Path, target: str) -> list[bool | None]:
    """Generate the stubs and run the example; None where this machine has no Java."""
    plugin = shutil.which("grpc_java_plugin")
    if not plugin or not (LIBRARIES / "grpc-stub.jar").exists() or not all(map(shutil.which, ("javac", "protoc"))):
        print(f"java: not on this machine; run `apt install {PACKAGES}`")
        return [None]
    sources, classes = folder / "sources", folder / "classes"
    sources.mkdir()
    libraries = [str(jar) for name in JARS for jar in LIBRARIES.glob(f"{name}.jar")]
    path = os.pathsep.join((str(classes), *libraries))
    plugins = (f"--java_out={sources}", f"--plugin=protoc-gen-grpc-java={plugin}", f"--grpc-java_out={sources}")
    protos = sorted(str(file) for file in (ROOT / "proto/render/v1").glob("*.proto"))
    if not run(("protoc", f"--proto_path={ROOT / 'proto'}", *plugins, *protos), folder):
        return [False]
    files = [str(file) for file in (*sources.rglob("*.java"), *(ROOT / "clients/java/example").glob("*.java"))]
    main_job = ("java", "-cp", path, "Example", target, str(folder))
    right = run(("javac", "-nowarn", "-cp", path, "-d", str(classes), *files), folder) and run(
        main_job, folder, RENDER_TOKEN="a-token", RENDER_WORKSPACE="default"
    )
    print(f"java: {'right' if right else 'wrong'}")
    return [right]
