"""What a person granted of what a pack asks for: narrowing, and what a new version adds. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from smolterm.errors import UsageError
from smolterm.packs.manifest import Manifest, is_glob, is_host

Part: TypeAlias = Literal["hosts", "read", "write", "env", "secrets"]
_Keep: TypeAlias = Callable[[Part, str], bool]
PARTS: tuple[Part, ...] = ("hosts", "read", "write", "env", "secrets")


class Granted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person granted to one pack; each entry is one that the manifest has, or narrower."""

    hosts: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()

    def entries(self) -> Iterator[tuple[Part, str]]:
        """Yield each entry with the part that it stands in."""
        for part in PARTS:
            for entry in getattr(self, part):
                yield part, entry


def asked(manifest: Manifest) -> Granted:
    """Return everything that a manifest asks for."""
    wants = manifest.capabilities
    return Granted(
        hosts=wants.hosts,
        read=wants.read,
        write=wants.write,
        env=wants.env,
        secrets=tuple(manifest.secrets),
    )


def covers(part: Part, wide: str, narrow: str) -> bool:
    """Say whether an entry grants no more than another one.

    A host covers itself alone: `*` means public addresses, and naming one lifts that.
    """
    if wide == narrow:
        return True
    if part not in ("read", "write") or not is_glob(narrow):
        return False
    if wide in ("**", "**/*"):
        return True
    folder = wide.removesuffix("/*").removesuffix("/**")
    literal = folder + "/"
    return wide.startswith(f"{folder}/**") and "*" not in folder and narrow.startswith(literal)


def within(granted: Granted, limit: Granted) -> Granted:
    """Return the entries that something in the limit covers."""
    return _kept(granted, lambda part, entry: _covered(limit, part, entry))


def still_granted(before: Granted, asked_before: Granted, asked_now: Granted) -> Granted:
    """Return what to propose for a new version: what was taken away stays away.

    Args:
        before: what is granted at present.
        asked_before, asked_now: what the old and the new manifest ask for.
    """
    kept = within(before, asked_now)
    new = _kept(asked_now, lambda part, entry: not _covered(asked_before, part, entry))
    return _joined(kept, new)


def added(before: Granted, now: Granted) -> list[tuple[Part, str]]:
    """Return what `now` grants beyond `before`."""
    return [(part, entry) for part, entry in now.entries() if not _covered(before, part, entry)]


def narrowed(limit: Granted, *, only: Iterable[str], without: Iterable[str]) -> Granted:
    """Return a part of what may be granted.

    Args:
        only, without: a part (`write`), an entry (`api.x.org`), or both (`read=data/**`); for
            `only` the entry may be a narrower pattern.

    Raises:
        UsageError: one of them is nothing that may be granted.
    """
    result = limit
    words = list(only)
    if words:
        result = Granted()
        for word in words:
            result = _joined(result, _named(limit, word, narrower=True))
    for word in without:
        away = _named(limit, word)
        result = _kept(result, lambda part, entry: not _covered(away, part, entry))  # noqa: B023
    return result


def hosts_in_force(hosts: Iterable[str], settings: Mapping[str, str]) -> tuple[str, ...]:
    """Return hosts with the settings' addresses in the place of their names.

    Raises:
        UsageError: a setting holds no address.
    """
    found = (
        entry if not entry.startswith("$") else origin(settings.get(entry[1:], ""), entry[1:])
        for entry in hosts
    )
    return tuple(dict.fromkeys(entry for entry in found if entry))


def origin(address: str, setting: str) -> str:
    """Return the host that an address in a setting leads to; empty for none.

    Raises:
        UsageError: it is no address.
    """
    address = address.strip()
    if not address:
        return ""
    try:
        split = urlsplit(address if "//" in address else f"https://{address}")
        port = f":{split.port}" if split.port is not None else ""
    except ValueError:
        raise _no_address(address, setting) from None
    host = split.hostname or ""
    host = f"[{host}]" if ":" in host else host
    entry = f"{split.scheme}://{host}{port}"
    if "@" in split.netloc or not is_host(entry):
        raise _no_address(address, setting)
    return entry


def _no_address(address: str, setting: str) -> UsageError:
    shown = re.sub(r"//[^/]*@", "//...@", address)[:100]
    return UsageError(
        f"The setting {setting} is {shown!a}, which is no address.",
        next="Write it like https://example.org, without a user or password.",
    )


def _named(limit: Granted, word: str, *, narrower: bool = False) -> Granted:
    kind, equals, entry = word.partition("=")
    found: dict[str, tuple[str, ...]] = {}
    for part in PARTS:
        entries: tuple[str, ...] = getattr(limit, part)
        named = entry if equals and kind == part else word
        if word == part and entries:
            found[part] = entries
        elif named in entries or (named != word and narrower and _covered(limit, part, named)):
            found[part] = (named,)
    if not found:
        raise UsageError(
            f"The pack asks for nothing that is called {word!a}.",
            next="Name a part (hosts, read, write, env, secrets), an entry, or PART=ENTRY.",
        )
    return Granted(**found)


def _covered(limit: Granted, part: Part, entry: str) -> bool:
    return any(covers(part, wide, entry) for wide in getattr(limit, part))


def _kept(granted: Granted, keep: _Keep) -> Granted:
    return Granted(
        **{
            part: tuple(entry for entry in getattr(granted, part) if keep(part, entry))
            for part in PARTS
        }
    )


def _joined(one: Granted, other: Granted) -> Granted:
    return Granted(
        **{
            part: tuple(dict.fromkeys((*getattr(one, part), *getattr(other, part))))
            for part in PARTS
        }
    )
