"""SQL on files: SQLite and DuckDB, and DuckDB on CSV, JSON and Parquet."""

from __future__ import annotations

import datetime
import decimal
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from smolterm.pack import Denied, ToolError
from smolterm.packs.testing import bound

import smolterm_sql as sql

FILES = ("shop.db", "shop.duckdb")
SECRET = "the canary"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A granted folder beside files that nothing may reach."""
    (tmp_path / "secret.csv").write_text(f"a\n{SECRET}\n")
    sqlite3.connect(tmp_path / "secret.db").execute("CREATE TABLE t AS SELECT 1").connection.close()
    granted = tmp_path / "granted"
    granted.mkdir()
    with bound(folder=granted, write=["**"], native=True):
        yield granted


@pytest.fixture(params=FILES)
def database(request: pytest.FixtureRequest, folder: Path) -> str:
    """A file with one table of two rows."""
    name: str = request.param
    sql.execute_sql("CREATE TABLE sales (id INTEGER PRIMARY KEY, item TEXT NOT NULL, p REAL)", name)
    sql.insert_rows("sales", [{"id": 1, "item": "nut's", "p": 1.5}, {"id": 2, "item": "b"}], name)
    return name


def count(database: str) -> object:
    return sql.query_database("SELECT count(*) AS n FROM sales", database)[0]["n"]


def test_rows_come_back_as_they_went_in(database: str) -> None:
    assert sql.query_database("SELECT * FROM sales ORDER BY id", database) == [
        {"id": 1, "item": "nut's", "p": 1.5}, {"id": 2, "item": "b", "p": None},
    ]  # fmt: skip
    found = sql.query_database("SELECT id FROM sales WHERE item = ?", database, ["nut's"])
    assert found == [{"id": 1}]


def test_tables_and_columns_are_told(database: str, folder: Path) -> None:
    found = sql.list_databases()
    kind = "DuckDB" if database.endswith("duckdb") else "SQLite"
    size = (folder / database).stat().st_size
    assert found == [{"database": database, "kind": kind, "size": size}]
    assert sql.list_tables(database) == [{"name": "sales", "kind": "table"}]
    columns = sql.describe_table("sales", database)
    assert [each["name"] for each in columns] == ["id", "item", "p"]
    assert [each["key"] for each in columns] == [True, False, False]
    assert [each["nullable"] for each in columns] == [False, False, True]
    with pytest.raises(ToolError, match="list_tables"):
        sql.describe_table("none", database)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM sales",
        "DROP TABLE sales",
        "SELECT 1; DELETE FROM sales",
        "CREATE TABLE new (a INTEGER)",
        "ATTACH '{outside}/secret.db' AS s",
        "VACUUM INTO '{outside}/pwned'",
        "PRAGMA writable_schema = 1",
        "SELECT load_extension('{outside}/x.so')",
        "COPY sales TO '{outside}/pwned'",
        "SELECT * FROM read_csv('{outside}/secret.csv')",
        "SELECT * FROM '{outside}/secret.csv'",
        "SELECT * FROM glob('{outside}/*')",
        "SELECT * FROM sqlite_scan('{outside}/secret.db', 't')",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "PRAGMA database_size; SELECT 1",
        "SELECT * FROM statements",
        "BEGIN",
    ],
)
def test_a_query_changes_and_reaches_nothing_else(
    database: str, folder: Path, statement: str
) -> None:
    statements = "x"
    with pytest.raises(ToolError):
        sql.query_database(statement.replace("{outside}", str(folder.parent)), database)
    assert count(database) == 2
    assert statements and not list(folder.parent.rglob("pwned"))


@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH '{outside}/secret.db' AS s",
        "VACUUM INTO '{outside}/pwned'",
        "PRAGMA writable_schema = 1",
        "COPY sales TO '{outside}/pwned'",
        "EXPORT DATABASE '{outside}/pwned'",
        "CREATE TABLE t AS SELECT * FROM read_csv('{outside}/secret.csv')",
        "SET lock_configuration = false",
        "DELETE FROM sales; DELETE FROM sales",
    ],
)
def test_a_change_reaches_no_other_file(database: str, folder: Path, statement: str) -> None:
    with pytest.raises(ToolError):
        sql.execute_sql(statement.replace("{outside}", str(folder.parent)), database)
    assert count(database) == 2
    assert not list(folder.parent.rglob("pwned"))


def test_what_a_hostile_file_hides_reaches_nothing(folder: Path) -> None:
    with duckdb.connect(str(folder / "evil.duckdb")) as evil:
        evil.execute(f"CREATE VIEW v AS SELECT * FROM read_csv('{folder.parent}/secret.csv')")
    with pytest.raises(ToolError, match="closed"):
        sql.query_database("SELECT * FROM v", "evil.duckdb")
    (folder / "evil.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with pytest.raises(ToolError):
        sql.list_tables("evil.db")


def test_a_query_counts_no_sequence_on(folder: Path) -> None:
    sql.execute_sql("CREATE SEQUENCE numbers", "shop.duckdb")
    with pytest.raises(ToolError, match="only reads"):
        sql.query_database("SELECT nextval('numbers')", "shop.duckdb")


def test_links_and_other_folders_are_closed(folder: Path) -> None:
    (folder / "link.db").symlink_to(folder.parent / "secret.db")
    (folder / "link.csv").symlink_to(folder.parent / "secret.csv")
    for path in ("link.db", "../secret.db", str(folder.parent / "secret.db")):
        with pytest.raises(Denied):
            sql.list_tables(path)
        with pytest.raises(ToolError):
            sql.execute_sql("CREATE TABLE x (a INTEGER)", path)
    for path in ("link.csv", "../secret.csv", str(folder.parent / "secret.csv")):
        with pytest.raises(Denied):
            sql.query_files("SELECT * FROM s", {"s": path})


def test_what_was_granted_for_reading_is_not_written(database: str, folder: Path) -> None:
    with bound(folder=folder, native=True):
        assert count(database) == 2
        for change in (
            lambda: sql.execute_sql("DELETE FROM sales", database),
            lambda: sql.execute_sql("CREATE TABLE t (a INTEGER)", "new.db"),
            lambda: sql.insert_rows("sales", [{"id": 3, "item": "c"}], database),
            lambda: sql.write_parquet("a.parquet", [{"a": 1}]),
        ):
            with pytest.raises(Denied, match="reading only"):
                change()
    assert not (folder / "new.db").exists()


def test_a_change_is_kept_whole_or_not_at_all(database: str) -> None:
    assert sql.execute_sql("UPDATE sales SET p = ?", database, [3]) == {"changed": 2}
    with pytest.raises(ToolError, match=r"(?i)unique|duplicate"):
        sql.insert_rows("sales", [{"id": 3, "item": "a"}, {"id": 1, "item": "b"}], database)
    assert count(database) == 2
    answer = sql.execute_sql("DELETE FROM sales WHERE id = 1 RETURNING id", database)
    assert answer["rows"] == [{"id": 1}]
    assert count(database) == 1
    with pytest.raises(ToolError, match="rows"):
        sql.insert_rows("sales", [], database)


def test_a_plan_is_explained(database: str) -> None:
    assert "sales" in sql.explain_query("SELECT * FROM sales WHERE p > 1", database).lower()
    with pytest.raises(ToolError):
        sql.explain_query("SELECT 1; DELETE FROM sales", database)
    assert count(database) == 2


def test_rows_are_bounded(database: str) -> None:
    many = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
        " SELECT i FROM n"
    )
    assert sql.query_database(many, database, limit=2) == [{"i": 1}, {"i": 2}]
    with pytest.raises(ToolError, match="more than 10000 rows"):
        sql.query_database(many, database)


def test_what_takes_too_long_is_stopped(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("duck", "sqlite"):
        monkeypatch.setattr(f"smolterm_sql.{module}.SECONDS", 0.2)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    with pytest.raises(ToolError, match="was stopped"):
        sql.query_database(endless, database)


def test_a_file_that_is_no_database_is_told(folder: Path) -> None:
    (folder / "a.db").write_text("hello" * 100)
    with pytest.raises(ToolError, match="SQLite"):
        sql.list_tables("a.db")
    with pytest.raises(ToolError, match=r"no 'none\.db'"):
        sql.list_tables("none.db")


# Files as tables


def test_csv_json_and_parquet_are_joined(folder: Path) -> None:
    (folder / "city.csv").write_text("id,name\n1,Bonn\n2,Jena\n")
    (folder / "t.jsonl").write_text('{"id": 1, "t": 20.5}\n{"id": 2, "t": 18}\n')
    sql.write_parquet("p.parquet", [{"id": 1, "people": 330_000}, {"id": 2, "people": 110_000}])
    found = sql.query_files(
        "SELECT name, t, people FROM c JOIN t USING (id) JOIN p USING (id) ORDER BY id",
        {"c": "city.csv", "t": "t.jsonl", "p": "p.parquet"},
    )
    assert found == [
        {"name": "Bonn", "t": 20.5, "people": 330_000},
        {"name": "Jena", "t": 18.0, "people": 110_000},
    ]


def test_parquet_keeps_types(folder: Path) -> None:
    rows: list[dict[str, object]] = [
        {"i": 1, "f": 1.5, "s": "ä", "b": b"\0", "d": datetime.date(2026, 1, 31), "t": True,
         "n": decimal.Decimal("1.25"), "w": datetime.datetime(2026, 1, 31, 12, 30), "e": None},
        {"i": None, "f": 2.0, "s": None, "b": None, "d": None, "t": False, "n": None, "w": None,
         "e": None},
    ]  # fmt: skip
    answer = sql.write_parquet("out/a.parquet", rows)
    assert answer["rows"] == 2 and answer["size"] == (folder / "out/a.parquet").stat().st_size
    assert sql.query_files("SELECT * FROM a", {"a": "out/a.parquet"}) == rows
    with pytest.raises(ToolError, match="no rows"):
        sql.write_parquet("b.parquet", [])
    with pytest.raises(ToolError, match="one type"):
        sql.write_parquet("b.parquet", [{"a": 1}, {"a": [1]}])


def test_sql_on_files_reaches_no_other_file(folder: Path) -> None:
    (folder / "a.csv").write_text("a\n1\n")
    outside = folder.parent
    for evil in (
        f"SELECT * FROM read_csv('{outside}/secret.csv')",
        f"COPY a TO '{outside}/pwned'",
        f"COPY a TO '{folder}/a.csv'",
        f"SELECT 1; COPY a TO '{outside}/pwned'",
        f"ATTACH '{outside}/secret.db'",
        "SELECT * FROM evil",
    ):
        with pytest.raises(ToolError):
            sql.query_files(evil, {"a": "a.csv"})
    assert (folder / "a.csv").read_text() == "a\n1\n"
    (folder / "b[c].csv").write_text("a\n1\n")
    with pytest.raises(ToolError, match="Rename"):
        sql.query_files("SELECT 1", {"a": "b[c].csv"})
    with pytest.raises(ToolError, match=r"\.parquet"):
        sql.query_files("SELECT 1", {"a": "a.txt"} if (folder / "a.txt").write_text("x") else {})


def test_a_name_of_a_table_is_no_sql(folder: Path) -> None:
    (folder / "a.json").write_text(json.dumps([{"x": 1}]))
    evil = 'a" AS SELECT 1; DROP TABLE "b'
    assert sql.query_files('SELECT x FROM "a"" AS SELECT 1; DROP TABLE ""b"', {evil: "a.json"}) == [
        {"x": 1}
    ]


def test_the_manifest_fits_the_tools() -> None:
    from smolterm.packs.find import read_pack

    found = read_pack("sql", "smolterm_sql")
    assert found.manifest is not None
    effects = {name: entry.effect for name, entry in found.manifest.tools.items()}
    assert effects == {name: getattr(sql, name).effect for name in effects}
