"""How each installed pack stands: in use, changed, not trusted, or broken."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from smolterm.errors import ConfigError, PackError
from smolterm.packs.examine import Examined, changes, examine
from smolterm.packs.find import Found, find_packs
from smolterm.packs.trust import Trusted, TrustFile, read_trust

State: TypeAlias = Literal["in use", "changed", "not trusted", "broken", "gone"]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One pack that is installed, or was when it was trusted."""

    name: str
    state: State
    examined: Examined | None = None
    """None for one that is broken or gone."""
    trusted: Trusted | None = None
    changes: tuple[str, ...] = ()
    """What is not as it was trusted."""
    error: str = ""


def standings() -> tuple[list[Standing], str]:
    """Return every pack by name, and what is wrong with the file of trusted ones."""
    error = ""
    try:
        trust = read_trust()
    except ConfigError as damaged:
        trust, error = TrustFile(), str(damaged)
    found = find_packs()
    stand = [_standing(pack, trust.packs.get(pack.name)) for pack in found]
    there = {pack.name for pack in found}
    stand += [_standing_server(name, each) for name, each in trust.packs.items() if each.mcp]
    stand += [
        Standing(name=name, state="gone", trusted=trusted, error="It is not installed any more.")
        for name, trusted in trust.packs.items()
        if name not in there and trusted.mcp is None
    ]
    return sorted(stand, key=lambda each: each.name), error


def examined_server(name: str, trusted: Trusted) -> Examined:
    """Return an MCP server as the person trusted it; it is not started to be looked at."""
    assert trusted.mcp is not None
    folder = Path(trusted.mcp.folder)
    found = Found(name=name, module="", folder=folder, manifest=trusted.manifest)
    return Examined(
        found=found,
        folder=folder,
        manifest=trusted.manifest,
        tools=trusted.tools,
        hash=trusted.hash,
    )


def _standing_server(name: str, trusted: Trusted) -> Standing:
    changed = trusted.mcp is not None and trusted.mcp.changed
    return Standing(
        name=name,
        state="changed" if changed else "in use",
        examined=examined_server(name, trusted),
        trusted=trusted,
        changes=("its tools are not those that you trusted",) if changed else (),
    )


def _standing(found: Found, trusted: Trusted | None) -> Standing:
    try:
        examined = examine(found)
    except PackError as error:
        return Standing(name=found.name, state="broken", trusted=trusted, error=str(error))
    if trusted is None:
        return Standing(name=found.name, state="not trusted", examined=examined)
    changed = tuple(changes(trusted, examined))
    return Standing(
        name=found.name,
        state="changed" if changed else "in use",
        examined=examined,
        trusted=trusted,
        changes=changed,
    )
