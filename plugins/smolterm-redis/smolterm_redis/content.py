"""Keys and what they hold, of each of Redis's types."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import redis
from smolterm.pack import ToolError

MOST_SEEN = 1_000_000
"""Keys looked at for one list."""
LONGEST = 5_000_000
"""Bytes of one string."""


def facts(server: redis.Redis) -> dict[str, object]:
    """Return what `describe_redis` returns."""
    about: Any = server.info()
    return {
        "version": str(about.get("redis_version", "")),
        "memory": about.get("used_memory"),
        "clients": about.get("connected_clients"),
        "keys": server.dbsize(),
        "days_up": about.get("uptime_in_days"),
    }


def listed(server: redis.Redis, pattern: str, limit: int) -> list[dict[str, object]]:
    """Return keys that match.

    SCAN goes through the keys in parts, so that the server serves others meanwhile.
    """
    # It may tell one key twice.
    seen: set[bytes] = set()
    for at, name in enumerate(server.scan_iter(match=pattern, count=1_000)):
        seen.add(name)
        if len(seen) >= limit or at >= MOST_SEEN:
            break
    names = sorted(seen)
    asking: Any = server.pipeline(transaction=False)
    for name in names:
        asking.type(name).ttl(name)
    answers: list[Any] = asking.execute()
    return [
        {"key": text(name), "type": text(kind), "seconds": _seconds(left)}
        for name, kind, left in zip(names, answers[::2], answers[1::2], strict=True)
    ]


def read(server: redis.Redis, key: str, limit: int) -> dict[str, object]:
    """Return what `read_redis_key` returns."""
    kind = text(server.type(key))
    if kind == "none":
        raise ToolError(f"There is no key {key!r}.", next="list_redis_keys() shows what is there.")
    size, value = _value(server, key, str(kind), limit)
    left = _seconds(server.ttl(key))
    return {"key": key, "type": kind, "seconds": left, "size": size, "value": value}


def write(
    server: redis.Redis, key: str, value: object, seconds: int | None, kind: str
) -> dict[str, object]:
    """Replace what a key holds, in one transaction."""
    change: Any = server.pipeline(transaction=True)
    change.delete(key)
    made = _write(change, key, value, kind)
    if seconds is not None:
        change.expire(key, seconds)
    change.execute()
    size, _ = _value(server, key, made, 1)
    return {"key": key, "type": made, "size": size}


def text(raw: Any) -> Any:
    """Return bytes as text where they are text; nested values too."""
    if isinstance(raw, bytes):
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw
    if isinstance(raw, list | tuple | set):
        return [text(each) for each in raw]
    if isinstance(raw, Mapping):
        return {_name(key): text(each) for key, each in raw.items()}
    return raw


def _value(server: Any, key: str, kind: str, limit: int) -> tuple[int, object]:
    """Return a key's whole size, and its value or the start of it."""
    if kind == "string":
        size = server.strlen(key)
        if size > LONGEST:
            raise ToolError(f"{key!r} holds {size} bytes; {LONGEST} can be read.")
        return size, text(server.get(key))
    if kind == "list":
        return server.llen(key), text(server.lrange(key, 0, limit - 1))
    if kind == "set":
        found = itertools.islice(server.sscan_iter(key, count=1_000), limit)
        return server.scard(key), sorted(text(list(found)), key=str)
    if kind == "hash":
        entries = itertools.islice(server.hscan_iter(key, count=1_000), limit)
        return server.hlen(key), text(dict(entries))
    if kind == "zset":
        scored = server.zrange(key, 0, limit - 1, withscores=True)
        return server.zcard(key), {_name(name): score for name, score in scored}
    if kind == "stream":
        rows = server.xrange(key, count=limit)
        return server.xlen(key), [{"id": text(at), **text(row or {})} for at, row in rows]
    raise ToolError(f"{key!r} is of type {kind}, which cannot be read here.")


def _write(change: Any, key: str, value: object, kind: str) -> str:
    if kind == "zset" and isinstance(value, dict) and value:
        change.zadd(key, {name: _score(each) for name, each in value.items()})
        return "zset"
    if kind == "set" and isinstance(value, list) and value:
        change.sadd(key, *_all_plain(value))
        return "set"
    if kind not in ("", "string", "list", "hash"):
        raise ToolError(
            f"No {kind} can be made of this value.",
            next='Give a filled list for kind="set", a dict of numbers for kind="zset".',
        )
    if isinstance(value, list) and value:
        change.rpush(key, *_all_plain(value))
        return "list"
    if isinstance(value, dict) and value:
        change.hset(key, mapping=dict(zip(value, _all_plain(list(value.values())), strict=True)))
        return "hash"
    if isinstance(value, list | dict):
        raise ToolError("Redis keeps no empty list or hash.", next="delete_redis_keys() deletes.")
    change.set(key, _all_plain([value])[0])
    return "string"


def _all_plain(values: Sequence[object]) -> list[str | bytes | int | float]:
    kept: list[str | bytes | int | float] = []
    for each in values:
        if isinstance(each, bool) or not isinstance(each, str | bytes | int | float):
            raise ToolError(
                f"Redis keeps text, bytes and numbers, not {type(each).__name__}.",
                next="Use json.dumps() for anything else.",
            )
        kept.append(each)
    return kept


def _score(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ToolError("The scores of a sorted set are numbers.")
    return float(value)


def _name(raw: object) -> str:
    return raw.decode(errors="backslashreplace") if isinstance(raw, bytes) else str(raw)


def _seconds(left: Any) -> int | None:
    return int(left) if isinstance(left, int) and left >= 0 else None
