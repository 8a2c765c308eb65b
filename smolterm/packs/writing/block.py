"""The block of TOML in a file's comments, in the form that PEP 723 gives to scripts. Pure."""

from __future__ import annotations

import tomllib
from typing import Any

from smolterm.errors import PackError

BEGIN = "# /// smolterm"
END = "# ///"
_OWN = ("name", "version")


def read_block(source: str, named: str) -> dict[str, Any]:
    """Return what a source's `# /// smolterm` block says; nothing where there is none.

    Args:
        named: the file, for what is said of mistakes.

    Raises:
        PackError: there are two, one has no end, or it is not TOML.
    """
    lines = [line.rstrip() for line in source.splitlines()]
    starts = [number for number, line in enumerate(lines) if line == BEGIN]
    if not starts:
        return {}
    if len(starts) > 1:
        raise PackError(f"{named}: line {starts[1] + 1} begins a second block {BEGIN!r}.")
    at = f"{named}, line {starts[0] + 1}"
    content: list[str] = []
    for line in lines[starts[0] + 1 :]:
        if line == END:
            return _table("\n".join(content), at)
        if line != "#" and not line.startswith("# "):
            break
        content.append(line[2:])
    raise PackError(f"{at}: the block has no end.", next=f"Close it with a line {END!r}.")


def _table(text: str, at: str) -> dict[str, Any]:
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PackError(f"{at}: the block is not TOML: {error}.") from None
    for name in _OWN:
        if name in table:
            raise PackError(f"{at}: `{name}` has no place in the block of one file.")
    return table
