"""The two lock files: Pyodide's, which is read, and the person's, which is kept."""

from __future__ import annotations

import threading

import msgspec
import pytest

from smolterm.errors import PackageError, SetupFailed, UsageError
from smolterm.packages import Item
from smolterm.packages.collection import LOCKS, Collection, cdn_of, normal, read_collection
from smolterm.packages.lock import Lock, editing, read_lock
from smolterm.packages.resolve import parsed
from smolterm.sandbox.assets import find_assets, pinned
from tests.packages.conftest import INFO, lock_entry


def item(name: str, version: str = "1.0", *needs: str) -> Item:
    return Item(name=name, version=version, filename=f"{name}-{version}-py3-none-any.whl",
                sha256="0" * 64, needs=needs, imports=(name,))  # fmt: skip


def lock() -> Lock:
    return Lock(
        pyodide="1",
        roots={"a": "a", "d": "d[more]>=1"},
        packages=[item("c"), item("b", "2.0", "c"), item("a", "1.0", "b"), item("d", "1.0", "c")],
    )


def test_the_pyodide_in_use_has_a_collection_that_is_whole():
    assets = find_assets()
    assert assets is not None
    assert pinned().version in LOCKS
    collection = read_collection(assets.pyodide, pinned().version)
    assert collection.base_url.startswith("https://")
    assert pinned().version in collection.base_url
    assert collection.providers["sklearn"] == "scikit-learn"
    assert collection.platforms[0] == "pyemscripten_2026_0_wasm32"
    assert collection.markers["python_version"] == "3.14"
    for each in collection.items():
        assert collection.closure([each.name])[-1] == each


def test_a_changed_collection_is_not_read(tmp_path):
    (tmp_path / "pyodide-lock.json").write_text('{"info": {}, "packages": {}}')
    with pytest.raises(SetupFailed, match="damaged"):
        read_collection(tmp_path, pinned().version)


def test_needs_come_first_even_in_a_circle():
    packages = {
        "lib-z": lock_entry("lib-z", b"", kind="shared_library", file="libz.zip"),
        "a": lock_entry("a", b"", depends=("b",)),
        "b": lock_entry("b", b"", depends=("a", "lib_z")),
        "a-tests": lock_entry("a-tests", b"", file="a-tests.zip"),
    }
    read = Collection(msgspec.json.encode({"info": INFO, "packages": packages}), base_url="x:/y")
    assert [each.name for each in read.closure(["a"])] == ["lib-z", "b", "a"]
    assert read.item("a-tests") is None
    assert read.url(read.closure(["lib-z"])[0]) == "x:/y/libz.zip"


def test_the_address_in_pyodides_own_loader():
    text = (
        "x??`https://cdn.example/v${U}/full/`; k(e.packageBaseUrl??`https://cdn.example/v${U}/f/`)"
    )
    assert cdn_of(text, "9.9") == "https://cdn.example/v9.9/f/"
    assert cdn_of("nothing", "9.9") == ""


def test_what_a_lock_covers():
    def covered(*texts: str) -> list[str] | None:
        found = lock().covering([parsed(text) for text in texts])
        return found and [each.name for each in found]

    assert covered("A>=1") == ["c", "b", "a"]
    assert covered("b", "d") == ["c", "b", "d"]
    assert covered("a>1") is None
    assert covered("a", "unknown") is None
    assert covered("d[more]>=1") == ["c", "d"]
    assert covered("a[more]") is None
    assert [each.name for each in lock().providing("b") or ()] == ["c", "b"]
    assert lock().providing("nothing") is None


def test_removing_takes_what_nothing_else_needs():
    changed = lock()
    assert changed.remove(["A"]) == ["b", "a"]
    assert [each.name for each in changed.packages] == ["c", "d"]
    with pytest.raises(UsageError, match="c was not added"):
        changed.remove(["c"])


def test_a_lock_file_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "folder" / "lock.json"
    assert read_lock(path) == Lock()
    with editing(path) as changed:
        changed.roots, changed.packages = lock().roots, lock().packages
    assert read_lock(path).packages == lock().packages
    assert "://" not in path.read_text()


def test_a_failure_while_editing_changes_nothing(tmp_path):
    path = tmp_path / "lock.json"
    with pytest.raises(KeyError), editing(path) as changed:
        changed.packages = [item("a")]
        raise KeyError
    assert not path.exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 2}', '{"packages": [{"name": 1}]}'])
def test_a_damaged_lock_file_is_said(tmp_path, text):
    (tmp_path / "lock.json").write_text(text)
    with pytest.raises(PackageError, match="cannot be read"):
        read_lock(tmp_path / "lock.json")


def test_two_who_edit_at_once_lose_nothing(tmp_path):
    path = tmp_path / "lock.json"

    def add(name: str) -> None:
        for number in range(10):
            with editing(path) as changed:
                changed.packages.append(item(f"{name}{number}"))

    threads = [threading.Thread(target=add, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_lock(path).packages) == 30


@pytest.mark.parametrize(
    "text",
    ["a @ https://host.example/a.whl", "-r file", "--index-url=x", "./a", "../a.whl", "git+ssh://x",
     "a b", "", "a;", "/etc/passwd", "a\n--pre", "a -i x"],
)  # fmt: skip
def test_only_names_and_versions_are_requirements(text):
    with pytest.raises(UsageError, match="not a package's name"):
        parsed(text)


def test_names_are_spelt_in_one_way():
    assert normal("Scikit_Learn") == normal("scikit.-learn") == "scikit-learn"
