"""What a model that generates clips supports: sizes, lengths, inputs and prices."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from render_service.domain.jobs.cost import Cost
from render_service.domain.jobs.job import ProviderName

ANY_PROMPT = 4_000


@dataclass(frozen=True, slots=True)
class Shape:
    """A picture size that a model can generate.

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
        provider: The provider of the model.
        name: Its name in the provider's API.
        text_shapes: Sizes it can generate from text alone; empty if it needs a picture.
        image_shapes: Sizes it can generate from a picture; empty if it accepts none.
        any_shape: Whether it generates any size; it has no list then.
        durations: Lengths it can generate in whole seconds, ascending; empty if it generates any length.
        prompt_limit: The maximum number of UTF-16 code units of a prompt.
        needs_prompt: Whether a prompt is required even with a picture.
        takes_seed: Whether it accepts a seed, which makes results repeatable.
        takes_negative_prompt: Whether it accepts a negative prompt.
        sound_switch: Whether it makes sound unless the request turns it off. The video has its own; sound costs more.
        takes_fps: Whether it accepts a frame rate.
        takes_options: Whether the caller's own options are passed on to it.
        unit: Currency or credits of its prices.
        price: Price per second of the clip; None if unknown.
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
    sound_switch: bool = False
    takes_fps: bool = False
    takes_options: bool = False
    unit: str = ""
    price: Decimal | None = None

    @property
    def makes_from_text(self) -> bool:
        """Whether it can generate from text alone."""
        return self.any_shape or bool(self.text_shapes)

    def cost(self, duration: timedelta, shape: Shape | None) -> Cost | None:
        """Return the estimated cost of a clip; None if unknown."""
        price = shape.price if shape is not None and shape.price is not None else self.price
        if price is None:
            return None
        return Cost(self.unit, price * Decimal(duration // timedelta(milliseconds=1)) / 1000)


def shape(name: str, proportions: str, side: int | None = None, price: Decimal | None = None) -> Shape:
    """Return a shape of given proportions, such as `16:9`; `side` where these are not its pixels."""
    width, height = (int(part) for part in proportions.split(":"))
    return Shape(name, width, height, min(width, height) if side is None else side, price)
