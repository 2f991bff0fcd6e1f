"""An issuer of tokens: publishes its keys on this machine, rotates them, and can be away."""

import asyncio
import json
import time
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec


class Issuer:
    """Signs tokens, and serves the keys that they can be checked with over HTTP."""

    def __init__(self) -> None:
        self.fetches = 0
        self.away = False
        self.hanging = False
        self.extra: list[dict[str, Any]] = []
        self._keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self._server: asyncio.Server | None = None
        self.rotate("first")

    def rotate(self, key_id: str) -> None:
        """Sign with a new key from now on, and publish no other."""
        self._keys = {key_id: ec.generate_private_key(ec.SECP256R1())}

    def token(self, *, algorithm: str = "ES256", key: Any = None, key_id: str | None = None, **claims: Any) -> str:
        """Return a token for `render-service`, good for a minute; claims that are None are left out."""
        known_id, known = next(iter(self._keys.items()))
        standard = {
            "iss": self.name,
            "aud": "render-service",
            "sub": "backend",
            "exp": int(time.time()) + 60,
            "workspaces": ["team"],
            "scope": "render:write",
        }
        body = {name: value for name, value in (standard | claims).items() if value is not None}
        return jwt.encode(body, key or known, algorithm=algorithm, headers={"kid": key_id or known_id})

    @property
    def name(self) -> str:
        """The issuer's `iss`."""
        return "https://issuer.example"

    @property
    def url(self) -> str:
        """Where the keys are."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/jwks.json"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.fetches += 1
        if self.hanging:
            await reader.read()  # until the caller gives up
            writer.close()
            return
        body = json.dumps({"keys": [*self.extra, *self._published()]}).encode()
        status = b"503 Service Unavailable" if self.away else b"200 OK"
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body)
        await writer.drain()
        writer.close()

    def _published(self) -> list[dict[str, Any]]:
        algorithm = jwt.algorithms.ECAlgorithm
        return [
            {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "use": "sig", "alg": "ES256"}
            for key_id, key in self._keys.items()
        ]
