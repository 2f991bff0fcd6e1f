"""Files are identified by their first bytes, whatever these are."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.domain.projects.file_signatures import FileClass, sniff

_STARTS = [b"RIFF", b"\0\0\0\x20ftyp", b"\xff", b"<", b"#EXTM3U", b"\x89PNG", b"GIF8", b"FORM", b"\x47", b"\xff\xfe<\0"]


@given(st.sampled_from([b"", *_STARTS]), st.binary(max_size=600))
def test_any_bytes_are_identified(start: bytes, rest: bytes) -> None:
    kind = sniff(start + rest)
    assert isinstance(kind.file_class, FileClass)
    if kind.file_class in (FileClass.MARKUP, FileClass.PLAYLIST, FileClass.UNKNOWN):
        assert kind.reader is None


@given(
    st.text(max_size=200).filter(
        lambda text: not text.startswith(("BM", "ID3", "II*", "MM", "OggS", "fLaC", ".snd", "#!AMR", "DKIF", "caff"))
    )
)
def test_no_text_is_ever_read_as_media(text: str) -> None:
    # A demuxer that takes text may be made to open other files by it.
    assert sniff(text.encode("utf-8", "ignore")).reader is None


@pytest.mark.parametrize(
    ("head", "name", "reader"),
    [
        (b"\0\0\0\x1cftypisom\0\0\2\0isomiso2avc1", "MP4 or QuickTime", "mov"),
        (b"\0\0\0\x14ftypqt  \0\0\2\0qt  ", "MP4 or QuickTime", "mov"),
        (b"\0\0\0\x1cftypM4A \0\0\2\0M4A isom", "M4A", "mov"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "AVIF", "AVIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", "AVIF", "AVIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic", "HEIC", "HEIF"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86", "Matroska or WebM", "matroska"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP", "WEBP"),
        (b"RIFF\0\0\0\0WAVEfmt ", "WAV", "wav"),
        (b"RIFF\0\0\0\0AVI LIST", "AVI", "avi"),
        (b"RIFF\0\0\0\0ACON", "unknown", None),
        (b"FORM\0\0\0\0AIFFCOMM", "AIFF", "aiff"),
        (b"\xff\xfb\x90\x64" + bytes(40), "MP3", "mp3"),
        (b"\xff\xf1\x50\x80" + bytes(40), "AAC (ADTS)", "aac"),
        ((b"G" + bytes(187)) * 4, "MPEG transport stream", "mpegts"),
        ((bytes(4) + b"G" + bytes(187)) * 4, "MPEG transport stream", "mpegts"),
        (b"#!AMR\n" + bytes(40), "AMR", "amr"),
        (b"\x0b\x77\0\0\0\x40" + bytes(40), "AC-3", "ac3"),
        (b"\x0b\x77\0\0\0\x80" + bytes(40), "E-AC-3", "eac3"),
        (b".snd" + bytes(40), "AU", "au"),
        (b"\0\0\0\x01\x67" + bytes(40), "raw H.264 without a container", None),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL", None),
    ],
)
def test_formats_are_identified_by_their_signatures(head: bytes, name: str, reader: str | None) -> None:
    kind = sniff(head)
    assert (kind.name, kind.reader) == (name, reader)


@pytest.mark.parametrize(
    ("prologue", "is_svg"),
    [
        (b"<!---->" * 500, True),
        (b"<!-- <!-- x -- > -->\n" * 90, True),
        (b'<?xml version="1.0"?>' + b"<?a b?> " * 200, True),
        (b"<!DOCTYPE svg>" * 100, True),
        (b'<!DOCTYPE s:svg PUBLIC "a" "b" [<!ENTITY c "]"> ] >' * 40, True),
        (b"<!---->" * 500 + b"<!-- ", False),
        (b"<!-- <!-- " * 300, False),
        (b"<?" * 1500, False),
        (b"<!DOCTYPE svg [" + b"] " * 1000, False),
        (b"<!DOCTYPE svg " + b" " * 3000, False),
        (b"<!DOCTYPE html>", False),
        (b"x", False),
    ],
)
def test_what_stands_before_the_root_element_is_skipped_in_linear_time(prologue: bytes, is_svg: bool) -> None:
    assert (sniff(prologue + b"<svg>").name == "SVG") == is_svg
    started = time.thread_time()
    for start in (prologue, prologue * 2, b" " * 4000 + prologue):
        for end in (b"", b"<html>", b"<!--", b"<svg"):
            assert sniff(start + end).name != "SVG"
    # This takes milliseconds. An expression that backtracks would not end.
    assert time.thread_time() - started < 1
