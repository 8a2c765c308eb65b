"""Notion's blocks to Markdown and back. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

LONGEST = 50_000
"""Characters of one page."""

_DEEPEST = 20
_LONGEST_TEXT = 2_000
"""Characters that Notion takes in one text."""

_SIGNS = {
    "heading_1": "# ",
    "heading_2": "## ",
    "heading_3": "### ",
    "bulleted_list_item": "- ",
    "numbered_list_item": "1. ",
    "quote": "> ",
    "callout": "> ",
    "toggle": "- ",
}
_LINES = (
    (re.compile(r"### (.*)"), "heading_3"),
    (re.compile(r"## (.*)"), "heading_2"),
    (re.compile(r"# (.*)"), "heading_1"),
    (re.compile(r"[-*] \[( |x|X)\] (.*)"), "to_do"),
    (re.compile(r"[-*] (.*)"), "bulleted_list_item"),
    (re.compile(r"\d+[.)] (.*)"), "numbered_list_item"),
    (re.compile(r"> (.*)"), "quote"),
    (re.compile(r"(?:-{3,}|\*{3,})()"), "divider"),
)
_FENCE = re.compile(r"```(.*)")


def markdown(blocks: list[dict[str, Any]], children: Callable[[str], list[dict[str, Any]]]) -> str:
    """Return blocks as Markdown.

    Args:
        children: returns the blocks inside of a block, by its id.
    """
    text = "\n".join(_lines(blocks, children, "", 0))
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}\n[{len(text) - LONGEST} characters more]"


def _lines(
    blocks: list[dict[str, Any]],
    children: Callable[[str], list[dict[str, Any]]],
    indent: str,
    depth: int,
) -> Iterator[str]:
    for block in blocks:
        kind = block["type"]
        yield from (indent + line for line in _block(kind, block.get(kind) or {}).split("\n"))
        # A page below is another page; only its name stands here.
        below = block.get("has_children") and kind not in ("child_page", "child_database")
        if below and depth < _DEEPEST:
            deeper = indent if kind in ("table", "column_list", "column") else f"{indent}  "
            yield from _lines(children(block["id"]), children, deeper, depth + 1)


def _block(kind: str, content: dict[str, Any]) -> str:
    text = plain(content.get("rich_text"))
    if kind == "to_do":
        return f"- [{'x' if content.get('checked') else ' '}] {text}"
    if kind == "code":
        return f"```{content.get('language') or ''}\n{text}\n```"
    if kind == "divider":
        return "---"
    if kind in ("child_page", "child_database"):
        return f"[{kind.removeprefix('child_')}: {content.get('title', '')}]"
    if kind == "table_row":
        return f"| {' | '.join(plain(cell) for cell in content.get('cells') or [])} |"
    if kind == "equation":
        return f"$${content.get('expression', '')}$$"
    if kind in ("image", "file", "pdf", "video", "audio", "bookmark", "embed", "link_preview"):
        where = content.get("url") or (content.get("external") or {}).get("url") or ""
        return f"[{kind}: {plain(content.get('caption')) or where or 'kept by Notion'}]"
    return _SIGNS.get(kind, "") + text


def plain(texts: object) -> str:
    """Return rich text without its marks, links kept."""
    found = []
    for each in texts if isinstance(texts, list) else []:
        text, address = each.get("plain_text", ""), each.get("href")
        found.append(f"[{text}]({address})" if address and address != text else text)
    return "".join(found)


def rich(text: str) -> list[dict[str, object]]:
    """Return a text as Notion wants it, in pieces that it takes."""
    return [
        {"type": "text", "text": {"content": text[at : at + _LONGEST_TEXT]}}
        for at in range(0, len(text), _LONGEST_TEXT)
    ]


def written(text: str) -> list[dict[str, object]]:
    """Return Markdown as blocks: headings, lists, to-dos, quotes, code, paragraphs."""
    blocks: list[dict[str, object]] = []
    paragraph: list[str] = []
    lines = iter(text.replace("\r\n", "\n").split("\n"))
    for line in lines:
        fence = _FENCE.fullmatch(line.strip())
        found = None if fence else _line(line.strip())
        if paragraph and (fence or found or not line.strip()):
            blocks.append(_made("paragraph", "\n".join(paragraph)))
            paragraph = []
        if fence:
            code = "\n".join(iter(lambda: next(lines, "```"), "```"))
            blocks.append(_made("code", code, language=fence[1].strip() or "plain text"))
        elif found:
            blocks.append(found)
        elif line.strip():
            paragraph.append(line)
    if paragraph:
        blocks.append(_made("paragraph", "\n".join(paragraph)))
    return blocks


def _line(line: str) -> dict[str, object] | None:
    for pattern, kind in _LINES:
        found = pattern.fullmatch(line)
        if not found:
            continue
        if kind == "divider":
            return {"object": "block", "type": kind, kind: {}}
        if kind == "to_do":
            return _made(kind, found[2], checked=found[1] != " ")
        return _made(kind, found[1])
    return None


def _made(kind: str, text: str, **more: object) -> dict[str, object]:
    return {"object": "block", "type": kind, kind: {"rich_text": rich(text), **more}}
