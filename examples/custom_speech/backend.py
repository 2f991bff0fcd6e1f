"""A backend that speaks the HTTP contract of the speech provider `custom`: `python -m examples.custom_speech.backend`.

Standard library only, apart from `Voice`, which stands for your model: here it is the service's own.
"""

import argparse
import base64
import json
import tempfile
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from render_service.domain.speech.lexicon import LexiconEntry
from render_service.domain.speech.requests import SpeechFault, plan_speech
from render_service.domain.speech.voices import VOICES
from render_service.speech.installation import find_installation
from render_service.speech.synthesis import speak

_MOST_BYTES = 64 * 1024


class Refused(Exception):
    """The text cannot be spoken; the message says why."""


Voice = Callable[[Mapping[str, Any], Path], list[dict[str, Any]]]
"""Speaks the body of a request into a WAV file, and returns its words; raises Refused."""


def local_voice(body: Mapping[str, Any], path: Path) -> list[dict[str, Any]]:
    """Speak with the service's own model; see docs/how-to/voice.md."""
    text, voice, language = body["text"], str(body.get("voice", "")), str(body.get("language", ""))
    readings = tuple(
        LexiconEntry(entry["word"], entry.get("ipa", ""), entry.get("pinyin", "")) for entry in body.get("lexicon", ())
    )
    request = plan_speech(text, voice, language, float(body.get("speed", 1)), readings)
    if isinstance(request, SpeechFault):
        raise Refused(f"{request.part}: {request.description}")
    words = speak(request, find_installation(None, None), path)
    return [{"text": word.text, "start": word.start.total_seconds(), "end": word.end.total_seconds()} for word in words]


class Backend:
    """Speaks one text at a time, each idempotency key once.

    Args:
        folder: Where answers are kept, by key.
        voice: Speaks.
    """

    def __init__(self, folder: Path, voice: Voice = local_voice) -> None:
        self._folder = folder
        self._voice = voice
        self._lock = threading.Lock()

    def speak(self, key: str, body: Mapping[str, Any]) -> bytes:
        """Return the answer to a request, as JSON; the answer of the first with the same key.

        Raises:
            Refused: The text cannot be spoken.
        """
        place = self._folder / "".join(filter(str.isalnum, key))
        with self._lock:
            if not place.exists():
                sound = place.with_suffix(".wav")
                words = self._voice(body, sound)
                audio = base64.b64encode(sound.read_bytes()).decode()
                sound.unlink()
                # Written elsewhere first: an answer is there whole or not at all.
                whole = place.with_suffix(".part")
                whole.write_text(json.dumps({"id": key, "audio": audio, "words": words}), encoding="utf-8")
                whole.rename(place)
            return place.read_bytes()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    backend: Backend
    key: str | None

    def do_GET(self) -> None:
        """List the voices."""
        if self._is_allowed() and self.path == "/voices":
            voices = [{"id": voice.id, "languages": [voice.language], "gender": voice.gender.value} for voice in VOICES]
            self._send(HTTPStatus.OK, json.dumps({"voices": voices}).encode())
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "not_found", "no such path, or a wrong key")

    def do_POST(self) -> None:
        """Speak a text."""
        length = int(self.headers.get("Content-Length", "0"))
        if length > _MOST_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", f"at most {_MOST_BYTES} bytes")
            return
        content = self.rfile.read(length)
        if not self._is_allowed():
            self._refuse(HTTPStatus.UNAUTHORIZED, "unauthorized", "send the key as a bearer token")
            return
        key = self.headers.get("Idempotency-Key")
        try:
            body = json.loads(content)
        except ValueError:
            body = None
        if self.path != "/speech" or not key or not isinstance(body, dict) or not isinstance(body.get("text"), str):
            self._refuse(HTTPStatus.BAD_REQUEST, "malformed", "POST /speech takes JSON with a text, and a key")
            return
        try:
            self._send(HTTPStatus.OK, self.backend.speak(key, body))
        except Refused as refused:
            self._refuse(HTTPStatus.UNPROCESSABLE_ENTITY, "unreadable", str(refused))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class has
        """Keep quiet."""

    def _is_allowed(self) -> bool:
        return self.key is None or self.headers.get("Authorization") == f"Bearer {self.key}"

    def _refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        self._send(status, json.dumps({"error": {"code": code, "message": message}}).encode())

    def _send(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve(backend: Backend, port: int, key: str | None = None) -> ThreadingHTTPServer:
    """Return a server on loopback for a backend; port 0 picks a free one."""
    handler = type("BoundHandler", (Handler,), {"backend": backend, "key": key})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8901)
    parser.add_argument("--key", help="bearer token that callers must send; by default anyone may call")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = serve(Backend(Path(folder)), arguments.port, arguments.key)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            server.server_close()


if __name__ == "__main__":
    main()
