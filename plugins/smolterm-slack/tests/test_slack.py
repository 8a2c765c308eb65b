"""The Slack pack, against a server that speaks the documented API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from loopback import Asked, Reply
from rigging import Rig, rigged
from slack_server import GENERAL, TOKEN, Slack


@pytest.fixture
def server() -> Slack:
    return Slack()


@pytest.fixture
def slack(server: Slack, world: str) -> Iterator[Rig]:
    secrets = {"SLACK_TOKEN": TOKEN}
    with rigged("smolterm_slack", server.answer, secrets=secrets, url="{}/api") as rig:
        yield rig


def test_channels_are_listed_over_pages(slack: Rig) -> None:
    found = slack.tools.list_slack_channels(limit=251)
    assert len(found) == 251
    assert found[0] == {
        "id": GENERAL,
        "name": "general",
        "topic": "All",
        "members": 12,
        "joined": True,
    }
    # Private channels were asked for in vain first.
    assert len(slack.server.asked) == 3
    names = [each["name"] for each in slack.tools.list_slack_channels("TEAM-24", limit=3)]
    assert names == ["team-24", "team-240", "team-241"]


def test_messages_are_read_with_names_for_ids(slack: Rig) -> None:
    found = slack.tools.read_slack_channel("#general", limit=500)
    assert len(found) == 61
    assert found[0] == {
        "id": "1769860800.000100",
        "author": "Ada",
        "time": "2026-01-31T12:00:00+00:00",
        "text": "Hi @Bob, see [this](https://x.org) & #general",
        "replies": 2,
        "files": [],
    }
    assert [each["text"] for each in found[-2:]] == ["m58", "m59"]


def test_the_newest_messages_come_first(slack: Rig) -> None:
    found = slack.tools.read_slack_channel(GENERAL, limit=2)
    assert [each["text"] for each in found] == ["m58", "m59"]
    later = slack.tools.read_slack_channel(GENERAL, since="2026-01-31T12:02:00")
    assert slack.server.last.query["oldest"] == "1769860920.000000"
    assert later[0]["text"] == "m30" and len(later) == 30
    error = slack.refused(lambda: slack.tools.read_slack_channel(GENERAL, since="yesterday"))
    assert "2026-01-31" in error.next


def test_names_are_asked_for_once(slack: Rig) -> None:
    for _ in range(2):
        slack.tools.read_slack_channel("general", limit=1)
    paths = [each.path for each in slack.server.asked]
    assert paths.count("/api/users.list") == 1
    assert paths.count("/api/conversations.list") == 2


def test_a_thread_is_read(slack: Rig) -> None:
    found = slack.tools.read_slack_thread(GENERAL, "1769860800.000100")
    assert [each["author"] for each in found] == ["Ada", "ci"]
    assert found[1]["files"] == ["a.txt"]
    error = slack.refused(lambda: slack.tools.read_slack_thread(GENERAL, "1"))
    assert "thread_not_found" in error.what


def test_people_are_listed(slack: Rig) -> None:
    found = slack.tools.list_slack_people("lovelace")
    assert found == [
        {
            "id": "U0000ADA1",
            "name": "Ada",
            "full_name": "Ada Lovelace",
            "title": "Countess",
            "timezone": "Europe/London",
        }
    ]
    assert [each["name"] for each in slack.tools.list_slack_people()] == ["Ada", "Bob"]


def test_private_channels_are_asked_for_where_they_may_be(slack: Rig, server: Slack) -> None:
    server.scopes.add("groups:read")
    slack.tools.list_slack_channels(limit=3)
    types = [each.query["types"] for each in slack.server.asked]
    assert types == ["public_channel,private_channel"]


def test_a_list_without_an_end_ends(slack: Rig) -> None:
    page = {"ok": True, "channels": [], "response_metadata": {"next_cursor": "x"}}
    with slack.answering(lambda asked: Reply(200, page)):
        assert slack.tools.list_slack_channels() == []


def test_a_message_is_sent(slack: Rig, server: Slack) -> None:
    sent = slack.tools.send_slack_message("#general", "Grüße", thread="1769860800.000100")
    assert sent == {"channel": GENERAL, "id": "1769860999.000200"}
    slack.tools.send_slack_message("U0000ADA1", "Hi")
    assert server.sent == [
        {"channel": GENERAL, "text": "Grüße", "thread_ts": "1769860800.000100"},
        {"channel": "U0000ADA1", "text": "Hi"},
    ]
    assert slack.server.last.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("channel", "text", "says"),
    [
        ("C99990001", "", "/invite"),
        ("C0000NONE", "", "list_slack_channels"),
        ("#none", "", "list_slack_channels"),
    ],
)
def test_a_channel_that_cannot_be_read_says_why(
    slack: Rig, channel: str, text: str, says: str
) -> None:
    assert says in slack.refused(lambda: slack.tools.read_slack_channel(channel)).next


def test_a_message_that_cannot_be_sent_says_why(slack: Rig) -> None:
    tools = slack.tools
    assert "empty" in slack.refused(lambda: tools.send_slack_message(GENERAL, " ")).what
    long = slack.refused(lambda: tools.send_slack_message(GENERAL, "x" * 40_001))
    assert "several messages" in long.next


def test_a_missing_scope_is_named(slack: Rig, server: Slack) -> None:
    server.scopes.clear()
    error = slack.refused(slack.tools.list_slack_channels)
    assert "channels:read" in error.what
    assert "smolterm packs secret slack SLACK_TOKEN" in error.next


def test_a_wrong_token_says_how_to_set_one(slack: Rig) -> None:
    with slack.again(secrets={"SLACK_TOKEN": "xoxb-other"}) as other:
        error = other.refused(other.tools.list_slack_channels)
    assert "invalid_auth" in error.what
    assert "smolterm packs secret slack SLACK_TOKEN" in error.next
    with slack.again(secrets={}) as other:
        assert "SLACK_TOKEN" in other.refused(other.tools.list_slack_channels).what


def test_a_rate_limit_says_how_long_to_wait(slack: Rig) -> None:
    body = {"ok": False, "error": "ratelimited"}
    with slack.answering(lambda asked: Reply(429, body, {"Retry-After": "30"})):
        error = slack.refused(slack.tools.list_slack_channels)
    assert "30 seconds" in error.next


def test_a_server_that_gives_the_token_back_gives_nothing_away(slack: Rig) -> None:
    def echo(asked: Asked) -> Reply:
        return Reply(200, {"ok": False, "error": asked.headers["authorization"]})

    with slack.answering(echo):
        assert "Bearer" in slack.refused(slack.tools.list_slack_channels).what


def test_limits_are_limited(slack: Rig) -> None:
    for limit in (0, 501):
        error = slack.refused(lambda n=limit: slack.tools.list_slack_channels(limit=n))
        assert "1 to 500" in error.next
