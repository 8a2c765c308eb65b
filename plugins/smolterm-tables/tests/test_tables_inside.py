"""The tables pack in WebAssembly, where it runs: every tool, on real files behind real doors."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest
from inside import Inside, inside
from smolterm.errors import ToolError
from smolterm.packs.doors.grant import Grant

ROWS: list[dict[str, object]] = [
    {"item": "nut", "n": 3, "price": 1.5, "day": datetime.datetime(2026, 1, 31), "ok": True},
    {"item": "Müller & <Co>", "n": None, "price": -2, "day": None, "ok": False},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    granted = tmp_path_factory.mktemp("outer") / "granted"
    granted.mkdir()
    (granted.parent / "secret.csv").write_text("a\n1\n")
    return granted


@pytest.fixture(scope="module")
def tables(folder: Path) -> Iterator[Inside]:
    grant = Grant(pack="tables", folder=str(folder), read=("**",), write=("**/*.xlsx", "**/*.csv"))
    with inside("smolterm_tables", grant) as pack:
        yield pack
        assert pack.called == pack.names


def test_excel_is_written_changed_and_read(tables: Inside) -> None:
    answer = tables.write_excel("a.xlsx", {"First": ROWS, "Second": [{"x": 1}]})
    assert (answer["sheets"], answer["rows"]) == (2, 3)
    assert tables.read_excel("a.xlsx") == ROWS
    assert [each["sheet"] for each in tables.list_sheets("a.xlsx")] == ["First", "Second"]
    tables.set_excel_cells("a.xlsx", {"B2": 7})
    assert tables.read_excel("a.xlsx")[0]["n"] == 7
    with pytest.raises(ToolError, match="no sheet 'None'"):
        tables.read_excel("a.xlsx", sheet="None")


def test_csv_is_written_and_read(tables: Inside) -> None:
    tables.write_csv("a.csv", [{"a": 1, "b": "ä"}, {"a": 2, "b": "x,y"}])
    assert tables.read_csv("a.csv") == [{"a": 1, "b": "ä"}, {"a": 2, "b": "x,y"}]
    assert tables.summarize_table("a.csv")[0]["sum"] == 3


def test_nothing_else_is_reached(tables: Inside) -> None:
    with pytest.raises(ToolError):
        tables.read_csv("../secret.csv")
    with pytest.raises(ToolError):
        tables.write_csv("a.txt", [{"a": 1}])
    assert len(tables.denied) == 2
