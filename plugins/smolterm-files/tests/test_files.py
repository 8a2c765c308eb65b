"""The files pack: what it reads and writes, and everything that it must not reach."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smolterm.errors import ToolError
from smolterm.packs.doors.folder import LONGEST
from smolterm.packs.doors.globs import glob
from smolterm.packs.find import read_pack
from smolterm.packs.testing import bound

import smolterm_files as files
from smolterm_files.table import rows

SECRET = "the canary"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A granted folder beside a secret that nothing may reach."""
    (tmp_path / "secret.txt").write_text(SECRET)
    granted = tmp_path / "granted"
    (granted / "data").mkdir(parents=True)
    (granted / "notes.txt").write_text("one\ntwo\nthree\n")
    (granted / "data" / "sales.csv").write_text("item,amount,price\nnut,3,1.5\nbolt,4,\n")
    with bound(folder=granted, write=["**"]):
        yield granted


def paths(pattern: str = "**/*") -> list[object]:
    return [found["path"] for found in files.list_files(pattern)]


def test_the_manifest_names_what_the_module_has() -> None:
    found = read_pack("files", "smolterm_files")
    assert found.manifest is not None
    for name in found.manifest.tools:
        assert (getattr(files, name).__doc__ or "").strip()


# What is there


def test_files_are_listed_with_size_and_time(folder: Path) -> None:
    os.utime(folder / "notes.txt", (0, time.mktime((2026, 1, 31, 12, 0, 0, 0, 0, -1))))
    assert files.list_files("notes.txt") == [
        {"path": "notes.txt", "size": 14, "modified": "2026-01-31T12:00:00"}
    ]
    assert paths() == ["notes.txt", "data/sales.csv"]


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("*", ["a.py", "b.txt", "d/c.py", "d/e/f.py"]),
        ("*.py", ["a.py", "d/c.py", "d/e/f.py"]),
        ("**/*.py", ["a.py", "d/c.py", "d/e/f.py"]),
        ("**", ["a.py", "b.txt", "d/c.py", "d/e/f.py"]),
        ("d/*", ["d/c.py"]),
        ("d/**", ["d/c.py", "d/e/f.py"]),
        ("./d/*.py", ["d/c.py"]),
        ("d/**/*.py", ["d/c.py", "d/e/f.py"]),
        ("*/*/f.py", ["d/e/f.py"]),
        ("?.py", ["a.py", "d/c.py", "d/e/f.py"]),
        ("[a-c].py", ["a.py", "d/c.py"]),
        ("[!a].py", ["d/c.py", "d/e/f.py"]),
        ("none*", []),
    ],
)
def test_patterns(pattern: str, matched: list[str]) -> None:
    every = ["a.py", "b.txt", "d/c.py", "d/e/f.py"]
    assert [path for path in every if glob(pattern).fullmatch(path)] == matched


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    start = time.process_time()
    for pattern in ("**/" * 200 + "x", "*" * 200 + "x", "**/" * 20):
        glob(pattern).fullmatch("a/" * 200 + "a" * 200)
    assert time.process_time() - start < 5


def test_file_info_tells_what_a_path_is(folder: Path) -> None:
    (folder / "image").write_bytes(b"\x89PNG\0\0")
    assert files.file_info("notes.txt")["is_text"] is True
    assert files.file_info("image")["is_text"] is False
    assert files.file_info("data")["kind"] == "folder"
    assert files.file_info(".")["kind"] == "folder"


# Reading


def test_text_is_read_whole_or_by_lines(folder: Path) -> None:
    assert files.read_text("notes.txt") == "one\ntwo\nthree\n"
    assert files.read_text("notes.txt", start=2) == "two\nthree\n"
    assert files.read_text("notes.txt", start=2, lines=1) == "two\n"
    assert files.read_text("./data/../notes.txt".replace("data/../", "")) == "one\ntwo\nthree\n"
    with pytest.raises(ToolError, match="counts from 1"):
        files.read_text("notes.txt", start=0)


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_read_in_the_coding_it_was_written(folder: Path, coding: str) -> None:
    (folder / "t").write_bytes("Grüße\r\nx".encode(coding))
    assert files.read_text("t") == "Grüße\nx"


def test_bytes_are_read_and_are_no_text(folder: Path) -> None:
    (folder / "b").write_bytes(b"\x00\xff")
    assert files.read_bytes("b") == b"\x00\xff"
    with pytest.raises(ToolError, match="read_bytes"):
        files.read_text("b")


def test_a_file_that_is_too_large_is_refused(folder: Path) -> None:
    with open(folder / "big", "wb") as stream:
        stream.truncate(LONGEST + 1)
    with pytest.raises(ToolError, match="can be read"):
        files.read_bytes("big")


def test_lines_are_searched(folder: Path) -> None:
    (folder / "image").write_bytes(b"\0two")
    assert files.search_text("t[wh]") == [
        {"path": "notes.txt", "line": 2, "text": "two"},
        {"path": "notes.txt", "line": 3, "text": "three"},
    ]
    assert len(files.search_text(".", limit=2)) == 2
    assert files.search_text("(?i)NUT", files="*.csv")[0]["path"] == "data/sales.csv"
    with pytest.raises(ToolError, match="regular expression"):
        files.search_text("(")


# Tables


def test_a_table_has_numbers_and_gaps(folder: Path) -> None:
    assert files.read_table("data/sales.csv") == [
        {"item": "nut", "amount": 3, "price": 1.5},
        {"item": "bolt", "amount": 4, "price": None},
    ]


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.csv", "", []),
        ("a.csv", "x\n", []),
        ("a.csv", "x;y\n1;2\n", [{"x": 1, "y": 2}]),
        ("a.csv", "x\ty\n1\t2\n", [{"x": 1, "y": 2}]),
        ("a.tsv", "x\ty,z\n1\t2\n", [{"x": 1, "y,z": 2}]),
        ("a.csv", 'x\n"a, b"\n', [{"x": "a, b"}]),
        ("a.csv", "id\n007\n012\n", [{"id": "007"}, {"id": "012"}]),
        ("a.csv", "x\n1\nno\n", [{"x": "1"}, {"x": "no"}]),
        ("a.csv", "x\n1\n2.5\n", [{"x": 1.0}, {"x": 2.5}]),
        ("a.csv", "x\n1e3\n-.5\n", [{"x": 1000.0}, {"x": -0.5}]),
        ("a.csv", "x\nnan\n1_000\n", [{"x": "nan"}, {"x": "1_000"}]),
        ("a.csv", "x,x,\n1,2,3\n", [{"x": 1, "x_2": 2, "column_3": 3}]),
        ("a.csv", "x,y\n1\n1,2,3\n", [{"x": 1, "y": None, "column_3": None},
                                      {"x": 1, "y": 2, "column_3": 3}]),
        ("a.csv", "x\n\n1\n", [{"x": 1}]),
        ("a.json", '[{"x": 1}]', [{"x": 1}]),
        ("a.jsonl", '{"x": 1}\n\n{"x": 2}\n', [{"x": 1}, {"x": 2}]),
    ],
)  # fmt: skip
def test_tables(path: str, text: str, expected: list[dict[str, Any]]) -> None:
    read = rows(path, text)
    assert read == expected
    assert [list(map(type, row.values())) for row in read] == [
        list(map(type, row.values())) for row in expected
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [("a.json", "{}"), ("a.json", "["), ("a.json", "[1]"), ("a.jsonl", "1"), ("a.xlsx", "x"),
     ("a.json", "[" * 100_000)],
)  # fmt: skip
def test_what_is_no_table_is_said(path: str, text: str) -> None:
    with pytest.raises(ToolError):
        rows(path, text)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_table_or_none(text: str) -> None:
    try:
        read = rows("a.csv", text)
    except ToolError:
        return
    assert all(list(row) == list(read[0]) for row in read)


# Writing


def test_a_file_is_written_whole(folder: Path) -> None:
    assert files.write_text("out/deep/a.md", "# Ä\n") == {"path": "out/deep/a.md", "size": 5}
    assert (folder / "out/deep/a.md").read_text() == "# Ä\n"
    (folder / "out/deep/a.md").chmod(0o600)
    files.write_text("out/deep/a.md", "new")
    assert (folder / "out/deep/a.md").read_text() == "new"
    assert (folder / "out/deep/a.md").stat().st_mode & 0o777 == 0o600
    assert os.listdir(folder / "out/deep") == ["a.md"]


def test_writing_needs_the_grant(folder: Path) -> None:
    with bound(folder=folder), pytest.raises(ToolError, match="reading only"):
        files.write_text("a.txt", "x")
    assert not (folder / "a.txt").exists()


def test_nothing_works_without_a_folder(folder: Path) -> None:
    calls: list[Callable[[], object]] = [
        files.list_files, lambda: files.read_text("notes.txt"), lambda: files.read_bytes("a"),
        lambda: files.read_table("a.csv"), lambda: files.search_text("x"),
        lambda: files.file_info("a"), lambda: files.write_text("a", ""),
    ]  # fmt: skip
    with bound(write=["**"]):
        for call in calls:
            with pytest.raises(ToolError, match="--folder"):
                call()


# What must not be reached


OUTSIDE = (
    "/etc/passwd", "../secret.txt", "data/../../secret.txt", "..", "~/x", "~", "", "\0", "a\nb",
    "data\\..\\x", "//etc/passwd", "./../secret.txt", ".env", ".git/config", "data/.hidden",
    "out", "out_file", "loop", "data/up/secret.txt", "hidden_link",
)  # fmt: skip


@pytest.mark.parametrize("path", OUTSIDE)
def test_nothing_outside_or_hidden_is_reached(folder: Path, path: str) -> None:
    for name in (".env", "data/.hidden"):
        (folder / name).write_text(SECRET)
    (folder / ".git").mkdir()
    (folder / ".git/config").write_text(SECRET)
    (folder / "out").symlink_to(folder.parent)
    (folder / "out_file").symlink_to(folder.parent / "secret.txt")
    (folder / "loop").symlink_to("loop")
    (folder / "data/up").symlink_to("../..")
    (folder / "hidden_link").symlink_to(".env")
    calls: list[Callable[[], object]] = [
        lambda: files.read_text(path), lambda: files.read_bytes(path),
        lambda: files.read_table(path), lambda: files.file_info(path),
        lambda: files.write_text(path, "overwritten"),
        lambda: files.write_text(f"{path}/new.txt", "overwritten"),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(ToolError) as raised:
            call()
        assert str(folder.parent) not in str(raised.value)
    assert (folder.parent / "secret.txt").read_text() == SECRET
    assert (folder / ".env").read_text() == SECRET
    assert sorted(os.listdir(folder.parent)) == ["granted", "secret.txt"]


@pytest.mark.parametrize("pattern", ["../*", "/etc/*", ".*", "out/*", "**/.env", "data/up/*"])
def test_listing_and_searching_stay_inside(folder: Path, pattern: str) -> None:
    (folder / ".env").write_text(SECRET)
    (folder / "out").symlink_to(folder.parent)
    (folder / "data/up").symlink_to("../..")
    for call in (files.list_files, lambda pattern: files.search_text("canary", pattern)):
        try:
            assert call(pattern) == []
        except ToolError:
            pass
    assert files.search_text("canary") == []


def test_a_link_inside_is_followed_for_reading_alone(folder: Path) -> None:
    (folder / "link").symlink_to("data/sales.csv")
    assert files.read_text("link").startswith("item")
    with pytest.raises(ToolError, match="link"):
        files.write_text("link", "x")
    assert (folder / "link").is_symlink()


def test_pipes_sockets_and_folders_are_not_read(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    with contextlib.chdir(folder):
        listener.bind("socket")
    for name in ("pipe", "socket", "data"):
        with pytest.raises(ToolError):
            files.read_bytes(name)
        with pytest.raises(ToolError):
            files.write_text(name, "x")
    assert "pipe" not in paths() and "socket" not in paths()
    listener.close()


def test_a_folder_behind_a_link_can_be_granted(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "shortcut").symlink_to(folder)
    with bound(folder=tmp_path / "shortcut", write=["**"]):
        assert files.read_text("notes.txt").startswith("one")
        files.write_text("new.txt", "x")
    assert (folder / "new.txt").exists()


def test_a_link_swapped_in_between_is_never_followed(folder: Path) -> None:
    (folder.parent / "outside").mkdir()
    (folder.parent / "outside" / "f").write_text(SECRET)
    (folder / "real").mkdir()
    (folder / "real" / "f").write_text("fine")
    (folder / "way").symlink_to("../outside")
    stop = threading.Event()

    def move(first: str, second: str) -> None:
        while True:
            try:
                return os.rename(folder / first, folder / second)
            except OSError:
                # The writer made the folder in the moment that it was away.
                shutil.rmtree(folder / second, ignore_errors=True)

    def swap() -> None:
        while not stop.is_set():
            # One name, by turns a folder and a link to the outside.
            move("real", "kept")
            move("way", "real")
            move("real", "way")
            move("kept", "real")

    thread = threading.Thread(target=swap)
    thread.start()
    read = 0
    try:
        for _ in range(1500):
            try:
                assert files.read_text("real/f") == "fine"
                read += 1
            except ToolError:
                pass
            try:
                files.write_text("real/g", "written")
            except ToolError:
                pass
    finally:
        stop.set()
        thread.join()
    assert read
    assert os.listdir(folder.parent / "outside") == ["f"]


def test_importing_the_pack_does_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", "import smolterm_files"], capture_output=True, cwd=tmp_path
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert list(tmp_path.iterdir()) == []
