"""Asking Slack's Web API: its pages, its errors in words, and the names behind its ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from smolterm.pack import ToolError, cache, http, secrets, settings

MOST = 500
"""Rows that one call returns at most."""

_MOST_PAGES = 50
"""A server that always names a further page must come to an end too."""
_HOW = "`smolterm packs secret slack SLACK_TOKEN`"
_ID = re.compile(r"[CDG][A-Z0-9]{6,}")
_PERSON = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
_LINK = re.compile(r"<(?:#\w+\|)?((?:https?:|mailto:)?[^<>|@!]+)(?:\|([^<>]*))?>")


class MissingScope(ToolError):
    """The token may not call this method, or not with these arguments."""


def ask(
    name: str, *, params: Mapping[str, object] | None = None, json: object = None
) -> dict[str, Any]:
    """Call one method and return the answer, or raise what Slack says as a ToolError.

    Slack answers 200 to what failed; `ok` tells.
    """
    response = http.request(
        "POST" if json is not None else "GET",
        f"{settings['url'].rstrip('/')}/{name}",
        params=params,
        json=json,
        headers={"Content-Type": "application/json; charset=utf-8"} if json is not None else None,
        auth=secrets.bearer("SLACK_TOKEN"),
    )
    if response.status == 429:
        raise ToolError(
            "Slack's rate limit is used up.",
            next=f"Wait {response.headers.get('retry-after', '60')} seconds.",
        )
    answer = response.raise_for_status().json()
    if not isinstance(answer, dict) or not answer.get("ok"):
        raise _error(answer if isinstance(answer, dict) else {})
    return answer


def first(found: Iterator[Any], limit: int) -> list[Any]:
    """Return the first rows only, so that no further page is asked for."""
    if not 1 <= limit <= MOST:
        raise ToolError(f"`limit` is {limit}.", next=f"Give a number from 1 to {MOST}.")
    return list(islice(found, limit))


def rows(
    name: str, key: str, params: Mapping[str, object] | None = None, size: int = 200
) -> Iterator[Any]:
    """Yield the rows of a list, page after page, each page asked for when it is needed.

    Args:
        size: rows of one page, at most 200.
    """
    cursor = None
    for _ in range(_MOST_PAGES):
        asked = {**(params or {}), "limit": max(1, min(size, 200)), "cursor": cursor}
        page = ask(name, params=asked)
        yield from page[key]
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return


def channels() -> Iterator[Any]:
    """Yield the channels that the app can see, without archived ones."""
    asked = {"exclude_archived": True, "types": "public_channel,private_channel"}
    try:
        yield from rows("conversations.list", "channels", asked)
    except MissingScope:
        # Private ones need a scope of their own.
        yield from rows("conversations.list", "channels", asked | {"types": "public_channel"})


def channel_id(channel: str) -> str:
    """Return the id of a channel, which may be given by its name."""
    if _ID.fullmatch(channel):
        return channel
    name = channel.strip().removeprefix("#").lower()
    known = cache.get(f"channel {name}")
    if isinstance(known, str):
        return known
    for row in channels():
        if row["name"] == name:
            cache.put(f"channel {name}", row["id"], seconds=3600)
            return str(row["id"])
    raise ToolError(
        f"There is no channel {channel[:100]!r}.",
        next="list_slack_channels() shows all.",
    )


def people() -> dict[str, str]:
    """Return everybody's name by id; kept for an hour."""
    known = cache.get("people")
    if isinstance(known, dict):
        return known
    names = {row["id"]: name_of(row) for row in rows("users.list", "members")}
    cache.put("people", names, seconds=3600)
    return names


def name_of(row: dict[str, Any]) -> str:
    """Return how a person is called."""
    profile = row.get("profile") or {}
    return str(profile.get("display_name") or row.get("real_name") or row.get("name") or row["id"])


def readable(text: str, names: Mapping[str, str]) -> str:
    """Return a message's text with names for ids, plain links and plain signs."""
    text = _PERSON.sub(lambda found: f"@{names.get(found[1], found[1])}", text)
    text = _LINK.sub(_link, text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _link(found: re.Match[str]) -> str:
    address, shown = found[1], found[2]
    if found[0].startswith("<#"):
        return f"#{address}"
    return f"[{shown}]({address})" if shown and shown != address else address


def _error(answer: Mapping[str, Any]) -> ToolError:
    code = str(answer.get("error") or "no answer that Slack documents")
    if code == "missing_scope":
        return MissingScope(
            f"The token lacks a scope: it needs {answer.get('needed')}.",
            next=f"Add the scope to the app, install it again, and set its token: {_HOW}",
        )
    token = f"Set a token that is right and has not been revoked: {_HOW}"
    nexts = {
        "channel_not_found": "list_slack_channels() shows the channels that the app can see.",
        "not_in_channel": "Invite the app: `/invite @app` in the channel.",
        "is_archived": "The channel is archived; choose another.",
        "thread_not_found": "read_slack_channel() gives each message's `id`.",
        "msg_too_long": "Send it in several messages.",
        "ratelimited": "Wait a minute.",
    }
    if code in ("not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired"):
        return ToolError(f"Slack refuses the token: {code}.", next=token)
    return ToolError(f"Slack answered {code[:200]!r}.", next=nexts.get(code, "Try again later."))
