"""Write docs/events.md from the code: `python docs/make_events.py docs/events.md`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import smolterm

ROOT = Path(smolterm.__file__).parent

HEAD = """\
# Events

Made from the code by `make pages`; do not edit.

Everything that happens in a session is an event. `smolterm -p --output jsonl` prints them as they
happen, one JSON object a line, `smolterm sessions export` writes those that are kept, and
`smolterm.events.from_line` reads them. `event` says which one it is, `at` when it happened, in
seconds since 1970.

**Version 1.** The first line of `--output jsonl` is
`{"event": "Lines", "version": 1, "smolterm": "..."}`. Within a version fields and events may be
added, so a reader passes over what it does not know; the number changes when something is taken
away or means something else. Text comes from models, programs and web pages: whoever shows it on a
terminal filters it first. Bytes are base64. A field with a default may be left out.

`Finished` is the last line. `answer` is there when its `reason` is `answer`; `data` is the answer's
value where it is no text.
"""


def main(path: str) -> None:
    """Write the page."""
    Path(path).write_text(page())


def page() -> str:
    """Return the page."""
    classes = structs(ROOT / "events.py")
    facts = [one for one in classes if any(name == "Fact" for name in bases(one))]
    parts = [one for one in classes if one not in facts and one.name != "Fact"]
    (end,) = (one for one in structs(ROOT / "oneshot.py") if one.name == "End")
    words = list(aliases(ROOT / "events.py"))
    out = [HEAD, "\n## What happens\n", *map(described, facts)]
    out += ["\n## What events hold\n", *map(described, parts)]
    out += ["\n## Words\n\n", *words]
    out += ["\n## The object of `--output json`\n\n", *table(end)]
    return "".join(out)


def structs(path: Path) -> list[ast.ClassDef]:
    return [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]


def aliases(path: Path) -> Iterator[str]:
    """Yield the words that some fields are one of."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Subscript):
            words = ast.literal_eval(node.value.slice)
            if isinstance(words, tuple):
                listed = ", ".join(f"`{word}`" for word in words)
                yield f"- `{ast.unparse(node.target)}`: {listed}\n"


def bases(node: ast.ClassDef) -> Iterator[str]:
    for base in node.bases:
        yield ast.unparse(base)


def described(node: ast.ClassDef) -> str:
    said = one_line(ast.get_docstring(node) or "")
    return "".join([f"\n### {node.name}\n\n", f"{said}\n\n" if said else "", *table(node)])


def table(node: ast.ClassDef) -> Iterator[str]:
    rows = list(fields(node))
    if rows:
        yield "| field | type | |\n|---|---|---|\n"
    for name, kind, default, said in rows:
        kind = kind.replace("|", "\\|")
        kind += f" = {default}" if default else ""
        yield f"| `{name}` | `{kind}` | {said.replace('|', chr(92) + '|')} |\n"


def fields(node: ast.ClassDef) -> Iterator[tuple[str, str, str, str]]:
    for item, after in zip(node.body, [*node.body[1:], None], strict=True):
        if not isinstance(item, ast.AnnAssign):
            continue
        said = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            said = one_line(str(after.value.value))
        default = "" if item.value is None else ast.unparse(item.value)
        default = "" if default.startswith("msgspec.") else default
        yield (
            ast.unparse(item.target),
            ast.unparse(item.annotation).replace("e.", ""),
            default,
            said,
        )


def one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    main(sys.argv[1])
