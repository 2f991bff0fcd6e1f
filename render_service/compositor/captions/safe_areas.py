"""The parts of a frame that captions stay inside, as players and the platforms' own controls leave them."""

from dataclasses import dataclass

from render_service.domain.projects.looks.captions import Platform


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle in pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Margins:
    """What a platform covers, as parts of the frame's sides, and whether that is in tall frames or in others."""

    side: float
    top: float
    bottom: float
    is_tall: bool = True


# From the platforms' guides for advertisers, in 1080 × 1920: TikTok covers 140 pixels at the right, 131 above and 484
# below; Reels 6 % at the sides, 14 % above and 35 % below; Shorts 192 at the right, 288 above and 672 below. The wider
# side counts for both, as captions are centred. YouTube's player lays its progress bar over the foot of the frame.
_MARGINS = {
    Platform.TIKTOK: _Margins(140 / 1080, 131 / 1920, 484 / 1920),
    Platform.REELS: _Margins(0.06, 0.14, 0.35),
    Platform.SHORTS: _Margins(192 / 1080, 288 / 1920, 672 / 1920),
    Platform.YOUTUBE: _Margins(0.05, 0.05, 0.12, is_tall=False),
}


def safe_area(width: int, height: int, platform: Platform | None = None) -> Rect:
    """Return the part of a frame that captions stay inside.

    Landscape and square frames keep 5 % free on every side (EBU R 95, title-safe). Tall frames are watched on phones,
    whose applications cover the lower third and the edges with buttons and text, so captions end above it.

    Args:
        width: Frame width in pixels.
        height: Frame height in pixels.
        platform: The application that shows the video; None for any. TikTok, Reels and Shorts show tall videos, YouTube
            wide ones; another shape has the same area as without a platform.

    Returns:
        The area, its edges on even pixels.
    """
    margins = _MARGINS.get(platform) if platform else None
    if margins is not None and (height > width) == margins.is_tall:
        left, top, bottom = margins.side * width, margins.top * height, margins.bottom * height
    elif height >= 1.6 * width:
        left, top, bottom = 0.07 * width, 0.10 * height, 0.29 * height
    else:
        left, top, bottom = 0.05 * width, 0.05 * height, (0.07 if height > width else 0.05) * height
    x, y = even_up(left), even_up(top)
    return Rect(x, y, width - 2 * x, height - y - even_up(bottom))


def even_up(value: float) -> int:
    """Return the smallest even number that is not below a value."""
    return -int(-value // 2) * 2
