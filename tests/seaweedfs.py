"""A real S3 (SeaweedFS) on loopback for tests."""

import asyncio
import json
import os
import signal
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from render_service.embedded.ports import LOOPBACK, free_port
from render_service.embedded.process import SupervisedProcess
from render_service.storage.location import S3Options
from tests.programs import program

_START_SECONDS = 60.0
_ACCESS_KEY = "render"
_SECRET_KEY = "render-secret"


@dataclass(frozen=True)
class S3Server:
    """How to reach the server: `options` for the storage layer in this process, `environment` for another process."""

    options: S3Options
    environment: dict[str, str]


@dataclass(frozen=True)
class S3TestBucket:
    """A bucket of a test's own, empty; the server makes it with the first object."""

    name: str
    options: S3Options
    environment: dict[str, str]

    @property
    def url(self) -> str:
        """As STORAGE_URL."""
        return f"s3://{self.name}"


class SeaweedFS:
    """One SeaweedFS with an S3 gateway and one pair of keys that may do everything.

    Args:
        data_dir: folder of its own, with a short path: Unix sockets lie in it, whose names have 107 bytes at most.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._port = free_port()
        keys = [{"accessKey": _ACCESS_KEY, "secretKey": _SECRET_KEY}]
        identity = {"name": "render", "credentials": keys, "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
        (data_dir / "s3.json").write_text(json.dumps({"identities": [identity]}))
        (data_dir / "data").mkdir()
        parts = ("master", "volume", "filer", "s3")
        ports = {f"{part}.{kind}": free_port() for part in parts for kind in ("port", "port.grpc")}
        ports["s3.port"] = self._port
        self._process = SupervisedProcess(
            "SeaweedFS",
            [
                *(program("weed"), "-logtostderr=true", "server", "-filer", "-s3", f"-dir={data_dir / 'data'}"),
                *(f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}", f"-s3.config={data_dir / 's3.json'}"),
                *(f"-filer.localSocket={data_dir / 'filer.sock'}", f"-s3.localSocket={data_dir / 's3.sock'}"),
                *("-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"),
                *("-master.volumeSizeLimitMB=64", "-master.electionTimeout=1s", "-volume.max=2000"),
                *(f"-{name}={port}" for name, port in ports.items()),
            ],
            log=data_dir / "log",
            environment={"PATH": os.defpath, "HOME": str(data_dir)},
            # An orderly stop takes over 20 s, and the data is thrown away anyway.
            stop_signal=signal.SIGKILL,
            stop_grace=timedelta(seconds=5),
        )

    @property
    def server(self) -> S3Server:
        """How to reach it."""
        endpoint = f"http://{LOOPBACK}:{self._port}"
        return S3Server(
            S3Options(endpoint=endpoint, region="us-east-1", access_key_id=_ACCESS_KEY, secret_access_key=_SECRET_KEY),
            {
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": _ACCESS_KEY,
                "AWS_SECRET_ACCESS_KEY": _SECRET_KEY,
            },
        )

    async def start(self) -> None:
        """Start it; returns when it takes requests."""
        await self._process.start()
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            while not await self._healthy(client):
                if not self._process.running or asyncio.get_running_loop().time() > deadline:
                    await self.stop()
                    raise self._process.failure("did not start")
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """End it; its data is of no more use."""
        await self._process.stop()

    async def _healthy(self, client: httpx.AsyncClient) -> bool:
        try:
            answer = await client.get(f"http://{LOOPBACK}:{self._port}/healthz")
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK
