"""What a video shows and says: the project, its storyboard and its shots."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

from render_service.domain.cards.model import ShotCard
from render_service.domain.layers.brand import Brand
from render_service.domain.layers.model import Layer
from render_service.domain.projects.looks.captions import CaptionPosition, CaptionPreset, Platform
from render_service.domain.projects.looks.clips import ClipEdit
from render_service.domain.projects.looks.sounds import SoundClip
from render_service.domain.projects.looks.views import PictureView
from render_service.domain.projects.output import OutputOptions
from render_service.domain.speech.lexicon import LexiconEntry


class ProjectMode(StrEnum):
    """Named presets for picture shape, captions and rhythm."""

    STANDARD = "standard"
    SHORT = "short"
    SLIDESHOW = "slideshow"


class ProjectStatus(StrEnum):
    """The status of a project; follows from its latest job."""

    PENDING = "pending"
    PROCESSING = "processing"
    SCRIPT_READY = "script_ready"
    COMPLETED = "completed"
    FAILED = "failed"


class MotionKind(StrEnum):
    """Camera movements over a still picture."""

    NONE = "none"
    ZOOM_IN = "zoom_in"
    ZOOM_OUT = "zoom_out"
    PAN_LEFT = "pan_left"
    PAN_RIGHT = "pan_right"
    PAN_UP = "pan_up"
    PAN_DOWN = "pan_down"
    KEN_BURNS = "ken_burns"
    HANDHELD = "handheld"
    DRIFT = "drift"


class TransitionKind(StrEnum):
    """Transitions from one shot to the next."""

    CUT = "cut"
    CROSS_FADE = "cross_fade"
    FADE_BLACK = "fade_black"
    FADE_WHITE = "fade_white"
    WIPE = "wipe"
    SLIDE = "slide"
    PUSH = "push"
    CIRCLE = "circle"
    DISSOLVE = "dissolve"
    BURN = "burn"
    BLUR = "blur"
    FLASH = "flash"
    LIGHT_LEAK = "light_leak"
    PIXELATE = "pixelate"
    BARN_DOOR = "barn_door"
    BLINDS = "blinds"
    CHECKERBOARD = "checkerboard"
    CLOCK = "clock"
    DIAMOND = "diamond"
    HEART = "heart"
    STAR = "star"
    INK = "ink"
    REVEAL = "reveal"
    SPLIT = "split"
    SQUEEZE = "squeeze"
    PAGE = "page"
    FLIP = "flip"
    STACK = "stack"
    ZOOM_IN = "zoom_in"
    ZOOM_OUT = "zoom_out"
    WHIP = "whip"
    SPIN = "spin"
    RIPPLE = "ripple"
    GLITCH = "glitch"
    LUMA = "luma"


class Direction(StrEnum):
    """Where a transition moves to: with LEFT the new shot comes in from the right edge."""

    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"


class Easing(StrEnum):
    """How the speed of a motion changes during the shot."""

    LINEAR = "linear"
    EASE_IN = "ease_in"
    EASE_OUT = "ease_out"
    EASE_IN_OUT = "ease_in_out"


class Fit(StrEnum):
    """How a picture of another shape fills the frame."""

    COVER = "cover"
    CONTAIN = "contain"
    BLUR = "blur"


class CaptionStyle(StrEnum):
    """How captions are set off from the picture."""

    PLAIN = "plain"
    OUTLINE = "outline"
    BOX = "box"


class Corner(StrEnum):
    """A corner of the frame."""

    TOP_LEFT = "top_left"
    TOP_RIGHT = "top_right"
    BOTTOM_LEFT = "bottom_left"
    BOTTOM_RIGHT = "bottom_right"


class NarrationPolicy(StrEnum):
    """What happens if narration audio is longer than its shot: extend the shot, cut the audio, or let it overlap."""

    EXTEND = "extend"
    TRIM = "trim"
    OVERLAP = "overlap"


class BadAssetPolicy(StrEnum):
    """What happens to a shot whose picture or clip cannot be used: the job fails, or a card replaces it."""

    FAIL = "fail"
    CARD = "card"


class MissingGlyph(StrEnum):
    """What happens to a character that no font can draw: the job fails, or `�` replaces it."""

    FAIL = "fail"
    REPLACE = "replace"


class MotionFocus(StrEnum):
    """What decides the focus of a motion, if not its two numbers."""

    FACES = "faces"


@dataclass(frozen=True, slots=True)
class Motion:
    """A camera movement.

    The focus is a fraction 0–1 of the picture's sides, from the top left. `amount` is the part of the frame that the
    movement covers: a zoom goes from 1 to 1 + amount, a pan travels amount × the frame's side. None means: the default.
    `start` and `end` are what KEN_BURNS shows first and last; None is as much as the frame can show. With `focus` the
    point follows from what is seen in the picture, and stays as it is where nothing is found.
    """

    kind: MotionKind | None = None
    focus_x: float = 0.5
    focus_y: float = 0.5
    easing: Easing | None = None
    amount: float | None = None
    start: PictureView | None = None
    end: PictureView | None = None
    focus: MotionFocus | None = None


MASK_FIELD = "transition.mask_uri"
"""The field of a shot that names the picture of a LUMA transition."""


@dataclass(frozen=True, slots=True)
class Transition:
    """The transition from the previous shot to this one; None means: the mode's default.

    `softness` is the width of a wipe's edge as a part 0–1 of its way, `angle` where a WIPE moves to, in degrees
    clockwise from the right; None means: the transition's own, and `direction`. `mask_uri` is the picture of LUMA.
    """

    kind: TransitionKind | None = None
    duration: timedelta | None = None
    direction: Direction = Direction.LEFT
    softness: float | None = None
    angle: float | None = None
    mask_uri: str = ""


@dataclass(frozen=True, slots=True)
class WordTiming:
    """When a word of the caption is spoken, counted from the start of the shot's narration."""

    text: str
    start: timedelta
    end: timedelta


@dataclass(frozen=True, slots=True)
class Card:
    """A designed picture made of text; `duration` None means: the default for its position."""

    title: str
    subtitle: str = ""
    duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Watermark:
    """A picture laid over the whole video. `opacity` 0–1; `scale` is its width as a part 0–1 of the frame's width."""

    uri: str
    corner: Corner = Corner.TOP_RIGHT
    opacity: float = 0.8
    scale: float = 0.12


@dataclass(frozen=True, slots=True)
class CaptionOptions:
    """How captions are drawn.

    `scale` multiplies their size; `highlight_words` needs `Shot.words`; with `burn_in` False they are in sidecars only.
    `position`, the colours (`#RRGGBB`) and `words_per_cue` change a preset and need one; empty and 0 keep its own.
    `from_audio`: shots without any text get the words that are heard in their recording or clip.
    `avoid_faces`: captions stand above or below the faces of a shot.
    """

    style: CaptionStyle | None = None
    scale: float | None = None
    highlight_words: bool = False
    burn_in: bool | None = None
    preset: CaptionPreset | None = None
    position: CaptionPosition | None = None
    color: str = ""
    highlight_color: str = ""
    words_per_cue: int = 0
    platform: Platform | None = None
    from_audio: bool = False
    font: str = ""
    avoid_faces: bool = False

    @property
    def letter_scale(self) -> float:
        """By how much the size of the letters is multiplied."""
        return 1.0 if self.scale is None else self.scale

    def with_defaults(self) -> "CaptionOptions":
        """Return the options with None replaced, as workers of earlier versions read them."""
        return replace(self, scale=self.letter_scale, burn_in=self.burn_in is not False)


@dataclass(frozen=True, slots=True)
class Speech:
    """Who speaks a narration. `voice` empty: one that speaks `language`; that empty: see `narrations`. Speed 0.5–2.

    `model` and `instructions` are for providers that have several models, or take instructions.
    """

    voice: str = ""
    speed: float | None = None
    language: str = ""
    model: str = ""
    instructions: str = ""


@dataclass(frozen=True, slots=True)
class Translation:
    """The texts of a shot in another language, given as a BCP 47 tag; `caption` None keeps the shot's own."""

    language: str
    narration: str = ""
    caption: str | None = None


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture of the storyboard, with its narration.

    `caption` None means: the narration is drawn; an empty one draws nothing. `duration` None means: the shot's share.
    Its source follows from `image_uri` and `clip_uri`: see `shot_source.declared_source`.
    """

    id: str
    visual_description: str = ""
    narration: str = ""
    caption: str | None = None
    duration: timedelta | None = None
    image_uri: str = ""
    clip_uri: str = ""
    narration_audio_uri: str = ""
    motion: Motion = field(default_factory=Motion)
    transition: Transition = field(default_factory=Transition)
    fit: Fit | None = None
    clip_sound: bool = True
    words: tuple[WordTiming, ...] = ()
    speech: Speech | None = None
    translations: tuple[Translation, ...] = ()
    layers: tuple[Layer, ...] = ()
    clip: ClipEdit | None = None
    sounds: tuple[SoundClip, ...] = ()
    card: ShotCard | None = None


@dataclass(frozen=True, slots=True)
class Music:
    """A sound bed under the whole video; `volume` is a linear gain 0–1. `duck`: quieter under narration."""

    uri: str
    volume: float = 0.3
    loop: bool = True
    fade_in: timedelta = timedelta(milliseconds=500)
    fade_out: timedelta = timedelta(seconds=2)
    duck: bool = True


@dataclass(frozen=True, slots=True)
class Pacing:
    """The minimum time between two narrations, and after the last one; None means: the mode's default."""

    narration_gap: timedelta | None = None
    tail: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """A script and a storyboard, with the preset and the length to render them with.

    `brand` is set once the brand kit is applied: what is drawn without colours and fonts of its own looks like it.
    """

    title: str = ""
    mode: ProjectMode = ProjectMode.STANDARD
    target_duration: timedelta | None = None
    script: str = ""
    shots: tuple[Shot, ...] = ()
    music: Music | None = None
    language: str = ""
    output: OutputOptions = field(default_factory=OutputOptions)
    captions: CaptionOptions = field(default_factory=CaptionOptions)
    watermark: Watermark | None = None
    intro_clip_uri: str = ""
    outro_clip_uri: str = ""
    title_card: Card | None = None
    end_card: Card | None = None
    narration_policy: NarrationPolicy = NarrationPolicy.EXTEND
    bad_asset_policy: BadAssetPolicy = BadAssetPolicy.FAIL
    missing_glyph: MissingGlyph = MissingGlyph.FAIL
    pacing: Pacing = field(default_factory=Pacing)
    speech: Speech | None = None
    lexicon: tuple[LexiconEntry, ...] = ()
    layers: tuple[Layer, ...] = ()
    sounds: tuple[SoundClip, ...] = ()
    brand_kit: str = ""
    brand_kit_excludes: tuple[str, ...] = ()
    brand: Brand | None = None
