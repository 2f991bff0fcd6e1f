"""RISE: words fade in and rise to their place as they are spoken."""

from render_service.compositor.captions.look import CaptionLook, Entrance

LOOK = CaptionLook(
    weight=700,
    size=0.062,
    tall_size=0.078,
    place=0.8,
    waiting=0.0,
    entrance=Entrance.RISE,
    shadow=0.36,
    shadow_opacity=0.85,
)
