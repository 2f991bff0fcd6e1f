"""Powers that are written with raised digits, such as 10²."""

import unicodedata

POWER = "⁻?[⁰¹²³⁴-⁹]+"
"""A pattern of the exponent."""


def exponent(raised: str) -> int:
    """Return the number that is written with raised digits."""
    return int(unicodedata.normalize("NFKC", raised).replace("−", "-"))
