"""BOUNCE: words in turning colours drop in."""

from render_service.compositor.captions.look import Accent, CaptionLook, Entrance

LOOK = CaptionLook(
    weight=900,
    size=0.076,
    tall_size=0.094,
    place=0.72,
    words=4,
    waiting=0.0,
    entrance=Entrance.DROP,
    stroke=0.11,
    shadow=0.2,
    shadow_drop=0.07,
    accent=Accent.CYCLE,
    accent_colors=("#FFFFFF", "#FFD43B", "#5CE1FF", "#FF8FC7"),
)
