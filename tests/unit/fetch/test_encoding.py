"""Decoding gives back what was encoded, in small pieces, however it was cut."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.fetch.encoding import MAX_ENCODINGS, PIECE_BYTES, EncodingBroken, decoder_for

_WHOLE = gzip.compress(b"a")


def _decode(encoding: str, pieces: list[bytes]) -> tuple[list[bytes], bool]:
    decoder = decoder_for(encoding)
    decoded = [part for piece in pieces for part in decoder.decode(piece)]
    return decoded, decoder.finished


@given(st.binary(max_size=5000), st.integers(1, 500))
def test_any_cut_of_any_data_decodes(data: bytes, step: int) -> None:
    for encoding, encoded in (("gzip", gzip.compress(data)), ("deflate", zlib.compress(data)), ("", data)):
        cut = [encoded[start : start + step] for start in range(0, len(encoded), step)]
        decoded, finished = _decode(encoding, cut)
        assert b"".join(decoded) == data
        assert finished


@pytest.mark.parametrize("size", [PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 50 * 1024 * 1024 + 3])
def test_a_bomb_is_given_out_in_small_pieces(size: int) -> None:
    decoded, finished = _decode("gzip", [gzip.compress(bytes(size))])
    assert max(len(piece) for piece in decoded) <= PIECE_BYTES
    assert sum(len(piece) for piece in decoded) == size
    assert finished


def test_a_cut_end_is_noticed() -> None:
    assert not _decode("gzip", [gzip.compress(b"a film")[:-1]])[1]


@pytest.mark.parametrize("data", [b"plain text", _WHOLE + b"more", _WHOLE * 2], ids=["text", "more", "twice"])
def test_broken_data_is_noticed(data: bytes) -> None:
    with pytest.raises(EncodingBroken):
        _decode("gzip", [data])


@pytest.mark.parametrize("encoding", ["", "identity", "aws-chunked", "utf-8", "none", "x, aws-chunked", "br", ","])
def test_unknown_encodings_pass_as_identity(encoding: str) -> None:
    assert decoder_for(encoding).is_identity
    assert _decode(encoding, [b"a film"]) == ([b"a film"], True)


@pytest.mark.parametrize("encoding", ["gzip, aws-chunked", "aws-chunked,GZIP", " aws-chunked , x-gzip ", "gzip, utf-8"])
def test_known_encodings_in_a_list_are_decoded(encoding: str) -> None:
    decoded, finished = _decode(encoding, [gzip.compress(b"a film")])
    assert (b"".join(decoded), finished) == (b"a film", True)


def test_encodings_are_undone_the_last_first() -> None:
    decoded, finished = _decode("deflate, gzip", [gzip.compress(zlib.compress(b"a film"))])
    assert (b"".join(decoded), finished) == (b"a film", True)
    with pytest.raises(EncodingBroken):
        decoder_for(",".join(["gzip"] * (MAX_ENCODINGS + 1)))


def test_deflate_is_decoded_with_and_without_its_header() -> None:
    raw = zlib.compressobj(wbits=-15)
    for encoded in (zlib.compress(b"a film" * 9), raw.compress(b"a film" * 9) + raw.flush()):
        decoded, finished = _decode("deflate", [encoded])
        assert (b"".join(decoded), finished) == (b"a film" * 9, True)
