"""Recipes: read by pyodide-build itself, built by it, and imported in the sandbox."""

from __future__ import annotations

import asyncio
import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import msgspec
import pytest

from smolterm.errors import RecipeError
from smolterm.packages.cache import built_folder
from smolterm.packages.collection import Info, read_collection
from smolterm.recipes import toolchain
from smolterm.recipes.build import build, taken
from smolterm.recipes.recipe import Ours, Recipe, Sdist, find_recipes, read_recipes
from smolterm.sandbox.assets import find_assets, pinned
from smolterm.store import cache_folder

OURS = Path(__file__).parents[2] / "recipes"
GOOD = """\
package: {name: hello, version: "1.0", top-level: [hello]}
source: {path: source}
about: {license: MIT}
extra: {smolterm: {pure: true}}
"""


def quiet(text: str, fraction: float | None) -> None:
    pass


@pytest.fixture(scope="module")
def python() -> Path:
    """A Python with pyodide-build, as the command makes it."""
    if toolchain.find_builder() is None and toolchain.find_python() is None:
        pytest.skip("pyodide-build needs Python 3.12 or later, and there is none here")
    return asyncio.run(toolchain.builder(quiet))


@pytest.fixture(scope="module")
def info() -> Info:
    assets = find_assets(cache_folder())
    assert assets is not None
    return read_collection(assets.pyodide, pinned().version).info


@pytest.fixture
def cache(python, info, tmp_path, monkeypatch) -> Path:
    """A cache of one's own with nothing in it but pyodide-build."""
    own = tmp_path / "cache"
    own.mkdir()
    if python.is_relative_to(cache_folder()):
        (own / python.parents[1].name).symlink_to(python.parents[1])
    monkeypatch.setenv("SMOLTERM_CACHE", str(own))
    return own


def written(folder: Path, meta: str, name: str = "hello") -> Path:
    path = folder / name / "meta.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(meta)
    return path


def source(folder: Path, backend: str = "flit_core.buildapi") -> Path:
    """Write a project of one module."""
    (folder / "hello").mkdir(parents=True)
    (folder / "hello" / "__init__.py").write_text(
        "def greet():\n    return 'hello from a recipe'\n"
    )
    (folder / "pyproject.toml").write_text(
        f'[build-system]\nrequires = ["flit_core"]\nbuild-backend = "{backend}"\n'
        '[project]\nname = "hello"\nversion = "1.0"\ndescription = "x"\n'
    )
    return folder


def one(path: Path) -> Recipe | RecipeError:
    (found,) = asyncio.run(read_recipes([path], quiet))
    return found


def test_ours_are_accepted_by_pyodide_builds_own_model(python):
    paths = find_recipes(OURS)
    assert len(paths) >= 3
    found = asyncio.run(read_recipes(paths, quiet))
    assert [recipe for recipe in found if isinstance(recipe, RecipeError)] == []


def test_ours_are_of_packages_that_pyodide_does_not_serve():
    assets = find_assets(cache_folder())
    assert assets is not None
    served = read_collection(assets.pyodide, pinned().version)._packages
    assert not {path.parent.name for path in find_recipes(OURS)} & set(served)


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        ("package: {name: hello}\nsource: {path: .}\n", "version"),
        (GOOD + "colour: red\n", "colour"),
        ("[", "while parsing"),
        ("- 1\n", "Error"),
        (GOOD.replace("{path: source}", "{url: https://example.org/x.tgz}"), "sha256"),
        (
            GOOD.replace("{path: source}", f"{{url: http://x/a.tgz, sha256: '{'0' * 64}'}}"),
            "no https",
        ),
        (GOOD.replace(", top-level: [hello]", ""), "top-level"),
        (GOOD.replace("MIT", "''"), "license"),
        (GOOD.replace("pure: true", "pures: true"), "pures"),
        (
            GOOD.replace("pure: true", "sdist: {requirement: hello>=1, sha256: x}"),
            "not `name==version`",
        ),
        (GOOD.replace("name: hello", "name: other"), "folder is not named other"),
    ],
)
def test_a_wrong_recipe_is_named_with_what_is_wrong(python, tmp_path, meta, said):
    found = one(written(tmp_path, meta))
    assert isinstance(found, RecipeError)
    assert said in found.what
    assert str(tmp_path / "hello" / "meta.yaml") in found.what


def test_what_cannot_be_found_is_said(tmp_path):
    with pytest.raises(RecipeError, match="no recipes in"):
        find_recipes(tmp_path)
    written(tmp_path, GOOD)
    with pytest.raises(RecipeError, match=r"no recipe .*other"):
        find_recipes(tmp_path, ["other"])


def smolterm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "smolterm.cli", *arguments],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_a_package_is_built_added_and_imported(python, tmp_path, monkeypatch):
    monkeypatch.setenv("SMOLTERM_PACKAGES_LOCK", str(tmp_path / "lock.json"))
    folder, wheel = tmp_path / "recipes", built_folder() / "hello-1.0-py2.py3-none-any.whl"
    written(folder, GOOD)
    source(folder / "hello" / "source")
    before = sorted(folder.rglob("*"))
    try:
        asked = smolterm("recipes", "add", "hello", "--recipes", str(folder))
        assert (asked.returncode, wheel.exists()) == (3, False)
        assert "runs the packages' own build code" in asked.stderr
        done = smolterm("recipes", "add", "hello", "--recipes", str(folder), "--yes")
        assert (done.returncode, "+ hello 1.0" in done.stdout) == (0, True), done.stderr
        ran = smolterm("py", "-c", "import hello; print(hello.greet())")
        assert ran.stdout == "hello from a recipe\n", ran.stderr
        assert sorted(folder.rglob("*")) == before, "nothing is written beside the recipe"
        again = smolterm("packages", "lock", "--yes")
        assert again.returncode == 0, again.stderr
    finally:
        wheel.unlink(missing_ok=True)


def packed(folder: Path, name: str = "hello-1.0") -> tuple[Path, str]:
    """Write a source distribution; returns it and its SHA-256."""
    path = folder / f"{name}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(source(folder / "tree"), arcname=name)
        info = b"Metadata-Version: 2.1\nName: hello\nVersion: 1.0\n"
        member = tarfile.TarInfo(f"{name}/PKG-INFO")
        member.size = len(info)
        archive.addfile(member, io.BytesIO(info))
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def of_sdist(recipe: Path, sha256: str) -> Recipe:
    found = one(recipe)
    assert isinstance(found, Recipe)
    sdist = Sdist(requirement="hello==1.0", sha256=sha256)
    return msgspec.structs.replace(found, smolterm=Ours(sdist=sdist, pure=True))


def test_the_source_comes_from_the_index_and_must_be_the_one(cache, info, tmp_path, monkeypatch):
    _, sha256 = packed(tmp_path)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    recipe = written(tmp_path / "recipes", GOOD)
    wheel = asyncio.run(build(of_sdist(recipe, sha256), info, quiet))
    assert wheel.parent == built_folder()
    wheel.unlink()
    with pytest.raises(RecipeError, match="Expected sha256"):
        asyncio.run(build(of_sdist(recipe, "0" * 64), info, quiet))
    assert list(built_folder().iterdir()) == []
    assert list((cache / "building").iterdir()) == []


def test_a_wheel_of_another_version_is_refused(cache, info, tmp_path):
    recipe = written(tmp_path / "recipes", GOOD.replace("1.0", "2.0"))
    source(recipe.parent / "source")
    found = one(recipe)
    assert isinstance(found, Recipe)
    with pytest.raises(RecipeError, match="ended with 1"):
        asyncio.run(build(found, info, quiet))
    assert not built_folder().exists()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "0 wheels"),
        (["hello-1.0-py3-none-any.whl", "hello-1.0-py2-none-any.whl"], "2 wheels"),
        (["hello-2.0-py3-none-any.whl"], "not 1.0"),
        (["hello-1.0-cp314-cp314-pyemscripten_2026_0_wasm32.whl"], "does not run"),
        (["hello.whl"], "Invalid wheel"),
    ],
)
def test_a_wheel_that_the_recipe_does_not_promise_is_refused(python, cache, tmp_path, names, said):
    recipe = one(written(tmp_path / "recipes", GOOD))
    assert isinstance(recipe, Recipe)
    for name in names:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(RecipeError, match=said):
        taken(recipe, tmp_path)
    assert not built_folder().exists()


def test_without_the_environment_to_compile_in_nothing_is_built_and_it_is_said(
    cache, info, tmp_path, monkeypatch
):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    recipe = written(tmp_path / "recipes", GOOD.replace("pure: true", "pure: false"))
    source(recipe.parent / "source")
    found = one(recipe)
    assert isinstance(found, Recipe)
    with pytest.raises(RecipeError, match="cross-build environment of Pyodide") as failed:
        asyncio.run(build(found, info, quiet))
    assert "recipes check" in str(failed.value)
