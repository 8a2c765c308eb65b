"""Tables: columns stand under each other, numbers to the right, and what is missing is said."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smolterm.events import Table
from smolterm.tui.cells import cells
from smolterm.tui.tables import table_lines

REGIONS = Table(
    columns=("", "region", "amount", "share"),
    rows=(("0", "north", "1204551", "0.41"), ("1", "west", "98", "NaN")),
    total=1206,
)


def texts(table: Table, width: int = 60, name: str = "totals") -> list[str]:
    return [line.lead + line.text for line in table_lines(table, name, width)]


def test_numbers_stand_right_and_words_left() -> None:
    assert texts(REGIONS) == [
        "▦ totals  1,206 × 3",
        "   region   amount  share",
        "─────────────────────────",
        "0  north   1204551   0.41",
        "1  west         98    NaN",
        "… 1,204 rows more, i shows them",
    ]


def test_a_table_that_does_not_fit_narrows_its_widest_column_first() -> None:
    lines = texts(
        Table(columns=("id", "text"), rows=(("1", "x" * 90),), total=1, left_out=2), width=20
    )
    assert lines[0] == "▦ totals  1 × 4"
    assert lines[3] == " 1  " + "x" * 15 + "…"
    assert lines[-1] == "… 2 columns more, i shows them"


def test_columns_that_cannot_be_shown_are_counted() -> None:
    wide = Table(columns=tuple(f"column{n}" for n in range(30)), rows=(("1234567",) * 30,), total=1)
    lines = texts(wide, width=38)
    assert "columns more" in lines[-1] and lines[1].startswith("colu") and "column…" not in lines[0]
    assert all(cells(line) <= 38 for line in lines)


def test_hostile_cells_stay_in_their_row() -> None:
    table = Table(columns=("a\nb", "\x1b[31mc"), rows=(("x\r\ny", "[red]z"), ("1",)), total=2)
    lines = texts(table)
    assert len(lines) == 5 and not any("\x1b" in line or "\n" in line for line in lines)
    assert "x y" in lines[3] and "[red]z" in lines[3]


def test_a_table_without_columns_is_said_to_be_empty() -> None:
    assert texts(Table(columns=(), rows=(), total=0)) == ["▦ totals  0 × 0"]


CELL = st.text(st.one_of(st.sampled_from("ab 12.é日👩\u200d"), st.characters()), max_size=20)


@given(st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=5), st.integers(24, 90))
def test_rows_of_any_text_stand_under_each_other(rows: list[list[str]], width: int) -> None:
    table = Table(columns=("", "é日", "b"), rows=tuple(map(tuple, rows)), total=len(rows))
    _, head, *lines = table_lines(table, "", width)
    assert {cells(line.text) for line in lines} <= {cells(head.text)} and cells(head.text) <= width
