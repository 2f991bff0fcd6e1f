"""How the backend behind the provider `custom` words its HTTP interface; the defaults are our published contract."""

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
    """The words that a backend has for each phase of a task; letters' case does not matter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queued: tuple[str, ...] = ("queued",)
    running: tuple[str, ...] = ("running",)
    succeeded: tuple[str, ...] = ("succeeded",)
    failed: tuple[str, ...] = ("failed",)
    canceled: tuple[str, ...] = ("canceled", "cancelled")


class CustomContract(BaseModel):
    """Paths, field names and words of a backend. Places in JSON are dotted: `data.videos.0.url`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    submit_path: str = "/videos"
    """Where a clip is ordered by POST."""
    status_path: str = Field(default="/videos/{id}", pattern=_HOLDS_ID)
    """Where a task is looked at by GET."""
    cancel_path: str = Field(default="/videos/{id}/cancel", pattern=_HOLDS_ID)
    """Where a task is stopped."""
    cancel_method: str = Field(default="POST", pattern="^(POST|PUT|DELETE)$")
    """How a task is stopped."""
    auth_header: str = "Authorization"
    """The header that carries the key."""
    auth_value: str = "Bearer {key}"
    """What it carries; `{key}` stands for the key."""
    idempotency_header: str = "Idempotency-Key"
    """The header that carries the order's key; empty for a backend that does not know repeated orders."""
    request: Mapping[str, str] = Field(default_factory=dict)
    """Places of the request's fields, where they differ from their names; an empty place leaves the field out."""
    constants: Mapping[str, Any] = Field(default_factory=dict)
    """What is sent beside them, by place."""
    id: str = "id"
    """Place of the task's id in the answer to an order."""
    status: str = "status"
    """Place of the status word."""
    progress: str = "progress"
    """Place of the progress; empty where the backend tells none."""
    progress_scale: float = Field(default=1.0, gt=0)
    """What the progress is when all is done: 1, or 100 for percent."""
    output_url: str = "output.0.url"
    """Place of the clip's address."""
    error_code: str = "error.code"
    """Place of the error's code."""
    error_message: str = "error.message"
    """Place of the error's message."""
    error_retryable: str = "error.retryable"
    """Place of whether ordering again may help."""
    cost_amount: str = "cost.amount"
    """Place of what was charged."""
    cost_unit: str = "cost.currency"
    """Place of its currency."""
    words: StatusWords = StatusWords()
    """The words of the status."""
    moderation_codes: tuple[str, ...] = ("content_refused", "moderation")
    """Beginnings of the error codes by which the backend refuses content."""

    def place(self, name: str) -> str:
        """Return the place of a field of the request; empty to leave it out."""
        return self.request.get(name, name)


def load_contract(path: Path | None) -> CustomContract:
    """Read a contract from a JSON file.

    Args:
        path: The file; None for the published contract.

    Raises:
        ConfigurationError: the file cannot be read, or says something else.
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
        raise ConfigurationError(f"CUSTOM_VIDEO_API_CONTRACT: request: two things lie at {taken}")
    return contract


def _taken_twice(contract: CustomContract) -> str | None:
    """Return a place that would be written over by another, or None. An object of constants may be added to."""
    fields = [place for name in REQUEST_FIELDS if (place := contract.place(name))]
    places = [*fields, *(place for place, value in contract.constants.items() if not isinstance(value, dict))]
    for number, place in enumerate(places):
        for other in places[:number]:
            if place == other or place.startswith(f"{other}.") or other.startswith(f"{place}."):
                return place
    return None


def dig(value: object, place: str) -> Any:
    """Return what lies at a place in JSON; None where there is nothing."""
    for step in place.split(".") if place else ():
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, Sequence) and not isinstance(value, str) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value if place else None


def put(target: dict[str, Any], place: str, value: object) -> None:
    """Set what lies at a place in a JSON object, making the objects on the way."""
    *way, last = place.split(".")
    for step in way:
        target = target.setdefault(step, {})
    target[last] = value
