"""Slack's channels and messages: what a model can call."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from smolterm.pack import ToolError, tool

from smolterm_slack import api


@tool(effect="network")
def list_slack_channels(search: str = "", limit: int = 100) -> list[dict[str, object]]:
    """List Slack's channels that the app can see, without archived ones.

    Args:
        search: part of a name.

    Returns:
        One dict each: {"id": "C0123ABCD", "name": "general", "topic": "...", "members": 12,
        "joined": True}. Only channels that the app joined can be read.
    """
    wanted = search.lower()
    found = (row for row in api.channels() if wanted in row["name"].lower())
    return [
        {
            "id": row["id"],
            "name": row["name"],
            "topic": (row.get("topic") or {}).get("value", ""),
            "members": row.get("num_members", 0),
            "joined": bool(row.get("is_member")),
        }
        for row in api.first(found, limit)
    ]


@tool(effect="network")
def read_slack_channel(channel: str, limit: int = 30, since: str = "") -> list[dict[str, object]]:
    """Read the newest messages of a Slack channel, oldest of them first.

    Args:
        channel: "#general" or its id.
        since: only messages from this moment on, such as "2026-01-31" or "2026-01-31T12:00:00".
            In UTC if it names no offset.

    Returns:
        One dict per message: {"id": "1769860800.000100", "author": "Ada",
        "time": "2026-01-31T12:00:00+00:00", "text": "...", "replies": 2, "files": []}.
        `id` is what read_slack_thread and send_slack_message take as `thread`.

    Example:
        for message in read_slack_channel("#general", limit=10):
            print(message["author"], message["text"])
    """
    params = {"channel": api.channel_id(channel), "oldest": _seconds(since) if since else None}
    found = api.first(api.rows("conversations.history", "messages", params, limit), limit)
    names = api.people()
    return [_message(row, names) for row in reversed(found)]


@tool(effect="network")
def read_slack_thread(channel: str, thread: str, limit: int = 50) -> list[dict[str, object]]:
    """Read one thread of a Slack channel, its first message first.

    Args:
        channel: "#general" or its id.
        thread: the `id` of its first message.

    Returns:
        What read_slack_channel gives.
    """
    params = {"channel": api.channel_id(channel), "ts": thread}
    found = api.first(api.rows("conversations.replies", "messages", params, limit), limit)
    names = api.people()
    return [_message(row, names) for row in found]


@tool(effect="network")
def list_slack_people(search: str = "", limit: int = 100) -> list[dict[str, object]]:
    """List the people of the Slack workspace, without bots and those who left.

    Args:
        search: part of a name.

    Returns:
        One dict each: {"id": "U0123ABCD", "name": "ada", "full_name": "Ada Lovelace",
        "title": "...", "timezone": "Europe/London"}. "<@U0123ABCD>" in a message names a person.
    """
    wanted = search.lower()
    people = (
        {
            "id": row["id"],
            "name": api.name_of(row),
            "full_name": str(row.get("real_name") or ""),
            "title": (row.get("profile") or {}).get("title", ""),
            "timezone": row.get("tz", ""),
        }
        for row in api.rows("users.list", "members")
        if not row.get("deleted") and not row.get("is_bot") and row["id"] != "USLACKBOT"
    )
    return api.first(
        (each for each in people if wanted in f"{each['name']}\n{each['full_name']}".lower()), limit
    )


@tool(effect="write")
def send_slack_message(channel: str, text: str, thread: str = "") -> dict[str, object]:
    """Send a message to a Slack channel; everybody in it sees it at once.

    Args:
        channel: "#general" or its id; a person's id sends a direct message.
        text: Slack's own marks: *bold*, _italic_, `code`, "<@U0123ABCD>" for a person.
        thread: the `id` of a message to answer in its thread.

    Returns:
        {"channel": "C0123ABCD", "id": "1769860800.000200"}.
    """
    if not text.strip():
        raise ToolError("The message is empty.")
    to = channel if channel[:1] in "UW" and channel.isalnum() else api.channel_id(channel)
    body = {"channel": to, "text": text} | ({"thread_ts": thread} if thread else {})
    sent = api.ask("chat.postMessage", json=body)
    return {"channel": sent["channel"], "id": sent["ts"]}


def _message(row: dict[str, Any], names: Mapping[str, str]) -> dict[str, object]:
    who = str(row.get("user") or "")
    moment = datetime.datetime.fromtimestamp(int(float(row["ts"])), datetime.UTC)
    return {
        "id": row["ts"],
        "author": names.get(who) or row.get("username") or who or row.get("bot_id") or "",
        "time": moment.isoformat(),
        "text": api.readable(row.get("text") or "", names),
        "replies": row.get("reply_count", 0),
        "files": [each.get("name", "") for each in row.get("files") or []],
    }


def _seconds(moment: str) -> str:
    try:
        found = datetime.datetime.fromisoformat(moment)
    except ValueError:
        raise ToolError(f"{moment[:50]!r} is no time.", next="Write it as '2026-01-31'.") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=datetime.UTC)
    return f"{found.timestamp():.6f}"
