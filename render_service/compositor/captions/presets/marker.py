"""MARKER: a text marker runs over the words as they are spoken."""

from render_service.compositor.captions.look import Backing, CaptionLook

LOOK = CaptionLook(
    weight=700,
    size=0.058,
    tall_size=0.072,
    place=0.9,
    sweeps=True,
    shadow=0.3,
    backing=Backing.MARKER,
    backing_color="#FFE14A",
    backing_ink="#15171C",
)
