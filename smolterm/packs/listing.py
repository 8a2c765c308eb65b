"""`smolterm packs`, `show` and `table`: what is installed, read without running a line of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from smolterm.errors import ExitCode, UsageError
from smolterm.packs.confine import confined_in_words
from smolterm.packs.examine import Examined
from smolterm.packs.grants import Granted, added, asked, within
from smolterm.packs.manifest import Manifest
from smolterm.packs.standing import Standing, standings
from smolterm.packs.trust import SecretSource, Trusted, read_trust
from smolterm.packs.using import settings_of
from smolterm.packs.words import effects_in_words, entry_in_words, kind_in_words, may_do
from smolterm.printable import printable

FILE = "In use where it is named: smolterm --tools {path}"
HOW = "Use it: smolterm packs add {name}"
AGAIN = "Look at what changed and use it again: smolterm packs trust {name}"


def print_packs(*, as_json: bool = False) -> int:
    """Print each pack with what it may do; a broken one is a line on stderr."""
    stand, error = standings()
    files = {} if error else read_trust().files
    if as_json:
        found = {"packs": [plain(each) for each in stand], "files": list(files), "error": error}
        _write(msgspec.json.encode(found))
        return ExitCode.FAILED if error or _broken(stand) else ExitCode.OK
    for each in stand:
        if each.examined is None:
            sys.stderr.write(printable(f"{each.name}: {each.error}") + "\n")
        else:
            sys.stdout.write(printable("\n".join(_summary(each, each.examined))) + "\n\n")
    for path, trusted in files.items():
        about = f"{path} ({trusted.manifest.kind}, one file): {trusted.manifest.description}"
        sys.stdout.write(printable(f"{about}\n  {FILE.format(path=path)}") + "\n\n")
    if error:
        sys.stderr.write(printable(error) + "\n")
    if not stand:
        sys.stderr.write("No tool packs are installed.\n")
    return ExitCode.FAILED if error or _broken(stand) else ExitCode.OK


def print_pack(name: str, *, as_json: bool = False) -> int:
    """Print all that is known of one pack.

    Raises:
        UsageError: none is installed by that name, or it is broken.
    """
    return print_standing(standing_of(name), as_json=as_json)


def print_standing(each: Standing, *, as_json: bool = False) -> int:
    """Print all that is known of a pack, or of a file of functions.

    Raises:
        UsageError: it is broken.
    """
    if as_json:
        _write(msgspec.json.encode(plain(each)))
        return ExitCode.OK
    if each.examined is None:
        raise UsageError(each.error, next=_removal(each))
    lines = [*_summary(each, each.examined), "", *_details(each, each.examined)]
    sys.stdout.write(printable("\n".join(lines)) + "\n")
    return ExitCode.OK


def print_table(*, as_json: bool = False) -> int:
    """Print every tool with its pack, kind, effect and what its pack may do, as Markdown."""
    rows = list(_rows(standings()[0]))
    if as_json:
        _write(msgspec.json.encode({"tools": rows}))
        return ExitCode.OK
    heads = ("tool", "pack", "kind", "effect", "its pack may", "tested with")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in rows:
        cells = (row["tool"], row["pack"], row["kind"], row["effect"], "; ".join(row["may"]),
                 row["tested"])  # fmt: skip
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    sys.stdout.write(printable("\n".join(lines)) + "\n")
    return ExitCode.OK


def standing_of(name: str) -> Standing:
    """Return one pack.

    Raises:
        UsageError: none is installed by that name.
    """
    for each in standings()[0]:
        if each.name == name:
            return each
    raise UsageError(f"No tool pack is named {name}.", next="See `smolterm packs`.")


def asking_lines(examined: Examined, granted: Granted, settings: dict[str, str]) -> list[str]:
    """Return what a person reads before they trust a pack."""
    manifest = examined.manifest
    may = may_do(manifest, granted, settings, examined.packages)
    lines = [f"{manifest.name} {manifest.version}: {manifest.description}"]
    lines.append(f"  {kind_in_words(manifest, confined_in_words(manifest))}")
    lines.append(f"  {effects_in_words(manifest)}")
    lines.append("  It may:" if may else "  It may do nothing but compute.")
    lines += [f"    {line}" for line in may]
    without = [entry_in_words(*entry) for entry in added(granted, asked(manifest))]
    if without:
        lines.append("  It asks for this too and will not get it:")
        lines += [f"    {line}" for line in without]
    return lines


def plain(each: Standing) -> dict[str, Any]:
    """Return a pack as JSON has it; never a secret."""
    found: dict[str, Any] = {"name": each.name, "state": each.state, "error": each.error}
    if each.examined is None:
        return found
    manifest = each.examined.manifest
    granted = _granted(each)
    return found | {
        "version": manifest.version,
        "description": manifest.description,
        "kind": manifest.kind,
        "enforced": manifest.kind == "wasm",
        "folder": str(each.examined.folder),
        "hash": each.examined.hash,
        "packages": each.examined.packages,
        "changes": each.changes,
        "asks": msgspec.to_builtins(asked(manifest)),
        "granted": msgspec.to_builtins(granted) if each.trusted is not None else None,
        "may": may_do(manifest, granted or asked(manifest), _settings(each, manifest)),
        "settings": _settings(each, manifest),
        "secrets": {name: _source(each.trusted, name) for name in manifest.secrets},
        "tools": [
            {"name": tool.name, "signature": tool.signature, "effect": tool.effect,
             "outside": tool.outside, "doc": tool.doc}
            for tool in each.examined.tools
        ],
    }  # fmt: skip


def _summary(each: Standing, examined: Examined) -> Iterator[str]:
    manifest = examined.manifest
    yield f"{each.name} {manifest.version} ({manifest.kind}, {each.state}): {manifest.description}"
    yield f"  {kind_in_words(manifest, confined_in_words(manifest))}"
    granted = _granted(each)
    settings = _settings(each, manifest)
    verb = "may" if each.state == "in use" else "asks to"
    shown = granted if granted is not None else asked(manifest)
    for line in may_do(manifest, shown, settings, examined.packages):
        yield f"  {verb} {line}"
    for entry in added(granted, asked(manifest)) if granted is not None else ():
        yield f"  may not {entry_in_words(*entry)}"
    for name in manifest.secrets if each.trusted is not None else ():
        if _source(each.trusted, name) is None:
            yield f"  needs a secret: smolterm packs secret {each.name} {name}"
    for effect in dict.fromkeys(tool.effect for tool in examined.tools):
        names = [tool.name for tool in examined.tools if tool.effect == effect]
        yield f"  {effect}: {', '.join(names)}"
    for change in each.changes:
        yield f"  changed: {change}"
    if each.state == "not trusted":
        yield f"  {HOW.format(name=each.name)}"
    elif each.state == "changed":
        yield f"  {AGAIN.format(name=each.name)}"


def _details(each: Standing, examined: Examined) -> Iterator[str]:
    manifest = examined.manifest
    for name, entry in manifest.settings.items():
        value = _settings(each, manifest)[name]
        yield f"setting {name} = {value!r}  {entry.description}".rstrip()
    for name, secret in manifest.secrets.items():
        yield f"secret {name}: {_where(_source(each.trusted, name))}  {secret.description}".rstrip()
    yield f"folder {examined.folder}"
    yield f"hash {examined.hash}"
    if each.trusted is not None:
        yield f"trusted since {each.trusted.since}"
    for tool in examined.tools:
        yield ""
        outside = ", brings text from outside" if tool.outside else ""
        yield f"{tool.name}{tool.signature}"
        yield f"  ({tool.effect}{outside})"
        yield from (f"  {line}".rstrip() for line in tool.doc.splitlines())


def _rows(stand: list[Standing]) -> Iterator[dict[str, Any]]:
    for each in stand:
        if each.examined is None:
            continue
        manifest = each.examined.manifest
        settings = _settings(each, manifest)
        may = may_do(manifest, asked(manifest), settings, each.examined.packages)
        for tool in each.examined.tools:
            yield {
                "tool": tool.name, "pack": each.name, "kind": manifest.kind,
                "effect": tool.effect, "may": may, "tested": manifest.tested,
            }  # fmt: skip


def _granted(each: Standing) -> Granted | None:
    if each.trusted is None or each.examined is None:
        return None
    return within(each.trusted.granted, asked(each.examined.manifest))


def _settings(each: Standing, manifest: Manifest) -> dict[str, str]:
    return settings_of(manifest, each.trusted.settings if each.trusted is not None else {})


def _source(trusted: Trusted | None, name: str) -> str | None:
    """Return where a secret is; None when it was not stored."""
    source: SecretSource | None = trusted.secrets.get(name) if trusted is not None else None
    if source is None:
        return None
    return f"the variable {source.variable}" if source.variable else "the keyring"


def _where(source: str | None) -> str:
    return f"in {source}" if source is not None else "not stored"


def _removal(each: Standing) -> str:
    return f"smolterm packs remove {each.name}" if each.state == "gone" else ""


def _broken(stand: list[Standing]) -> bool:
    return any(each.state == "broken" for each in stand)


def _write(raw: bytes) -> None:
    sys.stdout.write(raw.decode() + "\n")
