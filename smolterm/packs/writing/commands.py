"""The words of `smolterm packs` for who writes tools: new, test, dev, and files of functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from smolterm.packs.adding import Narrowing

ACTIONS = {
    "new": "write a pack that works into ./smolterm-NAME, with a test, to change it",
    "test": "test a pack: its manifest, its tools, a real loading, then its own tests",
    "dev": "do that at each save, until Ctrl-C",
}
FOR_FILES = ("add", "remove", "show", "trust")


def add_arguments(name: str, parser: argparse.ArgumentParser) -> None:
    """Add the arguments of one of the actions."""
    if name == "new":
        parser.add_argument("name", metavar="NAME", help="the pack's name, such as my-pack")
        how = "a process of its own, for sockets and C libraries: trusted, not enforced"
        parser.add_argument("--native", action="store_true", help=how)
        return
    what = "a project's folder, or a file of functions"
    if name == "test":
        what += ", or the name of a pack"
    parser.add_argument("what", metavar="WHAT", nargs="?", default=".", help=what)


def run(arguments: argparse.Namespace) -> int:
    """Run one of the actions and return the exit code."""
    if arguments.action == "new":
        from smolterm.packs.writing.new import new_pack

        return new_pack(arguments.name, native=arguments.native)
    if arguments.action == "test":
        from smolterm.packs.writing.test import run_test

        return run_test(arguments.what)
    from smolterm.packs.writing.dev import run_dev

    run_dev(arguments.what)


def is_file(what: Any) -> bool:
    """Say whether what was typed in a pack's place is a file of functions."""
    return isinstance(what, str) and what.endswith(".py")


def run_file(action: str, path: str, narrowing: Narrowing, arguments: argparse.Namespace) -> int:
    """Run one of `FOR_FILES` on a file of functions and return the exit code."""
    from smolterm.packs.writing import files

    if action == "show":
        from smolterm.packs.listing import print_standing

        return print_standing(files.standing_of_file(path), as_json=arguments.json)
    if action == "remove":
        return files.remove_file(path)
    return files.trust_file(path, narrowing, yes=arguments.yes)
