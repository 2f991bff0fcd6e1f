"""Describes the HTTP interface of the backend behind the provider `custom`; the defaults are our published contract."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from render_service.config.settings import ConfigurationError

REQUEST_FIELDS = (
    "prompt",
    "negative_prompt",
    "image_url",
    "duration_seconds",
    "width",
    "height",
    "fps",
    "seed",
    "model",
    "callback_url",
    "metadata",
    "options",
)


_HOLDS_ID = r"\{id\}"


class StatusWords(BaseModel):
    """The words of a backend for each phase of a task; case-insensitive."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queued: tuple[str, ...] = ("queued",)
    running: tuple[str, ...] = ("running",)
    succeeded: tuple[str, ...] = ("succeeded",)
    failed: tuple[str, ...] = ("failed",)
    canceled: tuple[str, ...] = ("canceled", "cancelled")


class CustomContract(BaseModel):
    """Paths, field names and words of a backend. Paths into JSON are dotted: `data.videos.0.url`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    submit_path: str = "/videos"
    """Path to submit a clip to by POST."""
    status_path: str = Field(default="/videos/{id}", pattern=_HOLDS_ID)
    """Path to poll a task at by GET."""
    cancel_path: str = Field(default="/videos/{id}/cancel", pattern=_HOLDS_ID)
    """Path to cancel a task at."""
    cancel_method: str = Field(default="POST", pattern="^(POST|PUT|DELETE)$")
    """Method that cancels a task."""
    auth_header: str = "Authorization"
    """The header that carries the key."""
    auth_value: str = "Bearer {key}"
    """Value of that header; `{key}` is replaced by the key."""
    idempotency_header: str = "Idempotency-Key"
    """The header that carries the idempotency key; empty for a backend that does not deduplicate submissions."""
    request: Mapping[str, str] = Field(default_factory=dict)
    """Paths of the request's fields that differ from their names; an empty path omits the field."""
    constants: Mapping[str, Any] = Field(default_factory=dict)
    """Constants that are sent as well, by path."""
    id: str = "id"
    """Path of the task's id in the response to a submission."""
    status: str = "status"
    """Path of the status word."""
    progress: str = "progress"
    """Path of the progress; empty if the backend reports none."""
    progress_scale: float = Field(default=1.0, gt=0)
    """The progress of a finished task: 1, or 100 for percent."""
    output_url: str = "output.0.url"
    """Path of the clip's URL."""
    error_code: str = "error.code"
    """Path of the error's code."""
    error_message: str = "error.message"
    """Path of the error's message."""
    error_retryable: str = "error.retryable"
    """Path of whether a new submission may succeed."""
    cost_amount: str = "cost.amount"
    """Path of the amount charged."""
    cost_unit: str = "cost.currency"
    """Path of its currency."""
    words: StatusWords = StatusWords()
    """The words of the status."""
    moderation_codes: tuple[str, ...] = ("content_refused", "moderation")
    """Prefixes of the error codes that mean that moderation rejected the content."""

    def place(self, name: str) -> str:
        """Return the path of a field of the request; empty if it is omitted."""
        return self.request.get(name, name)


def load_contract(path: Path | None) -> CustomContract:
    """Read a contract from a JSON file.

    Args:
        path: The file; None for the published contract.

    Raises:
        ConfigurationError: the file cannot be read, or is invalid.
    """
    if path is None:
        return CustomContract()
    try:
        contract = CustomContract.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConfigurationError(f"CUSTOM_VIDEO_API_CONTRACT: {path} cannot be read as JSON") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or str(path)
        raise ConfigurationError(f"CUSTOM_VIDEO_API_CONTRACT: {place}: {first['msg']}") from None
    if unknown := sorted(set(contract.request) - set(REQUEST_FIELDS)):
        raise ConfigurationError(f"CUSTOM_VIDEO_API_CONTRACT: request: there is no field {unknown[0]}")
    if (taken := _taken_twice(contract)) is not None:
        raise ConfigurationError(f"CUSTOM_VIDEO_API_CONTRACT: request: two values have the path {taken}")
    return contract


def _taken_twice(contract: CustomContract) -> str | None:
    """Return a path that another one would overwrite, or None. Objects of constants may be extended."""
    fields = [place for name in REQUEST_FIELDS if (place := contract.place(name))]
    places = [*fields, *(place for place, value in contract.constants.items() if not isinstance(value, dict))]
    for number, place in enumerate(places):
        for other in places[:number]:
            if place == other or place.startswith(f"{other}.") or other.startswith(f"{place}."):
                return place
    return None


def dig(value: object, place: str) -> Any:
    """Return the value at a path in JSON; None if there is none."""
    for step in place.split(".") if place else ():
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, Sequence) and not isinstance(value, str) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value if place else None


def put(target: dict[str, Any], place: str, value: object) -> None:
    """Set the value at a path in a JSON object, and create the objects on the way."""
    *way, last = place.split(".")
    for step in way:
        target = target.setdefault(step, {})
    target[last] = value
