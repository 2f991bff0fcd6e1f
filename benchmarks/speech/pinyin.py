"""Chinese as it sounds: a recognizer that picks another character of the same sound heard the voice rightly."""

from collections.abc import Sequence

from pypinyin import Style, lazy_pinyin


def syllables(characters: Sequence[str], *, with_tones: bool) -> list[str]:
    """Return the pinyin of Chinese characters, one syllable each, with the digits of their tones or without them.

    Args:
        characters: Characters; other letters stay as they are.
        with_tones: Whether tones count.
    """
    style = Style.TONE3 if with_tones else Style.NORMAL
    return [str(one) for one in lazy_pinyin("".join(characters), style=style, neutral_tone_with_five=with_tones)]
