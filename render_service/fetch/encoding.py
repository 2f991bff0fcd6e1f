"""Undoes the content encoding of an answer piece by piece, so that a small answer cannot fill the memory."""

import zlib
from collections.abc import Iterator

PIECE_BYTES = 256 * 1024


class EncodingBroken(Exception):
    """The bytes are not what their encoding says."""


class Identity:
    """No encoding."""

    finished = True

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the data as it is."""
        yield data


class Zlib:
    """`gzip` and `deflate`."""

    def __init__(self) -> None:
        # 32 + 15: a header of gzip or zlib, whichever comes.
        self._inflater = zlib.decompressobj(wbits=47)

    @property
    def finished(self) -> bool:
        """Whether the encoding's own end was seen."""
        return self._inflater.eof

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what the data holds, in pieces of at most `PIECE_BYTES`.

        Raises:
            EncodingBroken: The data is not of this encoding, or goes on behind its end.
        """
        piece = b""
        while data or len(piece) == PIECE_BYTES:  # a full piece may have left more behind
            if self._inflater.eof and data:
                raise EncodingBroken
            try:
                piece = self._inflater.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise EncodingBroken from error
            data = self._inflater.unconsumed_tail or self._inflater.unused_data
            yield piece


def decoder_for(content_encoding: str) -> Identity | Zlib | None:
    """Return a decoder for the value of a Content-Encoding header, or None for one that is not understood."""
    match content_encoding.strip().lower():
        case "" | "identity":
            return Identity()
        case "gzip" | "x-gzip" | "deflate":
            return Zlib()
        case _:
            return None
