"""What `smolterm doctor` says of the walls: in force only what a running sandbox shows."""

from __future__ import annotations

import sys

import pytest

from smolterm.doctor import local_models, system_walls

FREE = {"bubblewrap": "", "landlock": ""}
FORBIDDEN = {"bubblewrap": "No permissions", "landlock": "this kernel has none"}

linux = pytest.mark.skipif(sys.platform != "linux", reason="these walls are Linux's")


def lines(system, missing, is_root=False):
    """Return the first two words of each line, and all of it."""
    said = list(system_walls(system, missing, is_root=is_root))
    assert all(line.startswith("  ") and "\n" not in line for line in said)
    return [(line[2:13].strip(), line[13:]) for line in said]


@linux
def test_with_bubblewrap_landlock_is_not_used():
    found = lines("bubblewrap", FREE)
    assert [(state, text.split()[0]) for state, text in found[:2]] == [
        ("in force", "bubblewrap:"),
        ("not used", "Landlock:"),
    ]


@linux
def test_landlock_says_what_it_holds_back_and_why_it_is_not_bubblewrap():
    found = lines("landlock", {"bubblewrap": "not installed", "landlock": ""})
    assert ("missing", "bubblewrap: not installed") in found
    assert any(state == "in force" and text.startswith("Landlock ") for state, text in found)


@linux
def test_what_is_possible_and_does_not_run_is_missing():
    found = dict(reversed(line) for line in lines("none", FREE))
    assert found["bubblewrap: the sandbox runs without it"] == "missing"
    assert found["Landlock: the sandbox runs without it"] == "missing"


def test_what_is_missing_says_why():
    said = dict(reversed(line) for line in lines("none", FORBIDDEN))
    assert said["bubblewrap: No permissions"] == "missing"
    assert said["Landlock: this kernel has none"] == "missing"


@pytest.mark.parametrize(
    ("system", "is_root", "state"),
    [("none", True, "missing"), ("none", False, "in force"), ("landlock", True, "in force")],
)
def test_only_the_system_holds_root_back_from_the_cache(system, is_root, state):
    found = lines(system, FREE, is_root)
    assert [line[0] for line in found if "read-only cache" in line[1]] == [state]


def test_local_models_are_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("SMOLTERM_DATA", str(tmp_path))
    said = list(local_models())
    assert said[0].startswith("local models ") and "cores" in said[1]
    assert said[3].startswith("  installed  none in ")
    assert said[2].startswith("  wall ")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny.gguf").write_bytes(b"GGUF")
    assert list(local_models())[3] == "  installed  local/tiny, 4 bytes"
