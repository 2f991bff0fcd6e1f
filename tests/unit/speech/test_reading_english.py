"""English texts are read as people say them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.speech.reading.english import read_english
from render_service.speech.reading.english_numbers import cardinal, ordinal
from render_service.speech.reading.pieces import reading_of

pytestmark = pytest.mark.speech

READINGS = {
    # Cardinals, ordinals, decimals.
    "0": "zero",
    "7": "seven",
    "13": "thirteen",
    "42": "forty-two",
    "100": "one hundred",
    "105": "one hundred and five",
    "999": "nine hundred and ninety-nine",
    "1,000": "one thousand",
    "1,234": "one thousand two hundred and thirty-four",
    "10,001": "ten thousand and one",
    "1,000,000": "one million",
    "2,500,000": "two million five hundred thousand",
    "7,000,000,000": "seven billion",
    "007": "zero zero seven",
    "3.14": "three point one four",
    "0.5": "zero point five",
    "It fell to -5 overnight.": "It fell to minus five overnight.",
    "1st": "first",
    "2nd": "second",
    "3rd": "third",
    "12th": "twelfth",
    "21st century": "twenty-first century",
    "40th": "fortieth",
    "100th": "one hundredth",
    "12345678901234567890": "one two three four five six seven eight nine zero one two three four five six seven eight"
    " nine zero",
    # Years and decades.
    "in 1987": "in nineteen eighty-seven",
    "in 1905": "in nineteen oh five",
    "in 1900": "in nineteen hundred",
    "in 2000": "in two thousand",
    "in 2006": "in two thousand and six",
    "in 2026": "in twenty twenty-six",
    "the 1990s": "the nineteen nineties",
    "the ’80s": "the eighties",
    "1914–1918": "nineteen fourteen to nineteen eighteen",
    # Dates.
    "2026-11-30": "November thirtieth, twenty twenty-six",
    "11/30/2026": "November thirtieth, twenty twenty-six",
    "November 30": "November thirtieth",
    "Nov. 30, 2026": "November thirtieth, twenty twenty-six",
    "July 4th, 1776": "July fourth, seventeen seventy-six",
    "4 July 1776": "the fourth of July, seventeen seventy-six",
    "1 May": "the first of May",
    "May 2024 was warm": "May twenty twenty-four was warm",
    # Times.
    "10:30": "ten thirty",
    "9:05": "nine oh five",
    "9:00": "nine o'clock",
    "14:00": "fourteen hundred",
    "7:45 am": "seven forty-five ay M",
    "7:45 p.m.": "seven forty-five P M",
    "at 3 pm": "at three P M",
    "11am": "eleven ay M",
    # Money.
    "$5": "five dollars",
    "$1": "one dollar",
    "$4.50": "four dollars and fifty cents",
    "$0.99": "ninety-nine cents",
    "$1.01": "one dollar and one cent",
    "$1,200": "one thousand two hundred dollars",
    "$1.2 million": "one point two million dollars",
    "$5M": "five million dollars",
    "$20k": "twenty thousand dollars",
    "£3.50": "three pounds and fifty pence",
    "€100": "one hundred euros",
    "¥500": "five hundred yen",
    "50 USD": "fifty U S dollars",
    "EUR 20": "twenty euros",
    # Units.
    "50%": "fifty percent",
    "3.5%": "three point five percent",
    "5 km": "five kilometers",
    "1 km": "one kilometer",
    "100 km/h": "one hundred kilometers per hour",
    "65 mph": "sixty-five miles per hour",
    "20 °C": "twenty degrees Celsius",
    "-5°C": "minus five degrees Celsius",
    "98.6°F": "ninety-eight point six degrees Fahrenheit",
    "90°": "ninety degrees",
    "2 kg": "two kilograms",
    "16 GB": "sixteen gigabytes",
    "3.2 GHz": "three point two gigahertz",
    "60 fps": "sixty frames per second",
    "30 m²": "thirty square meters",
    "10-20 kg": "ten to twenty kilograms",
    "250 ml": "two hundred and fifty milliliters",
    "6 ft": "six feet",
    # Ranges, fractions, numbers with names.
    "5-10 people": "five to ten people",
    "1/2": "one half",
    "3/4": "three quarters",
    "2/3": "two thirds",
    "24/7": "twenty-four seven",
    "1½ cups": "one and a half cups",
    "¾": "three quarters",
    "2⅖": "two and two fifths",
    "⅙ of it": "one sixth of it",
    "10² m": "ten squared m",
    "x³": "X cubed",
    "10⁻⁶": "ten to the power of minus six",
    "No. 5": "number five",
    "#1": "number one",
    "~300": "about three hundred",
    "555-0123": "five five five zero one two three",
    "+1 555 010 0199": "one five five five zero one zero zero one nine nine",
    "v2.0": "version two point zero",
    "3.11.2": "three point eleven point two",
    "World War II": "World War two",
    "Chapter IV": "Chapter four",
    "Henry VIII": "Henry the eighth",
    "Louis XIV": "Louis the fourteenth",
    # Acronyms and abbreviations.
    "the FBI": "the F B I",
    "NASA": "NASA",
    "the USA": "the U S ay",
    "U.S. Navy": "U S Navy",
    "PDFs": "P D F's",
    "CEOs": "C E O's",
    "H2O": "H two O",
    "MP3": "M P three",
    "COVID-19": "covid nineteen",
    "4K": "four K",
    "5G": "five G",
    "A4 paper": "ay four paper",
    "Dr. Smith": "Doctor Smith",
    "Mr. and Mrs. Jones": "Mister and Missus Jones",
    "St. Paul": "Saint Paul",
    "cats vs. dogs": "cats versus dogs",
    "e.g. tea": "for example tea",
    "R&D": "R and D",
    "2 + 2 = 4": "two plus two equals four",
    "4 × 3": "four times three",
    "and/or": "and or",
    # Addresses.
    "example.com": "example dot com",
    "https://www.example.com/start": "example dot com slash start",
    "info@example.com": "info at example dot com",
    # Text.
    "naïve café": "naive cafe",
    "Don’t stop!": "Don't stop!",
    "It costs $5.": "It costs five dollars.",
    "I saw 3, then 4.": "I saw three, then four.",
    "“Hello,” she said.": "“Hello,” she said.",
    "Hello 🎉 world": "Hello world",
}


@pytest.mark.parametrize("text", READINGS)
def test_a_text_is_read_as_people_say_it(text: str) -> None:
    assert reading_of(read_english(text)) == READINGS[text]


@given(st.text(max_size=60) | st.from_regex(r"[$£]?[0-9.,:/ -]{1,12} ?(km|%|am|BC)?", fullmatch=True))
def test_no_part_of_a_text_gets_lost_and_no_digit_is_left_unread(text: str) -> None:
    pieces = read_english(text)
    assert "".join(piece.text for piece in pieces) == text
    assert not any(character in "0123456789" for piece in pieces for character in piece.reading)


@given(st.integers(0, 10**18 - 1))
def test_different_numbers_have_different_names(number: int) -> None:
    assert cardinal(number) != cardinal(number + 1)
    assert ordinal(number) != ordinal(number + 1)
