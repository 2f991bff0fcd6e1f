"""A statement that takes many rows: those of all calls that wait at the same time."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from render_service.db.database import Database, DatabaseUnavailable
from render_service.db.prepared import Row, Statement


class BatchedStatement:
    """Executes one statement, in one transaction, for all calls that wait for it.

    A row that Postgres refuses, for example because a text holds a NUL character, must not take others along: the rows
    are then executed one by one.

    Args:
        database: Where to execute it.
        statement: Its parameters are arrays, an element for each call, and the shared values. Each row that it returns
            has `place`, the number of its call in the arrays, from 1; a call without a row gets none. It must lock rows
            that other statements lock too in one order, or two batches could wait for each other.
        shared: The values that are the same for all calls.
    """

    def __init__(self, database: Database, statement: Statement, shared: Mapping[str, Any]) -> None:
        self._database = database
        self._statement = statement
        self._shared = shared
        self._batches = database.batcher(self._execute)

    async def execute(self, values: Mapping[str, Any]) -> Row | None:
        """Return the row for some values; None if there is none.

        Args:
            values: An element of each array, by the name of the parameter.

        Raises:
            DatabaseUnavailable: As `Database.execute`; or the statements before take too long.
        """
        return await self._batches.call(values)

    async def execute_alone(self, values: Mapping[str, Any]) -> Row | None:
        """As `execute`, in a transaction of its own."""
        rows = await self._rows([values])
        return rows[0]

    async def _execute(self, calls: Sequence[Mapping[str, Any]]) -> Sequence[Row | Exception | None]:
        try:
            return await self._rows(calls)
        except (psycopg.Error, ValueError) as error:  # ValueError: half a surrogate pair, which no text holds
            if len(calls) == 1:
                return [error]
        results: list[Row | Exception | None] = []
        for call in calls:
            try:
                results += await self._execute([call])
            except DatabaseUnavailable as error:
                results += [error] * (len(calls) - len(results))
                break
        return results

    async def _rows(self, calls: Sequence[Mapping[str, Any]]) -> list[Row | None]:
        arrays = {name: [call[name] for call in calls] for name in calls[0]}
        found = await self._database.execute(self._statement, {**self._shared, **arrays})
        rows = {row["place"]: row for row in found}
        return [rows.get(place) for place in range(1, len(calls) + 1)]
