"""Numbers in English words: cardinals, ordinals, years, decimals, digits and fractions."""

_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ("", " thousand", " million", " billion", " trillion", " quadrillion")
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_PARTS = {2: ("half", "halves"), 4: ("quarter", "quarters")}
LARGEST = 10 ** (3 * len(_SCALES)) - 1
"""Longer numbers are read digit by digit."""


def cardinal(number: int) -> str:
    """Return a number in words, such as `one hundred and five`; digit by digit beyond `LARGEST`."""
    if number < 0:
        return f"minus {cardinal(-number)}"
    if number > LARGEST:
        return digits(str(number))
    if number < 1000:
        return _below_thousand(number)
    groups = []
    rest, scale = number, 0
    while rest:
        rest, group = divmod(rest, 1000)
        if group:
            groups.append((group, scale))
        scale += 1
    words = [f"{_below_thousand(group)}{_SCALES[scale]}" for group, scale in reversed(groups)]
    last, scale = groups[0]
    if scale == 0 and last < 100:
        words.insert(-1, "and")
    return " ".join(words)


def ordinal(number: int) -> str:
    """Return the ordinal of a number in words, such as `twenty-first`."""
    words = cardinal(number)
    start = max(words.rfind(" "), words.rfind("-")) + 1
    last = words[start:]
    if last in _ORDINALS:
        return words[:start] + _ORDINALS[last]
    return words[:start] + (last[:-1] + "ieth" if last.endswith("y") else last + "th")


def year(number: int) -> str:
    """Return a year in words, such as `nineteen eighty-seven`, `two thousand and six` and `twenty twenty-six`."""
    century, rest = divmod(number, 100)
    if not 1100 <= number <= 2099 or 2000 <= number <= 2009:
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {f'oh {_SMALL[rest]}' if rest < 10 else cardinal(rest)}"


def decade(number: int) -> str:
    """Return a decade such as 1990 in words: `nineteen nineties`; 90 is `nineties`."""
    words = "two thousand" if number == 2000 else year(number) if number >= 100 else cardinal(number)
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def digits(number: str) -> str:
    """Return digits one by one."""
    return " ".join(_SMALL[int(digit)] for digit in number if digit.isdigit())


def decimal(written: str) -> str:
    """Return a number as it is written, such as `1,234.50`, in words; leading zeros are read digit by digit."""
    whole, point, part = written.replace(",", "").partition(".")
    if point:
        return f"{cardinal(int(whole or 0))} point {digits(part)}"
    return digits(whole) if len(whole) > 1 and whole.startswith("0") else cardinal(int(whole))


def fraction(numerator: int, denominator: int) -> str:
    """Return a fraction in words, such as `three quarters`."""
    one, many = _PARTS.get(denominator) or (ordinal(denominator), f"{ordinal(denominator)}s")
    return f"{cardinal(numerator)} {one if numerator == 1 else many}"


def roman(numeral: str) -> int | None:
    """Return the value 1–39 of a Roman numeral; None where it is none."""
    values = {"I": 1, "V": 5, "X": 10}
    total = 0
    for letter, following in zip(numeral, [*numeral[1:], ""], strict=True):
        value = values[letter]
        total += -value if value < values.get(following, 0) else value
    tens, ones = divmod(total, 10)
    canonical = "X" * tens + ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")[ones]
    return total if canonical == numeral else None


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = []
    if hundreds:
        words.append(f"{_SMALL[hundreds]} hundred")
    if rest and hundreds:
        words.append("and")
    if rest >= 20:
        tens, ones = divmod(rest, 10)
        words.append(_TENS[tens] + (f"-{_SMALL[ones]}" if ones else ""))
    elif rest or not hundreds:
        words.append(_SMALL[rest])
    return " ".join(words)
