"""The models of the paid providers, and what each can generate: checked before anything is sent.

Sources: the published schema of fal's Pika 2.2 endpoints, which the tests hold this table against; prices as published
in autumn 2026, for estimates only: what was charged in the end is what the provider says.
"""

from dataclasses import replace
from decimal import Decimal

from render_service.domain.generation.clip_model import ANY_PROMPT, ClipModel, Shape, shape
from render_service.domain.generation.runway_models import RUNWAY_MODELS
from render_service.domain.jobs.job import ProviderName

USD = "USD"
MAX_SEED = 4_294_967_295
LONGEST_CUSTOM_CLIP = 600

_PIKA_PRICES = {720: Decimal("0.04"), 1080: Decimal("0.09")}
_PIKA_RATIOS = ("16:9", "9:16", "1:1", "4:5", "5:4", "3:2", "2:3")
_PIKA = ClipModel(
    ProviderName.PIKA,
    "v2.2",
    text_shapes=tuple(
        shape(f"{ratio}/{side}p", ratio, side, price) for side, price in _PIKA_PRICES.items() for ratio in _PIKA_RATIOS
    ),
    image_shapes=tuple(Shape(f"{side}p", None, None, side, price) for side, price in _PIKA_PRICES.items()),
    durations=(5, 10),
    takes_negative_prompt=True,
    unit=USD,
)
_CUSTOM = ClipModel(
    ProviderName.CUSTOM,
    "",
    any_shape=True,
    prompt_limit=ANY_PROMPT,
    needs_prompt=False,
    takes_negative_prompt=True,
    takes_fps=True,
    takes_options=True,
)

GENERATING_PROVIDERS = frozenset({ProviderName.RUNWAY, ProviderName.PIKA, ProviderName.CUSTOM})
"""The providers that generate one clip for each shot, and charge for it."""

MODELS = {ProviderName.RUNWAY: RUNWAY_MODELS, ProviderName.PIKA: (_PIKA,)}
"""The models of each provider, its default first. `custom` has no list: any name is passed on."""


def find_model(provider: ProviderName, name: str) -> ClipModel | None:
    """Return a model of a generating provider.

    Args:
        provider: One of GENERATING_PROVIDERS.
        name: The model's name; empty for the default.

    Returns:
        The model; None if the provider has none of that name.
    """
    if provider is ProviderName.CUSTOM:
        return replace(_CUSTOM, name=name)
    if not name:
        return MODELS[provider][0]
    return next((model for model in MODELS[provider] if model.name == name), None)
