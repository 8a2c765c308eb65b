"""Discord's servers, channels and messages: what a model can call."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from smolterm.pack import ToolError, tool

from smolterm_discord import api

_LONGEST_MESSAGE = 2_000
_KINDS = {0: "text", 2: "voice", 4: "category", 5: "announcement", 13: "stage", 15: "forum"}


@tool(effect="network")
def list_discord_servers(limit: int = 100) -> list[dict[str, object]]:
    """List the Discord servers that the bot is in.

    Returns:
        One dict each: {"id": "197038439483310086", "name": "..."}; ids are text.
    """
    found: list[dict[str, object]] = []
    last = None
    api.bounded(limit)
    while len(found) < limit:
        wanted = min(limit - len(found), 200)
        page = api.ask("GET", "/users/@me/guilds", params={"limit": wanted, "after": last})
        found += [{"id": row["id"], "name": row["name"]} for row in page]
        if len(page) < wanted:
            break
        last = page[-1]["id"]
    return found


@tool(effect="network")
def list_discord_channels(server: str) -> list[dict[str, object]]:
    """List the channels of a Discord server, in the order that people see.

    Args:
        server: its id, as list_discord_servers gives it.

    Returns:
        One dict each: {"id": "41771983423143937", "name": "general", "kind": "text",
        "topic": "...", "category": "Text channels"}.
    """
    rows = api.ask("GET", f"/guilds/{api.snowflake(server, 'server')}/channels")
    categories = {row["id"]: row["name"] for row in rows if row["type"] == 4}
    rows.sort(key=lambda row: (row.get("position", 0), int(row["id"])))
    return [
        {
            "id": row["id"],
            "name": row["name"],
            "kind": _KINDS.get(row["type"], "other"),
            "topic": row.get("topic") or "",
            "category": categories.get(row.get("parent_id"), ""),
        }
        for row in rows
        if row["type"] != 4
    ]


@tool(effect="network")
def read_discord_channel(
    channel: str, limit: int = 30, before: str = ""
) -> list[dict[str, object]]:
    """Read the newest messages of a Discord channel or thread, oldest of them first.

    Args:
        channel: its id, as list_discord_channels gives it.
        before: a message's id; only older ones are returned.

    Returns:
        One dict per message: {"id": "334385199974967042", "author": "Ada",
        "time": "2026-01-31T12:00:00.000000+00:00", "text": "...", "answers": None, "files": [],
        "reactions": {"👍": 2}}. `answers` is the id of the message that this one answers.

    Example:
        for message in read_discord_channel("41771983423143937", limit=10):
            print(message["author"], message["text"])
    """
    path = f"/channels/{api.snowflake(channel, 'channel')}/messages"
    last = api.snowflake(before, "message") if before else None
    found: list[dict[str, Any]] = []
    api.bounded(limit)
    while len(found) < limit:
        wanted = min(limit - len(found), 100)
        page = api.ask("GET", path, params={"limit": wanted, "before": last})
        found += page
        if len(page) < wanted:
            break
        last = page[-1]["id"]
    return [_message(row) for row in reversed(found)]


@tool(effect="write")
def send_discord_message(channel: str, text: str, answers: str = "") -> dict[str, object]:
    """Send a message to a Discord channel; everybody in it sees it at once, nobody is pinged.

    Args:
        channel: its id, as list_discord_channels gives it.
        text: Markdown, at most 2,000 characters.
        answers: the id of a message that this one answers.

    Returns:
        {"id": "334385199974967042", "channel": "41771983423143937"}.
    """
    if not text.strip():
        raise ToolError("The message is empty.")
    if len(text) > _LONGEST_MESSAGE:
        raise ToolError(
            f"The message has {len(text)} characters; {_LONGEST_MESSAGE} can be sent.",
            next="Send it in several messages.",
        )
    # A text from somewhere else must not be able to ring at a whole server.
    body: dict[str, object] = {"content": text, "allowed_mentions": {"parse": []}}
    if answers:
        body["message_reference"] = {"message_id": api.snowflake(answers, "message")}
    path = f"/channels/{api.snowflake(channel, 'channel')}/messages"
    sent = api.ask("POST", path, json=body)
    return {"id": sent["id"], "channel": sent["channel_id"]}


@tool(effect="write")
def react_discord_message(channel: str, message: str, emoji: str) -> None:
    """Add the bot's reaction to a Discord message.

    Args:
        channel: its id.
        message: its id, as read_discord_channel gives it.
        emoji: one Unicode emoji such as "👍", or "name:id" for the server's own.
    """
    where = f"/channels/{api.snowflake(channel, 'channel')}/messages"
    path = f"{where}/{api.snowflake(message, 'message')}/reactions/{quote(emoji, safe=':')}/@me"
    api.ask("PUT", path)


def _message(row: dict[str, Any]) -> dict[str, object]:
    author = row.get("author") or {}
    return {
        "id": row["id"],
        "author": author.get("global_name") or author.get("username") or "",
        "time": row["timestamp"],
        "text": row.get("content") or "",
        "answers": (row.get("message_reference") or {}).get("message_id"),
        "files": [each.get("filename", "") for each in row.get("attachments") or []],
        "reactions": {
            (each.get("emoji") or {}).get("name") or "": each.get("count", 0)
            for each in row.get("reactions") or []
        },
    }
