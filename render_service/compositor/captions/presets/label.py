"""LABEL: dark letters on a white label that follows each line."""

from render_service.compositor.captions.look import Backing, CaptionLook

LOOK = CaptionLook(
    weight=700,
    size=0.054,
    tall_size=0.066,
    place=0.85,
    lines=3,
    ink="#15171C",
    backing=Backing.LINE,
    backing_color="#FFFFFF",
)
