"""Tables that fit a terminal without cutting ids, states or progress. Only texts are cut, and only if they must be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, Union

from google.protobuf.message import Message
from rich.console import Console
from rich.text import Text

Row = TypeVar("Row")
Cell = Union[str, Text]

_GAP = 2
_SHORT_ID = 8
# Narrower than this, a text says nothing.
_NARROWEST_TEXT = 8


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column of a table.

    Attributes:
        name: Its title, and its name for `--columns`.
        cell: Returns its cell of a row.
        is_id: Whether it may be shortened to the 8 characters that commands accept.
        is_text: Whether it may be cut where the terminal is too narrow.
        is_extra: Whether it is shown only with `--wide` or by name.
    """

    name: str
    cell: Callable[[Row], Cell]
    is_id: bool = False
    is_text: bool = False
    is_extra: bool = False


def choose_columns(columns: Sequence[Column[Row]], names: str | None, *, wide: bool) -> list[Column[Row]]:
    """Return the columns to show.

    Args:
        columns: All columns.
        names: Names to show, in order, separated by commas; None means the usual ones.
        wide: Whether to show the extra columns too.

    Raises:
        ValueError: If there is no column of a name.
    """
    if names is None:
        return [column for column in columns if wide or not column.is_extra]
    by_name = {column.name: column for column in columns}
    chosen = [name.strip() for name in names.split(",")]
    for name in chosen:
        if name not in by_name:
            raise ValueError(f"--columns: {name!r} is unknown; use some of {', '.join(by_name)}")
    return [by_name[name] for name in chosen]


def print_table(
    console: Console,
    columns: Sequence[Column[Row]],
    rows: Iterable[Row],
    *,
    width: int | None,
    notes: Callable[[Row], Sequence[str]] = lambda row: (),
) -> int:
    """Print a table.

    Args:
        console: Where to print.
        columns: The columns.
        rows: The rows.
        width: Cells of a line; None never shortens anything.
        notes: Returns lines to print below a row, in full.

    Returns:
        The number of rows.
    """
    kept = list(rows)
    texts = [[_text(column.cell(row)) for column in columns] for row in kept]
    if not kept:
        return 0
    shown, widths = _fit(columns, texts, width)
    titles = [Text(columns[index].name, style="dim") for index in shown]
    console.print(_line(titles, widths), soft_wrap=True)
    for row, cells in zip(kept, texts):
        console.print(_line([cells[index] for index in shown], widths), soft_wrap=True)
        for note in notes(row):
            # Wrapped at words on a terminal, whole lines in a pipe.
            console.print(Text(f"  {note}", style="red"), soft_wrap=width is None)
    return len(kept)


def _fit(
    columns: Sequence[Column[Row]], texts: Sequence[Sequence[Text]], width: int | None
) -> tuple[list[int], list[int]]:
    """Return the columns to show and their widths; shortens ids in place."""
    shown = list(range(len(columns)))
    widths = [max(len(column.name), *(line[index].cell_len for line in texts)) for index, column in enumerate(columns)]
    if width is None or _total(shown, widths) <= width:
        return shown, widths
    # Texts first give way down to a readable width, then ids become short, then texts are left out from the right.
    rigid = sum(
        min(widths[index], _NARROWEST_TEXT) if column.is_text else widths[index] for index, column in enumerate(columns)
    )
    if rigid + _GAP * (len(columns) - 1) > width:
        for index, column in enumerate(columns):
            if column.is_id:
                for line in texts:
                    line[index].truncate(_SHORT_ID)
                widths[index] = max(len(column.name), min(widths[index], _SHORT_ID))
    for index in reversed(range(len(columns))):
        excess = _total(shown, widths) - width
        if columns[index].is_text and excess > 0:
            widths[index] -= excess
            if widths[index] < _NARROWEST_TEXT:
                shown.remove(index)
    return shown, [widths[index] for index in shown]


def _total(shown: Sequence[int], widths: Sequence[int]) -> int:
    return sum(widths[index] for index in shown) + _GAP * (len(shown) - 1)


def _line(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    line = Text()
    for position, (cell, width) in enumerate(zip(cells, widths)):
        cut = cell.copy()
        # Measured in cells: a Chinese character takes two.
        cut.truncate(width, overflow="ellipsis", pad=position < len(cells) - 1)
        line.append_text(cut)
        if position < len(cells) - 1:
            line.append(" " * _GAP)
    return line


def _text(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else Text(cell)


def texts_of(message: Message) -> list[str]:
    """Return the values of a message whose fields are texts, each once."""
    return list(dict.fromkeys(value for _, value in message.ListFields()))
