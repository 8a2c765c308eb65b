"""`smolterm packs add --mcp`: start a server once, show what it says, ask, and keep it."""

from __future__ import annotations

import asyncio
import datetime
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from smolterm.errors import ExitCode, PackError, UsageError
from smolterm.packs.adding import agreed, say
from smolterm.packs.bridges.described import tools_of
from smolterm.packs.bridges.mcp import listed, load_of, start_host
from smolterm.packs.bridges.schema import shown
from smolterm.packs.bridges.server import Listing, Server, differences, hash_of
from smolterm.packs.doors.grant import Grant
from smolterm.packs.find import find_packs
from smolterm.packs.grants import asked, origin
from smolterm.packs.listing import asking_lines
from smolterm.packs.manifest import Capabilities, Manifest, Secret, ToolEntry
from smolterm.packs.standing import examined_server
from smolterm.packs.trust import SecretSource, Trusted, changing, read_trust
from smolterm.packs.using import Leave, grant_of

LONGEST_LINE = 100
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,49}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


def add_server(
    name: str,
    command: Sequence[str],
    url: str,
    *,
    headers: Sequence[str] = (),
    env: Sequence[str] = (),
    secrets: Sequence[str] = (),
    yes: bool = False,
) -> int:
    """Look at an MCP server and, after a yes, use it.

    Args:
        command: what starts it; or else
        url: where it is.
        headers: `Name: value`, where `${SECRET}` is replaced.
        env: variables of this environment that it is told.
        secrets: it gets those as variables too. Each is in a variable now, or typed.

    Raises:
        UsageError: it cannot be named or reached so.
        PackError: it did not start, or does not speak the protocol.
    """
    server = _server(name, command, url, headers)
    for each in (*env, *secrets):
        if not _VARIABLE.fullmatch(each):
            raise UsageError(f"{each!a} is no name of a variable.")
    if name in read_trust().packs or any(found.name == name for found in find_packs()):
        raise UsageError(
            f"There is a pack named {name} already.", next=f"smolterm packs remove {name}."
        )
    needed = tuple(dict.fromkeys((*secrets, *server.secrets())))
    values, typed = _values(needed)
    sources = {each: SecretSource(variable="" if each in typed else each) for each in needed}
    grant = Grant(
        pack=name,
        env={each: os.environ[each] for each in env if each in os.environ},
        secrets=dict.fromkeys(needed, ()),
        secret_values=values,
    )
    say(f"Starting {_where(server)}" if server.command else f"Connecting to {server.url}")
    listing = _listed(name, server, grant)
    trusted = _trusted(name, server, listing, env, needed, sources)
    _show(name, trusted)
    if not (yes or agreed()):
        return ExitCode.STOPPED
    if typed:
        from smolterm.packs.secrets import keyring_name, store

        keyring_name()
        for each in typed:
            store(name, each, values[each])
    _keep(name, trusted)
    return ExitCode.OK


def trust_server_again(name: str, before: Trusted, *, yes: bool) -> int:
    """Look at a trusted server as it is now.

    Raises:
        PackError: see `add_server`.
    """
    assert before.mcp is not None
    listing = _listed(name, before.mcp, grant_of(name, before, Leave()))
    granted = before.granted
    trusted = _trusted(name, before.mcp, listing, granted.env, granted.secrets, before.secrets)
    if trusted.hash == before.hash and not before.mcp.changed:
        say(f"{name} is in use already. Look: smolterm packs show {name}")
        return ExitCode.OK
    _show(name, trusted)
    for change in differences(before.mcp.listing, listing):
        say(f"  It changed: {change}.")
    if not (yes or agreed()):
        return ExitCode.STOPPED
    _keep(name, trusted)
    return ExitCode.OK


def _server(name: str, command: Sequence[str], url: str, headers: Sequence[str]) -> Server:
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!a} is no name for a pack.", next="Letters, digits, - and _.")
    if bool(command) == bool(url):
        raise UsageError(
            "An MCP server is a command or an address.",
            next="smolterm packs add --mcp NAME -- COMMAND, or --mcp NAME --url ADDRESS.",
        )
    named: dict[str, str] = {}
    for line in headers:
        key, colon, value = line.partition(":")
        if not colon or not re.fullmatch(r"[A-Za-z0-9-]{1,100}", key) or "\n" in value:
            raise UsageError(f"{line[:60]!a} is no header.", next="Write it as 'Name: value'.")
        named[key] = value.strip()
    if url:
        split = urlsplit(url)
        if split.scheme not in ("http", "https") or not split.hostname or "@" in split.netloc:
            raise UsageError(f"{url[:100]!a} is no address of a server.")
        return Server(url=url, headers=named)
    if named:
        raise UsageError("Headers are for a server at an address.")
    program = shutil.which(command[0])
    if program is None:
        raise UsageError(f"There is no program {command[0]!a}.")
    # By its whole path: what is found by the name later may be another one.
    return Server(command=(str(Path(program).absolute()), *command[1:]), folder=str(Path.cwd()))


def _values(names: Sequence[str]) -> tuple[dict[str, str], set[str]]:
    """Return the secrets' values, and which of them were typed."""
    import getpass

    values: dict[str, str] = {}
    typed: set[str] = set()
    for name in names:
        value = os.environ.get(name, "")
        if not value:
            if not sys.stdin.isatty():
                raise UsageError(f"The secret {name} is in no variable of that name.")
            value = getpass.getpass(f"{name}: ")
            typed.add(name)
        values[name] = value
    return values, typed


def _listed(name: str, server: Server, grant: Grant) -> Listing:
    from smolterm.packs.doors.secrets import Secrets

    async def look() -> Listing:
        with tempfile.TemporaryDirectory(prefix="smolterm-pack-") as own:
            child = await start_host(f"MCP server {name}", None, server, grant, Path(own))
            try:
                return await listed(child, load_of(server, grant), name, Secrets(grant).mask)
            finally:
                await child.close(grace=0)

    try:
        return asyncio.run(look())
    except OSError as error:
        raise PackError(f"The MCP server {name} cannot be started: {error}.") from None


def _trusted(
    name: str,
    server: Server,
    listing: Listing,
    env: Sequence[str],
    secrets: Sequence[str],
    sources: dict[str, SecretSource],
) -> Trusted:
    taken = {
        tool.name
        for other, trusted in read_trust().packs.items()
        if other != name
        for tool in trusted.tools
    } | {"read_skill"}
    tools, names = tools_of(name, listing, taken)
    if not tools:
        raise PackError(f"The MCP server {name} has no tool, resource or prompt.")
    host = (origin(server.url, "url"),) if server.url else ()
    manifest = Manifest(
        name=name,
        version="mcp",
        description=f"The MCP server {shown(listing.server, LONGEST_LINE) or name}.",
        kind="native",
        tools={tool.name: ToolEntry(effect=tool.effect, outside=True) for tool in tools},
        capabilities=Capabilities(
            hosts=host,
            env=tuple(env),
            programs=(_where(server),) if server.command else (),
        ),
        secrets={each: Secret(description="handed to the server") for each in secrets},
    )
    server = msgspec.structs.replace(server, listing=listing, names=names, changed=False)
    return Trusted(
        module="",
        hash=hash_of(server, listing, env, secrets),
        since=datetime.date.today().isoformat(),
        granted=asked(manifest),
        secrets=sources,
        manifest=manifest,
        tools=tools,
        mcp=server,
    )


def _show(name: str, trusted: Trusted) -> None:
    lines = asking_lines(examined_server(name, trusted), trusted.granted, {})
    lines.append("  Its tools, in its own words:")
    for tool in trusted.tools:
        lines.append(f"    {tool.name}{tool.signature}  ({tool.effect})")
        lines.append(f"      {shown(tool.doc, LONGEST_LINE)}")
    say("\n".join(lines))


def _keep(name: str, trusted: Trusted) -> None:
    with changing() as trust:
        trust.packs[name] = trusted
    say(f"{name} is in use from the next session on. All of it: smolterm packs show {name}")


def _where(server: Server) -> str:
    return shlex.join(server.command)
