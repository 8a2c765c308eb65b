"""The Redis pack in its own process: every tool, checked as the engine checks it."""

from __future__ import annotations

from hosting import hosting
from smolterm.packs.doors.grant import Grant
from test_redis import PASSWORD


def test_every_tool_works_in_the_packs_process(redis_server: str) -> None:
    grant = Grant(
        pack="redis", settings={"url": redis_server}, secrets={"REDIS_PASSWORD": ()},
        secret_values={"REDIS_PASSWORD": PASSWORD},
    )  # fmt: skip
    with hosting("smolterm_redis", grant) as redis:
        redis.write_redis_key("hosted:1", {"name": "Ann"}, seconds=60)
        redis.write_redis_key("hosted:2", b"\xff")
        assert redis.read_redis_key("hosted:1")["value"] == {"name": "Ann"}
        assert redis.read_redis_key("hosted:2")["value"] == b"\xff"
        assert len(redis.list_redis_keys("hosted:*")) == 2
        assert redis.describe_redis()["version"]
        assert redis.delete_redis_keys(["hosted:1", "hosted:2"]) == {"deleted": 2}
        assert redis.called == redis.names
