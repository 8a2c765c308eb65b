"""Slack's Web API as its documentation has it, as far as the pack asks.

Source: docs.slack.dev/reference/methods (conversations.list, .history, .replies, users.list,
chat.postMessage), /apis/web-api (bodies, `ok`, errors), /pagination, /rate-limits,
/messaging/formatting-message-text.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from loopback import Asked, Reply

TOKEN = "xoxb-1234-abcd"
GENERAL = "C0123ABCD"


class Slack:
    def __init__(self) -> None:
        self.scopes = {"channels:read", "channels:history", "users:read", "chat:write"}
        self.sent: list[dict[str, Any]] = []
        self.messages = [
            {
                "type": "message",
                "user": "U0000ADA1",
                "text": "Hi <@U0000BOB1>, see <https://x.org|this> &amp; <#C0123ABCD|general>",
                "ts": "1769860800.000100",
                "reply_count": 2,
            },
            *(
                {"type": "message", "user": "U0000BOB1", "text": f"m{n}", "ts": f"17698609{n:02}.0"}
                for n in range(60)
            ),
        ]

    def answer(self, asked: Asked) -> Reply:
        given = asked.headers.get("authorization", "")
        if given != f"Bearer {TOKEN}":
            return _no("not_authed" if not given else "invalid_auth")
        method: Callable[[Asked], Reply] | None = {
            "/api/conversations.list": self.channels,
            "/api/conversations.history": self.history,
            "/api/conversations.replies": self.replies,
            "/api/users.list": self.people,
            "/api/chat.postMessage": self.post,
        }.get(asked.path)
        return method(asked) if method else _no("unknown_method")

    def channels(self, asked: Asked) -> Reply:
        if "channels:read" not in self.scopes:
            return _no("missing_scope", needed="channels:read", provided="chat:write")
        private = "private_channel" in asked.query.get("types", "")
        if private and "groups:read" not in self.scopes:
            return _no("missing_scope", needed="groups:read", provided="channels:read")
        rows = [
            {"id": GENERAL, "name": "general", "topic": {"value": "All"}, "num_members": 12,
             "is_member": True},
            *({"id": f"C99990{n:03}", "name": f"team-{n}", "topic": {"value": ""},
               "num_members": 1, "is_member": False} for n in range(250)),
        ]  # fmt: skip
        return _page(asked, "channels", rows)

    def history(self, asked: Asked) -> Reply:
        if asked.query["channel"] == "C99990001":
            return _no("not_in_channel")
        if asked.query["channel"] != GENERAL:
            return _no("channel_not_found")
        oldest = float(asked.query.get("oldest", "0"))
        rows = [each for each in reversed(self.messages) if float(each["ts"]) >= oldest]
        return _page(asked, "messages", rows)

    def replies(self, asked: Asked) -> Reply:
        if asked.query["ts"] != "1769860800.000100":
            return _no("thread_not_found")
        answer = {"type": "message", "bot_id": "B01", "username": "ci", "text": "done"}
        rows = [self.messages[0], answer | {"ts": "1769860801.0", "files": [{"name": "a.txt"}]}]
        return _page(asked, "messages", rows)

    def people(self, asked: Asked) -> Reply:
        rows = [
            {"id": "U0000ADA1", "name": "ada", "real_name": "Ada Lovelace", "tz": "Europe/London",
             "profile": {"display_name": "Ada", "title": "Countess"}},
            {"id": "U0000BOB1", "name": "bob", "real_name": "Bob", "profile": {"display_name": ""}},
            {"id": "U0000BOT1", "name": "ci", "is_bot": True, "profile": {}},
            {"id": "U0000EVE1", "name": "eve", "deleted": True, "profile": {}},
        ]  # fmt: skip
        return _page(asked, "members", rows)

    def post(self, asked: Asked) -> Reply:
        assert asked.method == "POST"
        body = asked.json()
        if len(body["text"]) > 40_000:
            return _no("msg_too_long")
        self.sent.append(body)
        return Reply(200, {"ok": True, "channel": body["channel"], "ts": "1769860999.000200"})


def _no(error: str, **more: str) -> Reply:
    return Reply(200, {"ok": False, "error": error, **more})


def _page(asked: Asked, key: str, rows: list[Any]) -> Reply:
    size = int(asked.query.get("limit", "100"))
    at = int(base64.b64decode(asked.query.get("cursor", "")) or b"0")
    following = base64.b64encode(str(at + size).encode()).decode() if at + size < len(rows) else ""
    more = {"response_metadata": {"next_cursor": following}}
    return Reply(200, {"ok": True, key: rows[at : at + size], **more})
