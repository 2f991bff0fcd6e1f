"""LYRICS: dimmed lines that light up word by word."""

from render_service.compositor.captions.look import CaptionLook

LOOK = CaptionLook(
    weight=800,
    size=0.066,
    tall_size=0.084,
    place=0.6,
    lines=3,
    waiting=0.45,
    shadow=0.36,
    shadow_opacity=0.8,
    swell=1.03,
)
