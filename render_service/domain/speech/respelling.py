"""Texts whose words are respelled for voices that read no lexicon, and what that changes in the times of words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from render_service.domain.speech.lexicon import Lexicon, occurrences


@dataclass(frozen=True, slots=True)
class RespelledText:
    """A text with respellings in place of words.

    Args:
        original: The text.
        sent: The text that is read instead.
        changes: The characters of `original` that were replaced and those of `sent` in their place, in order: each the
            first and the one after the last.
    """

    original: str
    sent: str
    changes: tuple[tuple[int, int, int, int], ...]

    def original_times(
        self, starts: Sequence[float], ends: Sequence[float]
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return when the characters of `original` are spoken; those of a replaced word share its time.

        Args:
            starts: When each character of `sent` begins, in seconds.
            ends: When it ends.
        """
        begins: list[float] = []
        finishes: list[float] = []
        for first, last, sent_first, sent_last in self._pieces():
            if last - first == sent_last - sent_first and self.original[first:last] == self.sent[sent_first:sent_last]:
                begins += starts[sent_first:sent_last]
                finishes += ends[sent_first:sent_last]
                continue
            start, step = starts[sent_first], (ends[sent_last - 1] - starts[sent_first]) / (last - first)
            begins += (start + step * place for place in range(last - first))
            finishes += (start + step * (place + 1) for place in range(last - first))
        return tuple(begins), tuple(finishes)

    def _pieces(self) -> Iterator[tuple[int, int, int, int]]:
        position = sent_position = 0
        end = (len(self.original), len(self.original), len(self.sent), len(self.sent))
        for first, last, sent_first, sent_last in (*self.changes, end):
            if first > position:
                yield position, first, sent_position, sent_first
            if last > first:
                yield first, last, sent_first, sent_last
            position, sent_position = last, sent_last


def respelled(text: str, lexicon: Lexicon) -> RespelledText:
    """Replace the words of a text that a lexicon respells, by the rules by which `local` finds them; IPA is ignored.

    Args:
        text: The text.
        lexicon: Entries that apply to it, each word once.
    """
    sent, changes, position, length = [], [], 0, 0
    for entry, first, last in occurrences(lexicon, text):
        if entry.is_phonetic:
            continue
        kept = text[position:first]
        sent += [kept, entry.respelling]
        length += len(kept)
        changes.append((first, last, length, length + len(entry.respelling)))
        length += len(entry.respelling)
        position = last
    return RespelledText(text, "".join((*sent, text[position:])), tuple(changes))
