"""Commits taken back, also those that were killed half-way."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from smolterm.errors import CommitRefused
from smolterm.sandbox.changes import Changes
from smolterm.sandbox.commit import commit
from smolterm.sandbox.files import StagedFiles
from smolterm.sandbox.undo import recover, undo
from tests.sandbox.claims import AFTER, BEFORE, state, three


@pytest.mark.parametrize("name", ["sub/c.sh", "new/n.txt", "b.txt"])
def test_what_changed_since_the_commit_is_not_undone(files, folder, tmp_path, name):
    done = commit(files, three(files), tmp_path / "undo")
    (folder / name).write_text("somebody else's\n")
    before = state(folder)
    with pytest.raises(CommitRefused, match=name):
        undo(files, done.folder)
    assert state(folder) == before


def test_undo_wants_the_same_folder(files, folder, tmp_path):
    done = commit(files, three(files), tmp_path / "undo")
    other = tmp_path / "elsewhere" / "data"
    other.mkdir(parents=True)
    elsewhere = StagedFiles()
    elsewhere.mount(other, writable=True)
    with pytest.raises(CommitRefused, match="is not mounted there"):
        undo(elsewhere, done.folder)
    elsewhere.close()
    assert state(folder) == AFTER


def commit_and_die(files: StagedFiles, changes: Changes, undo_folder: Path, at: int) -> bool:
    """Commit in a fork that ends at the n-th thing it does to the disk; tells whether it did."""
    child = os.fork()
    if child == 0:
        left = at

        def watch(event: str, args: tuple[Any, ...]) -> None:
            nonlocal left
            if event in ("open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir"):
                left -= 1
                if left == 0:
                    os._exit(9)

        sys.addaudithook(watch)
        try:
            commit(files, changes, undo_folder)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_killed_at_any_moment_each_file_is_whole_and_all_is_taken_back(files, folder, tmp_path):
    undo_folder = tmp_path / "undo"
    changes = three(files)
    deaths = 0
    for at in range(1, 500):
        if not commit_and_die(files, changes, undo_folder, at):
            break
        deaths += 1
        now = state(folder)
        for name in ("a.txt", "b.txt", "sub/c.sh", "new/n.txt"):
            assert now.get(name) in (BEFORE.get(name), AFTER.get(name))
        recover(files, undo_folder)
        assert state(folder) == BEFORE, at
        assert sorted(os.listdir(folder)) in (["a.txt", "b.txt", "sub"],
                                              ["a.txt", "b.txt", "new", "sub"])  # fmt: skip
    assert deaths > 20
    assert state(folder) == AFTER


def test_what_was_written_after_a_kill_stays_and_what_was_before_is_kept(files, folder, tmp_path):
    undo_folder = tmp_path / "undo"
    changes = three(files)
    for at in range(1, 500):
        commit_and_die(files, changes, undo_folder, at)
        if state(folder)["sub/c.sh"] == AFTER["sub/c.sh"]:
            break
        recover(files, undo_folder)
    (folder / "sub" / "c.sh").write_text("somebody else's\n")
    recover(files, undo_folder)
    assert state(folder) == BEFORE | {"sub/c.sh": "somebody else's\n"}
    kept = [path.read_text() for path in undo_folder.glob("*/*") if path.name.isdecimal()]
    assert BEFORE["sub/c.sh"] in kept
