"""The models that Runway's API serves, its own and others'.

Sources: the request types of the official package `runwayml` 5.24, which the tests hold this table against; where these
are silent, what the API itself is reported to accept (lengths, longest prompts). Prices are in credits a second without
sound, as published in autumn 2026 (https://docs.dev.runwayml.com/guides/pricing/); a model without one has none that is
known for sure. Models whose lengths are not known (`wan3`, `wan3_prime`, `h3_max`, `kling_4`) are omitted.
"""

from collections.abc import Sequence
from decimal import Decimal

from render_service.domain.generation.clip_model import ANY_PROMPT, ClipModel, Shape, shape
from render_service.domain.jobs.job import ProviderName

RUNWAY_CREDITS = "runway-credits"
AS_PICTURE = "picture"
"""The name of the shape that is not sent at all: the clip has the shape of the picture."""


def _pixels(*names: str) -> tuple[Shape, ...]:
    """Shapes named by their pixels: `1280:720`."""
    return tuple(shape(name, name) for name in names)


def _following(prices: dict[str, int | None], prefix: str = "") -> tuple[Shape, ...]:
    """Shapes of a given fineness (`720p`) that have the proportions of the picture."""
    return tuple(
        Shape(f"{prefix}{fineness}", None, None, _SIDES[fineness], _price(price)) for fineness, price in prices.items()
    )


def _ratios(ratios: Sequence[str], prices: dict[str, int | None]) -> tuple[Shape, ...]:
    """Shapes that are named by aspect ratio and resolution: `16:9/720p`."""
    return tuple(
        shape(f"{ratio}/{fineness}", ratio, _SIDES[fineness], _price(price))
        for fineness, price in prices.items()
        for ratio in ratios
    )


def _priced(shapes: Sequence[Shape], prices: dict[int, int]) -> tuple[Shape, ...]:
    """Give shapes in pixels the price of the fineness that their shorter side belongs to."""
    return tuple(
        Shape(
            one.name, one.width, one.height, one.side, _price(next(p for side, p in prices.items() if one.side <= side))
        )
        for one in shapes
    )


def _price(amount: int | None) -> Decimal | None:
    return Decimal(amount) if amount is not None else None


_SIDES = {"480p": 480, "720p": 720, "768p": 768, "1080p": 1080, "2k": 1440}
_TWO_TO_TEN, _THREE_TO_TEN = tuple(range(2, 11)), tuple(range(3, 11))
_UP_TO_FIFTEEN = tuple(range(1, 16))

_GEN4_IMAGE = _pixels("1280:720", "720:1280", "1104:832", "960:960", "832:1104", "1584:672")
_VEO = _pixels("1280:720", "720:1280", "1080:1920", "1920:1080")
_KLING_STANDARD = _pixels("1280:720", "720:1280", "960:960")
_KLING_PRO = _pixels("1920:1080", "1080:1920", "1440:1440")
_KLING_4K = _pixels("3840:2160", "2160:3840", "2880:2880")
_SEEDANCE_480 = _pixels("992:432", "864:496", "752:560", "640:640", "560:752", "496:864")
_SEEDANCE_720 = _pixels("1470:630", "1280:720", "1112:834", "960:960", "834:1112", "720:1280")
_SEEDANCE_1080 = _pixels("2206:946", "1920:1080", "1664:1248", "1440:1440", "1248:1664", "1080:1920")
_SEEDANCE_4K = _pixels("3840:1646", "3840:2160", "3840:2880", "3840:3840", "2880:3840", "2160:3840")
_SEEDANCE_25 = (
    *_pixels("992:432", "854:480", "752:560", "640:640", "560:752", "480:854"),
    *_SEEDANCE_720,
    *_SEEDANCE_1080,
)
_GROK_PRICES: dict[str, int | None] = {"480p": 10, "720p": 16, "1080p": 29}
_GROK_LITE_PRICES: dict[str, int | None] = {"480p": 2, "720p": 3, "1080p": 14}
_GROK_LITE_SHAPES = (
    *_pixels("848:480", "480:848", "480:480", "640:480", "480:640", "720:480", "480:720"),
    *_pixels("1280:720", "720:1280", "720:720", "960:720", "720:960", "1088:720", "720:1088"),
    *_pixels("1904:1072", "1072:1904", "1424:1424", "1648:1232", "1232:1648", "1744:1152", "1152:1744"),
)
_HAILUO: dict[str, int | None] = {"768p": None, "2k": None}


def _model(
    name: str,
    text_shapes: tuple[Shape, ...],
    image_shapes: tuple[Shape, ...],
    durations: tuple[int, ...],
    *,
    prompt_limit: int = ANY_PROMPT,
    needs_prompt: bool = False,
    takes_seed: bool = False,
    takes_negative_prompt: bool = False,
    sound_switch: bool = False,
    price: int | None = None,
) -> ClipModel:
    return ClipModel(
        ProviderName.RUNWAY,
        name,
        text_shapes,
        image_shapes,
        durations=durations,
        prompt_limit=min(prompt_limit, ANY_PROMPT),
        needs_prompt=needs_prompt,
        takes_seed=takes_seed,
        takes_negative_prompt=takes_negative_prompt,
        sound_switch=sound_switch,
        unit=RUNWAY_CREDITS,
        price=_price(price),
    )


def _veo(name: str, price: int) -> ClipModel:
    return _model(
        name,
        _VEO,
        _VEO,
        (4, 6, 8),
        prompt_limit=1000,
        takes_seed=True,
        takes_negative_prompt=True,
        sound_switch=True,
        price=price,
    )


def _kling(name: str, shapes: tuple[Shape, ...]) -> ClipModel:
    return _model(name, shapes, shapes, tuple(range(3, 16)), prompt_limit=2500, sound_switch=True)


def _seedance(name: str, shapes: tuple[Shape, ...], longest: int = 15, prompt_limit: int = 3500) -> ClipModel:
    lengths = tuple(range(4, longest + 1))
    return _model(name, shapes, shapes, lengths, prompt_limit=prompt_limit, takes_seed=True, sound_switch=True)


RUNWAY_MODELS = (
    _model(
        "gen4.5",
        _pixels("1280:720", "720:1280"),
        _GEN4_IMAGE,
        _TWO_TO_TEN,
        prompt_limit=1000,
        needs_prompt=True,
        takes_seed=True,
        price=12,
    ),
    _model("gen4_turbo", (), _GEN4_IMAGE, _TWO_TO_TEN, prompt_limit=1000, takes_seed=True, price=5),
    _veo("veo3.1", 20),
    _veo("veo3.1_fast", 10),
    _model(
        "kling2.5_turbo_pro",
        _pixels("1920:1080", "1440:1440", "1080:1920", "1280:720", "720:720", "720:1280"),
        (Shape(AS_PICTURE, None, None, 1080),),
        (5, 10),
        prompt_limit=2500,
        needs_prompt=True,
    ),
    _kling("kling3.0_standard", _KLING_STANDARD),
    _kling("kling3.0_pro", _KLING_PRO),
    _kling("kling3.0_4k", _KLING_4K),
    _kling("klingO3_standard", _KLING_STANDARD),
    _kling("klingO3_pro", _KLING_PRO),
    _kling("klingO3_4k", _KLING_4K),
    _seedance("seedance2", (*_SEEDANCE_480, *_SEEDANCE_720, *_SEEDANCE_1080, *_SEEDANCE_4K)),
    _seedance("seedance2_fast", (*_SEEDANCE_480, *_SEEDANCE_720)),
    _seedance("seedance2_mini", (*_SEEDANCE_480, *_SEEDANCE_720)),
    _seedance("seedance2_5", _SEEDANCE_25, longest=30, prompt_limit=15_000),
    _model(
        "hailuo3",
        _ratios(("21:9", "16:9", "4:3", "1:1", "3:4", "9:16"), _HAILUO),
        _following(_HAILUO, "adaptive/"),
        tuple(range(5, 16)),
        needs_prompt=True,
    ),
    _model(
        "happyhorse_1_0",
        _pixels(
            *("1280:720", "720:1280", "960:960", "1108:832", "832:1108"),
            *("1920:1080", "1080:1920", "1440:1440", "1662:1248", "1248:1662"),
        ),
        _following({"720p": None, "1080p": None}),
        tuple(range(3, 16)),
        prompt_limit=2500,
    ),
    # A picture to start from costs one credit more.
    _model(
        "grok_imagine_1_5",
        _ratios(("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3"), _GROK_PRICES),
        _following(_GROK_PRICES),
        _UP_TO_FIFTEEN,
        prompt_limit=2500,
    ),
    _model(
        "grok_imagine_1_5_lite",
        _priced(_GROK_LITE_SHAPES, {480: 2, 720: 3, 1440: 14}),
        _following(_GROK_LITE_PRICES, "auto_"),
        _UP_TO_FIFTEEN,
        prompt_limit=2500,
    ),
    _model("gemini_omni_flash", _VEO[:2], _VEO[:2], _THREE_TO_TEN),
    _model(
        "gemini_omni_flash_1.1",
        _pixels("640:360", "360:640", "1280:720", "720:1280", "1920:1080", "1080:1920", "3840:2160", "2160:3840"),
        _pixels("640:360", "360:640", "1280:720", "720:1280", "1920:1080", "1080:1920", "3840:2160", "2160:3840"),
        _THREE_TO_TEN,
        needs_prompt=True,
    ),
)
"""All models, the default first."""


def shape_fields(one: Shape) -> dict[str, str]:
    """Return the fields of a request that name a shape."""
    if one.name == AS_PICTURE:
        return {}
    ratio, _, fineness = one.name.rpartition("/")
    if ratio:
        return {"ratio": ratio, "resolution": fineness}
    return {"resolution": fineness} if fineness in _SIDES else {"ratio": fineness}
