"""What a caption preset is made of."""

from dataclasses import dataclass
from enum import StrEnum

from render_service.domain.layers.contrast import BLACK, WHITE, contrasting, stands_out


class Entrance(StrEnum):
    """How a word comes in when it is spoken."""

    NONE = "none"
    POP = "pop"
    RISE = "rise"
    DROP = "drop"
    TYPE = "type"


class Backing(StrEnum):
    """What is behind the letters: nothing, a box for each line, for the spoken word, or for all words up to it."""

    NONE = "none"
    LINE = "line"
    WORD = "word"
    MARKER = "marker"


class Accent(StrEnum):
    """Which words have the accent's colours: none, the longest of a cue, or all in turn."""

    NONE = "none"
    LONGEST = "longest"
    CYCLE = "cycle"


@dataclass(frozen=True, slots=True)
class CaptionLook:
    """A caption preset. Lengths are in em, colours `#RRGGBB`, opacities 0–1.

    Args:
        weight: Of the letters, 100–900.
        size: Em size as a part of the frame's shorter side, in landscape and square frames.
        tall_size: The same in frames taller than 5:4.
        place: Where the block stands in the safe area: 0 is its top, 1 its foot.
        lines: Most lines at a time.
        words: Most words at a time; 0 is as many as fit.
        uppercase: Whether letters become capitals.
        ink: Colour of the letters.
        spoken: Their colour while their word is spoken; empty is `ink`.
        done: Their colour afterwards; empty is `ink`.
        waiting: Opacity of words that are not spoken yet.
        sweeps: Whether the colour of the spoken word runs over it, rather than changing at once.
        entrance: How words come in.
        swell: Size of the spoken word relative to the others, ≥ 1.
        stroke: Width of the outline.
        stroke_color: Its colour; see `outline_color`.
        halo_color: Colour, black or white, of the shade that sets letters off from the picture if nothing else does.
        shadow: How far the shadow reaches.
        shadow_color: Its colour.
        shadow_drop: How far below the letters it lies; 0 makes it a glow.
        shadow_opacity: Of the shadow.
        backing: What is behind the letters.
        backing_color: Its colour.
        backing_opacity: Of the backing.
        backing_ink: Colour of letters on a backing that belongs to words; empty is `spoken` or `ink`.
        accent: Which words have the colours of `accent_colors`.
        accent_colors: Those colours, instead of `ink`.
    """

    weight: int
    size: float
    tall_size: float
    place: float = 1.0
    lines: int = 2
    words: int = 0
    uppercase: bool = False
    ink: str = WHITE
    spoken: str = ""
    done: str = ""
    waiting: float = 1.0
    sweeps: bool = False
    entrance: Entrance = Entrance.NONE
    swell: float = 1.0
    stroke: float = 0.0
    stroke_color: str = BLACK
    halo_color: str = BLACK
    shadow: float = 0.0
    shadow_color: str = BLACK
    shadow_drop: float = 0.04
    shadow_opacity: float = 0.8
    backing: Backing = Backing.NONE
    backing_color: str = BLACK
    backing_opacity: float = 1.0
    backing_ink: str = ""
    accent: Accent = Accent.NONE
    accent_colors: tuple[str, ...] = ()

    @property
    def is_timed(self) -> bool:
        """Whether it changes with the words that are spoken."""
        return bool(
            self.spoken
            or self.done
            or self.waiting < 1
            or self.entrance is not Entrance.NONE
            or self.swell > 1
            or self.backing in (Backing.WORD, Backing.MARKER)
        )

    @property
    def letter_colors(self) -> tuple[str, ...]:
        """The colours of all letters but those on a box or marker of their word, `ink` first."""
        boxed = self.backing in (Backing.WORD, Backing.MARKER)
        spoken = "" if boxed else self.spoken
        return tuple(dict.fromkeys(filter(None, (self.ink, spoken, self.done, *self.accent_colors))))

    def outline_color(self, color: str) -> str:
        """Return the colour of the outline of letters of a colour: `stroke_color` unless they are too much alike."""
        return self.stroke_color if stands_out(color, self.stroke_color) else contrasting(color)
