"""Staged files: what the host answers to hostile questions, and what ordinary code sees."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smolterm.errors import UsageError
from smolterm.sandbox.assets import set_up
from smolterm.sandbox.files import BLOCK, StagedFiles
from tests.sandbox.staged_python import StagedPython

SECRET = b"outside the mount"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with one of everything, beside a secret."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_bytes(SECRET)
    data = tmp_path / "data"
    (data / "sub" / "deep").mkdir(parents=True)
    (data / "a.txt").write_text("hello\n")
    (data / "sub" / "b.txt").write_text("b\n" * 1000)
    (data / "inner").symlink_to("sub/b.txt")
    (data / "folder").symlink_to(data / "sub")
    (data / "outer").symlink_to(tmp_path / "secret" / "key")
    (data / "up").symlink_to("../secret")
    (data / "sub" / "up").symlink_to("../../secret")
    os.mkfifo(data / "pipe")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(data / "s"))
    return data


@pytest.fixture
def files(data: Path) -> Iterator[StagedFiles]:
    files = StagedFiles()
    files.mount(data)
    yield files
    files.close()


def ask(files: StagedFiles, op: str, path: str, **more: Any) -> Any:
    answer = files.answer(json.dumps({"op": op, "path": path, **more}))
    if answer[0] == 1:
        return answer[1:].decode()
    return answer[1:] if op == "read" else json.loads(answer[1:])


def test_a_listing_tells_kinds_and_follows_no_link(files):
    entries = {entry["name"]: entry for entry in ask(files, "list", "/files/data")}
    kinds = {name: entry["kind"] for name, entry in entries.items()}
    assert kinds == {"a.txt": "file", "sub": "dir", "inner": "link", "folder": "link",
                     "outer": "other", "up": "other", "pipe": "other", "s": "other"}  # fmt: skip
    assert entries["inner"]["target"] == "sub/b.txt"
    assert entries["folder"]["target"] == "/files/data/sub"
    assert entries["a.txt"]["size"] == 6


def test_a_file_is_read_in_the_version_that_was_asked_for(files, data):
    version = ask(files, "open", "/files/data/a.txt")["version"]
    read = {"offset": 1, "length": 100}
    assert ask(files, "read", "/files/data/a.txt", version=version, **read) == b"ello\n"
    (data / "a.txt").write_text("other\n")
    assert ask(files, "read", "/files/data/a.txt", version=version, **read) == "ESTALE"


@pytest.mark.parametrize(
    ("op", "path", "error"),
    [
        ("list", "/files/data/../secret", "EINVAL"),
        ("list", "/files/data/./sub", "EINVAL"),
        ("list", "/files/data//sub", "EINVAL"),
        ("list", "/files/data/", "EINVAL"),
        ("list", "/files/data/up", "ENOTDIR"),
        ("list", "/files/data/sub/up", "ENOTDIR"),
        ("list", "/files/data/folder", "ENOTDIR"),
        ("list", "/files/data/a.txt", "ENOTDIR"),
        ("list", "/files/data/nowhere", "ENOENT"),
        ("list", "/files", "ENOENT"),
        ("list", "/etc", "ENOENT"),
        ("list", "../../etc", "ENOENT"),
        ("list", "", "ENOENT"),
        ("list", "/files/database", "ENOENT"),
        ("stat", "/files/data/up/key", "ENOTDIR"),
        ("stat", "/files/data/a\0.txt", "EINVAL"),
        ("stat", "/files/data/" + "a/" * 600 + "b", "ENAMETOOLONG"),
        ("stat", "/files/data/" + "a" * 300, "ENAMETOOLONG"),
        ("read", "/files/data/outer", "EACCES"),
        ("read", "/files/data/inner", "EACCES"),
        ("read", "/files/data/pipe", "EACCES"),
        ("read", "/files/data/s", "EACCES"),
        ("read", "/files/data/sub", "EISDIR"),
        ("read", "/files/data", "EISDIR"),
    ],
)
def test_what_lies_outside_or_is_no_file_is_an_error(files, op, path, error):
    assert ask(files, op, path) == error


@pytest.mark.parametrize(
    "request_",
    [
        "", "null", "[]", "{", "[" * 30_000, '{"op":"list"}',
        '{"op":"delete","path":"/files/data"}',
        '{"op":"list","path":7}', '{"op":"list","path":"/files/data","more":1}',
        '{"op":"read","path":"/files/data/a.txt","offset":-1,"length":1}',
        '{"op":"read","path":"/files/data/a.txt","offset":0,"length":-1}',
        '{"op":"read","path":"/files/data/a.txt","offset":0,"length":1048577}',
        '{"op":"read","path":"/files/data/a.txt","offset":99999999999999999999,"length":1}',
        '{"op":"read","path":"/files/data/a.txt","offset":1.5,"length":1}',
        '{"op":"list","path":"' + "a" * 100_000 + '"}', '{"op":"list","path":"\ud800"}',
        '{"op":"list","path":"/files/data","x":' + "[" * 10_000 + "]" * 10_000 + "}",
    ],
)  # fmt: skip
def test_a_malformed_question_is_answered_with_an_error(files, request_):
    assert files.answer(request_) == b"\1EINVAL"


def test_no_question_reaches_outside_or_raises(tmp_path):
    (tmp_path / "secret").write_bytes(SECRET)
    data = tmp_path / "data"
    (data / "sub").mkdir(parents=True)
    (data / "sub" / "a").write_bytes(b"inside")
    (data / "up").symlink_to("..")
    files = StagedFiles()
    files.mount(data)
    names = st.sampled_from(["files", "data", "sub", "a", "up", "..", ".", "", "secret", "\0", "~"])
    questions = st.fixed_dictionaries(
        {"op": st.sampled_from(["list", "stat", "open", "read", "mount"])},
        optional={
            "path": st.one_of(
                st.lists(names, max_size=6).map(lambda parts: "/" + "/".join(parts)), st.text()
            ),
            "offset": st.one_of(st.integers(), st.just(0)),
            "length": st.one_of(st.integers(), st.just(100)),
            "version": st.text(max_size=5),
        },
    ).map(json.dumps)

    @settings(max_examples=300, deadline=None)
    @given(st.one_of(questions, st.text()))
    def check(question):
        answer = files.answer(question)
        assert answer[:1] in (b"\0", b"\1")
        assert SECRET not in answer and b"secret" not in answer

    check()
    files.close()


def test_a_folder_swapped_for_a_link_leads_nowhere(tmp_path):
    """One thread swaps, the other asks: each answer is of the mount, or an error."""
    data, secret = tmp_path / "data", tmp_path / "secret"
    (data / "sub").mkdir(parents=True)
    secret.mkdir()
    (data / "sub" / "f").write_bytes(b"inside")
    (secret / "f").write_bytes(SECRET)
    (data / "link").symlink_to(secret)
    files = StagedFiles()
    files.mount(data)
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            os.rename(data / "sub", data / "old")
            os.rename(data / "link", data / "sub")
            os.rename(data / "sub", data / "link")
            os.rename(data / "old", data / "sub")

    version = ask(files, "stat", "/files/data/sub/f")["version"]
    outside = ask_version(secret / "f")
    thread = threading.Thread(target=swap)
    thread.start()
    told = set()
    try:
        for _ in range(3000):
            for claimed in (version, outside):
                read = ask(files, "read", "/files/data/sub/f", length=100, version=claimed)
                told.add(read if isinstance(read, bytes) else read.encode())
            listing = ask(files, "list", "/files/data/sub")
            assert isinstance(listing, str) or listing[0]["size"] == len(b"inside")
    finally:
        stop.set()
        thread.join()
        files.close()
    assert SECRET not in told
    assert b"inside" in told


def ask_version(path: Path) -> str:
    files = StagedFiles()
    files.mount(path, at="/files/f")
    try:
        return str(ask(files, "stat", "/files/f")["version"])
    finally:
        files.close()


def test_a_single_file_can_be_mounted_alone(tmp_path):
    (tmp_path / "one.csv").write_text("a,b\n")
    (tmp_path / "other.csv").write_text("c\n")
    files = StagedFiles()
    assert files.mount(tmp_path / "one.csv").at == "/files/one.csv"
    version = ask(files, "open", "/files/one.csv")["version"]
    assert ask(files, "read", "/files/one.csv", length=9, version=version) == b"a,b\n"
    assert ask(files, "stat", "/files/one.csv/../other.csv") == "ENOTDIR"
    assert ask(files, "list", "/files/one.csv") == "ENOTDIR"
    files.close()
    files.close()
    assert ask(files, "stat", "/files/one.csv") == "ENOENT"


@pytest.mark.parametrize(
    "at", ["relative", "/", "/files/../x", "/files/x/", "//files", "/lib/x", "/out", "/dev",
           "/files/data", "/files/data/sub", "/files", "/a\0b"]
)  # fmt: skip
def test_a_place_that_cannot_be_mounted_at_is_refused(files, tmp_path, at):
    with pytest.raises(UsageError):
        files.mount(tmp_path, at=at)


def test_what_is_not_there_cannot_be_mounted(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("nowhere", "pipe", "loop"):
        with pytest.raises(UsageError):
            StagedFiles().mount(tmp_path / name)


# --- from the inside ---


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Iterator[StagedPython]:
    python = StagedPython(asyncio.run(set_up()), tmp_path_factory.mktemp("deno"))
    python.run("import json, os, shutil")
    yield python
    python.close()


def test_what_links_and_devices_are_inside(python, data):
    python.mount(data, at="/files/links")
    assert python.run("""
os.chdir("/files/links")
def refused(path):
    try:
        open(path).close()
    except PermissionError:
        return True
json.dumps([open("inner").read() == open("sub/b.txt").read(), os.path.islink("inner"),
            sorted(os.listdir("folder")), os.path.realpath("folder"),
            [refused(name) for name in ("outer", "pipe", "s", "sub/up")],
            os.path.exists("up/key"), os.chdir("/")])
""") == [True, True, ["b.txt", "deep", "up"], "/files/links/sub", [True] * 4, False, None]


def test_ordinary_code_works(python, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "lines.txt").write_text("one\ntwo\nthree\n")
    (tmp_path / "in" / "module.py").write_text("value = 42\n")
    python.mount(tmp_path, at="/files/ordinary")
    python.run("""
import array, glob, mmap, pathlib, sqlite3, sys, tempfile, zipfile
os.chdir("/files/ordinary")
path = pathlib.Path("in/lines.txt")
assert path.read_text().splitlines() == ["one", "two", "three"]
with open(path, "rb") as file:
    into = bytearray(5)
    assert file.seek(4) == 4 and file.readinto(into) == 5 and into == b"two\\nt"
    assert os.pread(file.fileno(), 3, 0) == b"one" and file.tell() == 9
    assert mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)[4:7] == b"two"
with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
    mapped[:3] = b"ONE"
    mapped.flush()
assert path.read_text() == "ONE\\ntwo\\nthree\\n"
with open("in/new", "x+") as file:
    file.write("abc")
    file.seek(0)
    assert file.read() == "abc"
with open("in/new", "a+b") as file:
    file.write(b"d")
    file.seek(1)
    assert file.read() == b"bcd"
os.truncate("in/new", 2)
assert os.stat("in/new").st_size == 2
with zipfile.ZipFile("in/z.zip", "w") as archive:
    archive.write("in/lines.txt")
assert zipfile.ZipFile("in/z.zip").read("in/lines.txt") == path.read_bytes()
base = sqlite3.connect("in/base.db")
base.execute("create table t (x)")
base.executemany("insert into t values (?)", [(n,) for n in range(1000)])
base.commit()
base.close()
assert sqlite3.connect("in/base.db").execute("select sum(x) from t").fetchone() == (499500,)
assert sorted(glob.glob("**/*.txt", recursive=True)) == ["in/lines.txt"]
assert {entry.name for entry in os.scandir("in")} == {
    "lines.txt", "module.py", "new", "z.zip", "base.db"}
shutil.copytree("in", "copy")
shutil.move("copy", "/tmp/moved")
os.rename("/tmp/moved", "back")
os.replace("back/new", "back/lines.txt")
assert open("back/lines.txt").read() == "ab"
os.unlink("in/lines.txt")
assert not path.exists()
path.write_text("again")
assert path.read_text() == "again"
shutil.rmtree("back")
assert os.listdir(".") == ["in"]
sys.path.insert(0, "/files/ordinary/in")
import module
assert module.value == 42
with tempfile.NamedTemporaryFile(dir=".") as file:
    file.write(b"x")
assert [len(files) for _, _, files in os.walk("/files/ordinary")] == [0, 5]
os.chdir("/")
""")
    assert (tmp_path / "in" / "lines.txt").read_text() == "one\ntwo\nthree\n"
    assert sorted(os.listdir(tmp_path / "in")) == ["lines.txt", "module.py"]


def test_nothing_is_asked_before_it_is_needed_and_little_then(python, tmp_path):
    for number in range(10_000):
        (tmp_path / f"f{number}").touch()
    python.asked.clear()
    at = python.mount(tmp_path, at="/files/many")
    assert python.asked == []
    (tmp_path / "f77").write_text("77")
    assert python.run(f"json.dumps(open('{at}/f77').read())") == "77"
    assert [op for op, _ in python.asked] == ["stat", "open", "read"]
    python.asked.clear()
    assert python.run(f"json.dumps(sum(e.stat().st_size for e in os.scandir('{at}')))") == 2
    assert python.asked == [("list", at)]


def test_a_file_of_5_gb_is_read_where_it_is_looked_at(python, tmp_path):
    size = 5 << 30
    with open(tmp_path / "big", "wb") as file:
        file.truncate(size)
        file.seek(3 << 30)
        file.write(b"here")
    python.mount(tmp_path / "big")
    python.asked.clear()
    assert python.run("""
def full(mode, do):
    try:
        with open("/files/big", mode) as file:
            do(file)
    except OSError as error:
        return error.strerror
with open("/files/big", "rb") as file:
    file.seek(3 << 30)
    here = file.read(4).decode()
    end = file.seek(-1, 2)
json.dumps([here, end, os.path.getsize("/files/big"),
            full("ab", lambda file: (file.write(b"x"), file.flush())),
            full("r+b", lambda file: file.truncate(1 << 30))])
""") == ["here", size - 1, size, "No space left on device", "No space left on device"]
    assert sum(op == "read" for op, _ in python.asked) == 1
    assert python.changes() == [] or all("big" not in c["path"] for c in python.changes())
    python.run("open('/files/big', 'wb').close()")
    assert python.run("json.dumps(os.path.getsize('/files/big'))") == 0


def test_blocks_are_forgotten_before_they_are_many(python, tmp_path):
    (tmp_path / "blocks").write_bytes(os.urandom(20 * BLOCK))
    python.mount(tmp_path / "blocks")
    python.asked.clear()
    code = """
with open("/files/blocks", "rb") as file:
    whole = sum(len(piece) for piece in iter(lambda: file.read(1 << 16), b""))
    file.seek(0)
    file.read(1)
    file.seek(-1, 2)
    file.read(1)
json.dumps(whole)
"""
    assert python.run(code) == 20 * BLOCK
    # 20, the first one again, and not the last; one is past the end.
    assert sum(op == "read" for op, _ in python.asked) in (21, 22)


def test_what_is_copied_counts_for_the_disk(python, tmp_path):
    (tmp_path / "large").write_bytes(bytes(40 << 20))
    at = python.mount(tmp_path, at="/files/quota")
    assert python.run(f"""
with open("{at}/large", "ab") as file:
    file.write(b"x")
def fill():
    try:
        with open("/tmp/more", "wb") as file:
            for _ in range(40):
                file.write(bytes(1 << 20))
    except OSError as error:
        return error.strerror
told = fill()
os.unlink("/tmp/more")
json.dumps([told, os.path.getsize("{at}/large")])
""") == ["No space left on device", (40 << 20) + 1]
    python.run(f"os.unlink('{at}/large')")


def test_a_file_that_changes_outside_is_never_mixed(python, tmp_path):
    old, new = b"o" * (2 * BLOCK), b"n" * (2 * BLOCK)
    (tmp_path / "f").write_bytes(old)
    at = python.mount(tmp_path, at="/files/stale")
    python.run(f"held = open('{at}/f', 'rb', buffering=0); held.read(10); None")
    (tmp_path / "f").write_bytes(new)
    assert python.run(f"""
def rest():
    try:
        return held.read(1 << 21)[:1].decode()
    except OSError as error:
        return error.strerror
first = rest()
with open("{at}/f", "rb") as file:
    now = set(file.read())
with open("{at}/f", "r+b") as file:
    file.seek(1 << 20)
    file.write(b"w")
second = rest()
held.close()
json.dumps([first, [chr(byte) for byte in now], second])
""") == ["Stale file handle", ["n"], "Stale file handle"]


def test_a_new_cell_sees_what_came_and_went_outside(python, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "gone").touch()
    (tmp_path / "grows").touch()
    (tmp_path / "turns").touch()
    at = python.mount(tmp_path, at="/files/anew")
    look = f"""json.dumps([sorted(os.listdir("{at}")), sorted(os.listdir("{at}/sub")),
               os.path.getsize("{at}/grows"), os.path.isdir("{at}/turns")])"""
    assert python.run(look) == [["grows", "sub", "turns"], ["gone"], 0, False]
    python.run(f"open('{at}/sub/ours', 'w').close(); os.unlink('{at}/sub/gone')")
    (tmp_path / "turns").unlink()
    (tmp_path / "turns").mkdir()
    (tmp_path / "sub" / "theirs").touch()
    (tmp_path / "grows").write_text("12345")
    assert python.run(look) == [["grows", "sub", "turns"], ["ours", "theirs"], 5, True]
    for name in ("theirs", "gone"):
        (tmp_path / "sub" / name).unlink()
    (tmp_path / "sub").rmdir()
    assert python.run(look) == [["grows", "sub", "turns"], ["ours"], 5, True]


def test_an_interrupted_question_is_asked_again(python, tmp_path):
    (tmp_path / "f").write_text("text")
    at = python.mount(tmp_path, at="/files/interrupted")
    python.run(f"file = open('{at}/f', 'rb', buffering=0)")
    python.interrupt_next = True
    assert python.run("json.dumps(file.read(4).decode())") == "text"


def test_a_mount_stays_where_it_is(python, tmp_path):
    (tmp_path / "f").write_text("text")
    at = python.mount(tmp_path, at="/files/still/here")
    assert python.run(f"""
def refused(do, *paths):
    try:
        do(*paths)
    except OSError as error:
        return error.strerror
json.dumps([refused(os.rename, "{at}", "/tmp/x"), refused(os.rename, "/files/still", "/tmp/x"),
            refused(os.rmdir, "{at}"), refused(shutil.rmtree, "{at}"), os.listdir("{at}")])
""") == ["Resource busy"] * 4 + [[]]
    assert (tmp_path / "f").read_text() == "text"


@pytest.mark.parametrize("name", ["__proto__", "constructor", "toString", "é ü\n", "-", "a" * 255])
def test_any_name_is_a_name(python, tmp_path, name):
    (tmp_path / name).write_text("original")
    at = python.mount(tmp_path, at=f"/files/name{len(python.files.mounts)}")
    python.run(f"""
path = os.path.join({at!r}, {name!r})
assert os.listdir({at!r}) == [{name!r}]
assert open(path).read() == "original"
os.unlink(path)
assert os.listdir({at!r}) == []
open(path, "w").write("new")
assert open(path).read() == "new"
""")
    assert [c["kind"] for c in python.changes() if c["path"].startswith(at)] == ["changed"]


@pytest.mark.parametrize("seed", range(25))
def test_code_cannot_tell_a_staged_tree_from_another(python, tmp_path, seed):
    rng = random.Random(seed)
    folders = [""]
    snapshot: dict[str, str | None] = {}
    for _ in range(12):
        path = os.path.join(rng.choice(folders), rng.choice("abcde"))
        if path in snapshot:
            continue
        if rng.random() < 0.4:
            snapshot[path] = None
            (tmp_path / path).mkdir()
            folders.append(path)
        else:
            snapshot[path] = rng.choice(["", "text", "line\n" * 40])
            (tmp_path / path).write_text(snapshot[path] or "")
    at = python.mount(tmp_path, at=f"/files/seed{seed}")
    python.run(Path(__file__).with_name("ordinary.py").read_text())
    python.run(f"copy_plain(json.loads({json.dumps(snapshot)!r}), '/tmp/seed{seed}')")
    for cell in range(3):
        python.run(f"compare({seed * 10 + cell}, 10, '{at}', '/tmp/seed{seed}')")
    python.run(f"shutil.rmtree('/tmp/seed{seed}')")
    now = {str(path.relative_to(tmp_path)): path.read_text() if path.is_file() else None
           for path in tmp_path.rglob("*")}  # fmt: skip
    assert now == snapshot


# --- in a real sandbox ---


@pytest.fixture(scope="module")
def boxed(start_sandbox, tmp_path_factory):
    """A sandbox that sees a folder."""
    folder = tmp_path_factory.mktemp("boxed")
    (folder / "sub").mkdir()
    (folder / "a").write_text("one\n")
    (folder / "sub" / "b").write_text("two\n")
    files = StagedFiles()
    files.mount(folder, at="/files/boxed", writable=True)
    yield start_sandbox(files=files), folder
    files.close()


def test_a_rewind_brings_the_staged_tree_back(boxed):
    box, folder = boxed
    box.run("import os; os.chdir('/files/boxed'); held = open('sub/b', 'r+'); held.read(1)")
    box.run("os.mkdir('new'); open('new/ours', 'w').close(); os.rename('a', 'moved')")
    step = box.do(box.sandbox.checkpoint())
    look = "sorted(os.listdir()), sorted(os.listdir('new')), open('moved').read(), held.tell()"
    seen = box.value(look)
    assert seen == (["moved", "new", "sub"], ["ours"], "one\n", 1)
    (folder / "new").mkdir()
    (folder / "new" / "theirs").touch()
    assert box.value(look)[1] == ["ours", "theirs"]
    box.run(
        "import shutil; shutil.rmtree('new'); held.write('XY'); held.close(); os.remove('moved')"
    )
    (folder / "new" / "theirs").unlink()
    (folder / "new").rmdir()
    assert box.do(box.sandbox.rewind(step)).way == "memory"
    assert box.value(look) == seen
    assert box.value("held.seek(0), held.read(), open('sub/b').read()") == (0, "two\n", "two\n")
    changes = box.do(box.sandbox.changes())
    assert [(c.path, c.kind) for c in changes.files] == [
        ("/files/boxed/a", "deleted"), ("/files/boxed/moved", "created"),
        ("/files/boxed/new/ours", "created"),
    ]  # fmt: skip


def test_a_save_takes_the_staged_tree_along(boxed, start_sandbox, tmp_path):
    box, folder = boxed
    box.run("import os; os.chdir('/files/boxed')")
    box.run("open('sub/c', 'w').write('made'); os.remove('sub/b')")
    box.do(box.sandbox.save(tmp_path / "state"))
    files = StagedFiles()
    files.mount(folder, at="/files/boxed", writable=True)
    other = start_sandbox(files=files)
    other.do(other.sandbox.restore(tmp_path / "state"))
    assert other.value("os.listdir('/files/boxed/sub')") == ["c"]
    assert other.value("open('/files/boxed/sub/c').read()") == "made"
    changes = other.do(other.sandbox.changes())
    assert ("/files/boxed/sub/b", "deleted") in [(c.path, c.kind) for c in changes.files]
    assert ("/files/boxed/sub/c", "created") in [(c.path, c.kind) for c in changes.files]


def test_a_wait_for_the_host_can_be_interrupted(boxed):
    box, _ = boxed
    box.run("import os")

    async def work():
        running = asyncio.create_task(box.sandbox.run("while True: os.stat('/files/boxed/sub')"))
        await asyncio.sleep(0)
        while not box.sandbox.busy:
            await asyncio.sleep(0)
        await box.sandbox.interrupt()
        return await running

    done = box.do(work())
    assert done.error is not None and done.error.type == "KeyboardInterrupt"
    assert box.value("os.path.isdir('/files/boxed/sub')") is True
