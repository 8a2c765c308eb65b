"""Jira's rich text (the Atlassian Document Format) to plain text and back. Pure."""

from __future__ import annotations

from typing import Any

LONGEST = 20_000
_DEEPEST = 50
_BLOCKS = {"paragraph", "heading", "codeBlock", "blockquote", "rule", "panel", "table", "expand"}


def plain(document: object) -> str:
    """Return a document's text: lists as `- `, headings as `#`, code in fences."""
    text = _node(document, 0).strip()
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}\n[{len(text) - LONGEST} characters more]"


def rich(text: str) -> dict[str, object]:
    """Return a document whose paragraphs are the text's, which blank lines separate."""
    paragraphs = [part for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]
    return {"type": "doc", "version": 1, "content": [_paragraph(each) for each in paragraphs]}


def _paragraph(text: str) -> dict[str, object]:
    content: list[dict[str, object]] = []
    for number, line in enumerate(text.strip("\n").split("\n")):
        if number:
            content.append({"type": "hardBreak"})
        content.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": content}


def _node(node: Any, depth: int) -> str:
    if not isinstance(node, dict) or depth > _DEEPEST:
        return ""
    kind, attributes = str(node.get("type")), _object(node.get("attrs"))
    if kind == "text":
        return _linked(node)
    if kind == "hardBreak":
        return "\n"
    if kind in ("mention", "emoji", "status", "date"):
        return str(attributes.get("text") or attributes.get("timestamp") or "")
    if kind in ("inlineCard", "blockCard"):
        return str(attributes.get("url", ""))
    inner = "".join(_node(each, depth + 1) for each in _list(node.get("content")))
    if kind == "heading":
        level = attributes.get("level")
        signs = "#" * level if isinstance(level, int) and 1 <= level <= 6 else "#"
        return f"\n\n{signs} {inner}\n\n"
    if kind == "codeBlock":
        return f"\n\n```{attributes.get('language') or ''}\n{inner}\n```\n\n"
    if kind == "listItem":
        return "- " + inner.strip().replace("\n\n", "\n").replace("\n", "\n  ") + "\n"
    if kind in ("tableCell", "tableHeader"):
        return f"| {' '.join(inner.split())} "
    if kind == "tableRow":
        return f"{inner}|\n"
    return f"{inner}\n\n" if kind in _BLOCKS or kind.endswith("List") else inner


def _linked(node: dict[str, Any]) -> str:
    text = str(node.get("text", ""))
    for mark in map(_object, _list(node.get("marks"))):
        if mark.get("type") == "link":
            address = _object(mark.get("attrs")).get("href", "")
            return text if address == text else f"[{text}]({address})"
        if mark.get("type") == "code":
            return f"`{text}`"
    return text


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
