"""How Chinese texts are read aloud. Latin words in them are read as in English."""

import re
import unicodedata
from collections.abc import Callable, Iterator

from render_service.domain.speech.han import is_han
from render_service.domain.speech.readable import REPETITION
from render_service.speech.reading.chinese_numbers import cardinal, counted, decimal, digits
from render_service.speech.reading.english import read_english
from render_service.speech.reading.pieces import Piece, Rule, apply_rules
from render_service.speech.reading.powers import POWER, exponent

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_NOT_IN_WORD = r"(?<![A-Za-z0-9.])"
_SIGNS = {"$": "美元", "＄": "美元", "¥": "元", "￥": "元", "€": "欧元", "£": "英镑", "₩": "韩元", "₹": "卢比"}
_CODES = {"USD": "美元", "CNY": "元", "RMB": "元", "EUR": "欧元", "GBP": "英镑", "JPY": "日元", "HKD": "港元"}
_UNITS = {
    "km": "公里",
    "m": "米",
    "cm": "厘米",
    "mm": "毫米",
    "kg": "公斤",
    "g": "克",
    "mg": "毫克",
    "t": "吨",
    "L": "升",
    "l": "升",
    "ml": "毫升",
    "mL": "毫升",
    "s": "秒",
    "ms": "毫秒",
    "min": "分钟",
    "h": "小时",
    "m²": "平方米",
    "m2": "平方米",
    "㎡": "平方米",
    "km²": "平方公里",
    "m³": "立方米",
    "m/s": "米每秒",
    "km/h": "公里每小时",
    "mAh": "毫安时",
    "kWh": "千瓦时",
    "W": "瓦",
    "kW": "千瓦",
    "V": "伏",
    "Hz": "赫兹",
    "kHz": "千赫",
    "MHz": "兆赫",
    "GHz": "吉赫",
    "KB": "千字节",
    "MB": "兆字节",
    "GB": "吉字节",
    "TB": "太字节",
    "dB": "分贝",
    "px": "像素",
    "°": "度",
}
_UNIT = "|".join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))
_MEASURES = "个|位|名|次|天|年|周|岁|只|条|件|张|本|块|元|米|公里|斤|公斤|种|层|座|家|台|部|辆|艘|杯|瓶|片|小时|分钟|秒|倍|万|千|亿|人|头|匹|间|棵|朵|点钟|口|步|遍|场|项|份|页|章|首|幅|句|行|根|把|双|对|群|组|套|国"
_SYMBOLS = {
    "+": "加",
    "=": "等于",
    "×": "乘以",
    "÷": "除以",
    "&": "和",
    "%": "百分之",
    "@": "艾特",
    "→": "到",
    "°": "度",
    "～": "到",
    "~": "到",
    "/": "，",
    "|": "，",
    "#": "",
    "*": "",
    "_": " ",
    "^": "",
    "`": "",
    "<": "小于",
    ">": "大于",
    "≈": "约等于",
    "《": "“",
    "》": "”",
    "「": "“",
    "」": "”",
    "『": "“",
    "』": "”",
    "·": "",
    "〇": "零",
}


def read_chinese(text: str) -> tuple[Piece, ...]:
    """Return a text in pieces that are read aloud as people say them: Han characters, Latin words and punctuation.

    Args:
        text: Any text. Characters that are neither letters, digits nor punctuation have an empty reading.
    """
    return apply_rules(text, _RULES, _read_rest)


def _read_rest(text: str) -> Iterator[Piece]:
    yield from (Piece(character, _symbol(character)) for character in text)


def _symbol(character: str) -> str:
    if character in _SYMBOLS:
        return _SYMBOLS[character]
    plain = unicodedata.normalize("NFKC", character)
    if is_han(plain):
        return plain
    if any(map(str.isdecimal, plain)):
        # What is left are digits of other forms, and fractions such as ½.
        return digits(plain) if plain.isdecimal() else _read(plain.replace("⁄", "/"), read_chinese)
    if character.isalpha():
        return _latin(character)
    return character if unicodedata.category(character)[0] in "PZ" or character.isspace() else ""


def _read(text: str, read: Callable[[str], tuple[Piece, ...]]) -> str:
    return "".join(piece.reading for piece in read(text))


def _latin(text: str) -> str:
    reading = " ".join(_read(unicodedata.normalize("NFKC", text), read_english).split())
    # A single letter is no article here.
    return " " + re.sub(r"\bA\b", "ay", reading) + " "


def _repeated(match: re.Match[str]) -> str | None:
    return _symbol(match["han"]) * len(match[0]) if is_han(match["han"]) else None


def _power(match: re.Match[str]) -> str:
    power = exponent(match["power"])
    return {2: "的平方", 3: "的立方"}.get(power) or f"的{cardinal(power)}次方"


def _mixed(match: re.Match[str]) -> str:
    return f"{cardinal(int(match['whole']))}又{_symbol(match['part'])}"


def _money(match: re.Match[str]) -> str | None:
    name = _SIGNS.get(match["sign"] or "") or _CODES.get(match["code"] or "") or _CODES.get(match["code2"] or "")
    if name is None:
        return None
    return f"{counted(match['amount'] or match['amount2'])}{match['large'] or ''}{name}"


def _date(match: re.Match[str]) -> str | None:
    month, day = int(match["month"]), int(match["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{digits(match['year'])}年{cardinal(month)}月{cardinal(day)}日"


def _time(match: re.Match[str]) -> str | None:
    hour, minute = int(match["hour"]), int(match["minute"])
    if hour > 24:
        return None
    told = f"{counted(str(hour))}点"
    if minute == 0:
        return told if not match["second"] else f"{told}整"
    return f"{told}{'零' if minute < 10 else ''}{cardinal(minute)}分" + (
        f"{cardinal(int(match['second']))}秒" if match["second"] else ""
    )


def _temperature(match: re.Match[str]) -> str:
    scale = "华氏" if match["scale"] in ("°F", "℉") else "摄氏"
    if match["sign"]:
        return f"零下{decimal(match['number'])}{scale}度"
    return f"{decimal(match['number'])}{scale}度"


def _percent(match: re.Match[str]) -> str:
    base = "千分之" if match["sign"] == "‰" else "百分之"
    return ("负" if match["minus"] else "") + base + decimal(match["number"])


def _quantity(match: re.Match[str]) -> str:
    return ("负" if match["minus"] else "") + counted(match["number"]) + _UNITS[match["unit"]]


def _range(match: re.Match[str]) -> str:
    first, second = match["first"], match["second"]
    if match["after"] == "年" and len(first) == len(second) == 4:
        return f"{digits(first)}到{digits(second)}年"
    if match["after"] in ("%", "％"):
        return f"百分之{decimal(first)}到百分之{decimal(second)}"
    after = match["after"] or ""
    return f"{decimal(first)}到{decimal(second)}{_UNITS.get(after, after)}"


def _number(match: re.Match[str]) -> str:
    return ("负" if match["minus"] else "") + decimal(match["number"])


def _rule(pattern: str, read: Callable[[re.Match[str]], str | None]) -> Rule:
    return re.compile(pattern), read


_RULES: tuple[Rule, ...] = (
    _rule(rf"(?P<han>\w){REPETITION}+", _repeated),
    _rule(rf"(?<=[\w)）])(?P<power>{POWER})", _power),
    _rule(r"(?P<whole>\d+)\s?(?P<part>[¼-¾⅐-⅞])", _mixed),
    # Addresses and words that begin with a Latin letter, with the digits and blanks between them.
    _rule(r"(?:https?://|www\.)[!-~]+", lambda match: _latin(match[0])),
    _rule(r"[A-Za-z0-9.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", lambda match: _latin(match[0])),
    _rule(rf"(?P<code>[A-Z]{{3}})\s?(?P<amount>{_NUMBER})(?P<large>万|亿)?(?P<sign>)(?P<code2>)(?P<amount2>)", _money),
    _rule(
        r"[A-Za-zÀ-ÖØ-öø-ɏＡ-Ｚａ-ｚ](?:[A-Za-zÀ-ÖØ-öø-ɏＡ-Ｚａ-ｚ0-9'’.&+-]*[A-Za-zÀ-ÖØ-öø-ɏＡ-Ｚａ-ｚ0-9])?(?: [A-Za-zÀ-ÖØ-öø-ɏＡ-Ｚａ-ｚ][A-Za-zÀ-ÖØ-öø-ɏＡ-Ｚａ-ｚ0-9'’.&-]*)*",
        lambda match: _latin(match[0]),
    ),
    _rule(
        rf"(?P<sign>[$＄¥￥€£₩₹])\s?(?P<amount>{_NUMBER})(?P<large>万亿|百万|千万|万|亿)?(?P<code>)(?P<code2>)(?P<amount2>)",
        _money,
    ),
    _rule(
        rf"(?P<amount2>{_NUMBER})\s?(?P<code2>[A-Z]{{3}})(?![A-Za-z])(?P<sign>)(?P<code>)(?P<amount>)(?P<large>)",
        _money,
    ),
    _rule(r"0\d{2,3}-\d{7,8}(?!\d)", lambda match: digits(match[0], one="幺")),
    _rule(r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?![\d.])", _date),
    _rule(r"(?P<year>\d{4})(?=年)", lambda match: digits(match["year"])),
    _rule(r"(?P<decade>\d0)(?=年代)", lambda match: cardinal(int(match["decade"]))),
    _rule(r"(?P<hour>\d{1,2})[:：](?P<minute>[0-5]\d)(?:[:：](?P<second>[0-5]\d))?(?!\d)", _time),
    _rule(r"(?P<hour>2)(?=点(?!\d))", lambda match: "两"),
    _rule(
        rf"(?P<first>{_NUMBER})[%％]?\s?[-–—~～至]\s?(?P<second>{_NUMBER})\s?(?P<after>年|%|％|{_UNIT})?(?![A-Za-z\d-])",
        _range,
    ),
    _rule(
        rf"(?P<sign>[-−])?(?P<number>{_NUMBER})\s?(?P<scale>℃|°C|℉|°F)",
        _temperature,
    ),
    _rule(rf"(?P<minus>[-−])?(?P<number>{_NUMBER})\s?(?P<sign>[%％‰])", _percent),
    _rule(r"1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)", lambda match: digits(match[0], one="幺")),
    _rule(r"(?<=[打线话：])(?:110|119|120|12306|10086|114)(?!\d|[.,]\d)", lambda match: digits(match[0], one="幺")),
    _rule(
        r"(?P<top>\d+)/(?P<bottom>\d+)(?!\d)",
        lambda match: f"{cardinal(int(match['bottom']))}分之{cardinal(int(match['top']))}",
    ),
    _rule(
        r"(?P<first>\d+)[:：](?P<second>\d+)",
        lambda match: f"{cardinal(int(match['first']))}比{cardinal(int(match['second']))}",
    ),
    _rule(r"\d+(?:\.\d+){2,}", lambda match: "点".join(cardinal(int(part)) for part in match[0].split("."))),
    _rule(rf"(?P<minus>[-−])?(?P<number>{_NUMBER})\s?(?P<unit>{_UNIT})(?![A-Za-z²³/])", _quantity),
    _rule(
        r"(?P<number>\d+)(?P<letters>[A-Z]{1,3})(?![A-Za-z])",
        lambda match: f"{cardinal(int(match['number']))} {' '.join(match['letters'])} ",
    ),
    _rule(rf"(?<!第)(?P<number>2)(?=(?:{_MEASURES}))", lambda match: "两"),
    _rule(rf"(?P<minus>(?<![\w)])[-−])?(?P<number>{_NUMBER})", _number),
    _rule(r"\d+", lambda match: digits(match[0])),
)
