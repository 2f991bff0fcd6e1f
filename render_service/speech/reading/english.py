"""How English texts are read aloud."""

import re
import unicodedata
from collections.abc import Iterator

from render_service.speech.reading.english_numbers import (
    cardinal,
    decade,
    decimal,
    digits,
    fraction,
    ordinal,
    roman,
    year,
)
from render_service.speech.reading.english_words import (
    ABBREVIATIONS,
    CURRENCIES,
    CURRENCY_CODES,
    MONTHS,
    NUMBERED,
    REGNAL,
    SPOKEN_ACRONYMS,
    SYMBOLS,
    UNITS,
    Currency,
)
from render_service.speech.reading.pieces import Piece, Rule, apply_rules
from render_service.speech.reading.powers import POWER, exponent

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_UNIT = "|".join(map(re.escape, sorted(UNITS, key=len, reverse=True)))
_LARGE = {"k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion", "t": "trillion"}
_START, _END = r"(?<![\w.,])", r"(?![\w])"


def read_english(text: str) -> tuple[Piece, ...]:
    """Return a text in pieces that are read aloud as people say them.

    Args:
        text: Any text. Characters that are neither letters, digits nor punctuation have an empty reading.
    """
    return apply_rules(text, _RULES, _read_words)


def spell(letters: str) -> str:
    """Return letters one by one; digits in words."""
    names = (_letter_name(letter) for letter in letters)
    return " ".join(name for name in names if name)


def _letter_name(letter: str) -> str:
    if letter.isdigit():
        return digits(letter)
    # Alone, "A" would be read as the article.
    return "ay" if letter in "Aa" else letter.upper() if letter.isalpha() else ""


def _read_words(text: str) -> Iterator[Piece]:
    """Yield words and what is between them; a word keeps the punctuation that follows it."""
    for part in re.findall(r"\s+|\S+", text):
        if part.isspace():
            yield Piece(part, part)
        else:
            yield Piece(part, "".join(_folded(character) for character in part))


def _folded(character: str) -> str:
    """Return a character as the dictionary writes it: without accents, with plain quotes."""
    if character in SYMBOLS:
        return SYMBOLS[character]
    plain = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    if any(map(str.isdecimal, plain)):
        return re.sub(r"\d+", lambda number: f" {digits(number[0])} ", plain)
    return plain if plain and unicodedata.category(plain[0])[0] in "LNPZ" else ""


def _money(match: re.Match[str]) -> str | None:
    currency = CURRENCIES.get(match["sign"] or "") or CURRENCY_CODES.get(match["code"] or match["code2"] or "")
    return None if currency is None else amount(currency, match["amount"] or match["amount2"], match["large"])


def amount(currency: Currency, number: str, large: str | None) -> str:
    """Return an amount of money in words, such as `four dollars and fifty cents`."""
    if large:
        return f"{decimal(number)} {_LARGE.get(large.lower(), large.lower())} {currency.many}"
    whole, _, part = number.replace(",", "").partition(".")
    if len(part) not in (0, 2) or not currency.part_many:
        return f"{decimal(number)} {currency.many}"
    units = f"{cardinal(int(whole))} {currency.one if int(whole) == 1 else currency.many}"
    if not part or int(part) == 0:
        return units
    parts = f"{cardinal(int(part))} {currency.part_one if int(part) == 1 else currency.part_many}"
    return parts if int(whole) == 0 else f"{units} and {parts}"


def _numeric_date(match: re.Match[str]) -> str | None:
    return _date(int(match["year"]), int(match["month"]), int(match["day"]))


def _date(of_year: int, month: int, day: int) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{_MONTH_NAMES[month - 1]} {ordinal(day)}, {year(of_year)}"


_MONTH_NAMES = tuple(dict.fromkeys(MONTHS.values()))


def _month_first(match: re.Match[str]) -> str | None:
    day = int(match["day"])
    if not 1 <= day <= 31:
        return None
    return f"{MONTHS[match['month']]} {ordinal(day)}" + (f", {year(int(match['year']))}" if match["year"] else "")


def _day_first(match: re.Match[str]) -> str | None:
    day = int(match["day"])
    if not 1 <= day <= 31:
        return None
    return f"the {ordinal(day)} of {MONTHS[match['month']]}" + (
        f", {year(int(match['year']))}" if match["year"] else ""
    )


def _time(match: re.Match[str]) -> str | None:
    hour, minute = int(match["hour"]), int(match["minute"])
    if hour > 23:
        return None
    half = _half(match["half"])
    if minute == 0:
        told = (
            cardinal(hour) if half else f"{cardinal(hour)} o'clock" if 1 <= hour <= 12 else f"{cardinal(hour)} hundred"
        )
        return told + half
    return f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}{half}"


def _hour(match: re.Match[str]) -> str | None:
    return cardinal(int(match["hour"])) + _half(match["half"])


def _half(written: str | None) -> str:
    return "" if not written else f" {spell(written[0])} M"


def _quantity(match: re.Match[str]) -> str | None:
    unit = UNITS.get(match["unit"])
    if unit is None:
        return None
    one, many = unit
    return f"{_signed(match)}{decimal(match['number'])} {one if match['number'] == '1' else many}"


def _signed(match: re.Match[str]) -> str:
    return "minus " if match["sign"] else ""


def _range(match: re.Match[str]) -> str | None:
    first, second = match["first"], match["second"]
    read = _bare_year if len(first) == len(second) == 4 else _plain
    unit = UNITS.get(match["unit"] or "")
    return f"{read(first)} to {read(second)}" + (f" {unit[1]}" if unit else "")


def _plain(written: str) -> str:
    return decimal(written)


def _bare_year(written: str) -> str:
    return year(int(written)) if 1100 <= int(written) <= 2099 else decimal(written)


def _number(match: re.Match[str]) -> str:
    written = match["number"]
    read = _bare_year if len(written) == 4 and written.isdigit() else _plain
    return _signed(match) + read(written)


def _power(match: re.Match[str]) -> str:
    written, power = match["base"], exponent(match["power"])
    base = spell(written) if written.isalpha() else decimal(written)
    if power in (2, 3):
        return f"{base} {'squared' if power == 2 else 'cubed'}"
    return f"{base} to the power of {cardinal(power)}"


def _fraction(match: re.Match[str]) -> str | None:
    top, bottom = int(match["top"]), int(match["bottom"])
    if (top, bottom) == (24, 7):
        return "twenty-four seven"
    return fraction(top, bottom) if 0 < top < bottom <= 100 else f"{cardinal(top)} over {cardinal(bottom)}"


def _mixed(match: re.Match[str]) -> str:
    value = unicodedata.normalize("NFKC", match["part"])
    top, _, bottom = value.partition("⁄")
    part = fraction(int(top), int(bottom))
    if not match["whole"]:
        return part
    return f"{cardinal(int(match['whole']))} and {part.replace('one ', 'a ', 1) if top == '1' else part}"


def _address(match: re.Match[str]) -> str:
    written = re.sub(r"^(?:https?://)?(?:www\.)?", "", match[0], flags=re.IGNORECASE).rstrip("/")
    words = re.sub(r"\d+", lambda number: f" {decimal(number[0])} ", written)
    for sign, name in (("@", "at"), (".", "dot"), ("/", "slash"), ("-", "dash"), ("_", "underscore"), (":", "colon")):
        words = words.replace(sign, f" {name} ")
    return re.sub(r"[^\w\s']", " ", words).strip()


def _acronym(match: re.Match[str]) -> str | None:
    letters, plural = match["letters"], match["plural"]
    if letters in SPOKEN_ACRONYMS:
        return SPOKEN_ACRONYMS[letters] + ("s" if plural else "")
    if letters.isalpha() and len(letters) > 5:
        return None
    return spell(letters) + ("'s" if plural else "")


def _letters_and_digits(match: re.Match[str]) -> str:
    letters, number = match["letters"], match["number"]
    spoken = SPOKEN_ACRONYMS.get(letters) or (spell(letters) if letters.isupper() or len(letters) == 1 else letters)
    rest = match["rest"] or ""
    return " ".join(filter(None, (spoken, decimal(number), spell(rest) if rest.isupper() else rest)))


def _roman(match: re.Match[str]) -> str | None:
    value = roman(match["numeral"])
    if value is None:
        return None
    return f"{match['word']} {cardinal(value)}"


def _regnal(match: re.Match[str]) -> str | None:
    value = roman(match["numeral"])
    return None if value is None else f"{match['word']} the {ordinal(value)}"


def _initials(match: re.Match[str]) -> str:
    return spell(match[0].replace(".", ""))


def _abbreviation(match: re.Match[str]) -> str | None:
    return ABBREVIATIONS.get(match[0])


def _rule(pattern: str, read: object, flags: int = 0) -> Rule:
    assert callable(read)
    return re.compile(pattern, flags), read


_RULES: tuple[Rule, ...] = (
    _rule(rf"{_START}(?:https?://|www\.)[^\s,;]*[\w/]", _address, re.IGNORECASE),
    _rule(rf"{_START}[\w.+-]+@[\w-]+(?:\.[\w-]+)+", _address),
    _rule(
        rf"{_START}[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*\.(?:com|org|net|io|dev|edu|gov|ai|co\.uk)\b(?:/[\w/-]*)?", _address
    ),
    _rule(
        rf"(?P<sign>[$£€¥₹₩])\s?(?P<amount>{_NUMBER})(?:\s?(?P<large>thousand|million|billion|trillion|bn|mn|[kKMBT])\b)?"
        rf"(?P<code>)(?P<code2>)(?P<amount2>)",
        _money,
    ),
    _rule(
        rf"{_START}(?:(?P<code>[A-Z]{{3}})\s?(?P<amount>{_NUMBER})|(?P<amount2>{_NUMBER})\s?(?P<code2>[A-Z]{{3}}))"
        rf"{_END}(?P<sign>)(?P<large>)",
        _money,
    ),
    _rule(rf"{_START}(?P<year>\d{{4}})-(?P<month>\d{{2}})-(?P<day>\d{{2}}){_END}", _numeric_date),
    _rule(rf"{_START}(?P<month>\d{{1,2}})/(?P<day>\d{{1,2}})/(?P<year>\d{{4}}){_END}", _numeric_date),
    _rule(
        rf"{_START}(?P<month>{_MONTH})\.?\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s(?P<year>\d{{4}}))?{_END}",
        _month_first,
    ),
    _rule(
        rf"{_START}(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?(?P<month>{_MONTH})\b\.?(?:,?\s(?P<year>\d{{4}}))?{_END}",
        _day_first,
    ),
    _rule(
        rf"{_START}(?P<hour>\d{{1,2}}):(?P<minute>[0-5]\d)(?:\s?(?P<half>[ap]\.?m\b\.?))?{_END}", _time, re.IGNORECASE
    ),
    _rule(rf"{_START}(?P<hour>1[0-2]|[1-9])\s?(?P<half>[ap]\.?m\b\.?){_END}", _hour, re.IGNORECASE),
    _rule(rf"{_START}(?P<decade>\d{{3}}0)s{_END}", lambda match: decade(int(match["decade"]))),
    _rule(rf"(?<!\w)['’](?P<decade>[2-9]0)s{_END}", lambda match: decade(int(match["decade"]))),
    _rule(r"(?<!\d)\+?\(?\d{1,3}\)?(?:[-. ]\d{2,4}){2,4}(?!\d)", lambda match: digits(match[0])),
    _rule(rf"{_START}\d{{3}}-\d{{4}}{_END}", lambda match: digits(match[0])),
    _rule(rf"{_START}(?P<number>\d+)(?:st|nd|rd|th){_END}", lambda match: ordinal(int(match["number"]))),
    _rule(
        rf"{_START}(?P<sign>[-−])?(?P<number>{_NUMBER})\s?(?P<unit>{_UNIT})"
        r"(?![\w²³/])",
        _quantity,
    ),
    _rule(
        rf"{_START}(?P<first>{_NUMBER})\s?[-–—]\s?(?P<second>{_NUMBER})"
        rf"(?:\s?(?P<unit>{_UNIT}))?(?![\w.-])",
        _range,
    ),
    _rule(rf"{_START}(?P<top>\d{{1,3}})/(?P<bottom>\d{{1,3}}){_END}", _fraction),
    _rule(r"(?P<whole>\d+)?\s?(?P<part>[¼-¾⅐-⅞↉])", _mixed),
    _rule(rf"{_START}(?P<base>{_NUMBER}|[A-Za-z])(?P<power>{POWER})(?!\w)", _power),
    _rule(
        rf"{_START}v(?P<version>\d+(?:\.\d+)*){_END}",
        lambda match: "version " + " point ".join(decimal(part) for part in match["version"].split(".")),
    ),
    _rule(
        rf"{_START}(?P<version>\d+(?:\.\d+){{2,}}){_END}",
        lambda match: " point ".join(decimal(part) for part in match["version"].split(".")),
    ),
    _rule(rf"{_START}(?:No\.|#)\s?(?P<number>\d+){_END}", lambda match: f"number {decimal(match['number'])}"),
    _rule(r"(?<!\w)[~≈]\s?(?=\d)", lambda match: "about "),
    _rule(rf"(?<![\w.,])(?P<sign>[-−])?(?P<number>{_NUMBER})(?!\w)", _number),
    _rule(r"(?<!\d)\.(?P<part>\d+)", lambda match: f"point {digits(match['part'])}"),
    _rule(rf"(?<!\w)(?P<word>{'|'.join(NUMBERED)})\s(?P<numeral>[IVX]+)(?!\w)", _roman),
    _rule(rf"(?<!\w)(?P<word>{'|'.join(REGNAL)})\s(?P<numeral>[IVX]+)(?!\w)", _regnal),
    _rule(
        r"(?<![\w.])(?:" + "|".join(map(re.escape, sorted(ABBREVIATIONS, key=len, reverse=True))) + r")(?!\w)",
        _abbreviation,
    ),
    _rule(r"(?<![\w.])(?:[A-Z]\.){2,}", _initials),
    _rule(
        r"(?<!\w)(?P<letters>[A-Za-z]+)-?(?P<number>\d+(?:\.\d+)?)(?P<rest>[A-Za-z]{0,3})(?!\w)", _letters_and_digits
    ),
    _rule(
        r"(?<!\w)(?P<number>\d+)(?P<letters>[A-Z]{1,4})(?!\w)",
        lambda match: f"{decimal(match['number'])} {spell(match['letters'])}",
    ),
    _rule(r"(?<![\w’'])(?P<letters>[A-Z]{2,})(?P<plural>s)?(?!\w)", _acronym),
    _rule(r"\d+", lambda match: f" {digits(match[0])} "),
)
