"""Redis: what a model can call."""

from __future__ import annotations

from smolterm.pack import ToolError, tool

from smolterm_redis import content
from smolterm_redis.server import opened

MOST_KEYS = 10_000


@tool(effect="read")
def describe_redis() -> dict[str, object]:
    """Tell the server's version, its memory, its clients and how many keys it holds.

    Returns:
        {"version": "7.0.15", "memory": 1048576, "clients": 1, "keys": 12, "days_up": 3};
        memory in bytes.
    """
    with opened() as server:
        return content.facts(server)


@tool(effect="read")
def list_redis_keys(pattern: str = "*", limit: int = 200) -> list[dict[str, object]]:
    """List keys by a pattern, with their type and how long they live.

    Args:
        pattern: `user:*` is all that starts with `user:`; `?` is one character.
        limit: the most keys to return, at most 10,000.

    Returns:
        One dict per key, sorted: {"key": "user:1", "type": "hash", "seconds": None}; None: forever.
    """
    if not 0 < limit <= MOST_KEYS:
        raise ToolError(f"`limit` is a number from 1 to {MOST_KEYS}.")
    with opened() as server:
        return content.listed(server, pattern, limit)


@tool(effect="read")
def read_redis_key(key: str, limit: int = 1_000) -> dict[str, object]:
    """Read a key of any type.

    Args:
        limit: the most entries of a list, set, hash or stream.

    Returns:
        {"key": "user:1", "type": "hash", "seconds": 60, "size": 2, "value": {"name": "Ann"}}: the
        value is a str (bytes where it is no text), a list, or a dict of a hash, or of a sorted set
        with its scores. `size` is of all of it, in entries or bytes.
    """
    if not 0 < limit <= MOST_KEYS:
        raise ToolError(f"`limit` is a number from 1 to {MOST_KEYS}.")
    with opened() as server:
        return content.read(server, key, limit)


@tool(effect="write")
def write_redis_key(
    key: str, value: object, seconds: int | None = None, kind: str = ""
) -> dict[str, object]:
    """Set a key, whatever it held before.

    Args:
        value: text or a number becomes a string, a list a list, a dict a hash.
        seconds: how long it lives; None means for good.
        kind: "set" makes a set of a list, "zset" a sorted set of a dict of scores.

    Returns:
        {"key": "user:1", "type": "hash", "size": 2}
    """
    if seconds is not None and seconds < 1:
        raise ToolError("`seconds` is at least 1.", next="delete_redis_keys() deletes.")
    with opened() as server:
        return content.write(server, key, value, seconds, kind)


@tool(effect="write")
def delete_redis_keys(keys: list[str]) -> dict[str, object]:
    """Delete keys by their exact names; patterns are not taken.

    Returns:
        {"deleted": 2}; keys that were not there do not count.
    """
    if not 0 < len(keys) <= MOST_KEYS:
        raise ToolError(f"Give 1 to {MOST_KEYS} keys.", next="list_redis_keys() finds them.")
    with opened() as server:
        return {"deleted": server.delete(*keys)}
