"""BIG_WORD: one huge word at a time in the middle of the frame."""

from render_service.compositor.captions.look import CaptionLook, Entrance

LOOK = CaptionLook(
    weight=900,
    size=0.15,
    tall_size=0.2,
    place=0.5,
    lines=1,
    words=1,
    uppercase=True,
    waiting=0.0,
    entrance=Entrance.POP,
    stroke=0.07,
    shadow=0.2,
    shadow_drop=0.06,
)
