"""SQL on a real PostgreSQL and a real MariaDB: reading, writing, and what a query cannot do."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Iterator

import pytest
from smolterm.pack import ToolError
from smolterm.packs.testing import bound
from sql_servers import Server

import smolterm_sql as sql

KINDS = ("postgresql", "mysql")
CREATE = {
    "postgresql": "CREATE TABLE sales (id int PRIMARY KEY, item varchar(20) NOT NULL,"
    " price decimal(10, 2), day date, raw bytea)",
    "mysql": "CREATE TABLE sales (id int PRIMARY KEY, item varchar(20) NOT NULL,"
    " price decimal(10, 2), day date, raw blob)",
}
ROWS: list[dict[str, object]] = [
    {"id": 1, "item": "nut's", "price": decimal.Decimal("1.50"),
     "day": datetime.date(2026, 1, 31), "raw": b"\0\xff"},
    {"id": 2, "item": "100%", "price": None, "day": None, "raw": None},
]  # fmt: skip


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server with one table of two rows."""
    kind: str = request.param
    at: Server = request.getfixturevalue(
        "mariadb_server" if kind == "mysql" else "postgresql_server"
    )
    secret = {f"{kind.upper()}_PASSWORD": at.password}
    with bound(settings={kind: at.address}, secrets=secret, native=True):
        sql.execute_sql("DROP TABLE IF EXISTS sales", kind)
        sql.execute_sql(CREATE[kind], kind)
        sql.insert_rows("sales", ROWS, kind)
        yield kind


def count(server: str) -> object:
    return sql.query_database("SELECT count(*) AS n FROM sales", server)[0]["n"]


def test_rows_come_back_as_they_went_in(server: str) -> None:
    assert sql.query_database("SELECT * FROM sales ORDER BY id", server) == ROWS


def test_tables_and_columns_are_told(server: str) -> None:
    assert sql.list_databases() == [{"database": server, "kind": "server"}]
    table = next(each for each in sql.list_tables(server) if each["name"] == "sales")
    assert table["kind"] == "table"
    columns = sql.describe_table("sales", server)
    assert [each["name"] for each in columns] == ["id", "item", "price", "day", "raw"]
    assert [each["key"] for each in columns] == [True, False, False, False, False]
    assert [each["nullable"] for each in columns] == [False, False, True, True, True]
    assert columns[3]["type"] == "date"
    with pytest.raises(ToolError, match="list_tables"):
        sql.describe_table("none", server)


def test_values_stay_values(server: str) -> None:
    found = sql.query_database("SELECT id FROM sales WHERE item = %s", server, ["nut's"])
    assert found == [{"id": 1}]
    evil = "x' OR '1'='1"
    assert sql.query_database("SELECT id FROM sales WHERE item = %s", server, [evil]) == []
    assert len(sql.query_database("SELECT id FROM sales WHERE item LIKE '%0%'", server)) == 1


def test_names_that_come_twice_are_kept_apart(server: str) -> None:
    found = sql.query_database("SELECT id, id, item AS id FROM sales WHERE id = 2", server)
    assert found == [{"id": 2, "id_2": 2, "id_3": "100%"}]


def test_rows_are_bounded(server: str) -> None:
    many = "SELECT a.table_name FROM information_schema.columns a, information_schema.columns b"
    assert len(sql.query_database(many, server, limit=7)) == 7
    with pytest.raises(ToolError, match="more than 10000 rows"):
        sql.query_database(many, server)
    with pytest.raises(ToolError, match="limit"):
        sql.query_database(many, server, limit=0)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM sales",
        "DROP TABLE sales",
        "SELECT 1; DELETE FROM sales",
        "SELECT 1; COMMIT; DELETE FROM sales",
        "COMMIT",
        "BEGIN NOT ATOMIC COMMIT; SET SESSION tx_read_only=0; DELETE FROM sales; END",
        "DO $$ BEGIN SET TRANSACTION READ WRITE; DELETE FROM sales; END $$",
        "WITH gone AS (DELETE FROM sales RETURNING *) SELECT * FROM gone",
        "EXPLAIN ANALYZE DELETE FROM sales",
        "SELECT * INTO copied FROM sales",
        "SELECT 1 INTO OUTFILE '{data}/pwned'",
        "COPY sales TO '{data}/pwned'",
        "COPY (SELECT 1) TO PROGRAM 'touch {data}/pwned'",
        "SELECT 'closed \\' INTO",
        "CALL anything()",
        "",
    ],
)
def test_a_query_changes_nothing(
    server: str, statement: str, request: pytest.FixtureRequest
) -> None:
    name = "mariadb_server" if server == "mysql" else "postgresql_server"
    data = request.getfixturevalue(name).data
    with pytest.raises(ToolError):
        sql.query_database(statement.replace("{data}", str(data)), server)
    assert count(server) == 2
    assert not list(data.rglob("pwned"))
    assert [each["name"] for each in sql.list_tables(server)] == ["sales"]


def test_a_comment_that_mysql_runs_is_refused(mariadb_server: Server) -> None:
    secret = {"MYSQL_PASSWORD": mariadb_server.password}
    with bound(settings={"mysql": mariadb_server.address}, secrets=secret, native=True):
        for comment in ("/*! INTO OUTFILE '{}/pwned' */", "/*M! INTO OUTFILE '{}/pwned' */"):
            with pytest.raises(ToolError, match="only reads"):
                sql.query_database("SELECT 1 " + comment.format(mariadb_server.data), "mysql")
        found = sql.query_database("SELECT 'into /*!' AS a -- into\n", "mysql")
        assert found == [{"a": "into /*!"}]
        assert sql.query_database("SHOW DATABASES LIKE 'shop'", "mysql")
    assert not list(mariadb_server.data.rglob("pwned"))


def test_a_function_cannot_make_the_transaction_write(postgresql_server: Server) -> None:
    secret = {"POSTGRESQL_PASSWORD": postgresql_server.password}
    with bound(settings={"postgresql": postgresql_server.address}, secrets=secret, native=True):
        sql.execute_sql("CREATE TABLE IF NOT EXISTS kept (a int)", "postgresql")
        sql.execute_sql(
            "CREATE OR REPLACE FUNCTION emptied() RETURNS int LANGUAGE plpgsql AS $$ BEGIN"
            " PERFORM set_config('transaction_read_only', 'off', true);"
            " INSERT INTO kept VALUES (1); RETURN 1; END $$", "postgresql",
        )  # fmt: skip
        with pytest.raises(ToolError):
            sql.query_database("SELECT emptied()", "postgresql")
        assert sql.query_database("SELECT * FROM kept", "postgresql") == []
        sql.execute_sql("DROP TABLE kept", "postgresql")


def test_tls_is_asked_for_and_checked(mariadb_server: Server) -> None:
    certificates = mariadb_server.certificates
    if certificates is None or not certificates.exists():
        pytest.skip("openssl is not installed")
    secret = {"MYSQL_PASSWORD": mariadb_server.password}
    address = f"{mariadb_server.address}?tls=on"
    with bound(settings={"mysql": f"{address}&ca={certificates}"}, secrets=secret, native=True):
        [found] = sql.query_database("SHOW STATUS LIKE 'Ssl_version'", "mysql")
        assert str(found["Value"]).startswith("TLS")
    with (
        bound(settings={"mysql": address}, secrets=secret, native=True),
        pytest.raises(ToolError, match="certificate verify failed"),
    ):
        sql.list_tables("mysql")


def test_a_function_that_writes_is_refused(mariadb_server: Server) -> None:
    secret = {"MYSQL_PASSWORD": mariadb_server.password}
    with bound(settings={"mysql": mariadb_server.address}, secrets=secret, native=True):
        sql.execute_sql("CREATE OR REPLACE TABLE kept (a int)", "mysql")
        sql.execute_sql(
            "CREATE OR REPLACE FUNCTION filled() RETURNS int MODIFIES SQL DATA BEGIN"
            " INSERT INTO kept VALUES (1); RETURN 1; END", "mysql",
        )  # fmt: skip
        with pytest.raises(ToolError, match="only reads"):
            sql.query_database("SELECT filled()", "mysql")
        assert sql.query_database("SELECT * FROM kept", "mysql") == []
        sql.execute_sql("DROP TABLE kept", "mysql")


def test_a_plan_is_explained_and_nothing_else_is(server: str) -> None:
    assert "sales" in sql.explain_query("SELECT * FROM sales WHERE id = 1", server)
    for evil in ("ANALYZE DELETE FROM sales", "SELECT 1; DELETE FROM sales"):
        with pytest.raises(ToolError):
            sql.explain_query(evil, server)
    assert count(server) == 2


def test_a_change_is_kept_whole_or_not_at_all(server: str) -> None:
    assert sql.execute_sql("UPDATE sales SET price = %s", server, [3]) == {"changed": 2}
    with pytest.raises(ToolError, match=r"(?i)duplicate"):
        sql.insert_rows("sales", [{"id": 3, "item": "a"}, {"id": 1, "item": "b"}], server)
    assert count(server) == 2
    with pytest.raises(ToolError):
        sql.execute_sql("DELETE FROM sales; DELETE FROM sales", server)
    assert count(server) == 2
    assert sql.execute_sql("DELETE FROM sales WHERE id = 1 RETURNING id", server)["rows"] == [
        {"id": 1}
    ]
    assert count(server) == 1


def test_a_mistake_is_told_in_the_databases_words(server: str) -> None:
    with pytest.raises(ToolError, match="nothere") as told:
        sql.query_database("SELECT nothere FROM sales", server)
    assert "describe_table" in told.value.next


def test_types_without_a_place_in_the_sandbox_become_near_ones(postgresql_server: Server) -> None:
    secret = {"POSTGRESQL_PASSWORD": postgresql_server.password}
    with bound(settings={"postgresql": postgresql_server.address}, secrets=secret, native=True):
        found = sql.query_database(
            "SELECT '{\"a\": [1]}'::jsonb AS j, array[1, 2] AS l, interval '1 day' AS i,"
            " '10.0.0.1'::inet AS n, int4range(1, 3) AS r, true AS t,"
            " '00000000-0000-0000-0000-000000000001'::uuid AS u", "postgresql",
        )  # fmt: skip
    assert found == [{
        "j": {"a": [1]}, "l": [1, 2], "i": datetime.timedelta(days=1), "n": "10.0.0.1",
        "r": "[1, 3)", "t": True, "u": uuid.UUID(int=1),
    }]  # fmt: skip


def test_the_wrong_password_is_told_and_not_shown(server: str) -> None:
    found = sql.place.settings[server]
    wrong = {f"{server.upper()}_PASSWORD": "wr0ng"}
    with (
        bound(settings={server: found}, secrets=wrong, native=True),
        pytest.raises(ToolError) as told,
    ):
        sql.list_tables(server)
    assert "wr0ng" not in str(told.value) and "smolterm packs set" in told.value.next


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_not_there_is_told(kind: str) -> None:
    nobody = {kind: f"{kind}://owner@127.0.0.1:1/shop"}
    with (
        bound(settings=nobody, native=True),
        pytest.raises(ToolError, match=r"(?i)connect"),
    ):
        sql.list_tables(kind)
    with bound(native=True), pytest.raises(ToolError, match="setting"):
        sql.list_tables(kind)
