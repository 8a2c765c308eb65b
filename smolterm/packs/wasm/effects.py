"""Which of the host's doors a tool's declared effect opens: the person judged the call by it."""

from __future__ import annotations

from smolterm.policy import Effect

HARMLESS = frozenset(
    {
        "cache.get", "cache.put", "denied", "log", "progress", "secrets.get", "secrets.has",
        "secrets.hmac", "settings.get", "sleep",
    }
)  # fmt: skip
"""Nothing of the world is read or changed; a secret is a placeholder that only `http` fills in."""
READ = frozenset({"files.list", "files.info", "files.read"})
NETWORK = frozenset({"http"})
WRITE = frozenset({"files.write"})

_OPEN: dict[str, frozenset[str]] = {
    "pure": HARMLESS,
    "read": HARMLESS | READ,
    "network": HARMLESS | READ | NETWORK,
}
_ALL = HARMLESS | READ | NETWORK | WRITE

_DOING = {
    "http": "send a request", "files.list": "list files", "files.info": "look at a file",
    "files.read": "read a file", "files.write": "write a file",
}  # fmt: skip


def refusal(op: str, effect: Effect | None, tool: str) -> str | None:
    """Return why an operation is refused, as the end of a sentence about the pack; None: it is not.

    Args:
        effect: of the tool that runs; None while the pack is imported.
        tool: its name.
    """
    if op not in _ALL:
        return f"asked for {op[:40]!r}, which no pack can have"
    if op in (HARMLESS if effect is None else _OPEN.get(effect, _ALL)):
        return None
    doing = _DOING[op]
    if effect is None:
        return f"tried to {doing} while it was imported, before anybody called a tool"
    return f"tried to {doing} in {tool}, whose effect is declared as {effect}"
