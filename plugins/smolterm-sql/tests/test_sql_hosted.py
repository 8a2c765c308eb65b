"""The SQL pack in its own process: every tool, checked as the engine checks it."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path

import pytest
from hosting import hosting
from smolterm.errors import ToolError
from smolterm.packs.doors.grant import Grant
from sql_servers import Server


def test_every_tool_works_in_the_packs_process(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,name\n1,Bonn\n")
    grant = Grant(pack="sql", folder=str(tmp_path), read=("**",), write=("**",))
    with hosting("smolterm_sql", grant) as sql:
        for name in ("shop.db", "shop.duckdb"):
            sql.execute_sql("CREATE TABLE sales (id INTEGER PRIMARY KEY, item TEXT)", name)
            assert sql.insert_rows("sales", [{"id": 1, "item": "nut"}], name) == {"changed": 1}
            assert sql.list_tables(name)[0]["name"] == "sales"
            assert sql.describe_table("sales", name)[0]["key"] is True
            assert sql.query_database("SELECT * FROM sales WHERE id = ?", name, [1]) == [
                {"id": 1, "item": "nut"}
            ]
            assert "sales" in sql.explain_query("SELECT * FROM sales", name).lower()
        assert len(sql.list_databases()) == 2
        sql.write_parquet("p.parquet", [{"id": 1, "day": datetime.date(2026, 1, 31)}])
        assert sql.query_files(
            "SELECT name, day FROM a JOIN p USING (id)", {"a": "a.csv", "p": "p.parquet"}
        ) == [{"name": "Bonn", "day": datetime.date(2026, 1, 31)}]
        assert sql.query_files("SELECT timestamptz '2026-01-31 12:00:00+00' AS t", {}) == [
            {"t": datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)}
        ]
        assert sql.called == sql.names


def test_a_granted_folder_that_is_for_reading_is_read(tmp_path: Path) -> None:
    write = Grant(pack="sql", folder=str(tmp_path), read=("**",), write=("**",))
    with hosting("smolterm_sql", write) as sql:
        for name in ("shop.db", "shop.duckdb"):
            sql.execute_sql("CREATE TABLE sales (id INTEGER)", name)
    with hosting("smolterm_sql", Grant(pack="sql", folder=str(tmp_path), read=("**",))) as sql:
        for name in ("shop.db", "shop.duckdb"):
            assert sql.query_database("SELECT count(*) AS n FROM sales", name) == [{"n": 0}]
            with pytest.raises(ToolError):
                sql.execute_sql("DROP TABLE sales", name)


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_server_is_reached_with_the_persons_password(
    kind: str, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(f"{'mariadb' if kind == 'mysql' else kind}_server")
    secret = f"{kind.upper()}_PASSWORD"
    grant = Grant(
        pack="sql", settings={kind: server.address}, secrets={secret: ()},
        secret_values={secret: server.password},
    )  # fmt: skip
    with hosting("smolterm_sql", grant) as sql:
        found = sql.query_database("SELECT 1.50 AS n, current_date AS day", kind)
        assert found[0]["n"] == decimal.Decimal("1.50")
        assert isinstance(found[0]["day"], datetime.date)
        # What the server sends back of it does not reach the model.
        quoted = server.password.replace("'", "''")
        assert sql.query_database(f"SELECT '{quoted}' AS p", kind) == [{"p": f"[secret {secret}]"}]
