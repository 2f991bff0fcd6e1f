"""TWO_TONE: heavy capitals, the weightiest word in a second colour."""

from render_service.compositor.captions.look import Accent, CaptionLook

LOOK = CaptionLook(
    weight=900,
    size=0.078,
    tall_size=0.096,
    place=0.75,
    words=4,
    uppercase=True,
    stroke=0.1,
    shadow=0.24,
    shadow_drop=0.06,
    accent=Accent.LONGEST,
    accent_colors=("#3DF2A4",),
)
