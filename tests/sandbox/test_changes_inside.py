"""From real code to the disk and back: what it changed, written and undone."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest

from smolterm.errors import CommitRefused
from smolterm.sandbox.changes import Changes, Result, collect
from smolterm.sandbox.commit import accept
from smolterm.sandbox.undo import undo
from tests.sandbox.claims import BEFORE, state
from tests.sandbox.staged_python import StagedPython


def mine(python: StagedPython, at: str) -> Changes:
    found = asyncio.run(collect(python.files, python.ask))
    return Changes(
        files=tuple(c for c in found.files if c.path.startswith(at)),
        folders=tuple(path for path in found.folders if path.startswith(at)),
        results=found.results,
        moved=found.moved,
    )


def take(python: StagedPython, changes: Changes, undo_folder: Path, **chosen: Any) -> Path:
    done = asyncio.run(accept(python.files, python.ask, changes, undo_folder, **chosen))
    return done.folder


def test_from_the_code_to_the_disk_and_back(python, folder, tmp_path):
    at = python.mount(folder, at="/files/whole", writable=True)
    python.run(f"""
os.chdir("{at}")
with open("a.txt", "a") as file:
    file.write("three\\n")
os.rename("sub", "moved")
os.remove("b.txt")
open("b.txt", "w").write("bee\\n")
os.makedirs("x/y")
open("x/y/z", "w").write("z")
os.chdir("/")
open("/out/r", "w").write("result")
""")
    changes = mine(python, at)
    assert [(c.path.removeprefix(at), c.kind, c.refused) for c in changes.files] == [
        ("/a.txt", "changed", ""), ("/moved/c.sh", "created", ""), ("/sub/c.sh", "deleted", ""),
        ("/x/y/z", "created", ""),
    ]  # fmt: skip
    assert changes.results == (Result(name="r", data=b"result"),)
    assert changes.folders == (f"{at}/sub",)
    undo_folder = take(python, changes, tmp_path / "undo")
    assert state(folder) == {"a.txt": "one\ntwo\nthree\n", "b.txt": "bee\n",
                             "moved/c.sh": "#!/bin/sh\n", "x/y/z": "z"}  # fmt: skip
    assert stat.S_IMODE((folder / "moved" / "c.sh").stat().st_mode) & 0o100
    assert not (folder / "sub").exists()
    assert mine(python, at).files == ()
    # From here on they are originals: read from the host, changed against it.
    python.run(f"open('{at}/x/y/z', 'a').write('!')")
    assert [(c.kind, c.before, c.after) for c in mine(python, at).files] == [
        ("changed", b"z", b"z!")
    ]
    take(python, mine(python, at), tmp_path / "undo")
    assert (folder / "x" / "y" / "z").read_text() == "z!"
    undo(python.files, tmp_path / "undo" / "000002")
    undo(python.files, undo_folder)
    assert state(folder) == BEFORE
    assert python.run(f"json.dumps(sorted(os.listdir('{at}')))") == ["a.txt", "b.txt", "sub"]
    assert python.run(f"json.dumps(open('{at}/sub/c.sh').read())") == "#!/bin/sh\n"


def test_a_moved_file_outlives_its_original(python, folder, tmp_path):
    at = python.mount(folder, at="/files/outlives", writable=True)
    python.run(f"os.rename('{at}/b.txt', '/tmp/kept'); os.rename('{at}/a.txt', '{at}/a.bak')")
    changes = mine(python, at)
    take(python, changes, tmp_path / "undo", paths=[f"{at}/a.txt"])
    assert sorted(state(folder)) == ["b.txt", "sub/c.sh"]
    assert python.run(f"json.dumps(open('{at}/a.bak').read())") == "one\ntwo\n"
    assert python.run("json.dumps(open('/tmp/kept').read())") == "bee\n"


def test_a_file_mounted_alone_can_be_replaced(python, folder, tmp_path):
    at = python.mount(folder / "a.txt", at="/files/alone.txt", writable=True)
    python.run(f"open('/tmp/new', 'w').write('new\\n'); os.replace('/tmp/new', '{at}')")
    changes = mine(python, at)
    assert [(c.kind, c.before, c.after) for c in changes.files] == [
        ("changed", b"one\ntwo\n", b"new\n")
    ]
    take(python, changes, tmp_path / "undo")
    assert (folder / "a.txt").read_text() == "new\n"
    assert mine(python, at).files == ()


def test_a_link_made_inside_is_told_and_not_written(python, folder, tmp_path):
    at = python.mount(folder, at="/files/linked", writable=True)
    python.run(f"os.symlink('/etc/passwd', '{at}/evil')")
    changes = mine(python, at)
    assert [c.refused for c in changes.files] == ["it is a symbolic link"]
    with pytest.raises(CommitRefused):
        take(python, changes, tmp_path / "undo")
    assert state(folder) == BEFORE
