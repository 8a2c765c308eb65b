"""`smolterm packs add`, `trust` and `remove`: what a person says yes to, and what is kept of it."""

from __future__ import annotations

import datetime
import shutil
import sys
from collections.abc import Iterable, Sequence

from smolterm.errors import ExitCode, PackError, UsageError
from smolterm.packs.examine import Examined, changes, examine
from smolterm.packs.find import Found, find_packs, made_folder, module_of
from smolterm.packs.grants import Granted, asked, narrowed, still_granted, within
from smolterm.packs.listing import asking_lines
from smolterm.packs.seen import Looking
from smolterm.packs.trust import Trusted, changing, read_trust
from smolterm.packs.using import settings_of
from smolterm.printable import printable


class Narrowing:
    """What a person said of the grant on the command line.

    Args:
        everything: all that the manifest asks for, whatever was taken away before.
        only, without: see `narrowed`.
    """

    def __init__(
        self, *, everything: bool = False, only: Iterable[str] = (), without: Iterable[str] = ()
    ) -> None:
        self.everything = everything
        self.only = tuple(only)
        self.without = tuple(without)

    def __bool__(self) -> bool:
        return self.everything or bool(self.only or self.without)

    def applied(self, examined: Examined, before: Trusted | None) -> Granted:
        """Return what to grant: never more than the manifest asks for."""
        wants = asked(examined.manifest)
        if self.everything or self.only or before is None:
            limit = wants
        else:
            # What was taken away stays away until a person names it.
            limit = still_granted(before.granted, asked(before.manifest), wants)
        return within(narrowed(limit, only=self.only, without=self.without), wants)


def trust_pack(name: str, narrowing: Narrowing, *, yes: bool) -> int:
    """Show an installed pack, ask, and trust it.

    Args:
        yes: it was said on the command line.

    Raises:
        UsageError: there is none of that name, it is broken, or nobody can be asked.
    """
    before = read_trust().packs.get(name)
    if before is not None and before.mcp is not None:
        from smolterm.packs.bridges.adding import trust_server_again

        return trust_server_again(name, before, yes=yes)
    examined = examine(installed(name))
    changed = changes(before, examined) if before is not None else []
    if before is not None and not changed and not narrowing:
        say(f"{name} is in use already. Look: smolterm packs show {name}")
        return ExitCode.OK
    granted = narrowing.applied(examined, before)
    settings = settings_of(examined.manifest, before.settings if before is not None else {})
    lines = asking_lines(examined, granted, settings)
    lines += [f"  It changed: {change}." for change in changed]
    say("\n".join(lines))
    if not (yes or agreed()):
        return ExitCode.STOPPED
    check_names(examined)
    keep(examined, granted)
    say(f"{name} is in use from the next session on.")
    for each in examined.manifest.secrets:
        if each in granted.secrets and (before is None or each not in before.secrets):
            say(f"It needs a secret: smolterm packs secret {name} {each}")
    return ExitCode.OK


def trusted_first(names: Sequence[str]) -> None:
    """Ask about those of the packs a person named that are not trusted as they are.

    Raises:
        UsageError: nobody can be asked, or the answer was no.
    """
    trust, looking = read_trust(), Looking()
    places = looking.installed()
    for name in names:
        before, place = trust.packs.get(name), places.get(name)
        if before is not None and place is not None and looking.is_same(place, before):
            continue
        if before is None or before.mcp is None:
            installed(name)
        elif not before.mcp.changed:
            continue
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            how = "has changed since you trusted it" if before is not None else "is not trusted"
            raise UsageError(
                f"The pack {name} {how}.", next=f"Look at it: smolterm packs trust {name}."
            )
        if trust_pack(name, Narrowing(), yes=False) != ExitCode.OK:
            raise UsageError(f"The pack {name} is not trusted.", next="Leave --pack out.")
    looking.keep()


def keep(examined: Examined, granted: Granted) -> None:
    """Write a pack into the file of trusted ones; its settings and secrets stay.

    Raises:
        ConfigError: the file is damaged or cannot be written.
    """
    name = examined.manifest.name
    with changing() as trust:
        trust.packs[name] = trusted_as(examined, granted, trust.packs.get(name))


def trusted_as(examined: Examined, granted: Granted, before: Trusted | None = None) -> Trusted:
    """Return what is kept of a pack that a person trusts; settings and secrets stay."""
    manifest = examined.manifest
    settings = before.settings if before is not None else {}
    secrets = before.secrets if before is not None else {}
    return Trusted(
        module=examined.found.module,
        hash=examined.hash,
        since=datetime.date.today().isoformat(),
        granted=granted,
        settings={name: each for name, each in settings.items() if name in manifest.settings},
        secrets={name: each for name, each in secrets.items() if name in manifest.secrets},
        manifest=manifest,
        tools=examined.tools,
    )


def remove_pack(name: str) -> int:
    """Trust a pack no longer, and forget its secrets.

    Raises:
        UsageError: it is not trusted.
    """
    from smolterm.packs.secrets import forget

    with changing() as trust:
        before = trust.packs.pop(name, None)
        if before is None:
            raise UsageError(f"The pack {name} is not in use.", next="See `smolterm packs`.")
    for key, source in before.secrets.items():
        if not source.variable:
            try:
                forget(name, key)
            except UsageError as error:
                say(f"The secret {key} is still in the keyring: {error.what}")
    stays = "" if before.mcp is not None else " It stays installed; pip uninstall removes it."
    if before.mcp is None and before.module == module_of(name) and (made_folder() / name).is_dir():
        shutil.rmtree(made_folder() / name)
        stays = ""
    say(f"{name} is not in use any more.{stays}")
    return ExitCode.OK


def installed(name: str) -> Found:
    """Return an installed pack by its name.

    Raises:
        UsageError: there is none.
        PackError: it is broken.
    """
    for found in find_packs():
        if found.name == name:
            if found.error is not None:
                raise found.error
            return found
    raise UsageError(f"No tool pack is named {name}.", next="See `smolterm packs`.")


def check_names(examined: Examined) -> None:
    """Refuse a pack whose tools another one in use has."""
    mine = {tool.name for tool in examined.tools}
    for name, trusted in read_trust().packs.items():
        both = mine & {tool.name for tool in trusted.tools}
        if both and name != examined.manifest.name:
            raise PackError(
                f"The pack {name} has a tool named {min(both)} too.",
                next=f"Remove it first: smolterm packs remove {name}.",
            )


def agreed() -> bool:
    """Ask the person.

    Raises:
        UsageError: there is no terminal to ask on.
    """
    if not sys.stdin.isatty():
        raise UsageError("Nobody can be asked here.", next="Say it on the command line: --yes.")
    sys.stderr.write("Use it? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    say("Nothing was changed.")
    return False


def say(text: str) -> None:
    """Write a line for the person."""
    sys.stderr.write(printable(text) + "\n")
