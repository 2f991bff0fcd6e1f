"""CLEAN: quiet subtitles with a soft shadow, for films and courses."""

from render_service.compositor.captions.look import CaptionLook

LOOK = CaptionLook(
    weight=600,
    size=0.05,
    tall_size=0.062,
    place=1.0,
    shadow=0.36,
    shadow_opacity=0.85,
)
