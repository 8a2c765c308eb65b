"""A new pack, and what `smolterm packs test` finds wrong with it once somebody changed it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from smolterm.errors import Denied, PackError, UsageError
from smolterm.pack import http, secrets, settings
from smolterm.packs.manifest import read_manifest
from smolterm.packs.testing import granted
from smolterm.packs.writing import test as testing
from smolterm.packs.writing.dev import stamps
from smolterm.packs.writing.new import new_pack
from tests.packs.web import Web, echo

Say = Callable[[], str]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    assert new_pack("words", below=tmp_path) == 0
    return tmp_path / "smolterm-words"


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str]) -> Say:
    return lambda: capfd.readouterr().out


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def source(project: Path) -> Path:
    return project / "smolterm_words" / "__init__.py"


def manifest(project: Path) -> Path:
    return project / "smolterm_words" / "pack.toml"


def test_what_is_there_is_not_written_over(project: Path) -> None:
    change(source(project), "find_words", "mine")
    with pytest.raises(UsageError, match="is there already"):
        new_pack("smolterm-words", below=project.parent)
    assert "def mine" in source(project).read_text()


@pytest.mark.parametrize("name", ["", "Words", "a b", "../x", "1a", "-a", "a--b", "x" * 41, "a.b"])
def test_a_name_that_no_pack_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no name for a pack"):
        new_pack(name, below=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_new_pack_of_either_kind_passes(tmp_path: Path, said: Say) -> None:
    assert new_pack("my-own", native=True, below=tmp_path) == 0
    project = tmp_path / "smolterm-my-own"
    assert read_manifest(project / "smolterm_my_own" / "pack.toml").kind == "native"
    assert testing.run_test(str(project)) == 0
    shown = said()
    assert "my-own was loaded in a process of its own: its tool is there." in shown
    assert "3 passed" in shown
    assert "@" not in "".join(each.read_text().replace("@tool", "").replace("@pytest", "")
                              for each in project.rglob("*.*"))  # fmt: skip


def test_all_that_is_wrong_is_said_at_once(project: Path, said: Say) -> None:
    change(manifest(project), '"network"', '"network"\nlost = "pure"\nbare = "pure"\nodd = "read"')
    with source(project).open("a") as file:
        file.write("\ndef bare(a: int) -> int: return a\n")
        file.write("@tool\ndef odd(a: complex) -> int:\n    'Odd.'\n")
        file.write("@tool\ndef more() -> int:\n    'More.'\n")
    assert testing.run_test(str(project)) == 2
    shown = said()
    for words in (
        "The manifest names lost, which is no function of",
        "the tool bare: it has no docstring",
        "the tool odd: its parameter a: complex is no type that a tool can have",
        "more is marked as a tool, and `tools` in pack.toml does not name it.",
    ):
        assert words in shown
    assert "was loaded" not in shown


def test_a_manifest_that_is_none_is_said(project: Path, said: Say) -> None:
    change(manifest(project), '"network"', '"net"')
    assert testing.run_test(str(project)) == 2
    assert "`tools" in said()


@pytest.mark.parametrize(
    ("added", "why"),
    [
        ("import numpy", "No module named 'numpy' (smolterm_words/__init__.py, line "),
        ("del find_words", "find_words is no function any more once the pack is imported"),
        ("find_words = lambda a: a", "is no function of"),
        ("exec('def find_words(other): pass')", "find_words takes other arguments than its source"),
        ("http.get('http://127.0.0.1:1/')", "while it was imported"),
        ("open('/etc/passwd')", "tried to open '/etc/passwd'"),
    ],
)
def test_what_only_a_loading_shows_is_said(project: Path, said: Say, added: str, why: str) -> None:
    with source(project).open("a") as file:
        file.write(f"\n{added}\n")
    (project / "tests" / "test_words.py").unlink()
    assert testing.run_test(str(project)) == 2
    shown = said()
    assert why in shown
    assert f"Wrong: {project} has no tests: write tests/test_*.py." in shown


def test_a_native_pack_that_cannot_be_loaded_is_said(tmp_path: Path, said: Say) -> None:
    new_pack("words", native=True, below=tmp_path)
    project = tmp_path / "smolterm-words"
    with source(project).open("a") as file:
        file.write("\nraise RuntimeError('not today')\n")
    (project / "tests" / "test_words.py").unlink()
    assert testing.run_test(str(project)) == 2
    assert "RuntimeError: not today" in said()


def test_a_test_that_fails_is_what_it_ends_with(project: Path, said: Say) -> None:
    change(project / "tests" / "test_words.py", "51691", "1")
    change(source(project), '"score": each.get', '"points": each.get')
    assert testing.run_test(str(project)) == 2
    shown = said()
    assert "words was loaded in WebAssembly" in shown
    assert "1 failed, 2 passed" in shown


def test_a_file_of_functions_is_loaded_too(tmp_path: Path, said: Say) -> None:
    path = tmp_path / "mine.py"
    path.write_text('def add(a: int):\n    """Add."""\n\ndef b(c):\n    """B."""\n')
    assert testing.run_test(str(path)) == 0
    shown = said()
    assert "No tool: b has no type for c." in shown
    assert "Note: add has no type for its result, so nothing checks it." in shown
    path.write_text("import numpy\n" + path.read_text())
    assert testing.run_test(str(path)) == 2
    assert "numpy" in said()


@pytest.mark.parametrize("what", ["nothing", "./nothing"])
def test_what_is_nothing_to_test_is_said(what: str) -> None:
    with pytest.raises(UsageError, match="nothing"):
        testing.run_test(what)


def test_an_installed_pack_is_tested_by_its_name(said: Say) -> None:
    project, (found,) = testing._project("everyday")
    assert (found.name, (project / "tests").is_dir()) == ("everyday", True)


def test_a_test_opens_what_the_packs_own_manifest_asks_for() -> None:
    with Web({"*": echo}) as web:
        with granted(
            "smolterm_translate",
            settings={"url": web.url},
            secrets={"LIBRETRANSLATE_KEY": "t0p-secret-key", "OTHER": "other-secret"},
        ) as doors:
            assert settings["url"] == web.url
            http.get(web.url, headers={"K": secrets["LIBRETRANSLATE_KEY"]})
            with pytest.raises(Denied):
                http.get(web.at("other.localhost"))
            with pytest.raises(Denied):
                secrets["OTHER"]
        assert web.requests[0].headers["k"] == "t0p-secret-key"
        assert len(web.requests) == 1
    assert len(doors.denied) >= 1
    with pytest.raises(PackError), granted("no_such_module"):
        pass


def test_a_save_is_seen_and_what_tests_leave_behind_is_not(project: Path) -> None:
    before = stamps(project)
    assert {Path(each).name for each in before} == {
        "pyproject.toml", "README.md", "__init__.py", "pack.toml", "test_words.py",
    }  # fmt: skip
    for left in ("__pycache__/a.pyc", ".pytest_cache/x", "build/x", "smolterm_words/.swp", "a~"):
        (project / left).parent.mkdir(exist_ok=True)
        (project / left).write_text("x")
    assert stamps(project) == before
    change(source(project), "limit", "most")
    assert stamps(project) != before
    assert list(stamps(source(project))) == [str(source(project))]
