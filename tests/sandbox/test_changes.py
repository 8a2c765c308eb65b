"""What the sandbox changed: shown, chosen from, written back whole or not at all, undone."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smolterm.errors import CommitRefused, SandboxError, UsageError
from smolterm.sandbox.assets import set_up
from smolterm.sandbox.changes import Change, Changes, Result, collect
from smolterm.sandbox.commit import accept, commit
from smolterm.sandbox.files import StagedFiles
from smolterm.sandbox.hunks import apply_hunks, find_hunks
from smolterm.sandbox.results import copy_out
from smolterm.sandbox.undo import recover, undo
from tests.sandbox.staged_python import StagedPython

# --- hunks ---

LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"a", b"\r\n", b"\n", "ü\n".encode()]))


@settings(max_examples=300, deadline=None)
@given(LINES.map(b"".join), LINES.map(b"".join), st.sets(st.integers(1, 5)))
def test_hunks_lead_from_one_text_to_the_other(before, after, chosen):
    hunks = find_hunks(before, after)
    numbers = [hunk.number for hunk in hunks]
    assert numbers == list(range(1, len(hunks) + 1))
    assert apply_hunks(before, after, hunks, numbers) == after
    assert apply_hunks(before, after, hunks, []) == before
    # Those that were not taken are what is left to be taken.
    some = apply_hunks(before, after, hunks, chosen)
    left = find_hunks(some, after)
    assert apply_hunks(some, after, left, [hunk.number for hunk in left]) == after


@settings(max_examples=200, deadline=None)
@given(st.binary(), st.binary())
def test_any_bytes_have_hunks(before, after):
    hunks = find_hunks(before, after)
    assert apply_hunks(before, after, hunks, [hunk.number for hunk in hunks]) == after


def test_a_hunk_reads_as_in_any_diff():
    before = b"".join(b"%d\n" % n for n in range(20))
    after = before.replace(b"3\n", b"three\n", 1).replace(b"18\n", b"")[:-1]
    first, second = find_hunks(before, after)
    assert first.text == "@@ -1,7 +1,7 @@\n 0\n 1\n 2\n-3\n+three\n 4\n 5\n 6\n"
    assert second.text == (
        "@@ -16,5 +16,4 @@\n 15\n 16\n 17\n-18\n-19\n+19\n\\ No newline at end of file\n"
    )
    assert find_hunks(b"", b"new\n")[0].text == "@@ -0,0 +1 @@\n+new\n"
    assert "Binary files differ" in find_hunks(b"\0", b"1")[0].text


@pytest.mark.parametrize("lines", [["a"], ["a", "b"], [str(n) for n in range(97)]])
def test_the_work_on_hostile_text_is_bounded(lines):
    before = "\n".join(lines[n % len(lines)] for n in range(200_000)).encode()
    after = "\n".join(lines[n * n % 31 % len(lines)] for n in range(200_000)).encode()
    hunks = find_hunks(before, after)
    assert apply_hunks(before, after, hunks, [hunk.number for hunk in hunks]) == after


# --- the host's side ---


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("one\ntwo\n")
    (folder / "b.txt").write_text("bee\n")
    (folder / "sub" / "c.sh").write_text("#!/bin/sh\n")
    (folder / "sub" / "c.sh").chmod(0o750)
    return folder


@pytest.fixture
def files(folder: Path) -> Iterator[StagedFiles]:
    files = StagedFiles()
    files.mount(folder, writable=True)
    yield files
    files.close()


class Claims:
    """A process that says whatever it likes."""

    def __init__(self, changes: Any, data: dict[str, bytes] | None = None) -> None:
        self.changes = changes
        self.data = data or {}
        self.fetched: list[str] = []

    async def ask(
        self, op: str, args: dict[str, Any], raw: bytes = b""
    ) -> tuple[dict[str, Any], bytes]:
        if op == "changes":
            return self.changes, b""
        self.fetched.append(args["path"])
        data = self.data[args["path"]]
        return {}, data[args["offset"] : args["offset"] + args["length"]]


def collected(files: StagedFiles, *told: dict[str, Any], **data: bytes) -> Changes:
    by_path = {f"/files/data/{name}": value for name, value in data.items()}
    return asyncio.run(collect(files, Claims({"changes": list(told)}, by_path).ask))


def version(files: StagedFiles, name: str) -> str:
    return files.entry(f"/files/data/{name}").version


def three(files: StagedFiles) -> Changes:
    """One file changed, one created, one deleted."""
    return asyncio.run(collect(files, Claims(
        {"changes": [
            {"path": "/files/data/sub/c.sh", "kind": "changed", "base": version(files, "sub/c.sh")},
            {"path": "/files/data/new/n.txt", "kind": "created", "mode": 0o644},
            {"path": "/files/data/b.txt", "kind": "deleted", "base": version(files, "b.txt")},
        ]},
        {"/files/data/sub/c.sh": b"#!/bin/sh\ntrue\n", "/files/data/new/n.txt": b"new\n"},
    ).ask))  # fmt: skip


def state(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text()
            for path in folder.rglob("*") if path.is_file()}  # fmt: skip


BEFORE = {"a.txt": "one\ntwo\n", "b.txt": "bee\n", "sub/c.sh": "#!/bin/sh\n"}
AFTER = {"a.txt": "one\ntwo\n", "new/n.txt": "new\n", "sub/c.sh": "#!/bin/sh\ntrue\n"}


def test_changes_are_listed_with_diffs(files):
    changes = three(files)
    assert [(c.path, c.kind) for c in changes.files] == [
        ("/files/data/b.txt", "deleted"),
        ("/files/data/new/n.txt", "created"),
        ("/files/data/sub/c.sh", "changed"),
    ]
    assert changes.files[0].diff().splitlines()[:2] == ["--- /files/data/b.txt", "+++ /dev/null"]
    assert changes.files[2].diff() == (
        "--- /files/data/sub/c.sh\n+++ /files/data/sub/c.sh\n@@ -1 +1,2 @@\n #!/bin/sh\n+true\n"
    )


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


def test_what_changed_since_it_was_read_is_refused_from_the_start(files, folder):
    base = version(files, "a.txt")
    (folder / "a.txt").write_text("somebody else's\n")
    told = {"path": "/files/data/a.txt", "kind": "changed", "base": base}
    (change,) = collected(files, told, **{"a.txt": b"mine"}).files
    assert change.refused == "the original changed meanwhile"
    assert change.before == b"somebody else's\n"


def test_what_was_touched_only_can_be_committed(files, folder, tmp_path):
    changes = three(files)
    os.utime(folder / "b.txt", (1, 1))
    commit(files, changes, tmp_path / "undo")
    assert state(folder) == AFTER


@pytest.mark.parametrize("name", ["sub/c.sh", "new/n.txt", "b.txt"])
def test_what_changed_since_the_commit_is_not_undone(files, folder, tmp_path, name):
    done = commit(files, three(files), tmp_path / "undo")
    (folder / name).write_text("somebody else's\n")
    before = state(folder)
    with pytest.raises(CommitRefused, match=name):
        undo(files, done.folder)
    assert state(folder) == before


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


@pytest.mark.parametrize(
    "said",
    [{}, {"changes": 1}, {"changes": [{}]}, {"changes": [{"path": 1, "kind": "created"}]},
     {"changes": [{"path": "/x", "kind": "other"}]}, {"changes": None}, {"error": "x"},
     {"changes": [{"path": "a" * 20_000, "kind": "created"}]}],
)  # fmt: skip
def test_a_list_of_another_shape_is_an_error(files, said):
    with pytest.raises(SandboxError, match="cannot be read"):
        asyncio.run(collect(files, Claims(said).ask))


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "/files/data/../../etc/passwd", "/files/data", "/files/data/", "relative", "",
     "/files/database/x", "/files/data/a\0b", "/out", "/out/", "/out/../x", "/out/a//b", "/tmp/x"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["created", "changed", "deleted", "folder"])
def test_a_claim_about_another_place_is_dropped(files, path, kind):
    claims = Claims({"changes": [{"path": path, "kind": kind, "base": "x", "origin": ""}]})
    assert asyncio.run(collect(files, claims.ask)) == Changes()
    assert claims.fetched == []


def test_a_file_without_end_is_cut_off(files, monkeypatch):
    class Endless(Claims):
        async def ask(self, op, args, raw=b""):
            return (self.changes, b"") if op == "changes" else ({}, b"x" * args["length"])

    monkeypatch.setattr("smolterm.sandbox.changes.MOST_BYTES", 10_000_000)
    claims = Endless({"changes": [{"path": "/files/data/e", "kind": "created"}]})
    with pytest.raises(SandboxError, match="too large"):
        asyncio.run(collect(files, claims.ask))


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


def test_results_are_copied_out_and_overwrite_nothing(tmp_path):
    (tmp_path / "there").write_text("mine")
    results = [Result(name="plots/a.png", data=b"png"), Result(name="b", data=b"")]
    assert copy_out(results, tmp_path) == (tmp_path / "b", tmp_path / "plots" / "a.png")
    assert (tmp_path / "plots" / "a.png").read_bytes() == b"png"
    for name in ("there", "../outside", ".git/hooks/x"):
        with pytest.raises((CommitRefused, OSError)):
            copy_out([Result(name="c", data=b""), Result(name=name, data=b"theirs")], tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["b", "plots", "there"]


# --- with the inside ---


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Iterator[StagedPython]:
    python = StagedPython(asyncio.run(set_up()), tmp_path_factory.mktemp("deno"))
    python.run("import json, os, shutil")
    yield python
    python.close()


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
