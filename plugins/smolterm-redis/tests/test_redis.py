"""The Redis pack on a real Redis."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import redis as library
from smolterm.pack import ToolError
from smolterm.packs.find import read_pack
from smolterm.packs.testing import bound

import smolterm_redis as redis

PASSWORD = "a pass'word & more"


@pytest.fixture
def server(redis_server: str) -> Iterator[library.Redis]:
    """An empty server, as the pack's settings name it."""
    with (
        library.Redis.from_url(redis_server, password=PASSWORD) as direct,
        bound(settings={"url": redis_server}, secrets={"REDIS_PASSWORD": PASSWORD}, native=True),
    ):
        direct.flushall()
        yield direct


@pytest.mark.parametrize(
    ("value", "kind", "type", "read"),
    [
        ("grüße", "", "string", "grüße"),
        (b"\xff\x00", "", "string", b"\xff\x00"),
        (7, "", "string", "7"),
        (["b", "a", 1], "", "list", ["b", "a", "1"]),
        (["b", "a", "a"], "set", "set", ["a", "b"]),
        ({"name": "Ann", "age": 7}, "", "hash", {"name": "Ann", "age": "7"}),
        ({"ann": 2, "bob": 1.5}, "zset", "zset", {"bob": 1.5, "ann": 2.0}),
    ],
)
def test_what_is_written_is_read(
    server: library.Redis, value: object, kind: str, type: str, read: object
) -> None:
    server.set("key", "before")
    answer = redis.write_redis_key("key", value, kind=kind)
    assert (answer["key"], answer["type"]) == ("key", type)
    found = redis.read_redis_key("key")
    assert found == {
        "key": "key", "type": type, "seconds": None, "size": answer["size"], "value": read,
    }  # fmt: skip


def test_a_stream_is_read(server: library.Redis) -> None:
    server.xadd("log", {"what": "started"}, id="1-1")
    found = redis.read_redis_key("log")
    assert found["value"] == [{"id": "1-1", "what": "started"}]


def test_long_values_are_read_in_part(server: library.Redis) -> None:
    server.rpush("list", *range(5_000))
    server.sadd("set", *range(5_000))
    server.hset("hash", mapping={str(number): number for number in range(5_000)})
    for key in ("list", "set", "hash"):
        found = redis.read_redis_key(key, limit=10)
        value = found["value"]
        assert isinstance(value, list | dict) and len(value) == 10
        assert found["size"] == 5_000


def test_keys_live_as_long_as_asked(server: library.Redis) -> None:
    redis.write_redis_key("short", "x", seconds=100)
    seconds = redis.read_redis_key("short")["seconds"]
    assert isinstance(seconds, int) and 90 < seconds <= 100
    redis.write_redis_key("short", "x")
    assert redis.read_redis_key("short")["seconds"] is None
    with pytest.raises(ToolError, match="at least 1"):
        redis.write_redis_key("short", "x", seconds=0)


def test_keys_are_listed_by_pattern(server: library.Redis) -> None:
    for number in range(30):
        server.set(f"user:{number:02}", number)
    server.hset("other", "a", "b")
    found = redis.list_redis_keys("user:*")
    assert len(found) == 30
    assert found[0] == {"key": "user:00", "type": "string", "seconds": None}
    assert len(redis.list_redis_keys("user:*", limit=5)) == 5
    assert redis.list_redis_keys("oth?r") == [{"key": "other", "type": "hash", "seconds": None}]
    with pytest.raises(ToolError, match="limit"):
        redis.list_redis_keys(limit=0)


def test_keys_are_deleted_by_name_alone(server: library.Redis) -> None:
    for name in ("a", "b", "c"):
        server.set(name, 1)
    assert redis.delete_redis_keys(["a", "b", "none", "*"]) == {"deleted": 2}
    assert server.keys() == [b"c"]
    with pytest.raises(ToolError, match="list_redis_keys"):
        redis.delete_redis_keys([])


def test_the_server_is_described(server: library.Redis) -> None:
    server.set("a", 1)
    about = redis.describe_redis()
    assert about["keys"] == 1 and str(about["version"])[0].isdigit()


def test_a_refused_value_leaves_the_key_as_it_was(server: library.Redis) -> None:
    server.set("key", "before")
    for value, kind in (
        ([], ""), ({}, ""), ([[1]], ""), (None, ""), (True, ""), ("x", "set"), ({"a": "x"}, "zset"),
        ("x", "bloom"),
    ):  # fmt: skip
        with pytest.raises(ToolError):
            redis.write_redis_key("key", value, kind=kind)
    assert server.get("key") == b"before"


def test_a_key_that_is_not_there_is_told(server: library.Redis) -> None:
    with pytest.raises(ToolError, match="list_redis_keys"):
        redis.read_redis_key("none")


def test_what_hinders_is_told(redis_server: str) -> None:
    wrong = {"REDIS_PASSWORD": "wr0ng"}
    with bound(settings={"url": redis_server}, secrets=wrong, native=True):
        with pytest.raises(ToolError, match="refused the password") as told:
            redis.describe_redis()
        assert "wr0ng" not in str(told.value)
    with (
        bound(settings={"url": redis_server}, native=True),
        pytest.raises(ToolError, match=r"refused the password"),
    ):
        redis.describe_redis()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    for url, words in ((f"redis://127.0.0.1:{port}", "reached"), ("http://x", "address")):
        with bound(settings={"url": url}, native=True), pytest.raises(ToolError, match=words):
            redis.describe_redis()


def test_the_manifest_fits_the_tools() -> None:
    found = read_pack("redis", "smolterm_redis")
    assert found.manifest is not None
    effects = {name: entry.effect for name, entry in found.manifest.tools.items()}
    assert effects == {name: getattr(redis, name).effect for name in effects}
