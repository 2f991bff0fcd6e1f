"""The OpenAPI document: whole, valid, and with examples that fit their schemas."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from render_service.gateway.openapi import DOCUMENT
from render_service.gateway.rules import load_rules

OPENAPI: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))


def contents() -> Iterator[tuple[str, Any]]:
    """Give every body of a request or response that has an example."""
    for path, verbs in OPENAPI["paths"].items():
        for verb, operation in verbs.items():
            for part in (operation.get("requestBody", {}), *operation["responses"].values()):
                content = part.get("content", {}).get("application/json", {})
                if "example" in content:
                    yield f"{verb} {path}", content


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (value["$ref"],) if isinstance(value.get("$ref"), str) else ()
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from references(item)


def test_it_describes_every_rule() -> None:
    described = {(verb.upper(), path) for path, verbs in OPENAPI["paths"].items() for verb in verbs}
    assert described == {(rule.verb, rule.template) for rule in load_rules()}


def test_every_reference_leads_to_a_valid_schema() -> None:
    schemas = OPENAPI["components"]["schemas"]
    assert {f"#/components/schemas/{name}" for name in schemas} >= set(references(OPENAPI))
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(("operation", "content"), list(contents()))
def test_examples_fit_their_schemas(operation: str, content: dict[str, Any]) -> None:
    schema = {"components": OPENAPI["components"], **content["schema"]}
    Draft202012Validator(schema).validate(content["example"])


def test_variables_of_paths_are_parameters() -> None:
    for path, verbs in OPENAPI["paths"].items():
        for operation in verbs.values():
            names = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
            assert all(f"{{{name}}}" in path for name in names)
            assert path.count("{") == len(names), path
