"""Discord's HTTP API, version 10, as its documentation has it, as far as the pack asks.

Source: discord.com/developers/docs: reference (authentication, user agent, error messages,
snowflakes), topics/rate-limits, topics/opcodes-and-status-codes, resources/user, /guild, /channel,
/message.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from loopback import Asked, Reply

TOKEN = "MTk4NjIy.Cl2FMQ.ZnCjm1XVW7v"
SERVER, CHANNEL, CLOSED = "197038439483310086", "41771983423143937", "41771983423143999"
FIRST = 334_385_199_974_960_000


class Discord:
    def __init__(self) -> None:
        self.reactions: list[str] = []
        self.messages: list[dict[str, Any]] = [
            {
                "id": str(FIRST + n),
                "channel_id": CHANNEL,
                "author": {"id": "1", "username": "ada", "global_name": "Ada" if n else None},
                "content": f"m{n}",
                "timestamp": "2026-01-31T12:00:00.000000+00:00",
                "attachments": [{"id": "2", "filename": "a.png"}] if n == 1 else [],
                "reactions": [{"emoji": {"id": None, "name": "👍"}, "count": 2}] if n == 1 else [],
            }
            for n in range(130)
        ]

    def answer(self, asked: Asked) -> Reply:
        if not re.match(r"DiscordBot \(\S+, \S+\)", asked.headers.get("user-agent", "")):
            return Reply(403, "error code: 1010")
        if asked.headers.get("authorization") != f"Bot {TOKEN}":
            return _error(401, 0, "401: Unauthorized")
        path = asked.raw_path.removeprefix("/api/v10")
        for pattern, method, function in _ROUTES:
            found = re.fullmatch(pattern, path)
            if found and asked.method == method:
                return function(self, asked, *map(unquote, found.groups()))
        return _error(404, 0, "404: Not Found")

    def guilds(self, asked: Asked) -> Reply:
        rows = [{"id": str(int(SERVER) + n), "name": f"Server {n}"} for n in range(210)]
        after = int(asked.query.get("after", "0"))
        rows = [each for each in rows if int(each["id"]) > after]
        return Reply(200, rows[: int(asked.query["limit"])])

    def channels(self, asked: Asked, server: str) -> Reply:
        if server != SERVER:
            return _error(404, 10004, "Unknown Guild")
        category = {"id": "11111111111111111", "type": 4, "name": "Text", "position": 0}
        rows = [
            {"id": CLOSED, "type": 2, "name": "voice", "position": 2, "parent_id": None},
            {"id": CHANNEL, "type": 0, "name": "general", "position": 1, "topic": "All",
             "parent_id": category["id"]},
            category,
        ]  # fmt: skip
        return Reply(200, rows)

    def read(self, asked: Asked, channel: str) -> Reply:
        if channel == CLOSED:
            return _error(403, 50001, "Missing Access")
        if channel != CHANNEL:
            return _error(404, 10003, "Unknown Channel")
        size = int(asked.query.get("limit", "50"))
        if not 1 <= size <= 100:
            return _error(400, 50035, "Invalid Form Body")
        before = int(asked.query.get("before", "9" * 18))
        rows = [each for each in reversed(self.messages) if int(each["id"]) < before]
        return Reply(200, rows[:size])

    def send(self, asked: Asked, channel: str) -> Reply:
        body = asked.json()
        assert body["allowed_mentions"] == {"parse": []}
        reference = body.get("message_reference", {}).get("message_id")
        if reference and not any(each["id"] == reference for each in self.messages):
            wrong = [{"code": "REPLIES_UNKNOWN_MESSAGE", "message": "Unknown message"}]
            errors = {"message_reference": {"_errors": wrong}}
            return Reply(400, {"code": 50035, "message": "Invalid Form Body", "errors": errors})
        made = self.messages[0] | {"id": str(FIRST + len(self.messages)), **body}
        self.messages.append(made)
        return Reply(200, made)

    def react(self, asked: Asked, channel: str, message: str, emoji: str) -> Reply:
        if not any(each["id"] == message for each in self.messages):
            return _error(404, 10008, "Unknown Message")
        if emoji not in ("👍", "party:41771983429993937"):
            return _error(400, 10014, "Unknown Emoji")
        self.reactions.append(emoji)
        return Reply(204)


_ROUTES = (
    (r"/users/@me/guilds", "GET", Discord.guilds),
    (r"/guilds/(\d+)/channels", "GET", Discord.channels),
    (r"/channels/(\d+)/messages", "GET", Discord.read),
    (r"/channels/(\d+)/messages", "POST", Discord.send),
    (r"/channels/(\d+)/messages/(\d+)/reactions/([^/]+)/@me", "PUT", Discord.react),
)


def _error(status: int, code: int, message: str) -> Reply:
    return Reply(status, {"message": message, "code": code})
