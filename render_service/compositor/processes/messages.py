"""The messages between a worker process and its parent.

Tasks go to the process as pickles, which the parent alone writes. A process decodes the files of strangers and may be
taken over by one of them, so that nothing it sends is unpickled: answers are JSON, bounded in size, and validated
against the type that the function promises.
"""

import pickle
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO, get_type_hints

from pydantic_core import from_json, to_json

from render_service.compositor.processes.limits import TaskLimits

if TYPE_CHECKING:
    from pydantic import TypeAdapter

LENGTH = struct.Struct("<I")
"""Every message is preceded by its length in bytes."""
MAX_ANSWER = 4 * 1024 * 1024
"""Most bytes of an answer: reading a longer one would stall the parent's event loop."""


@dataclass(frozen=True, slots=True)
class Task:
    """A function of a module with its arguments; with `reports` it also gets a function to report progress with."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    reports: bool
    limits: TaskLimits


class Kind(StrEnum):
    """The kinds of answers; a task has reports, then exactly one of the others."""

    READY = "ready"
    REPORT = "report"
    RESULT = "result"
    FAILURE = "failure"
    """A RenderFailure."""
    OUT_OF_MEMORY = "out_of_memory"
    UNDECODABLE = "undecodable"
    """A library refused the media: FFmpeg, OpenCV or Pillow raised."""
    MACHINE_FAULT = "machine_fault"
    """The machine lacks something or fails; the message says what."""
    ERROR = "error"
    """A fault of the service."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A message of a worker process.

    Args:
        kind: What it is.
        value: The result or report, as JSON values.
        message: A failure's message, an error's name, or what the machine lacks.
        trace: Where an error was raised, for the log.
        reason: A failure's reason.
        metadata: A failure's metadata.
        retryable: Whether a failure is retryable.
    """

    kind: Kind
    value: Any = None
    message: str = ""
    trace: str = ""
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    retryable: bool = False


def encode_task(task: Task) -> bytes:
    """Return a task as the process reads it."""
    return _framed(pickle.dumps(task, pickle.HIGHEST_PROTOCOL))


def read_task(file: BinaryIO) -> Task:
    """Wait for a task.

    Raises:
        EOFError: The parent is gone.
    """
    head = file.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    task = pickle.loads(file.read(LENGTH.unpack(head)[0]))  # noqa: S301 - the parent is trusted, and the pipe private
    assert isinstance(task, Task)
    return task


def write_answer(file: BinaryIO, answer: Answer) -> None:
    """Send an answer down a pipe."""
    file.write(_framed(to_json(answer, inf_nan_mode="constants")))
    file.flush()


def decode_answer(content: bytes) -> Answer:
    """Return the answer that a process sent.

    Raises:
        ValueError: It is none.
    """
    answer: Answer = _type_adapter(Answer).validate_python(from_json(content))
    return answer


def decode_result(function: Callable[..., Any], value: Any) -> Any:
    """Return the result of a function from its JSON values.

    Raises:
        ValueError: It is not what the function promises.
    """
    return _type_adapter(_result_type(function)).validate_python(value)


@cache
def _result_type(function: Callable[..., Any]) -> Any:
    return get_type_hints(function)["return"]


@cache
def _type_adapter(promised: Any) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter  # noqa: PLC0415 - only the parent decodes: it would take 8 MiB of each process.

    return TypeAdapter(promised)


def _framed(content: bytes) -> bytes:
    return LENGTH.pack(len(content)) + content
