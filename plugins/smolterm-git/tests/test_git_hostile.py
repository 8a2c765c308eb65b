"""Repositories that would run programs, or reach files elsewhere, if Git did what they say."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from git_repositories import shop, trapped
from hosting import hosting
from smolterm.pack import ToolError
from smolterm.packs.doors.grant import Grant
from smolterm.packs.testing import bound

import smolterm_git as pack
from smolterm_git.repository import Repository


@pytest.fixture
def proof(tmp_path: Path) -> Path:
    """The file that a program makes if it was started."""
    return tmp_path / "proof"


@pytest.fixture
def hostile(tmp_path: Path, proof: Path) -> Iterator[Path]:
    before = Path.cwd()
    made = trapped(tmp_path / "granted", proof)
    os.chdir(made)
    settings = {"name": "Bob", "email": "bob@example.org"}
    try:
        with bound(folder=made, write=["**"], settings=settings, native=True):
            yield made
    finally:
        os.chdir(before)


def touched(folder: Path) -> None:
    """Give a file other times, so that Git must look into it."""
    for name in ("total.py", "greeting.txt"):
        text = (folder / name).read_text()
        (folder / name).write_text(text)
        os.utime(folder / name, (1, 1))
    (folder / "x.dat").write_text("x\n")


READING: dict[str, Callable[[], object]] = {
    "status": pack.git_status,
    "log": pack.git_log,
    "log of a path": lambda: pack.git_log(path="total.py", since="2020-01-01"),
    "diff": pack.git_diff,
    "diff with a commit": lambda: pack.git_diff(base="older"),
    "diff of commits": lambda: pack.git_diff(base="older", head="main"),
    "staged": lambda: pack.git_diff(staged=True),
    "show": pack.git_show,
    "blame": lambda: pack.git_blame("total.py"),
    "file": lambda: pack.read_git_file("total.py"),
    "search": lambda: pack.search_git("sum"),
    "search in a commit": lambda: pack.search_git("sum", commit="older"),
    "branches": pack.list_git_branches,
}


@pytest.mark.parametrize("name", READING)
def test_reading_starts_no_program(hostile: Path, proof: Path, name: str) -> None:
    touched(hostile)
    READING[name]()
    assert not proof.exists(), proof.read_text()


def test_the_traps_work(hostile: Path, proof: Path) -> None:
    touched(hostile)
    subprocess.run(["git", "-c", "core.worktree=.", "status"], cwd=hostile, capture_output=True)
    seen = proof.read_text()
    proof.unlink()
    assert "trap" in seen
    subprocess.run(
        ["git", "-c", "core.fsmonitor=", "-c", "core.worktree=.", "--no-pager", "diff", "older",
         "main"], cwd=hostile, capture_output=True,
    )  # fmt: skip
    assert "total.py" in proof.read_text()


def test_changing_starts_no_program(hostile: Path, proof: Path) -> None:
    # Hooks that are links would be refused; these are programs.
    for hook in (hostile / ".git/hooks").iterdir():
        hook.unlink()
        hook.write_text(f"#!/bin/sh\necho '{hook.name}' >> '{proof}'\n")
        hook.chmod(0o755)
    touched(hostile)
    (hostile / "total.py").write_text("changed\n")
    pack.git_commit("Change", ["."])
    pack.create_git_branch("feature", "older")
    pack.switch_git_branch("feature")
    pack.switch_git_branch("main")
    assert not proof.exists(), proof.read_text()
    assert (hostile / "total.py").read_text() == "changed\n"
    assert pack.read_git_file("total.py") == "changed\n"


def test_a_missing_object_is_not_fetched(hostile: Path, proof: Path) -> None:
    blob = git_blob(hostile)
    (hostile / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(ToolError):
        pack.git_show()
    with pytest.raises(ToolError):
        pack.read_git_file("total.py")
    assert not proof.exists(), proof.read_text()


def git_blob(folder: Path) -> str:
    return Repository().run("rev-parse", "HEAD:total.py").text.strip()


def test_a_submodule_is_not_looked_into(hostile: Path, proof: Path, tmp_path: Path) -> None:
    inner = trapped(tmp_path / "granted" / "inner", proof)
    commit = Repository("inner").commit("HEAD")
    Repository().run("update-index", "--add", "--cacheinfo", f"160000,{commit},inner")
    (hostile / ".gitmodules").write_text(
        '[submodule "inner"]\n\tpath = inner\n\turl = ./inner\n\tignore = none\n'
    )
    touched(inner)
    for call in READING.values():
        call()
    for hook in (*(hostile / ".git/hooks").iterdir(), *(inner / ".git/hooks").iterdir()):
        hook.unlink()
    pack.git_commit("With it", ["."])
    pack.switch_git_branch("older")
    assert not proof.exists(), proof.read_text()


def test_the_working_tree_is_the_folder(hostile: Path) -> None:
    # core.worktree says the folder above.
    (hostile.parent / "secret.txt").write_text("the canary")
    found = pack.git_status()["changes"]
    assert "secret.txt" not in str(found)
    (hostile / ".git/commondir").write_text(str(hostile.parent / "elsewhere"))
    with pytest.raises(ToolError, match="kept elsewhere"):
        pack.git_log()


@pytest.mark.parametrize("name", ["index", "logs/HEAD", "refs/heads/evil", "objects/zz"])
def test_nothing_is_written_through_a_link(hostile: Path, name: str) -> None:
    outside = hostile.parent / "outside"
    outside.write_text("mine")
    for hook in (hostile / ".git/hooks").iterdir():
        hook.unlink()
    place = hostile / ".git" / name
    place.unlink(missing_ok=True)
    place.symlink_to(outside)
    for call in (
        lambda: pack.git_commit("No", ["."]),
        lambda: pack.create_git_branch("evil"),
        lambda: pack.switch_git_branch("older"),
    ):
        with pytest.raises(ToolError, match="is a link"):
            call()
    assert outside.read_text() == "mine"


def test_objects_of_another_repository_are_not_read(hostile: Path, tmp_path: Path) -> None:
    secret = shop(tmp_path / "secret")
    assert pack.git_log()
    objects = hostile / ".git/objects"
    (objects / "info/alternates").write_text(f"{secret / '.git/objects'}\n")
    with pytest.raises(ToolError, match="kept elsewhere"):
        pack.git_log()
    (objects / "info/alternates").unlink()
    assert pack.git_log()
    objects.rename(hostile / "kept")
    objects.symlink_to(secret / ".git/objects")
    with pytest.raises(ToolError, match="kept elsewhere"):
        pack.git_log()


def test_a_repository_that_is_kept_elsewhere_is_refused(tmp_path: Path) -> None:
    shop(tmp_path / "secret")
    granted = tmp_path / "granted"
    (granted / "linked").mkdir(parents=True)
    (granted / "pointing").mkdir()
    (granted / "linked/.git").symlink_to(tmp_path / "secret/.git")
    (granted / "pointing/.git").write_text(f"gitdir: {tmp_path / 'secret/.git'}\n")
    (granted / "way").symlink_to(tmp_path / "secret")
    (tmp_path / "secret/inner").mkdir()
    for at, folder in (
        (granted, "linked"), (granted, "pointing"), (granted, "way"), (granted, "."),
        (tmp_path / "secret/inner", "."),
    ):  # fmt: skip
        grant = Grant(pack="git", folder=str(at), read=("**",))
        with hosting("smolterm_git", grant) as git, pytest.raises(ToolError):
            git.git_log(folder)


def test_every_tool_works_in_the_packs_process(tmp_path: Path) -> None:
    made = shop(tmp_path / "shop")
    grant = Grant(
        pack="git", folder=str(made), read=("**",), write=("**",),
        settings={"name": "Bob", "email": "bob@example.org"},
    )  # fmt: skip
    with hosting("smolterm_git", grant) as git:
        (made / "total.py").write_text("later\n")
        assert len(git.git_status()["changes"]) == 1
        assert "+later" in git.git_diff()["diff"]
        assert git.git_commit("Later", ["."])["branch"] == "main"
        assert git.git_log(limit=1) == [
            {k: v for k, v in git.git_show().items() if k not in ("files", "diff", "cut")}
        ]
        assert git.git_blame("total.py")[0]["author"] == "Bob"
        assert git.read_git_file("total.py") == "later\n"
        assert git.search_git("later")[0]["line"] == 1
        git.create_git_branch("feature")
        git.switch_git_branch("feature")
        assert git.list_git_branches()[0]["commit"]
        assert git.called == git.names
