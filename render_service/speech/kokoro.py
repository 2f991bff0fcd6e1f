"""The speech model Kokoro-82M: from phonemes and a voice to sound, and the length of each phoneme."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NewType

import numpy as np

from render_service.domain.speech.alphabet import ALPHABET
from render_service.speech.installation import Installation

SAMPLE_RATE = 24_000
"""Hz of what the model makes, in one channel."""
MOST_SIGNS = 510
"""Signs that the model takes at once."""
UNIT_SECONDS = 0.025
"""Seconds of one unit of a duration."""

Samples = np.ndarray[tuple[int], np.dtype[np.float32]]
Style = NewType("Style", np.ndarray[tuple[int, int], np.dtype[np.float32]])
"""A voice: a row of 256 numbers for each count of signs, 0–509."""

_DURATIONS = "/encoder/Clip_output_0"
"""The inner value of the model that holds how many units each sign lasts."""


class Kokoro:
    """The loaded model.

    Args:
        installation: Where it is.
        threads: How many threads it computes with.

    Raises:
        SpeechNotInstalled: It is missing, or another one.
    """

    def __init__(self, installation: Installation, *, threads: int) -> None:
        import onnxruntime  # noqa: PLC0415 - takes a second, and is an extra

        self._installation = installation
        # It looks for graphics processors, which the sandbox hides, and warns of it.
        onnxruntime.set_default_logger_severity(3)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # A thread that waits for work in a loop takes the processor from the compose processes beside it.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        model = installation.read_model() + _with_output(_DURATIONS)
        self._session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def speak(self, signs: str, voice_id: str, speed: float) -> tuple[Samples, Sequence[float]]:
        """Speak.

        Args:
            signs: 1 to `MOST_SIGNS` signs of `ALPHABET`.
            voice_id: A voice that is installed.
            speed: 0.5–2.

        Returns:
            The sound, full scale ±1, and the seconds that the start, each sign and the end last.

        Raises:
            OSError: The voice cannot be read.
        """
        assert 0 < len(signs) <= MOST_SIGNS
        style = read_voice(self._installation.voice_file(voice_id))
        tokens = np.array([[0, *(ALPHABET[sign] for sign in signs), 0]], np.int64)
        inputs = {
            "tokens": tokens,
            "style": style[len(signs) - 1 : len(signs)],
            "speed": np.array([speed], np.float32),
        }
        sound, durations = self._session.run(["audio", _DURATIONS], inputs)
        return sound.reshape(-1), (durations.reshape(-1) * UNIT_SECONDS).tolist()


@lru_cache(maxsize=64)
def read_voice(path: Path) -> Style:
    """Return a voice.

    Raises:
        OSError: It cannot be read.
    """
    return Style(np.fromfile(path, np.float32).reshape(-1, 256))


def _with_output(name: str) -> bytes:
    """Return what appended to a model makes one of its inner values an output.

    A serialized protobuf message is extended by appending to it: `ModelProto.graph` is field 7, `GraphProto.output`
    field 12, and `ValueInfoProto.name` field 1 (onnx.proto3).
    """
    value = b"\x0a" + bytes([len(name)]) + name.encode()
    output = b"\x62" + bytes([len(value)]) + value
    return b"\x3a" + bytes([len(output)]) + output
