"""Contract files are validated, and the error says in one line what is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from render_service.config.settings import ConfigurationError
from render_service.domain.generation.provider_models import find_model
from render_service.domain.jobs.job import ProviderName
from render_service.providers.apis.custom import submit_body
from render_service.providers.apis.custom_contract import CustomContract, dig, load_contract
from render_service.providers.provider_api import ClipRequest
from tests.unit.providers.test_requests_of_models import order

REFERENCE = Path(__file__).parents[3] / "docs/reference/custom-provider.md"


def file_of(folder: Path, content: object) -> Path:
    path = folder / "contract.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_without_a_file_it_is_the_published_contract() -> None:
    assert load_contract(None) == CustomContract()


def test_a_file_lists_only_what_differs(tmp_path: Path) -> None:
    contract = load_contract(file_of(tmp_path, {"submit_path": "/jobs", "request": {"fps": ""}}))
    assert (contract.submit_path, contract.status_path) == ("/jobs", "/videos/{id}")
    assert (contract.place("fps"), contract.place("prompt")) == ("", "prompt")


def test_the_example_of_the_reference_is_one(tmp_path: Path) -> None:
    page = REFERENCE.read_text(encoding="utf-8")
    section = page.partition("## A backend with other names")[2]
    example = section.partition("```json\n")[2].partition("```")[0]
    contract = load_contract(file_of(tmp_path, example))
    assert contract.cancel_method == "DELETE"
    assert set(json.loads(example)) <= set(CustomContract.model_fields)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "cannot be read as JSON"),
        ("{", "cannot be read as JSON"),
        ([], "contract.json: "),
        ({"submit": "/x"}, "submit: Extra inputs"),
        ({"submit_path": 7}, "submit_path: "),
        ({"cancel_method": "PATCH"}, "cancel_method: "),
        ({"progress_scale": 0}, "progress_scale: "),
        ({"status_path": "/videos"}, "status_path: "),
        ({"cancel_path": "/videos/cancel"}, "cancel_path: "),
        ({"words": {"done": ["x"]}}, "words.done: "),
        ({"words": {"queued": "x"}}, "words.queued: "),
        ({"request": {"promt": "text"}}, "request: there is no field promt"),
        ({"request": {"prompt": "input", "seed": "input.seed"}}, "request: two values have the path input.seed"),
        ({"request": {"prompt": "seed"}}, "request: two values have the path seed"),
        ({"constants": {"input": 1}, "request": {"prompt": "input.text"}}, "request: two values have the path input"),
    ],
)
def test_what_is_wrong_with_a_file_is_reported_in_one_line(tmp_path: Path, content: object, named: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        load_contract(file_of(tmp_path, content))
    assert str(error.value).startswith("CUSTOM_VIDEO_API_CONTRACT: ")
    assert named in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "contract.json"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "absent.json", tmp_path, binary):
        with pytest.raises(ConfigurationError, match=str(path)):
            load_contract(path)


def test_one_order_leaves_nothing_in_the_next() -> None:
    """Constants are the contract's, and every order adds to a copy of them."""
    contract = CustomContract(
        constants={"input": {"quality": "high"}}, request={"prompt": "input.text", "negative_prompt": "input.not"}
    )
    model = find_model(ProviderName.CUSTOM, "")
    assert model is not None
    first = submit_body(contract, ClipRequest(order(model, None, 2, from_image=False, full=True)))
    second = submit_body(contract, ClipRequest(order(model, None, 2, from_image=False, full=False)))
    assert first["input"]["not"] == "blur"
    assert second["input"] == {"quality": "high", "text": "A harbour at dawn 🚢"}


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("a.1.b", 7),
        ("a.0", 5),
        ("a.2", None),
        ("a.x", None),
        ("", None),
        ("a.0.b", None),
        ("none", None),
        ("s.0", None),
    ],
)
def test_places_are_found_in_objects_and_lists(place: str, found: Any) -> None:
    assert dig({"a": [5, {"b": 7}], "none": None, "s": "text"}, place) == found
