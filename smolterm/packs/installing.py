"""`smolterm packs add` for what is not installed yet: shown first, installed by pip after a yes.

Nothing of a wheel runs before the person agreed. A folder is built by its own build tool, which is
its author's code: that too happens only then.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from smolterm.errors import ExitCode, PackageError, PackError, UsageError
from smolterm.packs.adding import Narrowing, agreed, check_names, installed, keep, say, trust_pack
from smolterm.packs.examine import Examined, examine
from smolterm.packs.find import GROUP, Found, find_packs, read_pack_in
from smolterm.packs.grants import Granted
from smolterm.packs.listing import asking_lines
from smolterm.packs.reading import MOST_BYTES, MOST_FILES, files_in, read_tools
from smolterm.packs.trust import read_trust
from smolterm.packs.using import settings_of
from smolterm.spawn import plain_environment

SECONDS = 600.0
LARGEST_TABLE = 1_000_000


def add_pack(what: str, narrowing: Narrowing, *, yes: bool) -> int:
    """Use a pack, after it was installed if need be.

    Args:
        what: the name of an installed pack, a folder, a wheel, or a requirement for pip.

    Raises:
        UsageError: it is no pack, or nobody can be asked.
        PackageError: pip could not get or install it.
    """
    if any(found.name == what for found in find_packs()):
        return trust_pack(what, narrowing, yes=yes)
    path = Path(what)
    with tempfile.TemporaryDirectory(prefix="smolterm-pack-") as place:
        if path.is_dir():
            seen, source = [_look(found) for found in packs_in(path)], path
        elif os.sep in what or path.suffix == ".whl":
            if not path.is_file():
                raise UsageError(f"There is no {what}.")
            seen, source = _in_wheel(path, Path(place)), path
        else:
            source = _downloaded(what, Path(place) / "wheel")
            seen = _in_wheel(source, Path(place))
        if not seen:
            raise UsageError(f"{what} holds no tool pack.", next=f"It needs an entry in {GROUP}.")
        grants = [_shown(each, narrowing) for each in seen]
        for each in seen:
            check_names(each)
        say(f"It will be installed beside smolterm: {_command(source)}")
        if path.is_dir():
            say("Building it runs its own build tool.")
        if not (yes or agreed()):
            return ExitCode.STOPPED
        _install(source)
    for each, granted in zip(seen, grants, strict=True):
        _use(each, granted, narrowing)
    return ExitCode.OK


def _look(found: Found) -> Examined:
    """Return a pack that is not installed yet: its packages are not either."""
    if found.folder is None or found.manifest is None:
        raise found.error or PackError(f"The pack {found.name} has no manifest.")
    for _ in files_in(found.folder):
        pass
    return Examined(
        found=found,
        folder=found.folder,
        manifest=found.manifest,
        tools=tuple(read_tools(found.folder, found.module, found.manifest)),
        hash="",
    )


def _shown(each: Examined, narrowing: Narrowing) -> Granted:
    granted = narrowing.applied(each, read_trust().packs.get(each.manifest.name))
    say("\n".join(asking_lines(each, granted, settings_of(each.manifest, {}))))
    return granted


def _use(seen: Examined, granted: Granted, narrowing: Narrowing) -> None:
    """Trust what was installed, if it is what was shown.

    Raises:
        PackError: it is something else.
    """
    name = seen.manifest.name
    now = examine(installed(name))
    if (now.manifest, now.tools) != (seen.manifest, seen.tools):
        raise PackError(
            f"The pack {name} that was installed is not the one that was shown.",
            kept="It is not in use.",
            next=f"Look at it: smolterm packs trust {name}.",
        )
    keep(now, granted)
    say(f"{name} is in use from the next session on.")
    for key in granted.secrets:
        say(f"It needs a secret: smolterm packs secret {name} {key}")


def packs_in(folder: Path) -> list[Found]:
    """Return the packs that a project's folder declares.

    Raises:
        UsageError: it is no project, or one of them is not in it.
    """
    try:
        raw = (folder / "pyproject.toml").read_bytes()
        if len(raw) > LARGEST_TABLE:
            raise UsageError(f"{folder / 'pyproject.toml'} is too large.")
        project = msgspec.convert(tomllib.loads(raw.decode()), _Project).project
    except (OSError, ValueError, RecursionError, msgspec.ValidationError) as error:
        raise UsageError(f"{folder} is no Python project: {error}.") from None
    found: list[Found] = []
    for name, module in project.entry_points.get(GROUP, {}).items():
        below = Path(*module.split("."))
        places = [each / below for each in (folder, folder / "src") if (each / below).is_dir()]
        if not places:
            raise UsageError(f"{folder} has no folder {below} for its pack {name}.")
        found.append(read_pack_in(name, module, places[0]))
    return found


def _in_wheel(wheel: Path, place: Path) -> list[Examined]:
    """Return the packs of a wheel, unpacked into a folder; nothing of it runs."""
    from smolterm.packages.unpack import BadWheel, members

    root = place / "unpacked"
    try:
        with zipfile.ZipFile(wheel) as archive:
            listed = members(archive)
            if len(listed) > MOST_FILES or sum(i.file_size for i, _, _ in listed) > MOST_BYTES:
                raise PackError(f"{wheel.name} is too large for a tool pack.")
            for info, scheme, path in listed:
                if scheme != "site":
                    raise _more(wheel, path)
                target = root / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(info))
    except (OSError, zipfile.BadZipFile, BadWheel, RuntimeError) as error:
        raise UsageError(f"{wheel.name} is no wheel that can be used: {error}.") from None
    found = _entries(root, wheel)
    own = {each.module.partition(".")[0] for each in found}
    for top in root.iterdir():
        if top.name not in own and not top.name.endswith(".dist-info"):
            raise _more(wheel, top.name)
    return [_look(each) for each in found]


def _more(wheel: Path, what: str) -> PackError:
    # A `.pth` file, a `sitecustomize.py` or a module of another package's name would run in every
    # Python of this environment, a program could take another one's name.
    return PackError(
        f"{wheel.name} holds more than a tool pack: {what!a}.",
        kept="It was not installed.",
        next="If you know what it is, pip install it yourself, then: smolterm packs trust NAME.",
    )


def _entries(root: Path, wheel: Path) -> list[Found]:
    import configparser

    found: list[Found] = []
    for table in root.glob("*.dist-info/entry_points.txt"):
        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        parser.optionxform = str  # type: ignore[method-assign,assignment]
        try:
            parser.read_string(table.read_bytes()[:LARGEST_TABLE].decode())
        except (configparser.Error, UnicodeDecodeError) as error:
            raise UsageError(f"{table.name} cannot be read: {error}.") from None
        for section in ("console_scripts", "gui_scripts"):
            if parser.has_section(section):
                raise _more(wheel, section)
        for name, module in parser[GROUP].items() if parser.has_section(GROUP) else ():
            found.append(read_pack_in(name, module, root / Path(*module.split("."))))
    return found


class _Entries(msgspec.Struct, kw_only=True, rename={"entry_points": "entry-points"}):
    entry_points: dict[str, dict[str, str]] = {}


class _Project(msgspec.Struct):
    project: _Entries


def _downloaded(requirement: str, place: Path) -> Path:
    """Get one wheel and nothing that it needs."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(requirement)
    except InvalidRequirement:
        raise UsageError(
            f"{requirement!a} is no pack, folder, wheel or requirement.",
            next="See `smolterm packs`.",
        ) from None
    arguments = ["download", "--only-binary", ":all:", "--no-deps", "--dest", str(place)]
    _pip([*arguments, "--", requirement], f"{requirement} could not be fetched")
    wheels = list(place.glob("*.whl"))
    if len(wheels) != 1:
        raise PackageError(f"pip fetched no wheel of {requirement}.")
    return wheels[0]


def _install(source: Path) -> None:
    failed = f"{source.name} could not be installed"
    _pip(_arguments(source), failed, next=f"Try it yourself: {_command(source)}")


def _arguments(source: Path) -> list[str]:
    only_wheels = [] if source.is_dir() else ["--only-binary", ":all:"]
    return ["install", *only_wheels, "--", str(source.absolute())]


def _command(source: Path) -> str:
    return shlex.join([Path(sys.executable).name, "-m", "pip", *_arguments(source)])


def _pip(arguments: Sequence[str], failed: str, next: str = "") -> None:
    """Run pip, which gets the person's own settings for it and nothing else of ours.

    Raises:
        PackageError: it failed; says why in pip's words.
    """
    from smolterm.packages.pip import FOR_PIP
    from smolterm.printable import printable

    kept = {
        name: value
        for name, value in os.environ.items()
        if name in FOR_PIP or name.startswith("PIP_")
    }
    command = [sys.executable, "-P", "-m", "pip", *arguments[:1], "--no-input", "--no-color",
               "--disable-pip-version-check", "--quiet", *arguments[1:]]  # fmt: skip
    try:
        done = subprocess.run(
            command, env=plain_environment(**kept), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, errors="replace", timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise PackageError(f"{failed}: pip took longer than {SECONDS:.0f} s.", next=next) from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        errors = [line.strip() for line in lines if line.lstrip().startswith("ERROR")] or lines
        why = printable(errors[-1])[:500] if errors else f"pip ended with {done.returncode}"
        raise PackageError(f"{failed}: {why}", next=next)
