"""All transitions by their kind."""

from render_service.compositor.drawing.transitions.effect import Effect, Moment
from render_service.compositor.drawing.transitions.fades import (
    blur,
    burn,
    cross_fade,
    dissolve,
    fade_black,
    fade_white,
    flash,
    light_leak,
    pixelate,
)
from render_service.compositor.drawing.transitions.moves import (
    flip,
    glitch,
    page,
    push,
    reveal,
    ripple,
    slide,
    spin,
    split,
    squeeze,
    stack,
    whip,
    zoom_in,
    zoom_out,
)
from render_service.compositor.drawing.transitions.wipes import (
    barn_door,
    blinds,
    checkerboard,
    circle,
    clock,
    diamond,
    heart,
    ink,
    luma,
    star,
    wipe,
)
from render_service.domain.projects.project import TransitionKind

EFFECTS: dict[TransitionKind, Effect] = {
    TransitionKind.CROSS_FADE: cross_fade.draw,
    TransitionKind.FADE_BLACK: fade_black.draw,
    TransitionKind.FADE_WHITE: fade_white.draw,
    TransitionKind.WIPE: wipe.draw,
    TransitionKind.SLIDE: slide.draw,
    TransitionKind.PUSH: push.draw,
    TransitionKind.CIRCLE: circle.draw,
    TransitionKind.DISSOLVE: dissolve.draw,
    TransitionKind.BURN: burn.draw,
    TransitionKind.BLUR: blur.draw,
    TransitionKind.FLASH: flash.draw,
    TransitionKind.LIGHT_LEAK: light_leak.draw,
    TransitionKind.PIXELATE: pixelate.draw,
    TransitionKind.BARN_DOOR: barn_door.draw,
    TransitionKind.BLINDS: blinds.draw,
    TransitionKind.CHECKERBOARD: checkerboard.draw,
    TransitionKind.CLOCK: clock.draw,
    TransitionKind.DIAMOND: diamond.draw,
    TransitionKind.HEART: heart.draw,
    TransitionKind.STAR: star.draw,
    TransitionKind.INK: ink.draw,
    TransitionKind.LUMA: luma.draw,
    TransitionKind.REVEAL: reveal.draw,
    TransitionKind.SPLIT: split.draw,
    TransitionKind.SQUEEZE: squeeze.draw,
    TransitionKind.PAGE: page.draw,
    TransitionKind.FLIP: flip.draw,
    TransitionKind.STACK: stack.draw,
    TransitionKind.ZOOM_IN: zoom_in.draw,
    TransitionKind.ZOOM_OUT: zoom_out.draw,
    TransitionKind.WHIP: whip.draw,
    TransitionKind.SPIN: spin.draw,
    TransitionKind.RIPPLE: ripple.draw,
    TransitionKind.GLITCH: glitch.draw,
}


def draw_transition(kind: TransitionKind, moment: Moment) -> None:
    """Draw one frame of a transition; a cut shows the new shot. The first and the last moment show one shot alone."""
    if kind is TransitionKind.CUT or moment.done >= 1:
        moment.target.copy_from(moment.new)
    elif moment.done <= 0:
        moment.target.copy_from(moment.old)
    else:
        EFFECTS[kind](moment)
