"""The examples of the API reference are what the service answers."""

import json

from render_service.embedded.stack import Stack
from scripts.record_examples import EXAMPLES_FILE, comparable, record


def test_the_recorded_examples_are_what_the_service_answers(stack: Stack) -> None:
    shown = json.loads(EXAMPLES_FILE.read_text(encoding="utf-8"))
    assert comparable(record(stack)) == comparable(shown), "run `python -m scripts.record_examples` and `make generate`"
