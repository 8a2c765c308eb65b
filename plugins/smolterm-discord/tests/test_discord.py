"""The Discord pack, against a server that speaks the documented API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from discord_server import CHANNEL, CLOSED, FIRST, SERVER, TOKEN, Discord
from loopback import Asked, Reply
from rigging import Rig, rigged


@pytest.fixture
def server() -> Discord:
    return Discord()


@pytest.fixture
def discord(server: Discord, world: str) -> Iterator[Rig]:
    secrets = {"DISCORD_TOKEN": TOKEN}
    with rigged("smolterm_discord", server.answer, secrets=secrets, url="{}/api/v10") as rig:
        yield rig


def test_servers_are_listed_over_pages(discord: Rig) -> None:
    found = discord.tools.list_discord_servers(limit=205)
    assert found[0] == {"id": SERVER, "name": "Server 0"}
    assert [each["name"] for each in found] == [f"Server {n}" for n in range(205)]
    assert len(discord.server.asked) == 2
    assert discord.server.last.headers["authorization"] == f"Bot {TOKEN}"


def test_channels_are_listed_in_their_order(discord: Rig) -> None:
    assert discord.tools.list_discord_channels(SERVER) == [
        {"id": CHANNEL, "name": "general", "kind": "text", "topic": "All", "category": "Text"},
        {"id": CLOSED, "name": "voice", "kind": "voice", "topic": "", "category": ""},
    ]
    missing = discord.refused(lambda: discord.tools.list_discord_channels("1" * 17))
    assert "list_discord_servers" in missing.next


def test_messages_are_read_over_pages_oldest_first(discord: Rig) -> None:
    found = discord.tools.read_discord_channel(CHANNEL, limit=129)
    assert [each["text"] for each in found] == [f"m{n}" for n in range(1, 130)]
    assert [each.query["limit"] for each in discord.server.asked] == ["100", "29"]
    assert found[0] == {
        "id": str(FIRST + 1),
        "author": "Ada",
        "time": "2026-01-31T12:00:00.000000+00:00",
        "text": "m1",
        "answers": None,
        "files": ["a.png"],
        "reactions": {"👍": 2},
    }
    older = discord.tools.read_discord_channel(CHANNEL, before=str(FIRST + 1))
    assert [each["author"] for each in older] == ["ada"]


def test_a_message_is_sent_and_pings_nobody(discord: Rig, server: Discord) -> None:
    sent = discord.tools.send_discord_message(CHANNEL, "@everyone hi", answers=str(FIRST))
    assert sent == {"id": str(FIRST + 130), "channel": CHANNEL}
    found = discord.tools.read_discord_channel(CHANNEL, limit=1)[0]
    assert (found["text"], found["answers"]) == ("@everyone hi", str(FIRST))


def test_a_reaction_is_added(discord: Rig, server: Discord) -> None:
    assert discord.tools.react_discord_message(CHANNEL, str(FIRST), "👍") is None
    discord.tools.react_discord_message(CHANNEL, str(FIRST), "party:41771983429993937")
    assert server.reactions == ["👍", "party:41771983429993937"]
    error = discord.refused(lambda: discord.tools.react_discord_message(CHANNEL, str(FIRST), "x/y"))
    assert "emoji" in error.next


def test_what_cannot_be_sent_says_why(discord: Rig) -> None:
    tools = discord.tools
    assert "empty" in discord.refused(lambda: tools.send_discord_message(CHANNEL, "\n")).what
    long = discord.refused(lambda: tools.send_discord_message(CHANNEL, "x" * 2_001))
    assert "2000" in long.what
    unknown = discord.refused(lambda: tools.send_discord_message(CHANNEL, "x", answers="1" * 17))
    assert "message_reference: Unknown message" in unknown.what


def test_a_closed_channel_says_what_to_do(discord: Rig) -> None:
    closed = discord.refused(lambda: discord.tools.read_discord_channel(CLOSED))
    assert "Missing Access" in closed.what
    assert "access" in closed.next
    missing = discord.refused(lambda: discord.tools.read_discord_channel("1" * 17))
    assert "list_discord_channels" in missing.next


def test_what_is_no_id_is_not_asked(discord: Rig) -> None:
    for wrong in ("general", "../users/@me", "", "1" * 30):
        assert "id" in discord.refused(lambda n=wrong: discord.tools.read_discord_channel(n)).what
    assert discord.server.asked == []


def test_a_wrong_token_says_how_to_set_one(discord: Rig) -> None:
    with discord.again(secrets={"DISCORD_TOKEN": "other.token"}) as other:
        error = other.refused(other.tools.list_discord_servers)
    assert "smolterm packs secret discord DISCORD_TOKEN" in error.next


def test_a_rate_limit_says_how_long_to_wait(discord: Rig) -> None:
    body = {"message": "You are being rate limited.", "retry_after": 1.5, "global": False}
    with discord.answering(lambda asked: Reply(429, body, {"Retry-After": "2"})):
        error = discord.refused(discord.tools.list_discord_servers)
    assert "1.5 seconds" in error.next


def test_a_server_that_gives_the_token_back_gives_nothing_away(discord: Rig) -> None:
    def echo(asked: Asked) -> Reply:
        return Reply(400, {"message": asked.headers["authorization"], "code": 0})

    with discord.answering(echo):
        assert "Bot" in discord.refused(discord.tools.list_discord_servers).what


def test_limits_are_limited(discord: Rig) -> None:
    for limit in (0, 301):
        error = discord.refused(lambda n=limit: discord.tools.list_discord_servers(n))
        assert "1 to 300" in error.next
