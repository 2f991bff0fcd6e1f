"""HIGHLIGHT: the spoken word is coloured and a little larger."""

from render_service.compositor.captions.look import CaptionLook

LOOK = CaptionLook(
    weight=800,
    size=0.066,
    tall_size=0.084,
    place=0.82,
    words=6,
    spoken="#FFD43B",
    swell=1.08,
    stroke=0.1,
    shadow=0.2,
)
