"""The rows that came with an event, for a table that is no variable."""

from __future__ import annotations

from msgspec.structs import replace

from smolterm.events import Table
from smolterm.tui.rowsview import RowsPage


class GivenRows(RowsPage):
    """Shows the rows that were displayed; there is nothing to fetch more from."""

    NAME = "Table"

    def __init__(self, table: Table) -> None:
        super().__init__("", f"the first {len(table.rows):,} of {table.total:,} rows")
        self._table = table

    async def _fetch(self, first: int, count: int) -> Table:
        rows = self._table.rows[first : first + count]
        return replace(self._table, rows=rows, first=first, total=len(self._table.rows))
