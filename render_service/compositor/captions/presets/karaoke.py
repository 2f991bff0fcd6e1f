"""KARAOKE: colour runs over the words as they are spoken."""

from render_service.compositor.captions.look import CaptionLook

LOOK = CaptionLook(
    weight=800,
    size=0.062,
    tall_size=0.078,
    place=1.0,
    spoken="#FFD43B",
    done="#FFD43B",
    sweeps=True,
    stroke=0.1,
    shadow=0.2,
)
