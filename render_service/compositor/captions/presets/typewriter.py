"""TYPEWRITER: letters appear one after the other on a dark strip."""

from render_service.compositor.captions.look import Backing, CaptionLook, Entrance

LOOK = CaptionLook(
    weight=500,
    size=0.05,
    tall_size=0.06,
    place=0.9,
    waiting=0.0,
    entrance=Entrance.TYPE,
    backing=Backing.LINE,
    backing_color="#101318",
    backing_opacity=0.86,
)
