"""Files of functions in sessions: `--tools FILE`, trusted by their content and place."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from smolterm.errors import ConfigError, ExitCode, PackError, UsageError
from smolterm.packs.adding import Narrowing, agreed, say, trusted_as
from smolterm.packs.examine import changes, hash_of, packages_of
from smolterm.packs.find import Found
from smolterm.packs.grants import asked
from smolterm.packs.listing import asking_lines
from smolterm.packs.reading import read_source
from smolterm.packs.standing import Standing
from smolterm.packs.trust import Trusted, changing, read_trust
from smolterm.packs.using import Leave, Start, grant_of, settings_of
from smolterm.packs.writing.onefile import OneFile, look_at, module_of, place_of
from smolterm.store import data_folder
from smolterm.wholefile import write_whole

if TYPE_CHECKING:
    from smolterm.packs.doors.grant import Grant


def trust_file(path: str, narrowing: Narrowing, *, yes: bool) -> int:
    """Show what a file may do, ask, and trust it as it is.

    Args:
        yes: it was said on the command line.

    Raises:
        PackError: it cannot be used.
        UsageError: nobody can be asked.
    """
    file = look_at(path)
    before = read_trust().files.get(str(file.path))
    changed = changes(before, file.examined) if before is not None else []
    if before is not None and not changed and not narrowing:
        say(f"{file.path} is trusted already. Use it: smolterm --tools {path}")
        return ExitCode.OK
    granted = narrowing.applied(file.examined, before)
    manifest = file.examined.manifest
    settings = settings_of(manifest, before.settings if before is not None else {})
    lines = asking_lines(file.examined, granted, settings)
    lines += [
        f"  Tool: {tool.name}{tool.signature} ({tool.effect})" for tool in file.examined.tools
    ]
    lines += [f"  No tool: {each}." for each in file.left_out]
    lines += [f"  It changed: {change}." for change in changed]
    say("\n".join(lines))
    if not (yes or agreed()):
        return ExitCode.STOPPED
    with changing() as trust:
        key = str(file.path)
        trust.files[key] = trusted_as(file.examined, granted, trust.files.get(key))
    say(f"It is trusted as it is now. Use it: smolterm --tools {path}")
    for each in granted.secrets:
        if before is None or each not in before.secrets:
            say(f"It needs a secret: smolterm packs secret {path} {each}")
    return ExitCode.OK


def files_trusted_first(paths: Sequence[str]) -> None:
    """Ask about those of the named files that are not trusted as they are.

    Raises:
        PackError: one cannot be used.
        UsageError: nobody can be asked, or the answer was no.
    """
    for path in paths:
        file = look_at(path)
        if not _why_not(file, read_trust().files.get(str(file.path))):
            continue
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise _untrusted(path, file)
        if trust_file(path, Narrowing(), yes=False) != ExitCode.OK:
            raise UsageError(f"The file {path} is not trusted.", next="Leave --tools out.")


def file_starts(paths: Sequence[str], leave: Leave) -> list[Start]:
    """Return what starts each named file's pack, the way packs start.

    Raises:
        PackError: one cannot be used.
        UsageError: one is not trusted as it is.
    """
    starts: dict[Path, Start] = {}
    for path in paths:
        file = look_at(path)
        trusted = read_trust().files.get(str(file.path))
        if trusted is None or _why_not(file, trusted):
            raise _untrusted(path, file)
        found = file.examined.found
        if trusted.manifest.kind == "native":
            found = msgspec.structs.replace(found, folder=_staged(file.source, found))
        starts[file.path] = FileStart(found, trusted, leave, file.path)
    return list(starts.values())


def standing_of_file(path: str) -> Standing:
    """Return how a file stands, for `smolterm packs show FILE`.

    Raises:
        PackError: it cannot be used.
    """
    file = look_at(path)
    trusted = read_trust().files.get(str(file.path))
    changed = tuple(changes(trusted, file.examined)) if trusted is not None else ()
    return Standing(
        name=path,
        state="not trusted" if trusted is None else "changed" if changed else "in use",
        examined=file.examined,
        trusted=trusted,
        changes=changed,
    )


def start_of_file(file: OneFile) -> Start:
    """Return what starts a file's pack with all that it asks for, no folder and no secret."""
    examined = file.examined
    found = examined.found
    if examined.manifest.kind == "native":
        found = msgspec.structs.replace(found, folder=_staged(file.source, found))
    return FileStart(found, trusted_as(examined, asked(examined.manifest)), Leave(), file.path)


def remove_file(path: str) -> int:
    """Trust a file no longer, and forget its secrets.

    Raises:
        UsageError: it is not trusted.
    """
    from smolterm.packs.secrets import forget

    key = key_of(path)
    with changing() as trust:
        before = trust.files.pop(key, None)
        if before is None:
            raise UsageError(f"The file {path} is not trusted.")
    for name, source in before.secrets.items():
        if not source.variable:
            forget(key, name)
    say(f"{path} is not trusted any more.")
    return ExitCode.OK


def key_of(path: str) -> str:
    """Return what a file stands under in the file of trusted ones; it may be gone."""
    try:
        return str(place_of(path))
    except PackError:
        return str(Path(path).expanduser().absolute())


@dataclass(frozen=True, slots=True)
class FileStart(Start):
    """What a file's pack is handed when it starts."""

    path: Path

    def grant(self) -> Grant:
        """Return what it may use; see `Start.grant`."""
        try:
            # Its secrets and what is said of them have the file's whole path: names come twice.
            granted = grant_of(str(self.path), self.trusted, self.leave)
        except (ConfigError, UsageError) as error:
            raise PackError(error.what, next=error.next) from None
        return msgspec.structs.replace(granted, pack=self.found.name)

    def checked_grant(self) -> Grant:
        """Return what a native one may use, once what will be imported was looked at."""
        assert self.found.folder is not None
        self._check((self.found.folder / "__init__.py").read_bytes())
        return self.grant()

    def files(self) -> dict[str, bytes]:
        """Return the file, and those of its packages, as an import sees their paths."""
        source = read_source(self.path)
        self._check(source)
        packages = packages_of(self.trusted.manifest)
        found = {path: raw for package in packages for path, raw in package.read()}
        return found | {f"{self.found.module}.py": source}

    def _check(self, source: bytes) -> None:
        packages = packages_of(self.trusted.manifest)
        digest = hashlib.sha256(source).hexdigest()
        module = module_of(self.path, self.trusted.manifest, digest)
        if hash_of(self.found.name, module, {"file": digest}, packages) != self.trusted.hash:
            raise PackError(
                f"{self.path} has changed since this session began.",
                next=f"Look at it: smolterm packs trust {self.path}.",
            )


def _why_not(file: OneFile, trusted: Trusted | None) -> str:
    if trusted is None:
        return "is not trusted"
    return "" if trusted.hash == file.examined.hash else "has changed since you trusted it"


def _untrusted(path: str, file: OneFile) -> UsageError:
    why = _why_not(file, read_trust().files.get(str(file.path)))
    return UsageError(f"The file {path} {why}.", next=f"Look at it: smolterm packs trust {path}.")


def _staged(source: bytes, found: Found) -> Path:
    """Put a native file's content where its process imports it from: a folder with it alone."""
    folder = data_folder() / "tool-files" / found.module
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(folder / "__init__.py", source)
    return folder
