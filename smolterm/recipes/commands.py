"""`smolterm recipes`: list, check, build and add."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smolterm.errors import ExitCode, RecipeError
from smolterm.printable import printable

if TYPE_CHECKING:
    import argparse

    from smolterm.recipes.recipe import Recipe

ACTIONS = {
    "list": "list the recipes, and what each needs",
    "check": "let pyodide-build's own model read the recipes",
    "build": "build wheels for the sandbox",
    "add": "build, and add to the sandbox's lock, so that code can import it",
}


def add_parser(subparsers: Any) -> None:
    """Add the actions of `smolterm recipes` to what `add_subparsers` returned."""
    for name, words in ACTIONS.items():
        parser = subparsers.add_parser(name, help=words, description=f"{words.capitalize()}.")
        parser.set_defaults(action=name)
        add = parser.add_argument
        needed = name in ("build", "add")
        add("names", nargs="+" if needed else "*", metavar="NAME",
            help="a folder below the recipes'")  # fmt: skip
        add("--recipes", type=Path, default=Path("recipes"), metavar="DIR",
            help="where the recipes are (default: recipes)")  # fmt: skip
        if needed:
            add("-y", "--yes", action="store_true", help="build without asking")


def run_recipes(arguments: argparse.Namespace) -> int:
    """Run one action and return the exit code."""
    from smolterm.process import run_to_exit

    return run_to_exit(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    from smolterm.progress import bar
    from smolterm.recipes.recipe import find_recipes, read_recipes

    tell = bar()
    paths = find_recipes(arguments.recipes.absolute(), arguments.names)
    found = await read_recipes(paths, tell)
    wrong = [one for one in found if isinstance(one, RecipeError)]
    good = [one for one in found if not isinstance(one, RecipeError)]
    for error in wrong:
        sys.stderr.write(printable(str(error)) + "\n")
    if arguments.action in ("list", "check"):
        for recipe in good:
            line = _line(recipe) if arguments.action == "list" else f"{recipe.name}: good"
            sys.stdout.write(printable(line) + "\n")
        return ExitCode.FAILED if wrong else ExitCode.OK
    if wrong:
        return ExitCode.FAILED
    if not (arguments.yes or _agreed(good)):
        return ExitCode.STOPPED
    return await _build(good, arguments, tell)


async def _build(recipes: list[Recipe], arguments: argparse.Namespace, tell: Any) -> int:
    from smolterm.packages.collection import read_collection
    from smolterm.recipes.build import build
    from smolterm.sandbox.assets import pinned, set_up

    assets = await set_up(progress=tell)
    info = read_collection(assets.pyodide, pinned().version).info
    for recipe in recipes:
        wheel = await build(recipe, info, tell)
        sys.stdout.write(printable(f"built {wheel}") + "\n")
    if arguments.action == "add":
        from smolterm.packages.commands import add_packages

        return await add_packages([f"{one.name}=={one.version}" for one in recipes])
    return ExitCode.OK


def _line(recipe: Recipe) -> str:
    needs = "nothing compiled" if recipe.smolterm.pure else "Rust" if recipe.rust else "Emscripten"
    return f"{recipe.name} {recipe.version}  {needs}  {recipe.license}  {recipe.summary}".rstrip()


def _agreed(recipes: list[Recipe]) -> bool:
    names = ", ".join(f"{one.name} {one.version}" for one in recipes)
    sys.stderr.write(
        printable(f"Building {names} runs the packages' own build code on this machine, as you.")
        + "\n"
    )
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        sys.stderr.write("There is no terminal to ask on; say yes with --yes.\n")
        return False
    sys.stderr.write("Build? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
