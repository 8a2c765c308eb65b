"""SQL: what a model can call."""

from __future__ import annotations

from pathlib import Path

from smolterm.pack import ToolError, files, tool

from smolterm_sql import place

MOST_INSERTED = 50_000


@tool(effect="read")
def list_databases() -> list[dict[str, object]]:
    """List the databases that the other SQL tools can open.

    Returns:
        One dict per database: {"database": "shop.db", "kind": "SQLite", "size": 8192}. Files lie
        in the granted folder; "postgresql" and "mysql" are servers.
    """
    return place.known()


@tool(effect="read")
def list_tables(database: str) -> list[dict[str, object]]:
    """List the tables and views of a database.

    Args:
        database: a SQLite or DuckDB file ("shop.db"), or "postgresql" or "mysql".

    Returns:
        One dict per table: {"name": "orders", "kind": "table"}.
    """
    with place.opened(database) as opened:
        return opened.tables()


@tool(effect="read")
def describe_table(table: str, database: str) -> list[dict[str, object]]:
    """Tell the columns of a table: name, type, whether NULL is allowed, whether it is the key.

    Returns:
        One dict per column: {"name": "id", "type": "INTEGER", "nullable": False, "key": True}.
    """
    with place.opened(database) as opened:
        columns = opened.columns(table)
    if not columns:
        raise ToolError(
            f"There is no table {table!r}.", next=f"list_tables({database!r}) shows what is there."
        )
    for column in columns:
        column.update(nullable=bool(column["nullable"]), key=bool(column["key"]))
    return columns


@tool(effect="read")
def query_database(
    sql: str, database: str, values: list[object] | None = None, limit: int | None = None
) -> list[dict[str, object]]:
    """Run one SELECT and return its rows as dicts; the database is opened for reading only.

    Args:
        sql: one SELECT statement.
        database: a SQLite or DuckDB file ("shop.db"), or "postgresql" or "mysql".
        values: for the placeholders in it: `?` in files, `%s` in servers.
        limit: the first so many rows. None means all, up to 10,000.

    Example:
        rows = query_database("SELECT item, SUM(n) AS n FROM sales GROUP BY item", "shop.db")
    """
    with place.opened(database) as opened:
        return opened.query(sql, values or (), limit)


@tool(effect="read")
def explain_query(sql: str, database: str) -> str:
    """Tell how the database would run a SELECT: which indexes it uses, in which order it joins."""
    with place.opened(database) as opened:
        return opened.explain(sql)


@tool(effect="read")
def query_files(
    sql: str, tables: dict[str, str], limit: int | None = None
) -> list[dict[str, object]]:
    """Run one SELECT on Parquet, CSV, TSV, JSON or JSON-lines files, as DuckDB reads them.

    Args:
        sql: one SELECT statement in DuckDB's SQL.
        tables: the name that stands in the SQL for each file.
        limit: the first so many rows. None means all, up to 10,000.

    Example:
        rows = query_files("SELECT city, avg(t) AS t FROM w GROUP BY city", {"w": "w.parquet"})
    """
    from smolterm_sql.duck import Duck

    paths = {name: Path(files.place(path)) for name, path in tables.items()}
    for path in paths.values():
        if any(sign in str(path) for sign in "*?["):
            raise ToolError(f"{path.name!r} has one of * ? [ in its path.", next="Rename it.")
    database = Duck.of_files(paths)
    try:
        return database.query(sql, (), limit)
    finally:
        database.close()


@tool(effect="write")
def execute_sql(sql: str, database: str, values: list[object] | None = None) -> dict[str, object]:
    """Run one statement that changes a database: CREATE, INSERT, UPDATE, DELETE and such.

    All that it changes is kept, or nothing. A SQLite or DuckDB file that is not there is made.

    Args:
        sql: one statement.
        database: a SQLite or DuckDB file ("shop.db"), or "postgresql" or "mysql".
        values: for the placeholders in it: `?` in files, `%s` in servers.

    Returns:
        {"changed": 3} rows, and {"rows": [...]} where the statement has RETURNING.
    """
    with place.opened(database, write=True) as opened:
        return opened.execute(sql, [values or ()])


@tool(effect="write")
def insert_rows(table: str, rows: list[dict[str, object]], database: str) -> dict[str, object]:
    """Insert rows, given as dicts, into a table that is there; all of them or none.

    Example:
        insert_rows("sales", [{"item": "nut", "price": 3}, {"item": "bolt", "price": 4}], "shop.db")
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names or len(rows) > MOST_INSERTED:
        raise ToolError(f"Give 1 to {MOST_INSERTED} rows, each a dict with a value by column.")
    with place.opened(database, write=True) as opened:
        columns = ", ".join(opened.quoted(name) for name in names)
        marks = ", ".join(opened.placeholder() for _ in names)
        # Quoted by the database's own rule; values are never part of the text.
        sql = f"INSERT INTO {opened.quoted(table)} ({columns}) VALUES ({marks})"  # noqa: S608
        return opened.execute(sql, [[row.get(name) for name in names] for row in rows])


@tool(effect="write")
def write_parquet(path: str, rows: list[dict[str, object]]) -> dict[str, object]:
    """Write rows, given as dicts, to a Parquet file; each column holds values of one type or None.

    Returns:
        {"path": "out.parquet", "rows": 2, "size": 412}; size in bytes.
    """
    from smolterm_sql.duck import parquet

    if not rows or not rows[0]:
        raise ToolError("There are no rows.", next="Give a list of dicts, such as [{'a': 1}].")
    return {"path": path, "rows": len(rows), "size": files.write(path, parquet(rows))}
