"""The named looks of captions, where they stand, and the platforms whose controls they keep clear of."""

from enum import StrEnum


class CaptionPreset(StrEnum):
    """A look: font weight, colours, size, place, animation, and how many words are seen at once."""

    CLEAN = "clean"
    WORD_POP = "word_pop"
    KARAOKE = "karaoke"
    WORD_BOX = "word_box"
    TYPEWRITER = "typewriter"
    TWO_TONE = "two_tone"
    BIG_WORD = "big_word"
    HIGHLIGHT = "highlight"
    RISE = "rise"
    NEON = "neon"
    MARKER = "marker"
    LABEL = "label"
    BOUNCE = "bounce"
    LYRICS = "lyrics"


class CaptionPosition(StrEnum):
    """Where in the safe area captions stand."""

    TOP = "top"
    MIDDLE = "middle"
    BOTTOM = "bottom"


class Platform(StrEnum):
    """An application that lays its own controls over a video."""

    TIKTOK = "tiktok"
    REELS = "reels"
    SHORTS = "shorts"
    YOUTUBE = "youtube"
