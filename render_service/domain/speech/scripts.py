"""Which languages recordings are recognised in, and in which script their text is written."""

from enum import StrEnum

_RECOGNIZED = frozenset(
    """
    af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is
    it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl
    sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh
    """.split()  # noqa: SIM905 - a hundred quoted words would be harder to read
)
"""The languages of Whisper, as it names them."""
_OTHER_NAMES = {
    "cmn": "zh",
    "yue": "zh",
    "nb": "no",
    "fil": "tl",
    "jv": "jw",
    "iw": "he",
    "ji": "yi",
    "in": "id",
    "arb": "ar",
    "pes": "fa",
    "zsm": "ms",
    "khk": "mn",
    "swh": "sw",
    "uzn": "uz",
    "ekk": "et",
    "lvs": "lv",
}


UNDETERMINED = "und"
"""The tag of a language that is not known (ISO 639-2)."""


class ChineseScript(StrEnum):
    """A script of Chinese, named as its converter names it."""

    SIMPLIFIED = "t2s"
    TRADITIONAL = "s2t"
    TAIWAN = "s2tw"
    HONG_KONG = "s2hk"


_REGIONS = {
    "tw": ChineseScript.TAIWAN,
    "hk": ChineseScript.HONG_KONG,
    "mo": ChineseScript.HONG_KONG,
    "cn": ChineseScript.SIMPLIFIED,
    "sg": ChineseScript.SIMPLIFIED,
}


def recognized_language(language: str) -> str | None:
    """Return the language of a BCP 47 tag as Whisper names it; None if it recognises no such language.

    It is empty where the tag leaves it open: `und`, or an empty tag.
    """
    name = _subtags(language)[0]
    if name in ("", UNDETERMINED):
        return ""
    name = _OTHER_NAMES.get(name, name)
    return name if name in _RECOGNIZED else None


def chinese_script(language: str) -> ChineseScript | None:
    """Return the script of a BCP 47 tag, simplified unless script or region says otherwise; None if it is not Chinese.

    A script takes precedence over a region: `zh-Hans-TW` is simplified.
    """
    primary, *subtags = _subtags(language)
    if primary not in ("zh", "yue", "cmn"):
        return None
    by_region = next((_REGIONS[one] for one in subtags if one in _REGIONS), None)
    if "hans" in subtags:
        return ChineseScript.SIMPLIFIED
    if "hant" in subtags:
        is_traditional = by_region not in (None, ChineseScript.SIMPLIFIED)
        return by_region if is_traditional else ChineseScript.TRADITIONAL
    if by_region is None and (primary == "yue" or "yue" in subtags):
        return ChineseScript.HONG_KONG
    return by_region or ChineseScript.SIMPLIFIED


def _subtags(language: str) -> list[str]:
    return language.lower().replace("_", "-").split("-")
