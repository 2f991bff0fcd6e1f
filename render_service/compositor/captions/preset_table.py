"""The look of every caption preset, and how a project's own options change it."""

from dataclasses import replace

from render_service.compositor.captions.look import Backing, CaptionLook
from render_service.compositor.captions.presets import (
    big_word,
    bounce,
    clean,
    highlight,
    karaoke,
    label,
    lyrics,
    marker,
    neon,
    rise,
    two_tone,
    typewriter,
    word_box,
    word_pop,
)
from render_service.domain.layers.contrast import BLACK, WHITE, blended, contrasting, legible, stands_out
from render_service.domain.projects.looks.captions import CaptionPosition, CaptionPreset
from render_service.domain.projects.project import CaptionOptions, CaptionStyle

LOOKS = {
    CaptionPreset.CLEAN: clean.LOOK,
    CaptionPreset.WORD_POP: word_pop.LOOK,
    CaptionPreset.KARAOKE: karaoke.LOOK,
    CaptionPreset.WORD_BOX: word_box.LOOK,
    CaptionPreset.TYPEWRITER: typewriter.LOOK,
    CaptionPreset.TWO_TONE: two_tone.LOOK,
    CaptionPreset.BIG_WORD: big_word.LOOK,
    CaptionPreset.HIGHLIGHT: highlight.LOOK,
    CaptionPreset.RISE: rise.LOOK,
    CaptionPreset.NEON: neon.LOOK,
    CaptionPreset.MARKER: marker.LOOK,
    CaptionPreset.LABEL: label.LOOK,
    CaptionPreset.BOUNCE: bounce.LOOK,
    CaptionPreset.LYRICS: lyrics.LOOK,
}
_PLACES = {CaptionPosition.TOP: 0.0, CaptionPosition.MIDDLE: 0.5, CaptionPosition.BOTTOM: 1.0}
_MARKED = "#FFD43B"


def _styled(look: CaptionLook, style: CaptionStyle) -> CaptionLook:
    """Set the letters of a look off from the picture as a style of captions does."""
    if style is CaptionStyle.BOX:
        return replace(look, stroke=0.0, shadow=0.0, backing=Backing.LINE, backing_opacity=0.86)
    if style is CaptionStyle.OUTLINE:
        return replace(look, stroke=0.1, shadow=0.2, backing=Backing.NONE)
    return replace(look, stroke=0.0, shadow=0.36, backing=Backing.NONE)


def chosen_look(options: CaptionOptions) -> CaptionLook | None:
    """Return the look that a project's options describe; None where they name no preset.

    Outlines, boxes and the letters on them take black or white instead where a colour of the caller's would leave
    less than 4.5 : 1 between them; colours that cannot be read on the same box become lighter or darker.
    """
    if options.preset is None:
        return None
    look = LOOKS[options.preset]
    if options.style is not None:
        look = _styled(look, options.style)
    if options.position is not None:
        look = replace(look, place=_PLACES[options.position])
    if options.words_per_cue:
        look = replace(look, words=options.words_per_cue)
    if options.color:
        look = replace(look, ink=options.color)
    if options.highlight_color:
        look = _highlighted(look, options.highlight_color)
    elif options.highlight_words and not look.is_timed:
        look = replace(look, spoken=_MARKED)
    return _legible(look)


def _highlighted(look: CaptionLook, color: str) -> CaptionLook:
    """Use a colour for what stands out in a look: its box, its accent, or the spoken word."""
    if look.backing in (Backing.WORD, Backing.MARKER):
        return replace(look, backing_color=color)
    if look.accent_colors:
        return replace(look, accent_colors=(color,))
    return replace(look, spoken=color, done=color if look.done else "")


def _legible(look: CaptionLook) -> CaptionLook:
    """Set off all colours that letters may take from what is around them.

    Outlines follow the colour of each word (`CaptionLook.outline_color`); boxes and shades lie behind all of them.
    """
    if look.backing is Backing.LINE:
        return _on_box(look)
    if look.backing in (Backing.WORD, Backing.MARKER):
        on_it = look.backing_ink or look.spoken or look.ink
        if not stands_out(on_it, look.backing_color):
            look = replace(look, backing_ink=contrasting(look.backing_color))
    return look if look.stroke else _on_halo(look)


def _on_box(look: CaptionLook) -> CaptionLook:
    """Choose a box on which all colours can be read over any picture; failing that one for the ink."""
    boxes = [
        (look.backing_color, look.backing_opacity),
        *((color, 1.0) for color in (look.backing_color, BLACK, WHITE)),
    ]

    def reads(color: str, box: tuple[str, float]) -> bool:
        return all(stands_out(color, blended(box[0], below, 1 - box[1])) for below in (BLACK, WHITE))

    fitting = (box for box in boxes if all(reads(color, box) for color in look.letter_colors))
    box = next(fitting, None) or next(box for box in boxes if box[1] == 1 and reads(look.ink, box))
    return _shaded(replace(look, backing_color=box[0], backing_opacity=box[1]), box[0])


def _on_halo(look: CaptionLook) -> CaptionLook:
    """Choose a halo in which all colours can be read; otherwise one for the ink, and shade them."""
    best = contrasting(look.ink)
    halos = (best, BLACK if best == WHITE else WHITE)
    halo = next((one for one in halos if all(stands_out(color, one) for color in look.letter_colors)), best)
    look = _shaded(replace(look, halo_color=halo), halo)
    # Shadows are drawn over the halo. Between the two, letters must be readable as well.
    if contrasting(look.shadow_color) == halo or not all(
        stands_out(color, look.shadow_color) for color in look.letter_colors
    ):
        look = replace(look, shadow_color=halo)
    return look


def _shaded(look: CaptionLook, ground: str) -> CaptionLook:
    """Lighten or darken the colours of letters that cannot be read on a colour."""
    return replace(
        look,
        ink=legible(look.ink, ground),
        spoken=look.spoken and legible(look.spoken, ground),
        done=look.done and legible(look.done, ground),
        accent_colors=tuple(legible(color, ground) for color in look.accent_colors),
    )
