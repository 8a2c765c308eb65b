"""Write the table of keys in docs/terminal.md from the bindings that the screen has.

python docs/make_keys.py docs/terminal.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from textual.app import App

from smolterm.tui.help import WHERE, Entry, keys_by_place

BEGIN = "<!-- Made from the code by `make pages`; do not edit. -->\n"
END = "<!-- The end of what is made. -->\n"
WORDS = {
    "⏎": "Enter", "⌫": "Backspace", "del": "Delete", "esc": "Esc", "pgup": "PgUp",
    "pgdn": "PgDn",
}  # fmt: skip


def main(path: Path) -> None:
    """Write the table between its two marks."""
    before, _, rest = path.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}")


def table() -> str:
    """Return every key by where it works, what concerns everything first."""
    app: App[int] = App()
    found = keys_by_place(app)
    order = [*dict.fromkeys(WHERE.values())]
    places = sorted(found, key=lambda place: order.index(place) if place in order else len(order))
    return "\n".join(
        line for place in places for line in (f"**{place}**\n", *_rows(found[place]), "")
    )


def _rows(entries: list[Entry]) -> Iterator[str]:
    yield "| key | does | in `[keys]` |"
    yield "|---|---|---|"
    for entry in entries:
        keys = " ".join(f"`{named(key)}`" for key in entry.keys.split())
        name = f"`{entry.name}`" if entry.name else ""
        yield f"| {keys} | {entry.words[0].lower()}{entry.words[1:]} | {name} |"


def named(key: str) -> str:
    """Return a key as the rest of the page writes it: `^g` is `Ctrl+G`."""
    *held, last = key.replace("^", "ctrl+").split("+")
    last = WORDS.get(last, last)
    if len(last) > 1 or held:
        last = last[0].upper() + last[1:]
    return "+".join([*(word.capitalize() for word in held), last])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
