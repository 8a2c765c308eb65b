"""The cells of a Notion database as plain values, and back. Pure."""

from __future__ import annotations

from typing import Any

from smolterm.pack import ToolError

from smolterm_notion.blocks import plain, rich


def title(row: dict[str, Any]) -> str:
    """Return what a page or a data source is called."""
    if row.get("object") != "page":
        return plain(row.get("title"))
    for value in (row.get("properties") or {}).values():
        if value.get("type") == "title":
            return plain(value.get("title"))
    return ""


def cells(row: dict[str, Any]) -> dict[str, object]:
    """Return a row's values by column: text, numbers, lists of names, ISO dates."""
    return {name: read(value) for name, value in (row.get("properties") or {}).items()}


def read(value: dict[str, Any]) -> object:
    """Return one cell."""
    kind = value.get("type", "")
    content: Any = value.get(kind)
    if kind in ("title", "rich_text"):
        return plain(content)
    if kind in ("select", "status"):
        return content["name"] if content else None
    if kind in ("multi_select", "people", "files"):
        return [each.get("name") or each.get("id") for each in content or []]
    if kind == "relation":
        return [each["id"] for each in content or []]
    if kind == "date":
        return _date(content)
    if kind in ("formula", "rollup"):
        return _computed(content or {})
    if kind in ("created_by", "last_edited_by"):
        return content.get("name") or content.get("id") if content else None
    if kind == "unique_id":
        return (
            f"{content['prefix']}-{content['number']}"
            if content.get("prefix")
            else content["number"]
        )
    # Numbers, check boxes, addresses, times: they are plain already.
    return content if isinstance(content, str | int | float | bool | None) else None


def written(name: str, kind: str, value: object) -> dict[str, object]:
    """Return one value as a cell of a column of this kind.

    Raises:
        ToolError: this kind of column cannot be written, or not with this value.
    """
    if kind in ("title", "rich_text"):
        return {kind: rich(str(value))}
    if kind in ("select", "status"):
        return {kind: {"name": str(value)} if value is not None else None}
    if kind in ("multi_select", "relation"):
        key = "name" if kind == "multi_select" else "id"
        given = value if isinstance(value, list | tuple) else [value]
        return {kind: [{key: str(each)} for each in given]}
    if kind == "date":
        return {kind: {"start": str(value)} if value is not None else None}
    if kind == "number" and not isinstance(value, int | float | None):
        raise ToolError(f"{name!r} takes a number, not {value!r}.")
    if kind in ("number", "checkbox", "url", "email", "phone_number"):
        return {kind: value}
    raise ToolError(f"{name!r} is a column of kind {kind!r}, which cannot be written.")


def _date(content: dict[str, Any] | None) -> object:
    if not content:
        return None
    return f"{content['start']}/{content['end']}" if content.get("end") else content["start"]


def _computed(content: dict[str, Any]) -> object:
    kind = content.get("type", "")
    inner = content.get(kind)
    if kind == "array":
        return [read(each) for each in inner or []]
    return _date(inner) if kind == "date" else inner
