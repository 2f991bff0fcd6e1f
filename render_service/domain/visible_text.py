"""Whether a text shows anything."""

import unicodedata

_INVISIBLE = frozenset(("Cc", "Cf", "Zs", "Zl", "Zp"))
# Format characters that are drawn: signs before numbers and the like (Unicode, Prepended_Concatenation_Mark).
_DRAWN = frozenset(map(chr, (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD)))
# Characters of other categories that show nothing: Default_Ignorable_Code_Point of Unicode, and the empty braille cell.
_BLANK = frozenset(
    map(
        chr,
        (
            0x34F,
            *range(0x115F, 0x1161),
            *range(0x17B4, 0x17B6),
            *range(0x180B, 0x1810),
            0x2800,
            0x3164,
            *range(0xFE00, 0xFE10),
            0xFFA0,
            *range(0xE0100, 0xE01F0),
        ),
    )
)


def is_visible(text: str) -> bool:
    """Return whether a text has a character that shows something: no blank, control or zero-width character."""
    return any(
        character in _DRAWN or (unicodedata.category(character) not in _INVISIBLE and character not in _BLANK)
        for character in text
    )
