"""What the models of the paid providers can make, and for how much: checked before anything is sent.

Sources: the request types of the official packages `runwayml` 5.24 and the published schema of fal's Pika 2.2
endpoints, which the tests hold this table against; prices as published in autumn 2026, for estimates only: what was
charged in the end is what the provider says.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from render_service.domain.cost import Cost
from render_service.domain.job import ProviderName

RUNWAY_CREDITS = "runway-credits"
USD = "USD"
MAX_SEED = 4_294_967_295
ANY_PROMPT = 4_000
LONGEST_CUSTOM_CLIP = 600


@dataclass(frozen=True, slots=True)
class Shape:
    """A picture size that a model can make.

    `name` is the API's word for it. `width` and `height` give its proportions; both None where the clip takes those of
    the shot's picture. `side` is the length of the shorter side in pixels. `price` per second, where it depends on the
    size.
    """

    name: str
    width: int | None
    height: int | None
    side: int
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ClipModel:
    """One model of a provider.

    Args:
        provider: Whose model it is.
        name: The API's word for it.
        text_shapes: Sizes it can make from words alone; empty where it needs a picture.
        image_shapes: Sizes it can make from a picture; empty where it takes none.
        any_shape: Whether it makes every size, as asked; it has no list then.
        durations: Lengths it can make in whole seconds, rising; empty where it makes every length.
        prompt_limit: Most UTF-16 code units of a prompt.
        needs_prompt: Whether words are needed even with a picture.
        takes_seed: Whether it can be made to repeat itself.
        takes_negative_prompt: Whether it can be told what must not be seen.
        unit: What it is paid in.
        price: Per second of the clip; None where it is not known.
    """

    provider: ProviderName
    name: str
    text_shapes: tuple[Shape, ...] = ()
    image_shapes: tuple[Shape, ...] = ()
    any_shape: bool = False
    durations: tuple[int, ...] = ()
    prompt_limit: int = ANY_PROMPT
    needs_prompt: bool = True
    takes_seed: bool = True
    takes_negative_prompt: bool = False
    unit: str = ""
    price: Decimal | None = None

    @property
    def makes_from_text(self) -> bool:
        """Whether it can do without a picture."""
        return self.any_shape or bool(self.text_shapes)

    def cost(self, duration: timedelta, shape: Shape | None) -> Cost | None:
        """Return what a clip is likely to cost; None where that is not known."""
        price = shape.price if shape is not None and shape.price is not None else self.price
        if price is None:
            return None
        return Cost(self.unit, price * Decimal(duration // timedelta(milliseconds=1)) / 1000)


def _shape(name: str, proportions: str, side: int | None = None, price: Decimal | None = None) -> Shape:
    width, height = (int(part) for part in proportions.split(":"))
    return Shape(name, width, height, min(width, height) if side is None else side, price)


def _runway_shapes(*names: str) -> tuple[Shape, ...]:
    return tuple(_shape(name, name) for name in names)


_GEN4_IMAGE = _runway_shapes("1280:720", "720:1280", "1104:832", "960:960", "832:1104", "1584:672")
_VEO = _runway_shapes("1280:720", "720:1280", "1080:1920", "1920:1080")
_TEN_SECONDS = tuple(range(2, 11))

_PIKA_PRICES = {720: Decimal("0.04"), 1080: Decimal("0.09")}
_PIKA_RATIOS = ("16:9", "9:16", "1:1", "4:5", "5:4", "3:2", "2:3")


def _pika_shapes() -> tuple[Shape, ...]:
    return tuple(
        _shape(f"{ratio}/{side}p", ratio, side, price) for side, price in _PIKA_PRICES.items() for ratio in _PIKA_RATIOS
    )


_MODELS = (
    ClipModel(
        ProviderName.RUNWAY,
        "gen4.5",
        text_shapes=_runway_shapes("1280:720", "720:1280"),
        image_shapes=_GEN4_IMAGE,
        durations=_TEN_SECONDS,
        prompt_limit=1000,
        unit=RUNWAY_CREDITS,
        price=Decimal(12),
    ),
    ClipModel(
        ProviderName.RUNWAY,
        "gen4_turbo",
        image_shapes=_GEN4_IMAGE,
        durations=_TEN_SECONDS,
        prompt_limit=1000,
        needs_prompt=False,
        unit=RUNWAY_CREDITS,
        price=Decimal(5),
    ),
    ClipModel(
        ProviderName.RUNWAY,
        "veo3.1",
        text_shapes=_VEO,
        image_shapes=_VEO,
        durations=(4, 6, 8),
        prompt_limit=1000,
        needs_prompt=False,
        takes_negative_prompt=True,
        unit=RUNWAY_CREDITS,
        price=Decimal(20),
    ),
    ClipModel(
        ProviderName.RUNWAY,
        "veo3.1_fast",
        text_shapes=_VEO,
        image_shapes=_VEO,
        durations=(4, 6, 8),
        prompt_limit=1000,
        needs_prompt=False,
        takes_negative_prompt=True,
        unit=RUNWAY_CREDITS,
        price=Decimal(10),
    ),
    ClipModel(
        ProviderName.PIKA,
        "v2.2",
        text_shapes=_pika_shapes(),
        image_shapes=tuple(Shape(f"{side}p", None, None, side, price) for side, price in _PIKA_PRICES.items()),
        durations=(5, 10),
        takes_negative_prompt=True,
        unit=USD,
    ),
)
_CUSTOM = ClipModel(
    ProviderName.CUSTOM,
    "",
    any_shape=True,
    prompt_limit=ANY_PROMPT,
    needs_prompt=False,
    takes_negative_prompt=True,
)

GENERATING_PROVIDERS = frozenset({ProviderName.RUNWAY, ProviderName.PIKA, ProviderName.CUSTOM})
"""The providers that make one clip a shot, and charge for it."""

MODELS = {
    provider: tuple(model for model in _MODELS if model.provider is provider)
    for provider in (ProviderName.RUNWAY, ProviderName.PIKA)
}
"""The models of each provider, its default first. `custom` has none of its own: any name is handed on."""


def find_model(provider: ProviderName, name: str) -> ClipModel | None:
    """Return a model of a generating provider.

    Args:
        provider: One of GENERATING_PROVIDERS.
        name: The model's name; empty for the default.

    Returns:
        The model; None where the provider has none of that name.
    """
    if provider is ProviderName.CUSTOM:
        return replace(_CUSTOM, name=name)
    if not name:
        return MODELS[provider][0]
    return next((model for model in MODELS[provider] if model.name == name), None)
