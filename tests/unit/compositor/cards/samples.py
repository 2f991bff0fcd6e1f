"""Cards of every template in five scripts, for tests and to look at."""

from dataclasses import dataclass

from render_service.domain.cards.model import (
    CallToActionCard,
    ChapterCard,
    ChartCard,
    ChartKind,
    ChartPoint,
    ComparisonCard,
    ComparisonSide,
    CreditsCard,
    CreditsSection,
    ListCard,
    ListItem,
    ListMarker,
    LowerThirdCard,
    MapPinCard,
    QuoteCard,
    ShotCard,
    StatisticCard,
)


@dataclass(frozen=True)
class Words:
    """What the cards say in a language."""

    language: str
    quote: str
    name: str
    role: str
    label: str
    note: str
    title: str
    items: tuple[str, ...]
    points: tuple[str, ...]
    one: str
    other: str
    place: str
    chapter: str
    call: str
    button: str


WORDS = (
    Words(
        "en",
        "Small boats leave the harbour before the sun is up, and nobody waves.",
        "Ingrid Solheim",
        "Harbour master, Lofoten",
        "boats leave the harbour every morning",
        "Source: port authority, 2026",
        "What a good morning needs",
        (
            "Coffee that is still hot",
            "A dry pair of gloves and a second pair in the boat",
            "Somebody who knows the tides",
            "Time",
        ),
        ("January", "February", "March", "April", "May", "June"),
        "By ferry",
        "By road",
        "Henningsvær",
        "Chapter 2",
        "Come and see the harbour for yourself",
        "Book a tour",
    ),
    Words(
        "ar",
        "تغادر القوارب الصغيرة الميناء قبل شروق الشمس، ولا أحد يلوّح.",
        "ليلى الحسن",
        "مديرة الميناء في طرابلس",
        "قاربًا يغادر الميناء كل صباح",
        "المصدر: هيئة الموانئ، ٢٠٢٦",
        "ما يحتاجه صباح جيد",
        ("قهوة ما زالت ساخنة", "قفازات جافة وزوج ثانٍ في القارب", "شخص يعرف المد والجزر", "الوقت"),
        ("يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو"),
        "بالعبّارة",
        "بالسيارة",
        "الميناء القديم",
        "الفصل الثاني",
        "تعال وشاهد الميناء بنفسك",
        "احجز جولة",
    ),
    Words(
        "zh-Hans",
        "太阳升起之前，小船已经离开港口，没有人挥手告别。",
        "林海燕",
        "舟山港调度员",
        "艘船每天清晨离开港口",
        "来源：港务局，2026年",
        "美好的早晨需要什么",
        ("还热着的咖啡", "一副干手套，船上还有一副备用的", "一个懂潮汐的人", "时间"),
        ("一月", "二月", "三月", "四月", "五月", "六月"),
        "乘渡轮",
        "走公路",
        "沈家门渔港",
        "第二章",
        "亲自来看看这座港口",
        "预订行程",
    ),
    Words(
        "th",
        "เรือลำเล็กออกจากท่าก่อนพระอาทิตย์ขึ้น และไม่มีใครโบกมือลา",
        "สมชาย วงศ์ทอง",
        "นายท่าเรือ จังหวัดระนอง",
        "ลำออกจากท่าเรือทุกเช้า",
        "ที่มา: การท่าเรือ 2026",
        "เช้าที่ดีต้องมีอะไรบ้าง",
        ("กาแฟที่ยังร้อนอยู่", "ถุงมือแห้งหนึ่งคู่ และอีกคู่ไว้ในเรือ", "คนที่รู้เรื่องน้ำขึ้นน้ำลง", "เวลา"),
        ("มกราคม", "กุมภาพันธ์", "มีนาคม", "เมษายน", "พฤษภาคม", "มิถุนายน"),
        "โดยเรือข้ามฟาก",
        "โดยรถยนต์",
        "ท่าเรือเก่า",
        "บทที่ 2",
        "มาชมท่าเรือด้วยตาคุณเอง",
        "จองทัวร์",
    ),
    Words(
        "hi",
        "छोटी नावें सूरज निकलने से पहले बंदरगाह छोड़ देती हैं, और कोई हाथ नहीं हिलाता।",
        "मीरा शर्मा",
        "बंदरगाह प्रबंधक, कोच्चि",
        "नावें हर सुबह बंदरगाह छोड़ती हैं",
        "स्रोत: बंदरगाह प्राधिकरण, 2026",
        "एक अच्छी सुबह को क्या चाहिए",
        ("कॉफ़ी जो अभी भी गर्म हो", "सूखे दस्ताने और नाव में एक और जोड़ी", "कोई जो ज्वार-भाटा जानता हो", "समय"),
        ("जनवरी", "फ़रवरी", "मार्च", "अप्रैल", "मई", "जून"),
        "नौका से",
        "सड़क से",
        "पुराना बंदरगाह",
        "अध्याय 2",
        "आइए और बंदरगाह को ख़ुद देखिए",
        "सैर बुक करें",
    ),
)

VALUES = (38.0, 52.0, 47.0, 71.0, 64.0, 92.0)
URI = "https://example.com/picture.jpg"


def cards_of(words: Words, *, pictures: bool = False) -> dict[str, ShotCard]:
    """Return a card of every template, by name."""
    uri = URI if pictures else ""
    items = tuple(map(ListItem, words.items))
    points = tuple(ChartPoint(*point) for point in zip(words.points, VALUES, strict=True))
    sections = tuple(CreditsSection(role, names) for role, names in (
        (words.role, words.name),
        (words.label, f"{words.name}\n{words.place}\n{words.one}"),
        ("", words.name),
    ))  # fmt: skip
    return {
        "quote": ShotCard(quote=QuoteCard(words.quote, words.name, words.role, uri)),
        "statistic": ShotCard(statistic=StatisticCard(1240, label=words.label, note=words.note)),
        "list": ShotCard(list=ListCard(words.title, items, ListMarker.NUMBER)),
        "list_check": ShotCard(list=ListCard(words.title, (*items, *items), ListMarker.CHECK)),
        "bar": ShotCard(chart=ChartCard(ChartKind.BAR, words.title, points, note=words.note)),
        "line": ShotCard(chart=ChartCard(ChartKind.LINE, words.title, points, note=words.note)),
        "donut": ShotCard(chart=ChartCard(ChartKind.DONUT, words.title, points[:4], unit=" km")),
        "comparison": ShotCard(
            comparison=ComparisonCard(
                words.title, ComparisonSide(words.one, items[:3], uri), ComparisonSide(words.other, items[1:], uri)
            )
        ),
        "map_pin": ShotCard(map_pin=MapPinCard(URI, 0.62, 0.4, words.place, words.note)),
        "chapter": ShotCard(chapter=ChapterCard(words.title, words.chapter, words.quote)),
        "call_to_action": ShotCard(
            call_to_action=CallToActionCard(words.call, words.button, "example.com/harbour", uri)
        ),
        "credits": ShotCard(credits=CreditsCard(words.title, sections)),
        "lower_third": ShotCard(lower_third=LowerThirdCard(words.name, words.role)),
    }
