"""Chinese texts are read as people say them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.speech.reading.chinese import read_chinese
from render_service.speech.reading.chinese_numbers import cardinal
from render_service.speech.reading.pieces import reading_of

pytestmark = pytest.mark.speech

READINGS = {
    # Numbers.
    "0": "零",
    "7": "七",
    "10": "十",
    "15": "十五",
    "20": "二十",
    "99": "九十九",
    "100": "一百",
    "101": "一百零一",
    "110个": "一百一十个",
    "200": "二百",
    "1,000": "一千",
    "1001": "一千零一",
    "1010": "一千零一十",
    "2000": "两千",
    "10000": "一万",
    "10,001": "一万零一",
    "20000": "两万",
    "100500": "十万零五百",
    "1,000,000": "一百万",
    "100000000": "一亿",
    "2亿": "两亿",
    "14亿人": "十四亿人",
    "3.14": "三点一四",
    "0.5": "零点五",
    "007": "零零七",
    "-5": "负五",
    "第1": "第一",
    "第12章": "第十二章",
    "第2个": "第二个",
    # Measure words.
    "2个人": "两个人",
    "2次": "两次",
    "3本书": "三本书",
    "12只猫": "十二只猫",
    "22个": "二十二个",
    # Dates and times.
    "2026年": "二零二六年",
    "2026年11月30日": "二零二六年十一月三十日",
    "2026-11-30": "二零二六年十一月三十日",
    "2026/1/2": "二零二六年一月二日",
    "11月30日": "十一月三十日",
    "2月": "二月",
    "90年代": "九十年代",
    "1990年代": "一九九零年代",
    "1914-1918年": "一九一四到一九一八年",
    "10:30": "十点三十分",
    "9:05": "九点零五分",
    "8:00": "八点",
    "2:15": "两点十五分",
    "14:00": "十四点",
    "12:30:15": "十二点三十分十五秒",
    "2点": "两点",
    "3小时": "三小时",
    "2小时": "两小时",
    # Parts and ratios.
    "50%": "百分之五十",
    "3.5%": "百分之三点五",
    "-2%": "负百分之二",
    "5‰": "千分之五",
    "10%-20%": "百分之十到百分之二十",
    "1/2": "二分之一",
    "3/4": "四分之三",
    "3:2": "三比二",
    "100%": "百分之一百",
    # Money.
    "¥100": "一百元",
    "￥19.9": "十九点九元",
    "$5": "五美元",
    "$2": "两美元",
    "€30": "三十欧元",
    "£8": "八英镑",
    "100元": "一百元",
    "$3亿": "三亿美元",
    "¥5万": "五万元",
    "USD 50": "五十美元",
    "50 USD": "五十美元",
    # Units.
    "5km": "五公里",
    "5 km": "五公里",
    "2kg": "两公斤",
    "30cm": "三十厘米",
    "120 km/h": "一百二十公里每小时",
    "20℃": "二十摄氏度",
    "-5℃": "零下五摄氏度",
    "98°F": "九十八华氏度",
    "90°": "九十度",
    "60m²": "六十平方米",
    "500ml": "五百毫升",
    "16GB": "十六吉字节",
    "5000mAh": "五千毫安时",
    "10-20公里": "十到二十公里",
    "10～20米": "十到二十米",
    "3-5kg": "三到五公斤",
    # Telephones and versions.
    "13812345678": "幺三八幺二三四五六七八",
    "010-12345678": "零幺零幺二三四五六七八",
    "拨打110": "拨打幺幺零",
    "版本3.0": "版本三点零",
    "3.11.2": "三点十一点二",
    # Acronyms and Latin words.
    "GDP增长5%": "G D P 增长百分之五",
    "AI时代": "ay I 时代",
    "NBA": "N B ay",
    "NASA的火箭": "NASA 的火箭",
    "5G网络": "五 G 网络",
    "4K视频": "四 K 视频",
    "A4纸": "ay four 纸",
    "iPhone 15": "iPhone 十五",
    "看YouTube": "看 YouTube",
    "WiFi": "WiFi",
    "APP": "ay P P",
    # Symbols.
    "1+1=2": "一加一等于二",
    "3×4": "三乘以四",
    "A&B": "ay and B",
    "他和她": "他和她",
    "二〇二六年": "二零二六年",
    "天天々": "天天天",
    "佐々木": "佐佐木",
    "½": "二分之一",
    "1½杯": "一又二分之一杯",
    "10²": "十的平方",
    "x³": "x 的立方",
    "10⁻⁶": "十的负六次方",
    "30m²": "三十平方米",
    "ＧＰＵ": "G P U",
    "你好，世界！": "你好，世界！",
    "《红楼梦》": "“红楼梦”",
    "你好🎉": "你好",
    # Sentences.
    "灯塔高42米，建于1887年。": "灯塔高四十二米，建于一八八七年。",
    "今天气温-3℃到5℃。": "今天气温零下三摄氏度到五摄氏度。",
    "会议在2026年3月8日14:30开始。": "会议在二零二六年三月八日十四点三十分开始。",
    "每天2次，每次2片。": "每天两次，每次两片。",
    "价格从$9.99涨到$12。": "价格从九点九九美元涨到十二美元。",
    "比赛以3:0结束": "比赛以三比零结束",
    "约1/3的人": "约三分之一的人",
    "全长55公里": "全长五十五公里",
}


@pytest.mark.parametrize("text", READINGS)
def test_a_text_is_read_as_people_say_it(text: str) -> None:
    assert reading_of(read_chinese(text)) == READINGS[text]


@given(st.text(max_size=60) | st.from_regex(r"[$¥]?[0-9.,:/ -]{1,12}(公里|%|年|个|BC)?", fullmatch=True))
def test_no_part_of_a_text_gets_lost_and_no_digit_is_left_unread(text: str) -> None:
    pieces = read_chinese(text)
    assert "".join(piece.text for piece in pieces) == text
    assert not any(character in "0123456789" for piece in pieces for character in piece.reading)


@given(st.integers(0, 10**20 - 2))
def test_different_numbers_have_different_names(number: int) -> None:
    assert cardinal(number) != cardinal(number + 1)
