"""Asking Discord's HTTP API: who asks, and its errors in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from smolterm.pack import ToolError, http, secrets, settings

MOST = 300
"""Rows that one call returns at most."""

_HOW = "`smolterm packs secret discord DISCORD_TOKEN`"
_NEXTS = {
    10003: "list_discord_channels() shows the channels there are.",
    10004: "list_discord_servers() shows the servers that the bot is in.",
    10008: "read_discord_channel() gives each message's `id`.",
    10014: "Use one Unicode emoji such as '👍', or 'name:id' for the server's own.",
    50001: "Give the bot access to this channel.",
    50013: "Give the bot this permission in the server's settings.",
    50035: "Mend what Discord names and try again.",
}


def ask(
    method: str,
    path: str,
    *,
    params: Mapping[str, object] | None = None,
    json: object = None,
) -> Any:
    """Send one request and return the answer, or raise what Discord says as a ToolError."""
    response = http.request(
        method,
        f"{settings['url'].rstrip('/')}{path}",
        params=params,
        json=json,
        headers={
            "Authorization": f"Bot {secrets['DISCORD_TOKEN']}",
            # Discord blocks requests whose agent is not of this form.
            "User-Agent": "DiscordBot (https://discord.com, 0.1)",
        },
    )
    if not response.ok:
        raise _error(response)
    return response.json() if response.content else None


def snowflake(value: str, what: str) -> str:
    """Return an id if it is one."""
    if not (value.isascii() and value.isdigit() and 15 <= len(value) <= 20):
        raise ToolError(
            f"{value[:50]!r} is no {what}'s id.",
            next="Ids are numbers of some 18 digits, as text; the list tools give them.",
        )
    return value


def bounded(limit: int) -> int:
    """Return the limit if it is one that a call may ask for."""
    if not 1 <= limit <= MOST:
        raise ToolError(f"`limit` is {limit}.", next=f"Give a number from 1 to {MOST}.")
    return limit


def _error(response: http.Response) -> ToolError:
    try:
        body = response.json()
    except ToolError:
        body = None
    if not isinstance(body, dict):
        body = {"message": response.text[:200]}
    if response.status == 429:
        seconds = body.get("retry_after") or response.headers.get("retry-after", "60")
        return ToolError("Discord's rate limit is used up.", next=f"Wait {seconds} seconds.")
    if response.status == 401:
        return ToolError(
            "Discord refuses the token.",
            next=f"Set the bot's token (not the client secret): {_HOW}",
        )
    fields = "; ".join(_fields(body.get("errors"), "", 0))[:500]
    what = f"Discord answered {response.status}: {body.get('message', '')}"
    code = body.get("code")
    advice = _NEXTS.get(code) if isinstance(code, int) else None
    return ToolError(what + (f" ({fields})" if fields else ""), next=advice or "Try again later.")


def _fields(errors: object, where: str, depth: int) -> Iterator[str]:
    """Yield what is wrong with each field; Discord nests it as the request was nested."""
    if not isinstance(errors, dict) or depth > 10:
        return
    for each in errors.get("_errors") or []:
        yield f"{where}: {each.get('message', '')}"
    for name, inner in errors.items():
        if name != "_errors":
            yield from _fields(inner, f"{where}.{name}" if where else str(name), depth + 1)
