"""Staged files as ordinary code sees them, in Python without the wall."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from smolterm.sandbox.files import BLOCK
from tests.sandbox.trees import one_of_everything


def test_what_links_and_devices_are_inside(python, tmp_path):
    python.mount(one_of_everything(tmp_path), at="/files/links")
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
