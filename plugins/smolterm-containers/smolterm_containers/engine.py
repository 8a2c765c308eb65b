"""The Engine API of Docker and Podman over its unix socket."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from smolterm.pack import ToolError, settings

SECONDS = 20.0
LONGEST = 10_000_000
"""Bytes of one answer."""
LONGEST_FRAME = 16 * 1024 * 1024


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def asked(
    method: str, path: str, query: dict[str, object] | None = None, body: object = None,
    seconds: float = SECONDS,
) -> bytes:  # fmt: skip
    """Return the Engine's answer; paths bear no version, so each server takes its own.

    Raises:
        TimeoutError: it took longer.
        ToolError: it cannot be reached, or refuses.
    """
    place = settings["socket"].removeprefix("unix://")
    connection = _Unix(place, seconds)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    raw = json.dumps(body).encode() if body is not None else None
    try:
        connection.request(method, f"{path}?{urlencode(query or {})}", raw, headers)
        reply = connection.getresponse()
        content = reply.read(LONGEST + 1)
    except TimeoutError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ToolError(
            f"No container engine answers at {place}: {error}.",
            next="Does it run? The person can name it: smolterm packs set containers socket=PATH",
        ) from None
    finally:
        connection.close()
    if len(content) > LONGEST:
        raise ToolError(f"The answer has more than {LONGEST} bytes.", next="Ask for less.")
    # 304: it is already so.
    if reply.status >= 400:
        raise ToolError(f"The container engine says: {_message(content, reply.status)}")
    return content


def told(
    method: str, path: str, query: dict[str, object] | None = None, body: object = None
) -> Any:
    """Return the Engine's answer as data; see `asked`."""
    try:
        content = asked(method, path, query, body)
    except TimeoutError:
        raise ToolError(f"The container engine did not answer within {SECONDS:g} s.") from None
    if not content:
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise ToolError("The container engine answers no JSON.") from None


def named(container: str) -> str:
    """Return the path of a container.

    Raises:
        ToolError: it is no name.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,200}", container):
        raise ToolError(
            f"{container[:100]!r} is no name of a container.", next="list_containers() shows them."
        )
    return f"/containers/{quote(container)}"


def lines(raw: bytes, tty: bool) -> list[dict[str, object]]:
    """Return what a container wrote, line by line.

    Without a terminal the two streams come in frames: the stream, three zeros, the length in four
    bytes, and so many bytes.
    """
    written: dict[str, bytes] = {}
    found: list[dict[str, object]] = []
    for stream, part in [("out", raw)] if tty else _frames(raw):
        *whole, rest = (written.get(stream, b"") + part).split(b"\n")
        found += [_line(stream, each) for each in whole]
        written[stream] = rest
    return found + [_line(stream, rest) for stream, rest in written.items() if rest]


def _line(stream: str, raw: bytes) -> dict[str, object]:
    return {"stream": stream, "text": raw.decode(errors="replace").rstrip("\r")[:10_000]}


def _frames(raw: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at + 8 <= len(raw):
        size = int.from_bytes(raw[at + 4 : at + 8], "big")
        if raw[at] > 2 or raw[at + 1 : at + 4] != b"\0\0\0" or size > LONGEST_FRAME:
            raise ToolError("What the container wrote came in no frames.")
        yield ("errors" if raw[at] == 2 else "out"), raw[at + 8 : at + 8 + size]
        at += 8 + size


def _message(content: bytes, status: int) -> str:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        answer = None
    said = answer.get("message") if isinstance(answer, dict) else None
    return str(said or f"status {status}")[:500]
