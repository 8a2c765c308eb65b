"""Values that outlive a call: JSON, kept by the host for this pack alone."""

from __future__ import annotations

from smolterm.pack.bridge import _call


def get(key: str) -> object | None:
    """Return what was put under a key, or None where nothing is or its time is over."""
    value: object | None = _call("cache.get", {"key": key})["value"]
    return value


def put(key: str, value: object, seconds: float = 3600) -> None:
    """Keep a JSON value.

    Args:
        value: at most 1 MB as JSON; a pack has 10 MB, the oldest go first.
        seconds: how long.
    """
    _call("cache.put", {"key": key, "value": value, "seconds": seconds})
