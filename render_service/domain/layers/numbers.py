"""Numbers as languages write them: decimal sign, groups and digits, from the Unicode CLDR."""

from dataclasses import dataclass

_LATIN = "0123456789"
_ARABIC, _PERSIAN = "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹"
_DEVANAGARI, _BENGALI = "०१२३४५६७८९", "০১২৩৪৫৬৭৮৯"
_SPACE = "\u00a0"
_MINUS = "\u2212"


@dataclass(frozen=True, slots=True)
class _Format:
    """How a language writes numbers; `least` is how many digits the first of two groups has at least."""

    group: str = ","
    decimal: str = "."
    digits: str = _LATIN
    is_indian: bool = False
    least: int = 1


_DEFAULT = _Format()
_COMMA = _Format(".", ",")
_SPACED = _Format(_SPACE, ",")
_LAKH = _Format(is_indian=True)
_FORMATS = {
    **dict.fromkeys(("da", "de", "el", "gl", "hr", "id", "is", "it", "nl", "pt", "ro", "sl", "sr", "tr", "vi"), _COMMA),
    **dict.fromkeys(("es", "ca"), _Format(".", ",", least=2)),
    **dict.fromkeys(("cs", "et", "fi", "fr", "hu", "lt", "lv", "nb", "nn", "no", "ru", "sk", "sv", "uk"), _SPACED),
    **dict.fromkeys(("bg", "pl", "pt-pt"), _Format(_SPACE, ",", least=2)),
    **dict.fromkeys(("gu", "hi", "kn", "ml", "pa", "ta", "te", "en-in"), _LAKH),
    **dict.fromkeys(("mr", "ne"), _Format(digits=_DEVANAGARI, is_indian=True)),
    **dict.fromkeys(("as", "bn"), _Format(digits=_BENGALI, is_indian=True)),
    **dict.fromkeys(("ar", "ckb"), _Format("٬", "٫", _ARABIC)),
    **dict.fromkeys(("fa", "ps"), _Format("٬", "٫", _PERSIAN)),
    **dict.fromkeys(("ar-dz", "ar-ly", "ar-ma", "ar-tn"), _COMMA),
    **dict.fromkeys(("de-ch", "de-li"), _Format("’", ".")),
    **dict.fromkeys(("ar-ae", "es-mx", "es-us"), _DEFAULT),
}


def written(value: float, decimals: int, language: str) -> str:
    """Return a number as a language writes it.

    Args:
        value: The number; it is rounded, halves to even.
        decimals: How many digits follow the decimal sign, ≥ 0.
        language: BCP 47 tag; empty or unknown as in English.
    """
    form = _format(language)
    whole, _, part = f"{abs(value):.{decimals}f}".partition(".")
    text = form.group.join(_groups(whole, form)) + (form.decimal + part if part else "")
    digits = text.translate(str.maketrans(_LATIN, form.digits))
    return _MINUS + digits if value < 0 and text.strip("0.,") else digits


def _format(language: str) -> _Format:
    parts = language.lower().split("-")
    region = next((part for part in parts[1:] if len(part) == 2), "")
    return _FORMATS.get(f"{parts[0]}-{region}") or _FORMATS.get(parts[0], _DEFAULT)


def _groups(whole: str, form: _Format) -> list[str]:
    if len(whole) < 3 + form.least:
        return [whole]
    groups, rest, size = [whole[-3:]], whole[:-3], 2 if form.is_indian else 3
    while rest:
        groups.insert(0, rest[-size:])
        rest = rest[:-size]
    return groups
