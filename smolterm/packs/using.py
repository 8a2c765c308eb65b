"""From what is trusted to packs that a session can use; nothing of theirs is started."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smolterm.errors import ConfigError, PackError, SmoltermError, UsageError
from smolterm.packs.find import Found
from smolterm.packs.grants import Granted, asked, hosts_in_force, within
from smolterm.packs.manifest import Manifest
from smolterm.packs.seen import Looking, Place
from smolterm.packs.trust import Trusted, read_trust

if TYPE_CHECKING:
    from smolterm.packs.doors.grant import Grant
    from smolterm.packs.wasm.wall import Reach

Tell = Callable[[str], None]
CHANGED = "its tools are not those that you trusted any more."


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """What the session grants to all of its packs."""

    folder: Path | None = None
    write: bool = False


def packs_in_use(leave: Leave, tell: Tell, first: Sequence[Start] = ()) -> list[Any]:
    """Return all trusted packs, not started; says what is left out, and once what is not trusted.

    Args:
        tell: takes one line.
        first: what is used besides, before them.
    """
    try:
        trust = read_trust()
    except ConfigError as error:
        tell(str(error))
        return made(first)
    looking = Looking()
    installed = looking.installed()
    chosen: list[tuple[Place, Trusted]] = []
    servers: dict[str, Trusted] = {}
    for name, trusted in trust.packs.items():
        if trusted.mcp is not None:
            if trusted.mcp.changed:
                tell(f"The pack {name} is left out: {CHANGED} Look: smolterm packs trust {name}.")
            else:
                servers[name] = trusted
            continue
        place = installed.get(name)
        if place is None:
            continue
        why = _why_not(looking, place, trusted)
        if why:
            tell(f"The pack {name} is left out: {why} Look: smolterm packs trust {name}.")
        else:
            chosen.append((place, trusted))
    new = looking.not_told(name for name in installed if name not in trust.packs)
    if new:
        tell(_not_used(new, len(chosen) + len(servers)))
    used = [*(trusted for _, trusted in chosen), *servers.values()]
    skills = _skills(leave, tell, looking) if not _has(used, "read_skill") else []
    looking.keep()
    return [*made([*first, *_starts(chosen, leave)]), *_servers(servers, leave), *skills]


def packs_named(names: Iterable[str], leave: Leave, first: Sequence[Start] = ()) -> list[Any]:
    """Return the packs that a person named, not started.

    Args:
        first: what is used besides, before them.

    Raises:
        UsageError: one is not installed, is broken, or is not trusted as it is.
    """
    trust, looking = read_trust(), Looking()
    installed = looking.installed()
    chosen: list[tuple[Place, Trusted]] = []
    servers: dict[str, Trusted] = {}
    for name in dict.fromkeys(names):
        place, trusted = installed.get(name), trust.packs.get(name)
        if trusted is not None and trusted.mcp is not None:
            servers[name] = trusted
            why = CHANGED if trusted.mcp.changed else ""
        elif place is None:
            raise _no_such(name)
        else:
            why = "it is not trusted." if trusted is None else _why_not(looking, place, trusted)
        if trusted is None or why:
            raise UsageError(
                f"The pack {name} cannot be used: {why}",
                next=f"Look at it and trust it: smolterm packs trust {name}.",
            )
        if place is not None and name not in servers:
            chosen.append((place, trusted))
    looking.keep()
    return [*made([*first, *_starts(chosen, leave)]), *_servers(servers, leave)]


def grant_of(name: str, trusted: Trusted, leave: Leave, *, secrets: bool = True) -> Grant:
    """Return what a pack may use: the manifest's wishes, the person's grant, and the session's.

    Args:
        secrets: look their values up too, which may block.

    Raises:
        SmoltermError: a secret or a setting is not what it must be.
    """
    from smolterm.packs.doors.grant import Grant

    manifest = trusted.manifest
    granted = within(trusted.granted, asked(manifest))
    settings = settings_of(manifest, trusted.settings)
    values: dict[str, str] = {}
    if secrets:
        from smolterm.packs.secrets import look_up

        values = look_up(name, granted.secrets, trusted.secrets)
    may_write = leave.write and leave.folder is not None
    return Grant(
        pack=name,
        hosts=hosts_in_force(granted.hosts, settings),
        folder=str(leave.folder) if leave.folder and (granted.read or granted.write) else None,
        read=granted.read,
        write=granted.write if may_write else (),
        secrets={
            each: hosts_in_force(
                (host for host in manifest.secrets[each].hosts if host in granted.hosts), settings
            )
            for each in granted.secrets
        },
        secret_values=values,
        env={each: os.environ[each] for each in granted.env if each in os.environ},
        settings=settings,
        packages=manifest.capabilities.packages,
    )


def settings_of(manifest: Manifest, given: dict[str, str]) -> dict[str, str]:
    """Return a pack's settings in force."""
    return {name: given.get(name, entry.default) for name, entry in manifest.settings.items()}


def pack_of_ours(module: str, leave: Leave) -> Any:
    """Return an installed pack of smolterm's own for one session, with leave to read alone.

    For what a person starts by name and that cannot be without it, such as the demo.

    Raises:
        UsageError: it is not installed.
    """
    from smolterm.packs.adding import trusted_as
    from smolterm.packs.examine import examine
    from smolterm.packs.find import find_packs

    for found in find_packs():
        if found.module == module and found.error is None:
            examined = examine(found)
            granted = Granted(read=asked(examined.manifest).read)
            place = Place(name=found.name, module=module, folder=str(examined.folder))
            return made(_starts([(place, trusted_as(examined, granted))], leave))[0]
    raise UsageError(f"The pack {module} is not installed.")


def _starts(chosen: Iterable[tuple[Place, Trusted]], leave: Leave) -> Iterator[Start]:
    for place, trusted in chosen:
        found = Found(
            name=place.name,
            module=place.module,
            folder=Path(place.folder),
            manifest=trusted.manifest,
        )
        yield Start(found, trusted, leave)


def made(starts: Iterable[Start]) -> list[Any]:
    """Return the packs, not started; those in WebAssembly share a process."""
    host: Any = None
    packs: list[Any] = []
    for start in starts:
        found, tools = start.found, start.trusted.tools
        if start.trusted.manifest.kind == "native":
            from smolterm.packs.hosted import HostedPack

            packs.append(HostedPack(found, start.checked_grant, tools))
        else:
            from smolterm.packs.wasm.client import WasmHost, WasmPack

            host = host if host is not None else WasmHost()
            packs.append(
                WasmPack(
                    host,
                    found.name,
                    found.module,
                    tools,
                    grant=start.grant,
                    files=start.files,
                    reach=start.reach(),
                )
            )
    return packs


def _has(used: Iterable[Trusted], name: str) -> bool:
    return any(tool.name == name for trusted in used for tool in trusted.tools)


def _skills(leave: Leave, tell: Tell, looking: Looking) -> list[Any]:
    project = leave.folder or Path.cwd()
    if not any((each / ".agents" / "skills").is_dir() for each in (project, Path.home())):
        return []
    from smolterm.packs.bridges.skills import skills_pack

    return list(skills_pack(project, tell, lambda what: bool(looking.not_told([what]))))


def _servers(servers: dict[str, Trusted], leave: Leave) -> list[Any]:
    if not servers:
        return []
    from smolterm.packs.bridges.mcp import McpPack

    made: list[Any] = []
    for name, trusted in servers.items():
        found = Found(name=name, module="", manifest=trusted.manifest)
        made.append(McpPack(name, trusted, Start(found, trusted, leave).grant))
    return made


@dataclass(frozen=True, slots=True)
class Start:
    """What a pack is handed when its process starts; made then, and may block."""

    found: Found
    trusted: Trusted
    leave: Leave

    def grant(self) -> Grant:
        """Return what it may use.

        Raises:
            PackError: a secret or a setting is not what it must be.
        """
        try:
            return grant_of(self.found.name, self.trusted, self.leave)
        except SmoltermError as error:
            raise PackError(error.what, next=error.next) from None

    def checked_grant(self) -> Grant:
        """Return what it may use, once its files were hashed again.

        Raises:
            PackError: they are not those that were trusted.
        """
        from smolterm.packs.examine import content_hash, packages_of

        found = self.found
        assert found.folder is not None
        packages = packages_of(self.trusted.manifest)
        if content_hash(found.name, found.module, found.folder, packages) != self.trusted.hash:
            raise self._changed()
        return self.grant()

    def files(self) -> dict[str, bytes]:
        """Return its files and those of its packages, as an import sees their paths.

        Raises:
            PackError: they are not those that were trusted.
        """
        from smolterm.packs.examine import contents, packages_of

        found = self.found
        assert found.folder is not None
        packages = packages_of(self.trusted.manifest)
        hashed, files = contents(found.name, found.module, found.folder, packages)
        if hashed != self.trusted.hash:
            raise self._changed()
        all_files = {path: raw for package in packages for path, raw in package.read()}
        below = found.module.replace(".", "/")
        return all_files | {f"{below}/{path}": raw for path, raw in files.items()}

    def reach(self) -> Reach:
        """Return what the process around it must be able to do."""
        from smolterm.packs.wasm.wall import Reach

        granted = within(self.trusted.granted, asked(self.trusted.manifest))
        folder = self.leave.folder if granted.read or granted.write else None
        return Reach(
            network=bool(granted.hosts),
            folder=None if folder is None else str(folder),
            write=bool(granted.write) and self.leave.write,
        )

    def _changed(self) -> PackError:
        return PackError(
            f"The pack {self.found.name} has changed since this session began.",
            next=f"Look at it: smolterm packs trust {self.found.name}.",
        )


def _why_not(looking: Looking, place: Place, trusted: Trusted) -> str:
    """Return why a trusted pack cannot be used; empty when it can."""
    try:
        if looking.is_same(place, trusted):
            return ""
    except SmoltermError as error:
        return error.what
    return "it is not the one that you trusted any more."


def _not_used(names: list[str], used: int) -> str:
    many = len(names) > 1
    shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    what = f"{len(names)} tool packs are" if many else "A tool pack is"
    none = "" if used else " No pack is trusted yet, so the model has no tools of packs."
    return (
        f"{what} installed and not used: {shown}.{none} "
        f"To look at one and use it: smolterm packs add {names[0]}"
    )


def _no_such(name: str) -> UsageError:
    from smolterm.packs.find import find_packs

    for pack in find_packs():
        if pack.name == name and pack.error is not None:
            return pack.error
    return UsageError(f"No tool pack is named {name}.", next="See `smolterm packs`.")
