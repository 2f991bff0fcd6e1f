"""WORD_POP: two or three heavy words at a time, each popping in when it is spoken."""

from render_service.compositor.captions.look import CaptionLook, Entrance

LOOK = CaptionLook(
    weight=900,
    size=0.085,
    tall_size=0.1,
    place=0.78,
    lines=2,
    words=3,
    uppercase=True,
    waiting=0.0,
    entrance=Entrance.POP,
    spoken="#FFE14A",
    stroke=0.11,
    shadow=0.2,
    shadow_drop=0.07,
)
