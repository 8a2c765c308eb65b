"""Python code to styled lines with numbers, by the parser that the editor uses too."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from keyword import kwlist

from smolterm.printable import reveal
from smolterm.tui.lines import TAB, Line, Span

LONGEST = 200_000
"""Characters; longer code is shown without colours."""

# The grammar's names for leaves, and ours; a node that is not listed keeps the plain colour.
_STYLES = {
    "comment": "comment",
    "string_start": "string",
    "string_content": "string",
    "string_end": "string",
    "escape_sequence": "escape",
    "integer": "number",
    "float": "number",
    "true": "number",
    "false": "number",
    "none": "number",
    "type_conversion": "escape",
}
_WORDS = frozenset({*kwlist, "match", "case", "type"})


@lru_cache(maxsize=128)
def code_lines(code: str, *, colour: bool = True) -> list[Line]:
    """Return the code's lines as they will run, hidden characters spelled out."""
    text, marks = reveal(code.expandtabs(TAB))
    spans = _spans(text) if colour and len(text) < LONGEST else []
    if marks:
        covered = {place for start, end in marks for place in range(start, end)}
        spans = [span for span in spans if span[0] not in covered]
        spans += [(start, end, "hidden") for start, end in marks]
    return numbered(text, spans)


def numbered(text: str, spans: list[tuple[int, int, str]]) -> list[Line]:
    """Cut text and its spans into lines that carry their number."""
    parts = text.split("\n")
    starts = [0]
    for part in parts:
        starts.append(starts[-1] + len(part) + 1)
    cut: list[list[Span]] = [[] for _ in parts]
    row = 0
    for start, end, style in sorted(spans, key=lambda span: span[0]):
        while starts[row + 1] <= start:
            row += 1
        below = row
        while below < len(parts) and starts[below] < end:
            first = max(start - starts[below], 0)
            last = min(end - starts[below], len(parts[below]))
            if first < last:
                cut[below].append(Span(first, last, style))
            below += 1
    digits = max(len(str(len(parts))), 2)
    rest = " " * (digits + 1)
    return [
        Line(part, tuple(cut[n]), f"{n + 1:>{digits}} ", rest, "gutter")
        for n, part in enumerate(parts)
    ]


def _spans(text: str) -> list[tuple[int, int, str]]:
    """Return (start, end, style) of every coloured leaf, in characters."""
    data = text.encode("utf-8", "replace")
    leaves = _leaves()(data)
    if len(data) == len(text):
        return leaves
    offsets = [0] * (len(data) + 1)
    at = 0
    for place, character in enumerate(text):
        offsets[at] = place
        at += len(character.encode("utf-8", "replace"))
    offsets[at] = len(text)
    return [(offsets[start], offsets[end], style) for start, end, style in leaves]


@cache
def _leaves() -> Callable[[bytes], list[tuple[int, int, str]]]:
    import tree_sitter_python
    from tree_sitter import Language, Node, Parser

    parser = Parser(Language(tree_sitter_python.language()))

    def style_of(node: Node) -> str | None:
        kind = node.type
        if kind in _STYLES:
            return _STYLES[kind]
        if kind in _WORDS and not node.is_named:
            return "keyword"
        if kind != "identifier" or node.parent is None:
            return None
        parent = node.parent
        if parent.type in ("function_definition", "class_definition"):
            return "name" if parent.child_by_field_name("name") == node else None
        if parent.type == "call" and parent.child_by_field_name("function") == node:
            return "call"
        if parent.type == "attribute" and parent.child_by_field_name("attribute") == node:
            above = parent.parent
            if above and above.type == "call" and above.child_by_field_name("function") == parent:
                return "call"
        return "call" if parent.type == "decorator" else None

    def leaves(data: bytes) -> list[tuple[int, int, str]]:
        found: list[tuple[int, int, str]] = []
        cursor = parser.parse(data).walk()
        while True:
            node = cursor.node
            style = style_of(node) if node is not None else None
            if node is not None and style is not None:
                found.append((node.start_byte, node.end_byte, style))
            if style is None and cursor.goto_first_child():
                continue
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    return found

    return leaves
