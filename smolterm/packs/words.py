"""What a pack may do, in plain words: what a person decides by. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from smolterm.errors import UsageError
from smolterm.packs.grants import Granted, hosts_in_force
from smolterm.packs.manifest import Manifest
from smolterm.policy import EFFECTS

EFFECT_WORDS = {
    "pure": "only compute", "read": "read", "write": "change things", "network": "use the network",
    "spend": "spend money", "danger": "are dangerous",
}  # fmt: skip
ENFORCED = "Enforced: it runs in WebAssembly, where there is nothing else to reach."
TRUSTED = "Trusted, not enforced: it runs as a program of its own on this machine."


def may_do(
    manifest: Manifest,
    granted: Granted,
    settings: Mapping[str, str],
    packages: Iterable[str] = (),
) -> list[str]:
    """Return what a pack may do with a grant, a line for each kind of thing.

    Args:
        settings: those in force, see `settings_of`.
        packages: with their versions, where they are known.
    """
    return [
        *_hosts(granted.hosts, settings),
        *_files(granted),
        *_secrets(manifest, granted, settings),
        *_native(manifest),
        *_named("be told the environment variables", granted.env),
        *_named("import the packages", tuple(packages) or manifest.capabilities.packages),
    ]


def kind_in_words(manifest: Manifest, confined: str = "") -> str:
    """Say whether what a pack may do is enforced.

    Args:
        confined: what the system keeps from it, see `confined_in_words`.
    """
    if manifest.kind == "wasm":
        return ENFORCED
    return f"{TRUSTED} {confined}." if confined else TRUSTED


def effects_in_words(manifest: Manifest) -> str:
    """Say how many tools do what."""
    counts = Counter(entry.effect for entry in manifest.tools.values())
    parts = [f"{counts[each]} {EFFECT_WORDS[each]}" for each in EFFECTS if counts[each]]
    many = len(manifest.tools)
    return f"{many} tool{'s' * (many != 1)}: {', '.join(parts)}"


def entry_in_words(part: str, entry: str) -> str:
    """Say what one entry of a grant allows."""
    return {
        "hosts": f"reach {entry}",
        "read": f"read {entry} in the granted folder",
        "write": f"write {entry} in the granted folder",
        "env": f"be told the environment variable {entry}",
        "secrets": f"use the secret {entry}",
    }[part]


def _hosts(hosts: Iterable[str], settings: Mapping[str, str]) -> Iterator[str]:
    named: list[str] = []
    for host in hosts:
        if host == "*":
            yield "reach any public host"
        elif host.startswith("$"):
            yield f"reach the address in its setting {host[1:]}, {_now(host, settings)}"
        else:
            named.append(host)
    if named:
        yield f"reach {', '.join(named)}"


def _now(host: str, settings: Mapping[str, str]) -> str:
    try:
        found = hosts_in_force([host], settings)
    except UsageError:
        return "which is no address now"
    return f"now {found[0]}" if found else "which is not set"


def _files(granted: Granted) -> Iterator[str]:
    for verb, globs, flag in (("read", granted.read, ""), ("write", granted.write, " and --write")):
        if globs:
            which = "files" if "**" in globs else f"files like {', '.join(globs)}"
            yield f"{verb} {which} in the folder that --folder{flag} grants"


def _secrets(manifest: Manifest, granted: Granted, settings: Mapping[str, str]) -> Iterator[str]:
    for name in granted.secrets:
        secret = manifest.secrets[name]
        hosts = [host for host in secret.hosts if host in granted.hosts]
        try:
            shown = ", ".join(hosts_in_force(hosts, settings))
        except UsageError:
            shown = ", ".join(hosts)
        what = f"use the secret {name}" + (f" ({secret.description})" if secret.description else "")
        if manifest.kind == "native":
            yield f"{what}, which it reads itself"
        else:
            yield f"{what}, sent to {shown or 'no host'} and nowhere else"


def _native(manifest: Manifest) -> Iterator[str]:
    yield from _named("start the programs", manifest.capabilities.programs)
    yield from _named("open sockets:", manifest.capabilities.sockets)


def _named(what: str, names: Iterable[str]) -> Iterator[str]:
    shown = ", ".join(names)
    if shown:
        yield f"{what} {shown}"
