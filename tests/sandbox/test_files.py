"""Staged files: what the host answers to hostile questions."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smolterm.errors import UsageError
from smolterm.sandbox.files import StagedFiles
from tests.sandbox.trees import SECRET, one_of_everything


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return one_of_everything(tmp_path)


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
