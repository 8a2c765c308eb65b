"""From a recipe to a wheel for the sandbox."""

from __future__ import annotations

import asyncio
import shutil
import tarfile
import tempfile
from pathlib import Path

from smolterm.errors import RecipeError
from smolterm.packages.cache import built_folder
from smolterm.packages.collection import Info
from smolterm.recipes.crossing import cross_build, stand_in
from smolterm.recipes.recipe import Recipe
from smolterm.recipes.toolchain import builder, environment, run
from smolterm.sandbox.assets import Progress
from smolterm.store import cache_folder, make_private

DOWNLOAD_SECONDS = 600
BUILD_SECONDS = 7200


async def build(recipe: Recipe, info: Info, tell: Progress) -> Path:
    """Build one recipe in a folder of its own and return the wheel, which packages then find.

    Args:
        info: which Pyodide is in use.

    Raises:
        RecipeError: the source is not what the recipe says, or it does not build.
    """
    python = await builder(tell)
    pyodide = python.with_name("pyodide")
    make_private(cache_folder() / "building")
    work = Path(tempfile.mkdtemp(prefix=f"{recipe.name}-", dir=cache_folder() / "building"))
    try:
        # pyodide-build writes beside the recipe.
        mine = work / "recipes" / recipe.name
        await asyncio.to_thread(shutil.copytree, recipe.path.parent, mine)
        if recipe.smolterm.sdist is not None:
            tell(f"fetching the source of {recipe.name} {recipe.version}", None)
            await _fetch(recipe, python, work, mine)
        if recipe.smolterm.pure:
            named = stand_in(work / "stand-in", info)
        else:
            named = dict(await cross_build(pyodide, tell))
        tell(f"building {recipe.name} {recipe.version}", None)
        path = f"{python.parent}:{environment().get('PATH', '')}"
        await run(
            [str(pyodide), "build-recipes-no-deps", "--recipe-dir", str(work / "recipes"),
             "--build-dir", str(work / "build"), recipe.name],
            BUILD_SECONDS, env=environment(PATH=path, **named), cwd=work, loud=True,
        )  # fmt: skip
        return taken(recipe, mine / "dist")
    finally:
        await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)


async def _fetch(recipe: Recipe, python: Path, work: Path, mine: Path) -> None:
    """Put the source distribution where `source.path` points, once its hash is the recipe's."""
    sdist = recipe.smolterm.sdist
    assert sdist is not None
    wanted = work / "wanted.txt"
    wanted.write_text(f"{sdist.requirement} --hash=sha256:{sdist.sha256}\n")
    downloads = work / "downloads"
    await run(
        [str(python), "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
         "--no-deps", "--no-binary", ":all:", "--require-hashes",
         "--dest", str(downloads), "-r", str(wanted)],
        DOWNLOAD_SECONDS,
    )  # fmt: skip
    (archive,) = downloads.iterdir()
    target = mine / Path(recipe.source).name
    if target.exists():
        raise RecipeError(f"{recipe.path}: `source.path` is already there.",
                          next="Remove it, or `extra.smolterm.sdist`.")  # fmt: skip
    await asyncio.to_thread(_unpack, archive, work / "unpacked", target)


def _unpack(archive: Path, place: Path, target: Path) -> None:
    """Unpack an archive whose one folder becomes the target."""
    try:
        with tarfile.open(archive) as packed:
            packed.extractall(place, filter="data")
        (only,) = place.iterdir()
    except (OSError, ValueError, tarfile.TarError) as error:
        raise RecipeError(f"{archive.name} cannot be unpacked: {error}.") from None
    only.rename(target)


def taken(recipe: Recipe, dist: Path) -> Path:
    """Move the wheel to the others, if it is one that the recipe promises."""
    from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

    wheels = sorted(dist.glob("*.whl"))
    if len(wheels) != 1:
        raise RecipeError(f"{recipe.path} made {len(wheels)} wheels instead of one.")
    (wheel,) = wheels
    try:
        name, version, _, tags = parse_wheel_filename(wheel.name)
    except InvalidWheelFilename as error:
        raise RecipeError(f"{recipe.path} made {wheel.name}: {error}.") from None
    if (name, str(version)) != (canonicalize_name(recipe.name), recipe.version):
        raise RecipeError(f"{recipe.path} made {name} {version}, not {recipe.version}.")
    platforms = {tag.platform for tag in tags}
    fits = platforms == {"any"} if recipe.smolterm.pure else all(
        one == "any" or one.endswith("_wasm32") for one in platforms
    )  # fmt: skip
    if not fits:
        raise RecipeError(f"{recipe.path} made {wheel.name}, which does not run in the sandbox.")
    folder = built_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.move(wheel, folder / wheel.name))
