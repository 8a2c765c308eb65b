"""What is kept of an MCP server that a person trusts. Plain data."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any

import msgspec

MOST_TOOLS = 200
MOST_PROMPTS = 100
LONGEST_LISTING = 2_000_000
"""Bytes of everything that a server says of its tools, as JSON."""
REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,99})\}")
"""A secret in the value of a header."""


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """One tool in the server's words, cut to what is used of them."""

    name: str
    title: str = ""
    description: str = ""
    schema: dict[str, Any] = {}
    """JSON Schema of its arguments."""
    output: dict[str, Any] | None = None
    annotations: dict[str, Any] = {}
    """Hints of an untrusted party."""


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """One prompt that a server offers."""

    name: str
    description: str = ""
    arguments: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says that it has."""

    server: str = ""
    """Its own name and version: for a person, and not compared."""
    tools: tuple[Definition, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    resources: bool = False
    """It has some that can be read."""


class Server(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one server is reached, and what it said when it was trusted."""

    command: tuple[str, ...] = ()
    """What to start; empty for one at an address."""
    folder: str = ""
    """Where it is started."""
    url: str = ""
    headers: dict[str, str] = {}
    """Sent with each request; `${NAME}` is the secret of that name."""
    listing: Listing = Listing()
    names: dict[str, str] = {}
    """A tool's name for the model to the server's own."""
    changed: bool = False
    """It said something else when it was last used: it is not used until the person looked."""

    def secrets(self) -> tuple[str, ...]:
        """Return the secrets that its headers name."""
        return tuple(name for text in self.headers.values() for name in REFERENCE.findall(text))


def hash_of(server: Server, listing: Listing, env: Iterable[str], secrets: Iterable[str]) -> str:
    """Return the hash over how a server is reached and every definition that it gave.

    Args:
        env, secrets: the variables and secrets that it is handed.
    """
    said = msgspec.structs.replace(
        listing,
        server="",
        tools=tuple(sorted(listing.tools, key=lambda each: each.name)),
        prompts=tuple(sorted(listing.prompts, key=lambda each: each.name)),
    )
    whole = ["smolterm mcp 1", server.command, server.folder, server.url, server.headers,
             sorted(env), sorted(secrets), said]  # fmt: skip
    raw = msgspec.json.encode(whole, order="deterministic")
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def differences(before: Listing, now: Listing) -> list[str]:
    """Say in words what a server no longer says as it did."""
    said: list[str] = []
    old = {each.name: each for each in before.tools}
    for tool in now.tools:
        known = old.pop(tool.name, None)
        if known is None:
            said.append(f"the tool {tool.name[:60]!a} is new")
        elif known.schema != tool.schema:
            said.append(f"the arguments of {tool.name[:60]!a} are others")
        elif known != tool:
            said.append(f"the description of {tool.name[:60]!a} is another one")
    said += [f"the tool {name[:60]!a} is gone" for name in old]
    if before.prompts != now.prompts:
        said.append("its prompts are others")
    if before.resources != now.resources:
        said.append("it has resources now" if now.resources else "its resources are gone")
    return said
