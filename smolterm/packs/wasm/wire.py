"""What crosses between the engine and the process of the wasm packs, in `child.py`'s lines."""

from __future__ import annotations

import msgspec

from smolterm.packs.doors.grant import Grant
from smolterm.policy import Effect

MOST_FILES = 32 * 1024 * 1024
"""Bytes of one pack's sources, with those of its packages."""
LONGEST_RESULT = 32 * 1024 * 1024
"""Bytes of one result as JSON; the engine's end of the line allows twice that."""
MEMORY = 256 * 1024 * 1024
"""Bytes that an instance may have."""
MOST_LOGGED = 200
"""Log lines of one call."""
MOST_DENIED = 50
"""Refusals that are told of one call."""
PROGRESS_SECONDS = 0.05
"""Between two tellings of how far a tool is."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """One pack: what runs, and what it may reach. Told over the pipe, for it holds secrets."""

    grant: Grant
    module: str
    tools: dict[str, Effect]
    files: dict[str, bytes]
    """Sources and data by path below where a module is looked for; with their packages'."""
    memory: int = MEMORY
    result: int = LONGEST_RESULT

    @property
    def pack(self) -> str:
        return self.grant.pack


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a tool; its values as `sandbox/values.py` writes them."""

    pack: str
    tool: str
    args: list[object]
    kwargs: dict[str, object]


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """End what a pack does just then, and its instance."""

    pack: str
    text: str


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an instance answers: a value, or an error."""

    value: object = None
    error: str = ""
    next: str = ""
    denied: bool = False
