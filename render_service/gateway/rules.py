"""Which verb and path of HTTP stand for which RPC: the `google.api.HttpRule`s of `http_rules.json`.

The rules stand beside the contract instead of in its options, in the form that gRPC gateways know as service
configuration: callers who compile the contract need no file of `google.api` for it.
"""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

from google.protobuf.descriptor import MethodDescriptor
from render_client.v1 import (
    batch_service_pb2,
    brand_service_pb2,
    project_service_pb2,
    render_service_pb2,
    webhook_service_pb2,
)

_VERBS = ("get", "put", "post", "delete", "patch")
_VARIABLE = re.compile(r"\{([a-z_.]+)\}")
_FILES = (render_service_pb2, project_service_pb2, webhook_service_pb2, brand_service_pb2, batch_service_pb2)


@dataclass(frozen=True)
class HttpRule:
    """How one RPC is called over HTTP."""

    method: MethodDescriptor
    """The RPC."""
    verb: str
    """In capitals, such as GET."""
    template: str
    """The path: `{field}` or `{field.of.field}` is one segment with the value of a field of the request."""
    body: str
    """What the body holds: `*`, the request; a name, that field of it; empty, nothing."""

    @cached_property
    def call(self) -> str:
        """The RPC as gRPC calls it: `/package.Service/Method`."""
        return f"/{self.method.containing_service.full_name}/{self.method.name}"

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Paths of the fields that the path of the URL holds."""
        return tuple(_VARIABLE.findall(self.template))

    @cached_property
    def route(self) -> str:
        """The path in Starlette's form, whose variables have no dots."""
        return _VARIABLE.sub(lambda found: "{" + parameter(found[1]) + "}", self.template)


def parameter(field: str) -> str:
    """Return the name of a field's variable in Starlette's form."""
    return field.replace(".", "__")


def load_rules() -> tuple[HttpRule, ...]:
    """Return the rules of all RPCs, the most specific paths first."""
    services = (service for file in _FILES for service in file.DESCRIPTOR.services_by_name.values())
    methods = {method.full_name: method for service in services for method in service.methods}
    config = json.loads((files("render_service.gateway") / "http_rules.json").read_text(encoding="utf-8"))
    rules = []
    for rule in config["http"]["rules"]:
        verb = next(verb for verb in _VERBS if verb in rule)
        rules.append(HttpRule(methods[rule["selector"]], verb.upper(), rule[verb], rule.get("body", "")))
    # `{job_id}:cancel` before `{job_id}`, which it would match as well.
    return tuple(sorted(rules, key=lambda rule: ":" not in rule.template))
