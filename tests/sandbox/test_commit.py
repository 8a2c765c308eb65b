"""Changes written back: whole or not at all, what was chosen, never through a link or into git."""

from __future__ import annotations

import asyncio
import os
import stat

import pytest

from smolterm.errors import CommitRefused, UsageError
from smolterm.sandbox.changes import Change, Changes, collect
from smolterm.sandbox.commit import commit
from smolterm.sandbox.files import StagedFiles
from smolterm.sandbox.undo import undo
from tests.sandbox.claims import AFTER, BEFORE, Claims, collected, state, three, version


def test_a_commit_is_written_and_undone(files, folder, tmp_path):
    done = commit(files, three(files), tmp_path / "undo")
    assert state(folder) == AFTER
    assert stat.S_IMODE((folder / "sub" / "c.sh").stat().st_mode) == 0o750
    assert done.paths == (
        "/files/data/b.txt", "/files/data/new/n.txt", "/files/data/sub/c.sh"
    )  # fmt: skip
    assert undo(files, done.folder) == done.paths
    assert state(folder) == BEFORE
    assert not (folder / "new").exists()
    assert stat.S_IMODE((folder / "sub" / "c.sh").stat().st_mode) == 0o750
    with pytest.raises(CommitRefused, match="undone already"):
        undo(files, done.folder)


@pytest.mark.parametrize("name", ["sub/c.sh", "b.txt", "new/n.txt"])
def test_an_original_that_changed_meanwhile_refuses_all(files, folder, tmp_path, name):
    changes = three(files)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("somebody else's\n")
    before = state(folder)
    with pytest.raises(CommitRefused, match=name):
        commit(files, changes, tmp_path / "undo")
    assert state(folder) == before
    assert not (tmp_path / "undo" / "000001").exists()


def test_what_was_touched_only_can_be_committed(files, folder, tmp_path):
    changes = three(files)
    os.utime(folder / "b.txt", (1, 1))
    commit(files, changes, tmp_path / "undo")
    assert state(folder) == AFTER


def test_hunks_are_committed_alone(files, folder, tmp_path):
    lines = [f"{n}\n" for n in range(40)]
    (folder / "a.txt").write_text("".join(lines))
    base = version(files, "a.txt")
    new = "".join(lines).replace("\n5\n", "\nfive\n").replace("\n30\n", "\nthirty\n").encode()
    told = {"path": "/files/data/a.txt", "kind": "changed", "base": base}
    changes = collected(files, told, **{"a.txt": new})
    chosen = changes.choose(hunks={"/files/data/a.txt": [2]})
    commit(files, chosen, tmp_path / "undo")
    assert (folder / "a.txt").read_text() == "".join(lines).replace("\n30\n", "\nthirty\n")
    # The rest can still be taken, although the file is another by now: it is ours.
    rest = collected(files, told, **{"a.txt": new})
    assert [hunk.text.count("five") for hunk in rest.files[0].hunks] == [1]
    commit(files, rest, tmp_path / "undo")
    assert (folder / "a.txt").read_bytes() == new
    assert collected(files, told, **{"a.txt": new}).files == ()


def test_only_what_was_chosen_is_committed(files, folder, tmp_path):
    changes = three(files)
    commit(files, changes.choose(paths=["/files/data/new/n.txt"]), tmp_path / "undo")
    assert state(folder) == BEFORE | {"new/n.txt": "new\n"}
    for wrong in ({"paths": ["/files/data/x"]}, {"hunks": {"/files/data/sub/c.sh": [2]}}):
        with pytest.raises(UsageError):
            changes.choose(**wrong)
    assert changes.choose(hunks={"/files/data/sub/c.sh": []}).files == ()


@pytest.mark.parametrize(
    "path", [".git/config", "sub/.git", ".GIT/hooks/x", "sub/.g\u200cit/x", ".git./x", "GIT~1/x"]
)
def test_nothing_touches_git(files, folder, tmp_path, path):
    inside = f"/files/data/{path}"
    claims = Claims({"changes": [{"path": inside, "kind": "created"}]}, {inside: b"x"})
    (change,) = asyncio.run(collect(files, claims.ask)).files
    assert change.refused == "it belongs to git"
    forced = Change(path=inside, kind="created", before=None, after=b"x")
    with pytest.raises(CommitRefused, match="git"):
        commit(files, Changes(files=(forced,)), tmp_path / "undo")
    assert state(folder) == BEFORE


def test_a_mount_inside_git_is_read_only_too(tmp_path):
    (tmp_path / ".git" / "hooks").mkdir(parents=True)
    files = StagedFiles()
    files.mount(tmp_path / ".git" / "hooks", at="/files/h", writable=True)
    change = Change(path="/files/h/pre-commit", kind="created", before=None, after=b"x")
    with pytest.raises(CommitRefused, match="git"):
        commit(files, Changes(files=(change,)), tmp_path / "undo")
    files.close()


def test_a_mount_that_is_not_writable_is_never_written(folder, tmp_path):
    files = StagedFiles()
    files.mount(folder)
    with pytest.raises(CommitRefused, match="read only"):
        commit(files, three(files), tmp_path / "undo")
    assert state(folder) == BEFORE
    files.close()


def test_a_link_on_the_way_or_in_place_is_never_written_through(files, folder, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "f").write_text("safe")
    (folder / "out").symlink_to(tmp_path / "outside")
    (folder / "link").symlink_to(tmp_path / "outside" / "f")
    for path in ("out/new", "out/f", "link"):
        for kind in ("created", "changed"):
            before = b"safe" if kind == "changed" else None
            change = Change(path=f"/files/data/{path}", kind=kind, before=before, after=b"evil")
            with pytest.raises(CommitRefused):
                commit(files, Changes(files=(change,)), tmp_path / "undo")
    assert os.listdir(tmp_path / "outside") == ["f"]
    assert (tmp_path / "outside" / "f").read_text() == "safe"


def test_a_full_disk_leaves_everything_as_it_was(files, folder, tmp_path, monkeypatch):
    calls = 0

    def full(fd):
        nonlocal calls
        calls += 1
        if calls == 6:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("smolterm.sandbox.commit.os.fsync", full)
    with pytest.raises(CommitRefused, match="No space left"):
        commit(files, three(files), tmp_path / "undo")
    assert state(folder) == BEFORE
    assert sorted(os.listdir(folder)) == ["a.txt", "b.txt", "sub"]
