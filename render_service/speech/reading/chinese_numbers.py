"""Numbers in Chinese: cardinals, decimals and digits."""

_DIGITS = "零一二三四五六七八九"
_PLACES = ("", "十", "百", "千")
_GROUPS = ("", "万", "亿", "万亿", "亿亿")
LARGEST = 10 ** (4 * len(_GROUPS)) - 1
"""Longer numbers are read digit by digit."""


def cardinal(number: int) -> str:
    """Return a number as it is read, such as `一百零五`, and `两千` for 2000; digit by digit beyond `LARGEST`."""
    if number < 0:
        return f"负{cardinal(-number)}"
    if number > LARGEST:
        return digits(str(number))
    if number == 0:
        return _DIGITS[0]
    groups = []
    rest = number
    while rest:
        rest, group = divmod(rest, 10_000)
        groups.append(group)
    read, skipped = "", False
    for place in range(len(groups) - 1, -1, -1):
        group = groups[place]
        if group == 0:
            skipped = bool(read)
            continue
        if read and (skipped or group < 1000):
            read += _DIGITS[0]
        skipped = False
        # 两万, 两亿 and 两千, but 二十 and 二百.
        read += ("两" if group == 2 and place else _group(group)) + _GROUPS[place]
    return read.removeprefix("一") if read.startswith("一十") else read


def digits(written: str, *, one: str = "一") -> str:
    """Return digits one by one; `one` is how 1 is read: 幺 in telephone numbers."""
    return "".join(one if digit == "1" else _DIGITS[int(digit)] for digit in written if digit.isdigit())


def decimal(written: str) -> str:
    """Return a number as it is written, such as `1,234.5`, as it is read; leading zeros are read digit by digit."""
    whole, point, part = written.replace(",", "").partition(".")
    if point:
        return f"{cardinal(int(whole or 0))}点{digits(part)}"
    return digits(whole) if len(whole) > 1 and whole.startswith("0") else cardinal(int(whole))


def counted(written: str) -> str:
    """Return a number before a measure word: 两 for 2."""
    return "两" if written == "2" else decimal(written)


def _group(group: int) -> str:
    """Return a number 1–9999 as it is read."""
    read, skipped = "", False
    for place in (3, 2, 1, 0):
        digit = group // 10**place % 10
        if digit == 0:
            skipped = bool(read)
            continue
        if skipped:
            read += _DIGITS[0]
            skipped = False
        read += ("两" if digit == 2 and place == 3 else _DIGITS[digit]) + _PLACES[place]
    return read
