"""Sets text: fonts, direction, line breaking, glyphs."""
