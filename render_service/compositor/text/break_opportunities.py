"""Finds where a text may be broken into lines, and how well each place reads.

The base is the Unicode line breaking algorithm (UAX #14) with strict East Asian rules, as ICU implements it with its
dictionaries of Thai, Khmer, Lao and Burmese. On top of it, text without spaces is broken between phrases only (BudouX
for Japanese and Chinese), tokens such as URLs and quantities are kept whole, no line begins with a closing mark
(JIS X 4051, GB/T 15834), and none ends with a separator.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate, pairwise

import budoux
from icu4py.breakers import LineBreaker, WordBreaker

from render_service.compositor.text.fonts import guess_language, is_ideograph, is_wide, text_language
from render_service.compositor.text.tokens import NAMES, TokenKind, find_tokens

# Beyond what UAX #14 says: marks that do not begin a line even after a space (French and Thai), iteration marks.
_NOT_FIRST = frozenset(
    "、。，．,.！？!?：；:;）)］]｝}〉》」』】〕〗〙〛…‥—–～〜・%％‰°℃℉¢′″"
    "ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿ々〻ーゝゞヽヾ،؛؟۔।॥ๆໆ។៕៖ៗ၊။"
)
_NOT_LAST = frozenset("（([［{｛〈《「『【〔〖〘〚‘‹$＄￥¥£€#＃@＠¿¡")
_CLOSING_WIDE = frozenset("）」』】〉》〕〗〙〛］｝”’")
# Between blanks they separate items: a line may begin with one, but not end.
_SEPARATORS = frozenset("|¦‖·•‧∙⋅・･/／\\●▪■◆★✦→⟶➜►▶>&+=×")
# Without blanks they join the words beside them.
_JOINERS = frozenset("/／\\·‧・･|_&+=")
# Neither begins nor ends a line.
_SPACED_DASHES = frozenset("-‐")
_DASHES = frozenset("-‐–—…·")
SENTENCE_END = frozenset("。！？!?.…؟۔।॥។៕။")
CLAUSE_END = frozenset("，、；：,;:—–،؛၊៖")
_LEADING = """
a an the of to in on at by for from with and or but nor as is are was were be that than into onto de la le les
el los las un une una des du et y die das den dem ein eine einen einem und oder im am zu von mit für auf il lo
gli di da e o os der um uma do dos em no na com por para que en con het een van voor op и в во на с со к ко о об
от до за из у не но а или по под при для w z
"""
# Words that belong to the next one: a line that ends with one of them reads as cut off.
_LEADING_WORDS = frozenset(_LEADING.split())
# Chinese particles that belong to the preceding word, and words that belong to the following one.
_TRAILING_CHARACTERS = frozenset("的地得了着著過过們们嗎吗呢吧啊呀啦嘛")
_LEADING_CHARACTERS = frozenset("与與和及或在从從向被把对對而但第")

_WORD_GROUP_COST = 0.12
_HYPHEN_COST = 0.08
_LEADING_COST = 0.1
_NUMBER_COST = 0.2
_SHORT_CLAUSE_COST = 0.06
_CLAUSE_BONUS = -0.18
_SENTENCE_BONUS = -0.3


@dataclass(frozen=True, slots=True)
class Break:
    """A possible line break before the character at `position`; a higher `cost` is a worse place, 0 is neutral."""

    position: int
    cost: float
    forced: bool = False


def find_breaks(text: str, language: str = "") -> list[Break]:
    """Find the places where a text reads well if it is broken there.

    Args:
        text: The text; a line feed forces a break.
        language: BCP 47 tag; empty means guess from the text.

    Returns:
        The breaks in order of position, 0 and the text's end excluded.
    """
    rules = _Rules.of(text, language)
    breaks = []
    candidates = {*_unicode_breaks(text, text_language(text, language)), *rules.before_separators()}
    for position in sorted(candidates):
        if text[position - 1] == "\n":
            breaks.append(Break(position, 0.0, forced=True))
        elif rules.allow(position):
            breaks.append(Break(position, rules.cost(position)))
    return breaks


def find_lesser_breaks(text: str, language: str = "") -> list[int]:
    """Find the places where Unicode allows a break, for parts of a text that are wider than a line.

    Returns:
        Positions in order, 0 and the text's end excluded. Those inside URLs follow the Chicago Manual of Style: after a
        colon or slash pair, else before punctuation.
    """
    result = set(_unicode_breaks(text, text_language(text, language)))
    for token in find_tokens(text):
        if token.kind is TokenKind.ADDRESS:
            inside = range(token.first + 1, token.last)
            result.difference_update(inside)
            result.update(position for position in inside if _breaks_address(text, position))
    return sorted(result)


def _breaks_address(text: str, position: int) -> bool:
    return text.endswith("://", 0, position) or (text[position] in "./?#&=_-~%" and text[position - 1] not in ":/")


def cuts_clause_short(text: str, position: int) -> bool:
    """Return whether a break would leave only the first one or two words of a clause before it."""
    head = text[max(0, position - 12) : position].rstrip()
    reach = 4 if head and _breaks_anywhere(head[-1]) else 11
    return any(character in SENTENCE_END or character in CLAUSE_END for character in head[-reach:-1])


@lru_cache(maxsize=64)
def _unicode_breaks(text: str, language: str) -> tuple[int, ...]:
    subtag = language.lower().split("-")[0]
    locale = f"{subtag if subtag.isascii() and subtag.isalpha() and len(subtag) in (2, 3) else 'und'}-u-lb-strict"
    return tuple(accumulate(map(len, LineBreaker(text, locale))))[:-1]


@dataclass(frozen=True, slots=True)
class _Rules:
    """What is known of a text when its breaks are judged: the starts of its phrases, and what is inside tokens."""

    text: str
    korean: bool
    phrases: frozenset[int]
    inside_tokens: frozenset[int]
    beside_names: frozenset[int]

    @classmethod
    def of(cls, text: str, language: str) -> "_Rules":
        tokens = find_tokens(text)
        return cls(
            text,
            text_language(text, language).lower().startswith("ko"),
            _phrase_starts(text, language),
            frozenset(position for token in tokens for position in range(token.first + 1, token.last)),
            frozenset(edge for token in tokens if token.kind in NAMES for edge in (token.first, token.last)),
        )

    def before_separators(self) -> Iterator[int]:
        """Yield where a separator between blanks begins: UAX #14 keeps some of them on the line before."""
        for position in range(1, len(self.text)):
            if self.text[position] in _SEPARATORS and self._is_blank_around(position):
                yield position

    def allow(self, position: int) -> bool:
        """Return whether a line may end before a position at which Unicode allows a break."""
        before, after = self.text[position - 1], self.text[position]
        if position in self.inside_tokens or (after in _NOT_FIRST and not self._is_separator(position)):
            return False
        if not before.isspace() and before != "\u200b":
            return self._allow_unspaced(position, before, after)
        last = self._last_before(position)
        if last < 0 or self.text[last] in _NOT_LAST or self._is_separator(last):
            return False
        if self._is_blank_around(position) and after in _SPACED_DASHES:
            return False
        return not (self.text[last] == "«" and self._is_blank_around(last)) and not self._closes(position)

    def _allow_unspaced(self, position: int, before: str, after: str) -> bool:
        if before in _NOT_LAST or before in _JOINERS or after in _JOINERS:
            return False
        if self.korean and (_is_hangul(before) or _is_hangul(after)):
            # Korean is broken between words; particles stay with a word in Latin letters, digits or brackets.
            return before in _DASHES or before in SENTENCE_END or before in CLAUSE_END
        if _breaks_anywhere(before) or _breaks_anywhere(after):
            if before in _CLOSING_WIDE and _is_hiragana(after):
                # A particle or the ending of a word.
                return False
            if position in self.beside_names:
                return True
            return position in self.phrases and after not in _TRAILING_CHARACTERS
        return True

    def _last_before(self, position: int) -> int:
        """Return the last character of a line that ends before a position: blanks at its end are not drawn."""
        last = position - 1
        while last >= 0 and (self.text[last].isspace() or self.text[last] == "\u200b"):
            last -= 1
        return last

    def _is_separator(self, position: int) -> bool:
        mark = self.text[position]
        return (mark in _SEPARATORS or mark in _SPACED_DASHES) and self._is_blank_around(position)

    def _is_blank_around(self, position: int) -> bool:
        return (self.text[position - 1 : position] or " ").isspace() and self.text[
            position + 1 : position + 2
        ].isspace()

    def _closes(self, position: int) -> bool:
        """Return whether a quotation mark after a blank closes a quotation: French `« mot »`, not German `»Wort«`."""
        following = self.text[position + 1 : position + 2]
        return self.text[position] in "»›”’" and not following.isalnum()

    def cost(self, position: int) -> float:
        """Return how badly a break reads."""
        short = _SHORT_CLAUSE_COST if cuts_clause_short(self.text, position) else 0.0
        return self._local_cost(position) + short

    def _local_cost(self, position: int) -> float:
        head = self.text[max(0, position - 24) : position].rstrip()
        last = head[-1:]
        if last == "." and (self.text[position].islower() or _is_ordinal(head)):
            return _NUMBER_COST
        if last and last in SENTENCE_END:
            return _SENTENCE_BONUS
        if last and (last in CLAUSE_END or last in "”」』）)»"):
            return _CLAUSE_BONUS
        if self.text[position - 1].isspace():
            return self._blank_cost(position, head)
        return self._unspaced_cost(position, last)

    def _blank_cost(self, position: int, head: str) -> float:
        if head[-1:].isdigit() and self.text[position].isalpha() and not _is_year(head):
            return _NUMBER_COST
        word = head.rsplit(maxsplit=1)[-1].lower() if head else ""
        return _LEADING_COST if word in _LEADING_WORDS else 0.0

    def _unspaced_cost(self, position: int, last: str) -> float:
        before, after = self.text[position - 1], self.text[position]
        if _breaks_anywhere(before) or _breaks_anywhere(after):
            return _LEADING_COST if last in _LEADING_CHARACTERS else 0.0
        return _HYPHEN_COST if unicodedata.category(last)[0] == "P" else _WORD_GROUP_COST


def _is_ordinal(head: str) -> bool:
    """Return whether a text ends with a number of one or two digits or one letter, and a full stop: `12. Mai`."""
    word = head[-4:].rsplit(maxsplit=1)[-1].removesuffix(".")
    return len(word) == 1 or (len(word) == 2 and word.isdigit())


def _is_year(head: str) -> bool:
    digits = head[-4:]
    return digits.isdigit() and not head[-5:-4].isdigit() and digits[0] in "12"


def _breaks_anywhere(character: str) -> bool:
    return is_wide(character) or is_ideograph(character)


def _is_hangul(character: str) -> bool:
    return "\uac00" <= character <= "\ud7a3"


def _is_hiragana(character: str) -> bool:
    return "\u3041" <= character <= "\u3096"


@cache
def _parser(language: str) -> budoux.Parser:
    return {
        "ja": budoux.load_default_japanese_parser,
        "zh-Hant": budoux.load_default_traditional_chinese_parser,
    }.get(language, budoux.load_default_simplified_chinese_parser)()


def _phrase_starts(text: str, language: str) -> frozenset[int]:
    """Return the starts of phrases in Japanese and Chinese text."""
    guessed = guess_language(text)
    if guessed == "ja" or (guessed.startswith("zh") and language.lower().startswith("ja")):
        return frozenset(starts(_parser("ja").parse(text)))
    if not guessed.startswith("zh"):
        return frozenset()
    # BudouX finds phrases that cut words which it does not know; ICU's dictionary knows more words.
    words = list(starts(WordBreaker(text, "zh")))
    return frozenset(words).intersection(starts(_parser(guessed).parse(text))) - _inside_names(text, words)


def _inside_names(text: str, words: list[int]) -> frozenset[int]:
    """Return the starts of characters that spell the name before an interpunct: no dictionary knows it."""
    inside: set[int] = set()
    name: list[int] = []
    for start, end in pairwise((*words, len(text))):
        if text[start] == "·":
            inside.update(name[1:])
        name = [*name, start] if end - start == 1 and is_ideograph(text[start]) else []
    return frozenset(inside)


def starts(parts: Iterable[str]) -> Iterator[int]:
    """Yield where each part of a text begins; ICU's own offsets count UTF-16 units."""
    position = 0
    for part in parts:
        yield position
        position += len(part)
