"""NEON: thin bright letters in a coloured glow."""

from render_service.compositor.captions.look import CaptionLook, Entrance

LOOK = CaptionLook(
    weight=500,
    size=0.068,
    tall_size=0.084,
    place=0.7,
    words=5,
    ink="#F4FBFF",
    waiting=0.0,
    entrance=Entrance.RISE,
    stroke=0.06,
    stroke_color="#0B1030",
    shadow=0.5,
    shadow_color="#FF2FB9",
    shadow_drop=0.0,
    shadow_opacity=0.95,
)
