"""Unpacking on the host: what a wheel may write, and that a bad one writes nothing."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.packages.unpack import BadWheel, import_names, libraries, unpack
from tests.packages.wheels import make_wheel


@pytest.fixture(autouse=True)
def same_path(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))


def unpacked(data: bytes, folder: Path, **options: str) -> tuple[list[str], list[str]]:
    site, prefix, library = (str(folder / name) for name in ("site", "prefix", "library"))
    return unpack(data, site=site, prefix=prefix, library=library, **options)


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_everything_comes_to_its_place(tmp_path):
    native = "thing/fast.cpython-314-wasm32-emscripten.so"
    data = make_wheel(
        "thing",
        files={
            "thing/__init__.py": "",
            native: b"\0asm",
            "alone.py": "",
            "thing-1.0.data/purelib/pure.py": "",
            "thing-1.0.data/platlib/plat.py": "",
            "thing-1.0.data/data/share/thing/x.txt": "x",
            "thing-1.0.data/scripts/thing": "#!python",
            "thing-1.0.data/headers/thing.h": "",
        },
    )
    names, natives = unpacked(data, tmp_path)
    assert names == ["alone", "plat", "pure", "thing"]
    assert natives == [str(tmp_path / "site" / native)]
    info = {f"site/thing-1.0.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL")}
    assert files_in(tmp_path) == info | {
        "site/thing/__init__.py", f"site/{native}", "site/alone.py", "site/pure.py",
        "site/plat.py", "prefix/share/thing/x.txt",
    }  # fmt: skip
    record = (tmp_path / "site/thing-1.0.dist-info/RECORD").read_text().splitlines()
    assert {line.split(",")[0] for line in record} >= {"pure.py", "../prefix/share/thing/x.txt"}
    assert not any(".data/" in line for line in record)


def test_an_archive_of_shared_libraries_has_no_modules(tmp_path):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("libthing.so", b"\0asm")
        archive.writestr("libthing.so.2", b"\0asm")
    names, natives = unpacked(made.getvalue(), tmp_path, kind="shared_library")
    assert names == []
    assert natives == [
        str(tmp_path / "library" / name) for name in ("libthing.so", "libthing.so.2")
    ]


@pytest.mark.parametrize(
    "name",
    ["../evil.py", "a/../../evil.py", "/evil.py", "a//evil.py", "./evil.py", "C:/evil.py",
     "a\\..\\evil.py", "thing-1.0.data/purelib/../../evil.py", "thing-1.0.data/data//evil.py",
     "a/."],
)  # fmt: skip
def test_a_path_that_leads_out_is_refused_before_anything_is_written(tmp_path, name):
    data = make_wheel("thing", files={"thing.py": "", name: "x"})
    with pytest.raises(BadWheel, match=r"leads out|no path"):
        unpacked(data, tmp_path)
    assert files_in(tmp_path) == set()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no zip", "not a zip"),
        (make_wheel("thing")[:200], "not a zip"),
        (make_wheel("thing", links={"thing/l": "/etc"}), "link or a device"),
        (make_wheel("thing", files={"a": "", "a/b.py": ""}), "a file and a folder"),
        (make_wheel("thing", files={"a.py": "", "thing-1.0.data/purelib/a.py": ""}), "twice"),
        (make_wheel("thing").replace(b"METADATA", b"METADATE"), "no METADATA"),
    ],
    ids=["no zip", "cut", "link", "file as folder", "twice", "no metadata"],
)
def test_what_is_no_wheel_writes_nothing(tmp_path, data, words):
    with pytest.raises(BadWheel, match=words):
        unpacked(data, tmp_path)
    assert files_in(tmp_path) == set()


def test_a_bomb_is_refused_by_its_list_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("smolterm.packages.unpack.MOST_BYTES", 1000)
    with pytest.raises(BadWheel, match="more than"):
        unpacked(make_wheel("thing", files={"zeros.bin": bytes(1001)}), tmp_path)
    monkeypatch.setattr("smolterm.packages.unpack.MOST_FILES", 3)
    with pytest.raises(BadWheel, match="files"):
        unpacked(make_wheel("thing"), tmp_path)


def test_a_member_that_is_longer_than_the_list_says_ends_there(tmp_path):
    data = make_wheel("thing", files={"zeros.bin": bytes(1000)})
    # The central directory's size, which is what is added up before unpacking.
    lying = data[: data.rfind(b"PK\x01\x02")] + data[data.rfind(b"PK\x01\x02") :]
    at = data.find(b"PK\x01\x02") + 24
    lying = data[:at] + (10).to_bytes(4, "little") + data[at + 4 :]
    with pytest.raises(BadWheel):
        unpacked(lying, tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@given(
    st.lists(
        st.text(alphabet="ab./\\:\0-", min_size=1, max_size=12).filter(lambda n: n[0] != "\0"),
        min_size=1, max_size=4, unique=True,
    )
)  # fmt: skip
def test_no_name_leads_out(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("unpack")
    try:
        unpacked(make_wheel("thing", files=dict.fromkeys(names, "x")), folder / "in")
    except (BadWheel, OSError):
        pass
    assert {path.name for path in folder.iterdir()} <= {"in"}
    if (folder / "in").exists():
        assert {path.name for path in (folder / "in").iterdir()} <= {"site", "prefix"}


def test_names_and_natives_of_this_platform():
    paths = ["a/__init__.py", "b.py", "c.cpython-314-wasm32-emscripten.so", "d/e/f.py", "g/x.txt",
             "h.cpython-314-x86_64-linux-gnu.so", "not-a-name.py", "a-1.dist-info/x.py",
             "__pycache__/b.cpython-314.pyc", "i.pth"]  # fmt: skip
    assert import_names(paths) == ["a", "b", "c", "d"]
    assert libraries([*paths, "libz.so.1.2", "a.so.txt"]) == [paths[2], "libz.so.1.2"]
