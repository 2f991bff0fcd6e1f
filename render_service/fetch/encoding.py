"""Decodes a response's content encoding piece by piece, so that a small response cannot fill the memory."""

import zlib
from collections.abc import Iterator, Sequence

PIECE_BYTES = 256 * 1024
MAX_ENCODINGS = 3

_DECODED = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB = 47  # 32 + 15: a gzip or a zlib header, whichever there is
_RAW_DEFLATE = -15


class EncodingBroken(Exception):
    """The bytes are not what their encoding says."""


class Inflater:
    """Decodes `gzip` and `deflate`, the latter also without the zlib header that some servers omit.

    Args:
        raw_allowed: Whether the data may come without any header.
    """

    def __init__(self, *, raw_allowed: bool = False) -> None:
        self._inflater = zlib.decompressobj(wbits=_GZIP_OR_ZLIB)
        self._raw_allowed = raw_allowed

    @property
    def finished(self) -> bool:
        """Whether the encoding's own end was seen."""
        return self._inflater.eof

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded data, in pieces of at most `PIECE_BYTES`.

        Raises:
            EncodingBroken: The data is not in this encoding, or continues after its end.
        """
        piece = b""
        while data or len(piece) == PIECE_BYTES:  # a full piece may have left more behind
            if self._inflater.eof and data:
                raise EncodingBroken
            piece = self._inflate(data)
            data = self._inflater.unconsumed_tail or self._inflater.unused_data
            yield piece

    def _inflate(self, data: bytes) -> bytes:
        try:
            piece = self._inflater.decompress(data, PIECE_BYTES)
        except zlib.error as error:
            if not self._raw_allowed:
                raise EncodingBroken from error
            self._inflater = zlib.decompressobj(wbits=_RAW_DEFLATE)
            self._raw_allowed = False
            return self._inflate(data)
        self._raw_allowed = False
        return piece


class Decoder:
    """Undoes the encodings of a response, the last applied first.

    Args:
        inflaters: One for each encoding, in the order to undo them; empty leaves the data as it is.
    """

    def __init__(self, inflaters: Sequence[Inflater]) -> None:
        self._inflaters = inflaters

    @property
    def is_identity(self) -> bool:
        """Whether the data is passed as it is."""
        return not self._inflaters

    @property
    def finished(self) -> bool:
        """Whether every encoding's own end was seen."""
        return all(inflater.finished for inflater in self._inflaters)

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded data, in pieces of at most `PIECE_BYTES` unless it is passed as it is.

        Raises:
            EncodingBroken: The data is not in its encoding.
        """
        return self._decode(data, 0)

    def _decode(self, data: bytes, level: int) -> Iterator[bytes]:
        if level == len(self._inflaters):
            yield data
            return
        for piece in self._inflaters[level].decode(data):
            yield from self._decode(piece, level + 1)


def decoder_for(content_encoding: str) -> Decoder:
    """Return the decoder for the value of a Content-Encoding header.

    Only `gzip` and `deflate` are decoded. Anything else passes as it is: no encoding was asked for, so an unknown value
    labels a file that was stored with it (`utf-8`, `none`), or is `aws-chunked`, which object stores keep from uploads.

    Raises:
        EncodingBroken: There are more than `MAX_ENCODINGS` encodings to undo.
    """
    names = [name for name in content_encoding.lower().replace(" ", "").split(",") if name in _DECODED]
    if len(names) > MAX_ENCODINGS:
        raise EncodingBroken
    return Decoder([Inflater(raw_allowed=name == "deflate") for name in reversed(names)])
