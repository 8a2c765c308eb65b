"""`smolterm packages`: add, list, remove, lock, verify, mirror."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smolterm.errors import ExitCode, UsageError
from smolterm.packages import Plan
from smolterm.printable import printable

if TYPE_CHECKING:
    import argparse

    from smolterm.packages import Item
    from smolterm.packages.lock import Lock
    from smolterm.packages.provide import Packages

ACTIONS = {
    "add": "choose, download and lock packages",
    "list": "list what is locked",
    "remove": "take packages out of the lock, with what only they needed",
    "lock": "choose the newest versions of what was added, all together",
    "verify": "compare every file of the lock and the cache with its hash",
    "mirror": "write a folder that other machines can install from: --index FOLDER",
}


def add_parser(subparsers: Any) -> None:
    """Add the actions of `smolterm packages` to what `add_subparsers` returned."""
    for name, words in ACTIONS.items():
        parser = subparsers.add_parser(name, help=words, description=f"{words.capitalize()}.")
        parser.set_defaults(action=name)
        add = parser.add_argument
        if name in ("add", "remove"):
            add("names", nargs="+", metavar="NAME", help="such as pandas or 'pandas>=3'")
        if name == "mirror":
            add("folder", type=Path, help="the folder to write")
            add("names", nargs="*", metavar="NAME", help="only these (default: the whole lock)")
        if name in ("add", "lock", "mirror"):
            add("--index", default="", metavar="PLACE",
                help="a simple index's address, a mirror's folder or a folder of wheels, instead "
                "of what pip is configured for")  # fmt: skip
            add("--offline", action="store_true", help="use what is in the cache alone")
            add("-y", "--yes", action="store_true", help="download without asking")
        if name in ("list", "verify"):
            add("--json", action="store_true", help="print one JSON object")


def run_packages(arguments: argparse.Namespace) -> int:
    """Run one action and return the exit code."""
    from smolterm.process import run_to_exit

    if arguments.action == "list":
        return _list(as_json=arguments.json)
    if arguments.action == "verify":
        return _verify(as_json=arguments.json)
    if arguments.action == "remove":
        return _remove(arguments.names)
    work = {"add": _add, "lock": _renew, "mirror": _mirror}[arguments.action]
    return run_to_exit(work(arguments))


async def _add(arguments: argparse.Namespace) -> int:
    from smolterm.packages.collection import normal
    from smolterm.packages.resolve import parsed

    new = {normal(parsed(text).name): str(parsed(text)) for text in arguments.names}
    return await _relock(_packages(arguments), new, keep=True)


async def add_packages(requirements: list[str]) -> int:
    """Add what the person agreed to already, and return the exit code."""
    from smolterm.packages.collection import normal
    from smolterm.packages.provide import Packages
    from smolterm.packages.resolve import parsed
    from smolterm.progress import bar

    new = {normal(parsed(text).name): text for text in requirements}
    return await _relock(Packages(consent=_yes, progress=bar()), new, keep=True)


async def _renew(arguments: argparse.Namespace) -> int:
    packages = _packages(arguments)
    return await _relock(packages, {}, keep=False)


async def _relock(packages: Packages, new: dict[str, str], *, keep: bool) -> int:
    """Choose for all that was ever added together, and write the lock."""
    from smolterm.packages.lock import editing, read_lock
    from smolterm.sandbox.assets import pinned

    before = read_lock(packages.lock)
    roots = before.roots | new
    kept = {i.name: i.version for i in before.packages if i.name not in new} if keep else {}
    if before.pyodide != pinned().version:
        kept = {}
    items = await packages.renew(list(roots.values()), kept)
    # Without the network in between: the lock is held for as long as it is written.
    with editing(packages.lock) as lock:
        if lock != before:
            raise UsageError(
                f"{packages.lock} was changed meanwhile.",
                kept="It is as it was.",
                next="Try again.",
            )
        lock.roots, lock.pyodide = roots, pinned().version
        lock.packages = sorted(items, key=lambda item: item.name)
    _say(_changes(before, items) or ["Nothing has changed."])
    return ExitCode.OK


async def _mirror(arguments: argparse.Namespace) -> int:
    from smolterm.packages.lock import read_lock
    from smolterm.packages.mirror import write_mirror
    from smolterm.packages.resolve import parsed

    packages = _packages(arguments)
    lock = read_lock(packages.lock)
    items: list[Item] | None = lock.packages
    if arguments.names:
        items = lock.covering(parsed(text) for text in arguments.names)
    if not items:
        names = ", ".join(arguments.names)
        what = f"{names} is not in the lock." if names else "Nothing was added."
        raise UsageError(what, next="Run `smolterm packages add NAME` first.")
    await packages.ensure(items)
    folder = arguments.folder.absolute()
    new = await asyncio.to_thread(write_mirror, folder, items, packages.cache)
    _say([f"{len(items)} files in {folder}, {new} of them new.",
          f"Elsewhere: smolterm packages add --index {folder} NAME"])  # fmt: skip
    return ExitCode.OK


def _list(*, as_json: bool) -> int:
    from smolterm.packages.lock import lock_path, read_lock
    from smolterm.sandbox.assets import pinned

    path = lock_path()
    lock = read_lock(path)
    if as_json:
        import msgspec

        found = {"lock": str(path), **msgspec.to_builtins(lock)}
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
        return ExitCode.OK
    width = max((len(f"{item.name} {item.version}") for item in lock.packages), default=0)
    for item in lock.packages:
        added = "added" if item.name in lock.roots else "needed"
        source = "Pyodide" if item.origin == "pyodide" else "index"
        imports = ", ".join(item.imports)
        name = f"{item.name} {item.version}"
        _say([f"{name:<{width}}  {added:<6}  {source:<7}  {imports}".rstrip()])
    if not lock.packages:
        sys.stderr.write("Nothing was added. Add packages with `smolterm packages add NAME`.\n")
    elif lock.pyodide != pinned().version:
        sys.stderr.write(
            f"These were chosen for Pyodide {lock.pyodide}, and {pinned().version} is in use: run "
            "`smolterm packages lock`.\n"
        )
    return ExitCode.OK


def _remove(names: list[str]) -> int:
    from smolterm.packages.lock import editing, lock_path

    with editing(lock_path()) as lock:
        gone = lock.remove(names)
    _say([f"- {name}" for name in gone])
    return ExitCode.OK


def _verify(*, as_json: bool) -> int:
    """Say of each file of the lock and the cache whether it is what its hash says."""
    from smolterm.packages.cache import Cache, sha256
    from smolterm.packages.lock import lock_path, read_lock
    from smolterm.sandbox.assets import cache_folder

    cache = Cache(cache_folder() / "packages")
    lock = read_lock(lock_path())
    states = {
        item.filename: "good" if cache.holds(item)
        else "damaged" if cache.wheel(item).exists() else "missing"
        for item in lock.packages
    }  # fmt: skip
    locked = {item.sha256 for item in lock.packages}
    for digest, path in cache.originals():
        if digest not in locked:
            states[path.name] = "good" if sha256(path) == digest else "damaged"
    for digest, path in cache.all_prepared():
        if sha256(path) != digest:
            states[f"{path.parent.name}/{path.name}"] = "damaged"
    bad = {name: state for name, state in states.items() if state != "good"}
    if as_json:
        import msgspec

        sys.stdout.write(msgspec.json.encode(states).decode() + "\n")
    else:
        _say(f"{name}: {state}" for name, state in bad.items())
        _say([f"{len(states) - len(bad)} of {len(states)} files are good."])
    if bad and not as_json:
        broken = [item.name for item in lock.packages if item.filename in bad]
        fix = f"smolterm packages add {' '.join(broken)}" if broken else "they are fetched again"
        sys.stderr.write(f"Damaged and missing files are never used. To mend: {fix}.\n")
    return ExitCode.FAILED if bad else ExitCode.OK


def _packages(arguments: argparse.Namespace) -> Packages:
    from smolterm.packages.provide import Packages
    from smolterm.progress import bar

    return Packages(
        consent=_yes if arguments.yes else ask_on_terminal,
        progress=bar(),
        offline=arguments.offline,
        index=arguments.index,
    )


async def _yes(plan: Plan) -> bool:
    sys.stderr.write(printable("\n".join(plan.lines())) + "\n")
    return True


async def ask_on_terminal(plan: Plan) -> bool:
    """Show a plan and ask; no when there is nobody to ask."""
    from smolterm.threads import in_daemon_thread

    sys.stderr.write(printable("\n".join(plan.lines())) + "\n")
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        sys.stderr.write("There is no terminal to ask on; say yes with --yes.\n")
        return False
    sys.stderr.write("Download? [y/N] " if plan.downloads else "Look it up? [y/N] ")
    sys.stderr.flush()
    answer = await in_daemon_thread(sys.stdin.readline)
    return answer.strip().lower() in ("y", "yes")


def _changes(before: Lock, after: list[Item]) -> list[str]:
    old = {item.name: item.version for item in before.packages}
    new = {item.name: item.version for item in after}
    lines = []
    for name in sorted(old | new):
        if name not in new:
            lines.append(f"- {name} {old[name]}")
        elif name not in old:
            lines.append(f"+ {name} {new[name]}")
        elif old[name] != new[name]:
            lines.append(f"~ {name} {old[name]} -> {new[name]}")
    return lines


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(printable(line) + "\n")
