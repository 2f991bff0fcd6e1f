"""Shortens texts at the edges of what readers see as one character: emoji sequences, letters with their marks."""

from render_service.compositor.text.typesetting import letter_starts


def whole_letters(text: str, most: int) -> str:
    """Return the beginning of a text, of whole grapheme clusters; the first stays even if it alone is longer.

    Args:
        text: The text.
        most: How many characters (code points) stay at most.
    """
    if len(text) <= most:
        return text
    # A cluster that the cut divides is seen as such only with what follows it.
    ends = [*letter_starts(text)[1:], len(text)]
    return text[: max((end for end in ends if end <= most), default=ends[0])]


def shortened(text: str, longest: int) -> str:
    """Return a text as one line of so many characters at most: one that is cut ends with `…`."""
    line = text.replace("\n", " ")
    return line if len(line) <= longest else whole_letters(line, longest - 1).rstrip() + "…"
