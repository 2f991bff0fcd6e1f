"""Starts a real S3 (SeaweedFS) on loopback for tests."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import mkdtemp

import httpx

from render_service.storage.location import S3Options

START_TIMEOUT_SECONDS = 60.0


def free_ports(count: int) -> list[int]:
    """Return distinct TCP ports of loopback that are free now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def seaweed() -> Iterator[S3Options]:
    """Run SeaweedFS with one pair of keys that may create buckets, and yield how to reach it."""
    # A short path: the server puts Unix sockets there, whose names may have 107 bytes at most.
    folder = Path(mkdtemp(prefix="s3-"))
    identity = {
        "name": "test",
        "credentials": [{"accessKey": "testkey", "secretKey": "testsecret"}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    names = ("master", "volume", "filer", "s3")
    ports = dict(
        zip((f"{name}.{kind}" for name in names for kind in ("port", "port.grpc")), free_ports(8), strict=True)
    )
    command = [
        "weed",
        "-logtostderr=true",
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-filer",
        f"-filer.localSocket={folder}/filer.sock",
        "-s3",
        f"-s3.config={config}",
        f"-s3.localSocket={folder}/s3.sock",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        "-master.electionTimeout=1s",
        "-volume.max=20",
        *(f"-{name}={port}" for name, port in ports.items()),
    ]
    log = folder / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    endpoint = f"http://127.0.0.1:{ports['s3.port']}"
    try:
        _wait_until_ready(server, endpoint, log)
        yield S3Options(endpoint=endpoint, region="us-east-1", access_key_id="testkey", secret_access_key="testsecret")
    finally:
        # Its orderly stop waits for its own parts for over 20 s; the data is thrown away anyway.
        server.kill()
        server.wait()
        shutil.rmtree(folder)


def _wait_until_ready(server: "subprocess.Popen[bytes]", endpoint: str, log: Path) -> None:
    until = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        try:
            if httpx.get(f"{endpoint}/healthz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"SeaweedFS did not start:\n{log.read_text()[-2000:]}")
