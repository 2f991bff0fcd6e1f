"""What is sent for every model in the table is what the provider's own package would send."""

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal, Required, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest
from pydantic import TypeAdapter
from runwayml.types.image_to_video_create_params import ImageToVideoCreateParams
from runwayml.types.text_to_video_create_params import TextToVideoCreateParams
from typing_extensions import is_typeddict

from render_service.domain.generation.clip_model import ClipModel, Shape
from render_service.domain.generation.clip_plan import ClipSpec
from render_service.domain.generation.provider_models import MAX_SEED, MODELS, find_model
from render_service.domain.generation.runway_models import shape_fields
from render_service.domain.jobs.job import ProviderName
from render_service.providers.apis.custom import submit_body
from render_service.providers.apis.custom_contract import CustomContract
from render_service.providers.apis.pika import queue_request
from render_service.providers.apis.runway import task_request
from render_service.providers.provider_api import ClipRequest, Picture

PICTURE = Picture("https://example.com/dawn.jpg", Path("dawn.jpg"), "image/jpeg", "JPEG", 1000)
KEY = UUID(int=1)


def orders_of(model: ClipModel) -> Iterator[ClipSpec]:
    """Every combination of shape and length, from words and from a picture, bare and with all that may be said."""
    for from_image, shapes in ((False, model.text_shapes), (True, model.image_shapes)):
        for shape in shapes:
            for seconds in model.durations:
                for full in (False, True):
                    yield order(model, shape, seconds, from_image=from_image, full=full)


def order(model: ClipModel, shape: Shape | None, seconds: float, *, from_image: bool, full: bool) -> ClipSpec:
    return ClipSpec(
        shot_id="one",
        model=model,
        prompt="A harbour at dawn 🚢" if full or model.needs_prompt or not from_image else "",
        negative_prompt="blur" if full and model.takes_negative_prompt else "",
        seed=MAX_SEED if full and model.takes_seed else None,
        from_image=from_image,
        shape=shape,
        width=1920,
        height=1080,
        fps=30,
        duration=timedelta(seconds=seconds),
    )


def request_of(one: ClipSpec) -> ClipRequest:
    return ClipRequest(one, PICTURE, PICTURE.uri if one.from_image else None)


@cache
def params_of(union: Any, model: str) -> Any:
    """The package's type of the requests for one model."""
    found = [one for one in get_args(union) if model in get_args(get_type_hints(one)["model"])]
    assert len(found) == 1, model
    return found[0]


@cache
def fields_of(params: Any) -> dict[str, tuple[TypeAdapter[Any], bool, bool]]:
    """The fields of a type of the package: what validates a value, whether strictly, and whether it is required."""
    assert is_typeddict(params)
    fields = {}
    for name, hint in get_type_hints(params, include_extras=True).items():
        is_required = get_origin(hint) is Required
        inner = get_args(hint)[0] if is_required else hint
        alias = next((extra.alias for extra in getattr(inner, "__metadata__", ()) if extra.alias), name)
        fields[alias] = (TypeAdapter(inner), get_origin(inner) is not Literal, is_required)
    return fields


def check(body: dict[str, Any], params: Any) -> None:
    """Hold a body against a type of the package: names, required fields, allowed values."""
    fields = fields_of(params)
    assert {name for name, (_, _, is_required) in fields.items() if is_required} <= body.keys()
    for name, value in body.items():
        assert name in fields, f"{name} is not known to {params.__name__}"
        adapter, strict, _ = fields[name]
        adapter.validate_python(value, strict=strict)


@pytest.mark.parametrize("model", MODELS[ProviderName.RUNWAY], ids=lambda model: model.name)
def test_runways_requests_are_those_of_its_package(model: ClipModel) -> None:
    count = 0
    for one in orders_of(model):
        path, body = task_request(request_of(one))
        union = ImageToVideoCreateParams if one.from_image else TextToVideoCreateParams
        assert path == ("/v1/image_to_video" if one.from_image else "/v1/text_to_video")
        check(body, params_of(union, model.name))
        count += 1
    assert count


# What we do not ask for: other spellings of the same, and shapes that follow a picture where there is none.
UNASKED = {"768P", "2K", "720P", "1080P"}
FOLLOWING = {"adaptive", "auto_480p", "auto_720p", "auto_1080p"}


@pytest.mark.parametrize("model", MODELS[ProviderName.RUNWAY], ids=lambda model: model.name)
@pytest.mark.parametrize("from_image", [False, True])
def test_runways_models_have_all_the_shapes_that_its_package_knows(model: ClipModel, from_image: bool) -> None:
    shapes = model.image_shapes if from_image else model.text_shapes
    if not shapes:
        return
    hints = get_type_hints(params_of(ImageToVideoCreateParams if from_image else TextToVideoCreateParams, model.name))
    requests = [shape_fields(shape) for shape in shapes]
    for field in ("ratio", "resolution"):
        known = set(get_args(hints[field])) - UNASKED if field in hints else set()
        if from_image and known & FOLLOWING:
            known &= FOLLOWING
        elif not from_image:
            known -= FOLLOWING
        assert {fields[field] for fields in requests if field in fields} == known


def test_every_model_of_runways_package_is_in_the_table_or_left_out_for_a_reason() -> None:
    named = {
        model
        for union in (TextToVideoCreateParams, ImageToVideoCreateParams)
        for one in get_args(union)
        for model in get_args(get_type_hints(one)["model"])
    }
    # Neither the package nor Runway's reference says how long their clips may be.
    without_lengths = {"wan3", "wan3_prime", "h3_max", "kling_4"}
    assert {model.name for model in MODELS[ProviderName.RUNWAY]} == named - without_lengths


@pytest.mark.parametrize("model", MODELS[ProviderName.RUNWAY], ids=lambda model: model.name)
def test_what_runways_models_take_is_what_its_package_says(model: ClipModel) -> None:
    unions = (
        [ImageToVideoCreateParams] if not model.text_shapes else [TextToVideoCreateParams, ImageToVideoCreateParams]
    )
    for union in unions:
        params = params_of(union, model.name)
        hints = get_type_hints(params, include_extras=True)
        assert ("seed" in hints) == model.takes_seed
        assert ("negative_prompt" in hints) == model.takes_negative_prompt
        assert ("audio" in hints) == model.sound_switch
        lengths = get_args(get_type_hints(params)["duration"])
        if lengths and all(isinstance(one, int) for one in lengths):
            assert model.durations == lengths
    assert (get_origin(hints["prompt_text"]) is Required) == model.needs_prompt


@pytest.mark.parametrize("model", MODELS[ProviderName.PIKA], ids=lambda model: model.name)
def test_pikas_requests_are_those_of_its_schema(model: ClipModel) -> None:
    # fal's package has no types for the models it serves; these are the published schema's.
    ratios = {"16:9", "9:16", "1:1", "4:5", "5:4", "3:2", "2:3"}
    for one in orders_of(model):
        path, body = queue_request(request_of(one))
        endpoint = "image-to-video" if one.from_image else "text-to-video"
        assert path == f"/fal-ai/pika/v2.2/{endpoint}"
        assert body.pop("prompt")
        assert body.pop("resolution") in ("720p", "1080p")
        assert body.pop("duration") in (5, 10)
        assert isinstance(body.pop("seed", 0), int)
        assert isinstance(body.pop("negative_prompt", ""), str)
        assert body.pop("image_url") == PICTURE.uri if one.from_image else body.pop("aspect_ratio") in ratios
        assert not body


def test_customs_requests_are_those_of_our_contract() -> None:
    model = find_model(ProviderName.CUSTOM, "fast")
    assert model is not None
    full = ClipRequest(
        order(model, None, 3.5, from_image=True, full=True), PICTURE, PICTURE.uri, {"style": "ink"}, {"shot_id": "one"}
    )
    assert submit_body(CustomContract(), full) == {
        "prompt": "A harbour at dawn 🚢",
        "negative_prompt": "blur",
        "image_url": PICTURE.uri,
        "duration_seconds": 3.5,
        "width": 1920,
        "height": 1080,
        "fps": 30,
        "seed": MAX_SEED,
        "model": "fast",
        "metadata": {"shot_id": "one"},
        "options": {"style": "ink"},
    }


def test_customs_fields_go_where_a_backend_wants_them() -> None:
    model = find_model(ProviderName.CUSTOM, "")
    assert model is not None
    contract = CustomContract(
        request={"prompt": "input.text", "duration_seconds": "input.seconds", "fps": "", "metadata": ""},
        constants={"input.quality": "high"},
    )
    body = submit_body(contract, request_of(order(model, None, 4, from_image=False, full=False)))
    assert body == {
        "input": {"quality": "high", "text": "A harbour at dawn 🚢", "seconds": 4.0},
        "width": 1920,
        "height": 1080,
    }
