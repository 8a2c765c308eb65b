"""The Git pack on real repositories."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from git_repositories import git, shop
from smolterm.pack import Denied, ToolError
from smolterm.packs.testing import bound

import smolterm_git as pack

AUTHOR = {"name": "Bob", "email": "bob@example.org"}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A granted folder with a repository, and what a pack's process has around it."""
    before = Path.cwd()
    made = shop(tmp_path / "granted" / "shop").parent
    os.chdir(made)
    try:
        with bound(folder=made, write=["**"], settings=AUTHOR, native=True):
            yield made
    finally:
        os.chdir(before)


def test_status_tells_what_changed(folder: Path) -> None:
    repository = folder / "shop"
    clean = pack.git_status("shop")
    assert (clean["branch"], clean["changes"], clean["cut"]) == ("main", [], False)
    assert clean["commit"] == git(repository, "rev-parse", "HEAD")
    (repository / "total.py").write_text("changed\n")
    (repository / "new\nline.txt").write_text("")
    git(repository, "mv", "greeting.txt", "hello world.txt")
    found = {str(each["path"]): each for each in pack.git_status("shop")["changes"]}  # type: ignore[attr-defined]
    assert found["total.py"] == {"path": "total.py", "staged": "", "unstaged": "modified"}
    assert found["new\nline.txt"]["unstaged"] == "untracked"
    assert found["hello world.txt"] == {
        "path": "hello world.txt", "staged": "renamed", "unstaged": "", "was": "greeting.txt",
    }  # fmt: skip
    assert pack.git_status("shop", limit=1)["cut"] is True


def test_status_counts_what_lies_before_and_behind(folder: Path) -> None:
    git(folder, "clone", "-q", "shop", "copy")
    git(folder / "copy", "reset", "-q", "--hard", "HEAD~1")
    found = pack.git_status("copy")
    assert (found["upstream"], found["ahead"], found["behind"]) == ("origin/main", 0, 1)
    git(folder / "copy", "checkout", "-q", "--detach")
    assert pack.git_status("copy")["branch"] is None
    (folder / "copy/.git/MERGE_HEAD").write_text("")
    assert pack.git_status("copy")["under_way"] == "merge"
    with pytest.raises(ToolError, match="merge is under way"):
        pack.git_commit("No", [], "copy")


def test_commits_are_listed_and_chosen(folder: Path) -> None:
    newest, oldest = pack.git_log("shop")
    assert newest["subject"] == "Round it"
    assert oldest == {
        "commit": git(folder / "shop", "rev-parse", "older"), "author": "Ann Grün",
        "email": "ann@example.org", "date": "2026-01-31T12:00:00+01:00", "parents": [],
        "subject": "Add the total", "body": "It adds all up.",
    }  # fmt: skip
    assert pack.git_log("shop", text="ROUND") == [newest]
    assert pack.git_log("shop", author="grün", limit=1) == [newest]
    assert pack.git_log("shop", since="2026-02-01T00:00:00Z") == [newest]
    assert pack.git_log("shop", start="older") == [oldest]
    assert pack.git_log("shop", path="greeting.txt") == [newest]
    assert pack.git_log("shop", path="nothing.txt") == []


def test_a_commit_is_shown(folder: Path) -> None:
    found = pack.git_show(folder="shop")
    assert found["subject"] == "Round it"
    assert found["files"] == [
        {"path": "greeting.txt", "added": 0, "removed": 0, "was": "grüße €.txt"},
        {"path": "total.py", "added": 1, "removed": 1},
    ]
    assert "+    return round(sum(prices), 2)" in str(found["diff"])
    assert str(found["diff"]).startswith("diff --git ")
    first = pack.git_show("older", "shop", "total.py")
    assert first["files"] == [{"path": "total.py", "added": 2, "removed": 0}]
    cut = pack.git_show(folder="shop", longest=20)
    assert (len(str(cut["diff"]).encode()), cut["cut"]) == (20, True)


def test_differences_are_shown(folder: Path) -> None:
    repository = folder / "shop"
    assert pack.git_diff("shop") == {"files": [], "diff": "", "cut": False}
    (repository / "total.py").write_text("a\n")
    assert "+a" in str(pack.git_diff("shop")["diff"])
    assert pack.git_diff("shop", path="greeting.txt")["files"] == []
    assert pack.git_diff("shop", staged=True)["files"] == []
    git(repository, "add", "total.py")
    assert len(pack.git_diff("shop", staged=True)["files"]) == 1  # type: ignore[arg-type]
    between = pack.git_diff("shop", base="older", head="main", path="total.py")
    assert between["files"] == [{"path": "total.py", "added": 1, "removed": 1}]
    (repository / "image.dat").write_bytes(b"\0\1\2")
    git(repository, "add", ".")
    assert {"path": "image.dat", "added": None, "removed": None} in pack.git_diff(
        "shop", base="HEAD"
    )["files"]  # type: ignore[operator]
    with pytest.raises(ToolError, match="goes with `base`"):
        pack.git_diff("shop", head="main")


def test_each_line_has_its_commit(folder: Path) -> None:
    one, two = pack.git_blame("total.py", "shop")
    assert (one["subject"], two["subject"]) == ("Add the total", "Round it")
    assert (two["line"], two["text"]) == (2, "    return round(sum(prices), 2)")
    assert pack.git_blame("total.py", "shop", start=2, lines=1) == [two]
    assert len(pack.git_blame("total.py", "shop", commit="older")) == 2
    with pytest.raises(ToolError, match="no file 'nothing'"):
        pack.git_blame("nothing", "shop")
    with pytest.raises(ToolError, match="Git says"):
        pack.git_blame("total.py", "shop", start=99)


def test_a_file_is_read_as_it_was(folder: Path) -> None:
    assert "round" in pack.read_git_file("total.py", folder="shop")
    assert "round" not in pack.read_git_file("total.py", "older", "shop")
    assert pack.read_git_file("grüße €.txt", "HEAD~1", "shop") == "hello\n"
    with pytest.raises(ToolError, match="more than 3 bytes"):
        pack.read_git_file("total.py", folder="shop", longest=3)
    with pytest.raises(ToolError, match="no file"):
        pack.read_git_file(".", folder="shop")


def test_lines_are_found(folder: Path) -> None:
    line = {"path": "total.py", "line": 2, "text": "    return round(sum(prices), 2)"}
    assert pack.search_git("sum(", "shop") == [line]
    assert pack.search_git("SUM.*2", "shop", regex=True, ignore_case=True) == [line]
    assert pack.search_git("round", "shop", commit="older") == []
    assert pack.search_git("sum", "shop", commit="older")[0]["path"] == "total.py"
    assert pack.search_git("sum", "shop", path="greeting.txt") == []
    assert len(pack.search_git("e", "shop", limit=1)) == 1
    with pytest.raises(ToolError, match="Git says"):
        pack.search_git("(", "shop", regex=True)
    with pytest.raises(ToolError, match="NUL"):
        pack.git_log("shop", text="a\0b")


def test_branches_are_listed(folder: Path) -> None:
    main, older = pack.list_git_branches("shop")
    assert (main["branch"], main["current"], main["upstream"]) == ("main", True, None)
    assert (older["branch"], older["current"]) == ("older", False)
    git(folder, "clone", "-q", "shop", "copy")
    names = {each["branch"] for each in pack.list_git_branches("copy", remote=True)}
    assert {"main", "origin/main", "origin/older"} <= names


def test_changes_are_committed(folder: Path) -> None:
    repository = folder / "shop"
    before = git(repository, "rev-parse", "HEAD")
    (repository / "sub").mkdir()
    (repository / "sub/new.txt").write_text("new\n")
    (repository / "greeting.txt").unlink()
    (repository / "total.py").write_text("later\n")
    (repository / ".gitignore").write_text("*.tmp\n")
    (repository / "x.tmp").write_text("")
    made = pack.git_commit(
        "Do -- more\n\nMuch more.", ["sub", "greeting.txt", ".gitignore"], "shop"
    )
    assert made["branch"] == "main" and made["staged"] == 3
    assert git(repository, "rev-parse", "HEAD~1") == before
    assert git(repository, "log", "-1", "--format=%an <%ae> %cn %B").startswith(
        "Bob <bob@example.org> Bob Do -- more\n\nMuch more."
    )
    assert git(repository, "status", "--porcelain") == "M total.py"
    assert git(repository, "ls-tree", "-r", "--name-only", "HEAD").split() == [
        ".gitignore", "sub/new.txt", "total.py",
    ]  # fmt: skip
    assert git(repository, "reflog", "-1", "--format=%gs") == "commit: Do -- more Much more."
    git(repository, "fsck", "--strict")
    with pytest.raises(ToolError, match="nothing to commit"):
        pack.git_commit("Again", [], "shop")
    pack.git_commit("All", ["."], "shop")
    assert git(repository, "status", "--porcelain") == ""


def test_the_first_commit_is_made(folder: Path) -> None:
    (folder / "fresh").mkdir()
    git(folder / "fresh", "init", "-q", "-b", "main")
    assert pack.git_log("fresh") == []
    assert pack.git_status("fresh")["commit"] is None
    (folder / "fresh/a.txt").write_text("a\n")
    made = pack.git_commit("First", ["a.txt"], "fresh")
    assert pack.git_log("fresh")[0]["commit"] == made["commit"]
    assert pack.git_show(folder="fresh")["files"] == [{"path": "a.txt", "added": 1, "removed": 0}]


def test_branches_are_made_and_checked_out(folder: Path) -> None:
    repository = folder / "shop"
    made = pack.create_git_branch("feature/a", "older", "shop")
    assert made["commit"] == git(repository, "rev-parse", "older")
    assert git(repository, "branch", "--show-current") == "main"
    with pytest.raises(ToolError, match="already"):
        pack.create_git_branch("feature/a", folder="shop")
    assert pack.switch_git_branch("feature/a", "shop") == made
    assert (repository / "grüße €.txt").exists()
    (repository / "total.py").write_text("mine\n")
    with pytest.raises(ToolError, match="overwritten"):
        pack.switch_git_branch("main", "shop")
    assert (repository / "total.py").read_text() == "mine\n"
    with pytest.raises(ToolError, match="no branch 'none'"):
        pack.switch_git_branch("none", "shop")


def test_a_file_that_is_ignored_is_not_overwritten(folder: Path) -> None:
    repository = folder / "shop"
    pack.switch_git_branch("older", "shop")
    (repository / ".git/info/exclude").write_text("greeting.txt\n")
    (repository / "greeting.txt").write_text("mine\n")
    with pytest.raises(ToolError, match="overwritten"):
        pack.switch_git_branch("main", "shop")
    assert (repository / "greeting.txt").read_text() == "mine\n"


@pytest.mark.parametrize(
    "name", ["-x", "--output=pwned", "", "a..b", "x\ny", "nothing", "HEAD:a", "a\0b"]
)
def test_what_is_no_commit_is_refused(folder: Path, name: str) -> None:
    for call in (
        lambda: pack.git_show(name, "shop"),
        lambda: pack.git_log("shop", start=name),
        lambda: pack.git_blame("total.py", "shop", commit=name),
        lambda: pack.create_git_branch("new", name, "shop"),
    ):
        with pytest.raises(ToolError, match=r"no name of|no commit"):
            call()
    assert not list(folder.rglob("pwned"))


@pytest.mark.parametrize("name", ["-f", "--orphan", "@{-1}", "a b", "a~1", "x.lock", "../x", ""])
def test_what_is_no_name_of_a_branch_is_refused(folder: Path, name: str) -> None:
    for call in (pack.create_git_branch, pack.switch_git_branch):
        with pytest.raises(ToolError, match="no name for a branch"):
            call(name, folder="shop")


@pytest.mark.parametrize("path", ["../other", "/etc/passwd", "a/../../b"])
def test_paths_stay_inside(folder: Path, path: str) -> None:
    for call in (
        lambda: pack.git_log("shop", path=path),
        lambda: pack.read_git_file(path, folder="shop"),
        lambda: pack.git_commit("No", [path], "shop"),
        lambda: pack.git_status(path),
    ):
        with pytest.raises(ToolError):
            call()


def test_nothing_is_changed_where_it_is_not_granted(folder: Path) -> None:
    with bound(folder=folder, settings=AUTHOR, native=True):
        assert pack.git_status("shop")["branch"] == "main"
        (folder / "shop/new.txt").write_text("")
        for call in (
            lambda: pack.git_commit("No", ["."], "shop"),
            lambda: pack.create_git_branch("no", folder="shop"),
            lambda: pack.switch_git_branch("older", "shop"),
        ):
            with pytest.raises(Denied):
                call()
    assert git(folder / "shop", "status", "--porcelain") == "?? new.txt"
    with bound(native=True), pytest.raises(ToolError):
        pack.git_status("shop")
