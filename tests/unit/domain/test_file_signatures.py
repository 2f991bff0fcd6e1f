"""What a file is, is told from its bytes; nothing can make the telling fail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.domain.projects.file_signatures import FileClass, sniff

_STARTS = [b"RIFF", b"\0\0\0\x20ftyp", b"\xff", b"<", b"#EXTM3U", b"\x89PNG", b"GIF8", b"FORM", b"\x47", b"\xff\xfe<\0"]


@given(st.sampled_from([b"", *_STARTS]), st.binary(max_size=600))
def test_any_bytes_can_be_told(start: bytes, rest: bytes) -> None:
    kind = sniff(start + rest)
    assert isinstance(kind.file_class, FileClass)
    if kind.file_class in (FileClass.MARKUP, FileClass.PLAYLIST, FileClass.UNKNOWN):
        assert kind.reader is None


@given(st.text(max_size=200).filter(lambda text: not text.startswith(("BM", "ID3", "II*", "MM", "OggS", "fLaC"))))
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
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic", "HEIC", None),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86", "Matroska or WebM", "matroska"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP", "WEBP"),
        (b"RIFF\0\0\0\0WAVEfmt ", "WAV", "wav"),
        (b"RIFF\0\0\0\0AVI LIST", "AVI", "avi"),
        (b"RIFF\0\0\0\0ACON", "unknown", None),
        (b"FORM\0\0\0\0AIFFCOMM", "AIFF", "aiff"),
        (b"\xff\xfb\x90\x64" + bytes(40), "MP3", "mp3"),
        (b"\xff\xf1\x50\x80" + bytes(40), "AAC (ADTS)", "aac"),
        ((b"G" + bytes(187)) * 4, "MPEG transport stream", "mpegts"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL", None),
    ],
)
def test_kinds_are_told_by_their_signs(head: bytes, name: str, reader: str | None) -> None:
    kind = sniff(head)
    assert (kind.name, kind.reader) == (name, reader)
