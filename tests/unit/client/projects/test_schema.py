"""The JSON Schema of project files agrees with the contract's comments and with the parser."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor
from hypothesis import given, settings
from hypothesis import strategies as st
from render_client.projects_file.checker import Checker
from render_client.projects_file.json_reader import read_json
from render_client.projects_file.loading import read_text, read_tree
from render_client.projects_file.names import enum_names, fields_by_name
from render_client.projects_file.schema import SCHEMA
from render_client.projects_file.tree import plain
from render_client.v1 import project_pb2

# As it is imported, jsonschema compiles some 40 grammars of IRIs, which takes seconds; no format is checked here.
with patch.dict(sys.modules, {"rfc3987_syntax": None}):
    from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[4]
DOCUMENT = json.loads(SCHEMA.read_text("utf-8"))
DEFINITIONS: dict[str, Any] = DOCUMENT["$defs"]
VALIDATOR = Draft202012Validator(DOCUMENT)
MESSAGES = [project_pb2.DESCRIPTOR.pool.FindMessageTypeByName(f"render.v1.{name}") for name in DEFINITIONS]


def parses(document: object) -> bool:
    """Whether the parser accepts a document; a URI is any text here."""
    checker = Checker(lambda uri: uri)
    values = checker.check(read_json(json.dumps(document)).root)
    if not checker.faults:
        json_format.ParseDict(values, project_pb2.Project())
    return not checker.faults


def documents(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a part of the schema describes."""
    if "$ref" in schema:
        target: Any = DOCUMENT
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return documents(target)
    if "anyOf" in schema:
        return st.sampled_from([value for each in schema["anyOf"] for value in each.get("enum", [each.get("const")])])
    if schema["type"] == "object":
        return objects(schema)
    kinds: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "array": lambda: st.lists(documents(schema["items"]), max_size=2),
        "integer": lambda: st.integers(schema["minimum"], schema["maximum"]),
        "number": lambda: st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70),
        "boolean": st.booleans,
        "string": lambda: (
            st.from_regex(re.compile(schema["pattern"], re.ASCII), fullmatch=True)
            if "pattern" in schema
            else st.text(max_size=5)
        ),
    }
    return kinds[schema["type"]]()


@st.composite
def objects(draw: Any, schema: dict[str, Any]) -> dict[str, Any]:
    """An object with a few of its fields, by either name."""
    fields = dict(schema["properties"])
    fields |= {name.strip("^$"): each for name, each in schema.get("patternProperties", {}).items()}
    if not fields:
        return {}
    chosen = draw(st.lists(st.sampled_from(sorted(fields)), unique=True, max_size=4))
    for exclusion in schema.get("allOf", ()):
        first, second = exclusion["not"]["required"]
        if first in chosen and second in chosen:
            chosen.remove(second)
    return {name: draw(documents(fields[name])) for name in chosen}


PROJECTS = documents(DOCUMENT)
ANYTHING: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just([]) | st.just({})
)


def test_the_schema_is_one_of_draft_2020_12() -> None:
    Draft202012Validator.check_schema(DOCUMENT)


@settings(max_examples=30, deadline=None)
@given(PROJECTS)
def test_the_parser_accepts_whatever_the_schema_describes(document: Any) -> None:
    assert VALIDATOR.is_valid(document)
    assert parses(document)


@settings(max_examples=60, deadline=None)
@given(PROJECTS, ANYTHING, st.data())
def test_the_parser_accepts_what_the_schema_accepts_also_of_damaged_projects(
    document: Any, value: Any, data: st.DataObject
) -> None:
    inner = document
    while isinstance(inner, dict) and inner:
        name = data.draw(st.sampled_from(sorted(inner)))
        if not isinstance(inner[name], dict) or data.draw(st.booleans()):
            inner[name] = value
            break
        inner = inner[name]
    if VALIDATOR.is_valid(document):
        assert parses(document)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: str(message.name))
def test_the_schema_accepts_every_name_that_the_parser_accepts(message: Descriptor) -> None:
    definition = DEFINITIONS[message.name]
    names = {*definition["properties"], *(name.strip("^$") for name in definition.get("patternProperties", ()))}
    assert names - {"$schema"} == set(fields_by_name(message))
    for field in message.fields:
        assert definition["properties"][field.name]["description"]
        if field.enum_type is not None:
            kinds = definition["properties"][field.name]["anyOf"]
            values = [value for kind in kinds for value in kind.get("enum", [kind.get("const")])]
            assert sorted(values) == sorted(enum_names(field.enum_type))
            assert all(kind["description"] for kind in kinds[:-1])


@pytest.mark.parametrize("path", sorted(ROOT.glob("samples/*/project.json")), ids=lambda path: str(path.parent.name))
def test_every_sample_validates(path: Path) -> None:
    VALIDATOR.validate(plain(read_tree(path, read_text(path))))


def test_a_whole_number_may_be_written_as_a_decimal() -> None:
    document = {"output": {"fps": 30.0}}
    assert VALIDATOR.is_valid(document)
    assert parses(document)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"titel": "x"}', "'titel' does not match"),
        ('{"output": {"size": {}, "aspectRatio": "16:9"}}', "should not be valid"),
        ('{"storyboard": {"shots": [{"image_uri": "a", "imageUri": "b"}]}}', "should not be valid"),
        ('{"storyboard": {"shots": [{"duration": 3}]}}', "3 is not of type 'string'"),
    ],
)
def test_the_schema_refuses_what_the_parser_refuses(text: str, fault: str) -> None:
    (error,) = VALIDATOR.iter_errors(json.loads(text))
    assert fault in error.message
    assert not parses(json.loads(text))
