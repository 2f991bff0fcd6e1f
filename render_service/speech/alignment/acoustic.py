"""Finds English words in a sound with the acoustic model of PocketSphinx."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from render_service.speech.alignment.sound import Samples
from render_service.speech.phonemes import Pronunciation, Sounds

# The phonemes of the speech model as those of the CMU dictionary; what is missing has no sound of its own.
_CORRESPONDING = """
ɑ AA  ɒ AA  æ AE  a AE  ʌ AH  ə AH  ᵊ AH  ɐ AH  ɔ AO  ɛ EH  ɪ IH  ᵻ IH  i IY  ʊ UH  u UW
A EY  I AY  O OW  Q OW  W AW  Y OY  ɜ ER  ɚ ER
b B  d D  f F  h HH  j Y  k K  l L  m M  n N  p P  s S  t T  v V  w W  z Z
ð DH  ŋ NG  ɡ G  ɹ R  ɾ T  ʃ SH  ʒ ZH  ʔ T  ʤ JH  ʧ CH  θ TH
"""
_PHONES = dict(zip(_CORRESPONDING.split()[::2], _CORRESPONDING.split()[1::2], strict=True))
_FRAMES_PER_SECOND = 100


def find_words(pronunciation: Pronunciation, samples: Samples) -> "dict[int, tuple[float, float]] | None":
    """Find the words of an English text in a sound.

    Args:
        pronunciation: How the text is pronounced.
        samples: A sound at 16 kHz that says it.

    Returns:
        Start and end in seconds of each word, by its place in the text; None if the sound says something else.
    """
    from pocketsphinx import Decoder  # noqa: PLC0415 - an extra

    # A decoder of its own: its dictionary grows with the words of every text.
    decoder = Decoder(lm=None, loglevel="FATAL")
    names: list[str] = []
    owners: list[int] = []
    for owner, name in _names(pronunciation.sounds, decoder):
        names.append(name)
        owners.append(owner)
    if not names:
        return None
    decoder.set_align_text(" ".join(names))
    decoder.start_utt()
    decoder.process_raw((samples * 32767).clip(-32768, 32767).astype(np.int16).tobytes(), full_utt=True)
    decoder.end_utt()
    # Others are silence and noise; a second pronunciation of a word is called `word(2)`.
    known = frozenset(names)
    found = [segment for segment in decoder.seg() or () if segment.word.partition("(")[0] in known]
    if len(found) != len(names):
        return None
    spans: dict[int, tuple[float, float]] = {}
    for owner, segment in zip(owners, found, strict=True):
        first = segment.start_frame / _FRAMES_PER_SECOND
        last = (segment.end_frame + 1) / _FRAMES_PER_SECOND
        spans[owner] = (spans[owner][0], last) if owner in spans else (first, last)
    return spans


def _names(sounds: Sequence[Sounds], decoder: Any) -> Iterator[tuple[int, str]]:
    """Yield the words of a decoder's dictionary that are spoken, each with the word of the text that it belongs to.

    What the dictionary lacks, or the text's lexicon reads differently, is added with the phonemes of the speech model.
    """
    added: set[str] = set()
    for one in sounds:
        if one.word is None:
            continue
        spelling = one.spelling.lower()
        if spelling and decoder.lookup_word(spelling) is not None:
            yield one.word, spelling
            continue
        phones = [_PHONES[sign] for sign in one.signs if sign in _PHONES]
        name = "_".join(phones)
        if not phones:
            continue
        if name not in added:
            decoder.add_word(name, " ".join(phones))
            added.add(name)
        yield one.word, name
