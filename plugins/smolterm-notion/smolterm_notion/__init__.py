"""Notion's pages and databases: what a model can call."""

from __future__ import annotations

from typing import Any, Literal

from smolterm.pack import ToolError, tool

from smolterm_notion import api, blocks, values

_MOST_BLOCKS = 1_000
_MOST_SENT = 100


@tool(effect="network")
def search_notion(
    query: str = "", kind: Literal["any", "page", "database"] = "any", limit: int = 20
) -> list[dict[str, object]]:
    """Find Notion pages and databases by their title, last edited first.

    Args:
        query: words of the title; empty finds everything that the integration may see.

    Returns:
        One dict each: {"id": "...", "kind": "page", "title": "...",
        "edited": "2026-01-31T12:00:00.000Z", "url": "https://www.notion.so/..."}.
    """
    body: dict[str, object] = {
        "sort": {"timestamp": "last_edited_time", "direction": "descending"},
    }
    if query:
        body["query"] = query
    if kind != "any":
        value = "data_source" if kind == "database" else "page"
        body["filter"] = {"property": "object", "value": value}
    return [
        {
            "id": row["id"],
            "kind": "page" if row["object"] == "page" else "database",
            "title": values.title(row),
            "edited": row.get("last_edited_time"),
            "url": row.get("url", ""),
        }
        for row in api.rows("POST", "/search", limit, body)
    ]


@tool(effect="network")
def read_notion_page(page: str) -> dict[str, object]:
    """Read a Notion page: its columns if it is a row of a database, and its content as Markdown.

    Args:
        page: its id or its address.

    Returns:
        {"id": "...", "title": "...", "properties": {"Status": "Done"}, "content": "# ...",
        "edited": "...", "url": "..."}.
    """
    found = api.identifier(page)
    row = api.ask("GET", f"/pages/{found}")
    left = _MOST_BLOCKS

    def children(block: str) -> list[dict[str, Any]]:
        nonlocal left
        if left <= 0:
            return []
        inner = api.rows("GET", f"/blocks/{block}/children", min(left, api.MOST))
        left -= len(inner)
        return inner

    return {
        "id": row["id"],
        "title": values.title(row),
        "properties": values.cells(row),
        "content": blocks.markdown(children(found), children),
        "edited": row.get("last_edited_time"),
        "url": row.get("url", ""),
    }


@tool(effect="network")
def query_notion_database(
    database: str,
    filter: dict[str, object] | None = None,
    sort: str = "",
    limit: int = 50,
) -> list[dict[str, object]]:
    """Read the rows of a Notion database as plain values.

    Args:
        database: its id or its address, as search_notion gives it.
        filter: as Notion's API writes it, such as
            {"property": "Status", "status": {"equals": "Done"}}.
        sort: a column's name; "-Name" sorts downwards.

    Returns:
        One dict per row: {"id": "...", "url": "...", "Name": "...", "Status": "Done",
        "Tags": ["a"], "Due": "2026-01-31"}; the columns as the database names them.

    Example:
        rows = query_notion_database("2f26ee68df304251aad48ddc420cba3d", sort="-Due", limit=10)
    """
    body: dict[str, object] = {}
    if filter:
        body["filter"] = filter
    if sort:
        direction = "descending" if sort.startswith("-") else "ascending"
        body["sorts"] = [{"property": sort.removeprefix("-"), "direction": direction}]
    source = _source(database)["id"]
    found = api.rows("POST", f"/data_sources/{source}/query", limit, body)
    return [{"id": row["id"], "url": row.get("url", "")} | values.cells(row) for row in found]


@tool(effect="write")
def create_notion_page(
    parent: str, title: str, content: str = "", properties: dict[str, object] | None = None
) -> dict[str, object]:
    """Create a Notion page below another page, or a row in a database.

    Args:
        parent: the id or address of a page or a database.
        content: Markdown: headings, lists, to-dos, quotes, code, paragraphs.
        properties: the columns of a row by name, such as {"Status": "Done", "Tags": ["a"]}.

    Returns:
        {"id": "...", "url": "https://www.notion.so/..."}.
    """
    written = blocks.written(content)
    body: dict[str, object] = {"children": written[:_MOST_SENT]}
    try:
        source = _source(parent)
    except api.Missing:
        if properties:
            raise ToolError("Only a row of a database has properties.") from None
        body["parent"] = {"type": "page_id", "page_id": api.identifier(parent)}
        body["properties"] = {"title": {"title": blocks.rich(title)}}
    else:
        body["parent"] = {"type": "data_source_id", "data_source_id": source["id"]}
        body["properties"] = _row(source["properties"], title, properties or {})
    made = api.ask("POST", "/pages", json=body)
    _append(made["id"], written[_MOST_SENT:])
    return {"id": made["id"], "url": made.get("url", "")}


@tool(effect="write")
def append_notion_page(page: str, content: str) -> dict[str, object]:
    """Add content to the end of a Notion page.

    Args:
        page: its id or its address.
        content: Markdown: headings, lists, to-dos, quotes, code, paragraphs.

    Returns:
        {"id": "...", "blocks": 3}: how many blocks were added.
    """
    written = blocks.written(content)
    if not written:
        raise ToolError("The content is empty.")
    found = api.identifier(page)
    _append(found, written)
    return {"id": found, "blocks": len(written)}


def _append(page: str, written: list[dict[str, object]]) -> None:
    for at in range(0, len(written), _MOST_SENT):
        children = written[at : at + _MOST_SENT]
        api.ask("PATCH", f"/blocks/{page}/children", json={"children": children})


def _source(database: str) -> dict[str, Any]:
    """Return the data source that an id means: its own, or the only one of a database.

    Raises:
        Missing: it is neither; a page, perhaps.
    """
    found = api.identifier(database)
    try:
        source: dict[str, Any] = api.ask("GET", f"/data_sources/{found}")
        return source
    except api.Missing:
        inside = api.ask("GET", f"/databases/{found}").get("data_sources") or []
    if len(inside) != 1:
        names = ", ".join(f"{each.get('name')}: {each['id']}" for each in inside)
        raise ToolError(f"The database has {len(inside)} tables.", next=f"Name one by id: {names}.")
    only: dict[str, Any] = api.ask("GET", f"/data_sources/{inside[0]['id']}")
    return only


def _row(
    columns: dict[str, dict[str, Any]], title: str, properties: dict[str, object]
) -> dict[str, object]:
    row: dict[str, object] = {}
    for name, column in columns.items():
        if column["type"] == "title":
            row[name] = values.written(name, "title", title)
    for name, value in properties.items():
        if name not in columns:
            names = ", ".join(columns)
            raise ToolError(f"There is no column {name!r}.", next=f"The columns are: {names}.")
        row[name] = values.written(name, columns[name]["type"], value)
    return row
