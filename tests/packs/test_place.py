"""A real path for a native pack: inside the folder, inside the globs, and no link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from smolterm.pack import Denied, ToolError, files
from smolterm.packs.testing import bound


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "outside.db").write_text("secret")
    granted = tmp_path / "granted"
    (granted / "data").mkdir(parents=True)
    (granted / "data" / "a.db").write_text("a")
    (granted / "a.txt").write_text("a")
    (granted / "link.db").symlink_to(granted / "data" / "a.db")
    (granted / "out.db").symlink_to(tmp_path / "outside.db")
    (granted / "gone.db").symlink_to(tmp_path / "new.db")
    (granted / "behind").symlink_to(granted / "data")
    return granted


def test_a_file_that_may_be_read_has_a_place(folder: Path) -> None:
    with bound(folder=folder, read=["**/*.db"], native=True) as doors:
        real = os.path.realpath(folder / "data" / "a.db")
        assert files.place("data/a.db") == real
        assert files.place("link.db") == real
        for refused in ("a.txt", "out.db", "../outside.db", ".hidden.db", str(folder / "a.db")):
            with pytest.raises(Denied):
                files.place(refused)
        for wrong in ("data", "none.db"):
            with pytest.raises(ToolError):
                files.place(wrong)
        with pytest.raises(Denied, match="reading only"):
            files.place("data/a.db", write=True)
        assert len(doors.denied) == 7


def test_a_file_to_write_may_be_missing_and_is_never_a_link(folder: Path) -> None:
    with bound(folder=folder, write=["**/*.db"], native=True):
        assert files.place("data/a.db", write=True) == str(folder.resolve() / "data" / "a.db")
        assert files.place("data/new.db", write=True) == str(folder.resolve() / "data" / "new.db")
        assert files.place("new.db", write=True) == str(folder.resolve() / "new.db")
        for path in ("link.db", "out.db", "gone.db", "behind/new.db", "none/new.db"):
            with pytest.raises(ToolError):
                files.place(path, write=True)
        with pytest.raises(Denied, match="may write"):
            files.place("new.txt", write=True)


def test_only_native_packs_get_one(folder: Path) -> None:
    with bound(folder=folder) as doors, pytest.raises(Denied, match="only native"):
        files.place("data/a.db")
    assert len(doors.denied) == 1
