"""A recipe as pyodide-build reads it, and what smolterm asks of it besides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from smolterm.errors import RecipeError
from smolterm.recipes.toolchain import builder, run
from smolterm.sandbox.assets import Progress

META = "meta.yaml"
LOOK_SECONDS = 60
_EXACT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9._+!-]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Sdist(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The source distribution that takes the place of `source.path`, from the person's index."""

    requirement: str
    """Exactly one release: `name==version`."""
    sha256: str


class Ours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands under `extra.smolterm`."""

    sdist: Sdist | None = None
    pure: bool = False
    """Nothing is compiled, so that no compiler is needed; the wheel must run anywhere."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """One recipe that pyodide-build's own model accepts."""

    path: Path
    name: str
    version: str
    imports: tuple[str, ...] = ()
    url: str = ""
    source: str = ""
    sha256: str = ""
    patches: tuple[str, ...] = ()
    kind: Literal["package", "static_library", "shared_library", "cpython_module"] = "package"
    script: bool = False
    rust: bool = False
    run: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    license: str = ""
    summary: str = ""
    smolterm: Ours = Ours()


def find_recipes(folder: Path, names: Sequence[str] = ()) -> list[Path]:
    """Return the files of recipes, all that there are when none is named.

    Raises:
        RecipeError: there is no such recipe.
    """
    found = {path.parent.name: path for path in sorted(folder.glob(f"*/{META}"))}
    for name in names:
        if name not in found:
            raise RecipeError(
                f"There is no recipe {folder / name / META}.",
                next="Name one of them, or another folder with --recipes DIR.",
            )
    if not found:
        raise RecipeError(f"There are no recipes in {folder}.",
                          next="Name the folder that holds them with --recipes DIR.")  # fmt: skip
    return [found[name] for name in names or found]


async def read_recipes(paths: Sequence[Path], tell: Progress) -> list[Recipe | RecipeError]:
    """Let pyodide-build read recipes; each wrong one comes back as what is wrong with it.

    Raises:
        RecipeError: there is no pyodide-build, and none can be had.
    """
    python = await builder(tell)
    inside = Path(__file__).with_name("inside.py")
    said = await run([str(python), "-I", str(inside), *map(str, paths)], LOOK_SECONDS)
    lines = [line for line in said.splitlines() if line.startswith("{")]
    if len(lines) != len(paths):
        raise RecipeError("pyodide-build did not answer for each recipe.", next="Try again.")
    return [_read(path, line) for path, line in zip(paths, lines, strict=True)]


def _read(path: Path, line: str) -> Recipe | RecipeError:
    told = msgspec.json.decode(line)
    if "error" in told:
        return RecipeError(f"{path}: {told['error']}")
    try:
        recipe = msgspec.convert(told | {"path": path}, Recipe)
    except msgspec.ValidationError as error:
        return RecipeError(f"{path}: {error}")
    wrong = list(_wrong(recipe))
    return RecipeError(f"{path}: {' '.join(wrong)}") if wrong else recipe


def _wrong(recipe: Recipe) -> Iterable[str]:
    """Yield what smolterm asks and the recipe does not keep."""
    sdist = recipe.smolterm.sdist
    if recipe.path.parent.name != recipe.name:
        yield f"its folder is not named {recipe.name}."
    if recipe.url and not recipe.url.startswith("https://"):
        yield "`source.url` is no https address."
    if recipe.url and not _SHA256.fullmatch(recipe.sha256):
        yield "`source.sha256` is no SHA-256."
    if sdist is not None and recipe.url:
        yield "`source.url` and `extra.smolterm.sdist` exclude each other."
    if sdist is not None and not _EXACT.fullmatch(sdist.requirement):
        yield "`extra.smolterm.sdist.requirement` is not `name==version`."
    elif sdist is not None and sdist.requirement.partition("==")[2] != recipe.version:
        yield f"`extra.smolterm.sdist` is not version {recipe.version}."
    if sdist is not None and not _SHA256.fullmatch(sdist.sha256):
        yield "`extra.smolterm.sdist.sha256` is no SHA-256."
    if not recipe.imports and recipe.kind == "package":
        yield "`package.top-level` does not say what is imported."
    if not recipe.license:
        yield "`about.license` is missing."
    for patch in recipe.patches:
        if not (recipe.path.parent / patch).is_file():
            yield f"the patch {patch} is not there."
