"""WORD_BOX: a coloured box jumps from word to word."""

from render_service.compositor.captions.look import Backing, CaptionLook

LOOK = CaptionLook(
    weight=800,
    size=0.064,
    tall_size=0.08,
    place=0.85,
    words=5,
    stroke=0.09,
    shadow=0.2,
    backing=Backing.WORD,
    backing_color="#7C3AED",
    backing_ink="#FFFFFF",
)
