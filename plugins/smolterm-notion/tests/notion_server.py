"""Notion's API, version 2026-03-11, as its documentation has it, as far as the pack asks.

Source: developers.notion.com/reference (intro, versioning, status-codes, post-search,
retrieve-a-page, get-block-children, patch-block-children, retrieve-a-database,
retrieve-a-data-source, query-a-data-source, post-page, request-limits) and its upgrade guides to
2025-09-03 and 2026-03-11.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from loopback import Asked, Reply

TOKEN = "ntn_1234567890abcdef"
PAGE = "11111111-1111-4111-8111-111111111111"
DATABASE = "22222222-2222-4222-8222-222222222222"
SOURCE = "33333333-3333-4333-8333-333333333333"
TWO = "44444444-4444-4444-8444-444444444444"
MOMENT = "2026-01-31T12:00:00.000Z"


def texts(value: str, href: str | None = None) -> list[dict[str, Any]]:
    return [{"type": "text", "text": {"content": value}, "plain_text": value, "href": href}]


def block(kind: str, text: str = "", *, children: bool = False, **more: Any) -> dict[str, Any]:
    content = {"rich_text": texts(text), **more}
    name = str(uuid.uuid5(uuid.NAMESPACE_URL, kind + text))
    return {"object": "block", "id": name, "type": kind, "has_children": children, kind: content}


COLUMNS = {
    "Name": {"id": "title", "type": "title", "title": {}},
    "Status": {"id": "a", "type": "status", "status": {}},
    "Tags": {"id": "b", "type": "multi_select", "multi_select": {}},
    "Due": {"id": "c", "type": "date", "date": {}},
    "Cost": {"id": "d", "type": "number", "number": {}},
    "Done": {"id": "e", "type": "checkbox", "checkbox": {}},
    "Sum": {"id": "f", "type": "formula", "formula": {}},
    "Who": {"id": "g", "type": "people", "people": []},
    "Key": {"id": "h", "type": "unique_id", "unique_id": {}},
    "Total": {"id": "i", "type": "rollup", "rollup": {}},
}


def row(number: int) -> dict[str, Any]:
    values = {
        "Name": {"type": "title", "title": texts(f"Row {number}")},
        "Status": {"type": "status", "status": {"name": "Done"}},
        "Tags": {"type": "multi_select", "multi_select": [{"name": "a"}, {"name": "b"}]},
        "Due": {"type": "date", "date": {"start": "2026-01-31", "end": "2026-02-02"}},
        "Cost": {"type": "number", "number": 1.5},
        "Done": {"type": "checkbox", "checkbox": True},
        "Sum": {"type": "formula", "formula": {"type": "number", "number": 3}},
        "Who": {"type": "people", "people": [{"id": "u1", "name": "Ada"}]},
        "Key": {"type": "unique_id", "unique_id": {"prefix": "T", "number": number}},
        "Total": {
            "type": "rollup",
            "rollup": {"type": "array", "array": [{"type": "number", "number": 2}]},
        },
    }
    return _page(str(uuid.UUID(int=number)), values)


def _page(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "object": "page",
        "id": name,
        "last_edited_time": MOMENT,
        "url": f"https://www.notion.so/{name.replace('-', '')}",
        "properties": properties,
    }


class Notion:
    def __init__(self) -> None:
        self.rows = [row(n) for n in range(1, 131)]
        self.made: list[dict[str, Any]] = []
        self.appended: list[dict[str, Any]] = []
        nested = block("bulleted_list_item", "inner")
        outer = block("bulleted_list_item", "outer", children=True)
        cells = {"cells": [texts("a"), texts("b")]}
        line = {"object": "block", "id": "r1", "type": "table_row", "table_row": cells}
        table = block("table", "t", children=True)
        link = block("paragraph", "")
        link["paragraph"]["rich_text"] = texts("See ") + texts("this", "https://x.org")
        self.children = {
            PAGE: [
                block("heading_1", "Plan"),
                link,
                outer,
                block("to_do", "buy", checked=True),
                block("code", "print(1)", language="python"),
                {"object": "block", "id": "d1", "type": "divider", "divider": {}},
                table,
                block("child_page", title="Below", children=True),
                {"object": "block", "id": "x1", "type": "unsupported", "unsupported": {}},
                *(block("paragraph", f"p{n}") for n in range(100)),
            ],
            outer["id"]: [nested],
            table["id"]: [line],
        }

    def answer(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "unauthorized", "API token is invalid.")
        version = asked.headers.get("notion-version")
        if version != "2026-03-11":
            code = "missing_version" if version is None else "validation_error"
            return _error(400, code, "Notion-Version header failed validation")
        for pattern, method, function in _ROUTES:
            found = re.fullmatch(pattern, asked.path)
            if found and asked.method == method:
                return function(self, asked, *found.groups())
        return _error(400, "invalid_request_url", "Invalid request URL.")

    def search(self, asked: Asked) -> Reply:
        body = asked.json()
        assert body["sort"] == {"timestamp": "last_edited_time", "direction": "descending"}
        source = {
            "object": "data_source",
            "id": SOURCE,
            "title": texts("Tasks"),
            "last_edited_time": MOMENT,
            "url": "https://www.notion.so/tasks",
        }
        page = _page(PAGE, {"title": {"id": "title", "type": "title", "title": texts("Plan")}})
        wanted = body.get("filter", {}).get("value")
        if wanted not in (None, "page", "data_source"):
            return _error(400, "validation_error", "body.filter.value should be one of ...")
        rows = [each for each in (page, source) if wanted in (None, each["object"])]
        return _listed(body, [each for each in rows if body.get("query", "") in str(each)])

    def page(self, asked: Asked, name: str) -> Reply:
        if name == PAGE:
            title = {"title": {"id": "title", "type": "title", "title": texts("Plan")}}
            return Reply(200, _page(PAGE, title))
        return _missing("page", name)

    def get_children(self, asked: Asked, name: str) -> Reply:
        if name not in self.children:
            return _missing("block", name)
        return _listed(asked.query, self.children[name])

    def add_children(self, asked: Asked, name: str) -> Reply:
        children = asked.json()["children"]
        if len(children) > 100:
            limit = "body.children.length should be ≤ `100`"
            return _error(400, "validation_error", limit)
        for each in children:
            for text in each[each["type"]].get("rich_text", []):
                assert len(text["text"]["content"]) <= 2_000
        if name not in (PAGE, *(each["id"] for each in self.made)):
            return _missing("block", name)
        self.appended += children
        return Reply(200, {"object": "list", "results": children})

    def database(self, asked: Asked, name: str) -> Reply:
        sources = {
            DATABASE: [{"id": SOURCE, "name": "Tasks"}],
            TWO: [{"id": SOURCE, "name": "Tasks"}, {"id": "5" * 32, "name": "Old"}],
        }
        if name == PAGE:
            said = f"Provided ID {PAGE} is a page, not a database. Use the retrieve page API."
            return _error(400, "validation_error", said)
        if name not in sources:
            return _missing("database", name)
        return Reply(200, {"object": "database", "id": name, "data_sources": sources[name]})

    def source(self, asked: Asked, name: str) -> Reply:
        if name != SOURCE:
            return _missing("data_source", name)
        return Reply(200, {"object": "data_source", "id": SOURCE, "properties": COLUMNS})

    def query(self, asked: Asked, name: str) -> Reply:
        body = asked.json()
        if body.get("filter", {}).get("property", "Name") not in COLUMNS:
            said = "Could not find property with name or id: Nope"
            return _error(400, "validation_error", said)
        down = body.get("sorts", [{}])[0].get("direction") == "descending"
        return _listed(body, self.rows[::-1] if down else self.rows)

    def create(self, asked: Asked) -> Reply:
        body = asked.json()
        if body["parent"] not in (
            {"type": "page_id", "page_id": PAGE},
            {"type": "data_source_id", "data_source_id": SOURCE},
        ):
            return _missing("page", "parent")
        if len(body["children"]) > 100:
            limit = "body.children.length should be ≤ `100`"
            return _error(400, "validation_error", limit)
        made = _page(str(uuid.UUID(int=900 + len(self.made))), body["properties"])
        self.made.append(made | {"sent": body})
        return Reply(200, made)


_ROUTES = (
    (r"/v1/search", "POST", Notion.search),
    (r"/v1/pages", "POST", Notion.create),
    (r"/v1/pages/([0-9a-f-]{36})", "GET", Notion.page),
    (r"/v1/blocks/([^/]+)/children", "GET", Notion.get_children),
    (r"/v1/blocks/([^/]+)/children", "PATCH", Notion.add_children),
    (r"/v1/databases/([0-9a-f-]{36})", "GET", Notion.database),
    (r"/v1/data_sources/([0-9a-f-]{36})", "GET", Notion.source),
    (r"/v1/data_sources/([0-9a-f-]{36})/query", "POST", Notion.query),
)


def _error(status: int, code: str, message: str) -> Reply:
    return Reply(status, {"object": "error", "status": status, "code": code, "message": message})


def _missing(kind: str, name: str) -> Reply:
    said = f"Could not find {kind} with ID: {name}. Make sure the relevant pages are shared."
    return _error(404, "object_not_found", said)


def _listed(asked: dict[str, Any], rows: list[Any]) -> Reply:
    size = int(asked.get("page_size", 100))
    at = int(asked.get("start_cursor", "0"))
    more = at + size < len(rows)
    cursor = str(at + size) if more else None
    found = {"results": rows[at : at + size], "next_cursor": cursor, "has_more": more}
    return Reply(200, {"object": "list", **found})
