"""Reads `.cube` files strictly and within bounds (Adobe, Cube LUT Specification 1.0; the ranges of DaVinci Resolve)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 24 * 1024 * 1024
MAX_SIDE = 65
"""Of a table of three dimensions: so many colors along each."""
MAX_CURVE = 65_536
"""Of a table of one dimension."""
_MOST = 1000.0
_LONGEST_LINE = 512
_DOMAINS = {"DOMAIN_MIN": 0, "DOMAIN_MAX": 1}
_RANGES = ("LUT_3D_INPUT_RANGE", "LUT_1D_INPUT_RANGE")
_SIZES = {"LUT_3D_SIZE": (3, MAX_SIDE), "LUT_1D_SIZE": (1, MAX_CURVE)}


class CubeError(Exception):
    """A file is no usable table; the message names the line, the fault and the remedy."""


@dataclass(frozen=True, slots=True, eq=False)
class ColorTable:
    """A table of colors.

    Args:
        rows: (n, 3) colors R'G'B' that the table gives, red changing fastest where it has three dimensions.
        size: Colors along each dimension.
        dimensions: 3, or 1 for a curve of each channel.
        low: R'G'B' of the input at its start.
        high: R'G'B' of the input at its end.
    """

    rows: NDArray[np.float32]
    size: int
    dimensions: int
    low: tuple[float, float, float] = (0.0, 0.0, 0.0)
    high: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @property
    def is_of_unit(self) -> bool:
        """Whether its input is 0 to 1."""
        return self.low == (0.0, 0.0, 0.0) and self.high == (1.0, 1.0, 1.0)

    def written(self) -> bytes:
        """Return it as a `.cube` file whose input is 0 to 1."""
        head = f"LUT_{self.dimensions}D_SIZE {self.size}\n"
        rows = "\n".join(f"{red:.7g} {green:.7g} {blue:.7g}" for red, green, blue in self.rows.tolist())
        return f"{head}{rows}\n".encode("ascii")


def read_cube(data: bytes) -> ColorTable:
    """Read a table.

    Args:
        data: A `.cube` file.

    Raises:
        CubeError: It is none, or breaks a rule or a limit.
    """
    if len(data) > MAX_BYTES:
        raise CubeError(f"the LUT has more than {MAX_BYTES // 2**20} MiB; export it with {MAX_SIDE} points or fewer")
    if b"\0" in data[:4096] or not data.strip():
        raise CubeError("the file is no .cube LUT; export one as text")
    lines = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return _Reader().read(lines)


class _Reader:
    """Reads the lines of a file: keywords, then rows of numbers."""

    def __init__(self) -> None:
        self._size: tuple[int, int] | None = None
        self._domain = [(0.0, 0.0, 0.0), (1.0, 1.0, 1.0)]
        self._seen: dict[str, int] = {}

    def read(self, lines: list[bytes]) -> ColorTable:
        rows: list[list[bytes]] = []
        numbers: list[int] = []
        for number, line in enumerate(lines, 1):
            if len(line) > _LONGEST_LINE:
                raise _fault(number, f"is longer than {_LONGEST_LINE} characters", "export the LUT again")
            words = line.partition(b"#")[0].split()
            if not words:
                continue
            if words[0][:1].isalpha() and not _is_number(words[0]):
                if rows:
                    raise _fault(number, f"has {_shown(words[0])} after the first row", "put keywords first")
                self._keyword(number, words)
                continue
            rows.append(words)
            numbers.append(number)
            if self._size is None:
                raise _fault(number, "comes before LUT_3D_SIZE or LUT_1D_SIZE", "put the size first")
            if len(rows) > self._wanted:
                raise _fault(number, f"is a row beyond the {self._wanted:,} of {self._name}", "correct the size")
            if len(words) != 3:
                raise _fault(number, f"has {len(words)} numbers", "give each row three: red, green and blue")
        return self._table(rows, numbers)

    @property
    def _wanted(self) -> int:
        assert self._size is not None
        dimensions, size = self._size
        return int(size**dimensions)

    @property
    def _name(self) -> str:
        assert self._size is not None
        return f"LUT_{self._size[0]}D_SIZE {self._size[1]}"

    def _keyword(self, number: int, words: list[bytes]) -> None:
        name = words[0].decode("latin-1").upper()
        if name == "TITLE":
            return
        if name in self._seen:
            raise _fault(number, f"repeats {name} of line {self._seen[name]}", "remove one of them")
        self._seen[name] = number
        if name in _SIZES:
            self._sized(number, name, words[1:])
        elif name in _DOMAINS:
            values = _values(number, words[1:], 3)
            self._domain[_DOMAINS[name]] = (values[0], values[1], values[2])
        elif name in _RANGES:
            low, high = _values(number, words[1:], 2)
            self._domain = [(low, low, low), (high, high, high)]
        else:
            raise _fault(number, f"has {_shown(words[0])}, which is not supported", "export a plain .cube LUT")

    def _sized(self, number: int, name: str, words: list[bytes]) -> None:
        dimensions, most = _SIZES[name]
        if self._size is not None:
            raise _fault(number, "gives the file a second table", "export the 3D table alone")
        text = words[0] if len(words) == 1 else b""
        size = int(text) if text.isdigit() and len(text) <= 6 else 0
        if not 2 <= size <= most:
            raise _fault(number, f"has no {name} from 2 to {most:,}", f"export the LUT with at most {most:,} points")
        self._size = dimensions, size

    def _table(self, rows: list[list[bytes]], numbers: list[int]) -> ColorTable:
        if self._size is None:
            raise CubeError("the file has no LUT_3D_SIZE or LUT_1D_SIZE; export a .cube LUT")
        if len(rows) < self._wanted:
            raise CubeError(
                f"the LUT ends after {len(rows):,} of the {self._wanted:,} rows of {self._name}; export it again"
            )
        for low, high in zip(*self._domain, strict=True):
            if not low < high:
                raise CubeError("DOMAIN_MIN of the LUT is not below DOMAIN_MAX; correct them")
        try:
            values = np.array([float(word) for row in rows for word in row], np.float64)
        except ValueError:
            values = np.array(())
        if values.size != 3 * len(rows) or not bool((np.abs(values) <= _MOST).all()) or _has_underscore(rows):
            for number, row in zip(numbers, rows, strict=True):
                _values(number, row, 3)
        dimensions, size = self._size
        return ColorTable(values.reshape(-1, 3).astype(np.float32), size, dimensions, *self._domain)


def _has_underscore(rows: list[list[bytes]]) -> bool:
    return any(b"_" in word for row in rows for word in row)


def _values(number: int, words: list[bytes], count: int) -> list[float]:
    if len(words) != count:
        raise _fault(number, f"has {len(words)} numbers instead of {count}", "correct it")
    values = []
    for word in words:
        if not _is_number(word):
            raise _fault(number, f"has {_shown(word)}, which is no number", "export the LUT again")
        value = float(word)
        if not math.isfinite(value) or abs(value) > _MOST:
            raise _fault(number, f"has {_shown(word)}; numbers are −{_MOST:,.0f} to {_MOST:,.0f}", "correct it")
        values.append(value)
    return values


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return b"_" not in word


def _shown(word: bytes) -> str:
    return ascii(word[:24].decode("latin-1"))


def _fault(number: int, fault: str, remedy: str) -> CubeError:
    return CubeError(f"line {number} of the LUT {fault}; {remedy}")
