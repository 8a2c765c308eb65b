"""Packs are found by their metadata, in a fresh process, without running their code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.packs.building import build_pack

PROGRAM = """
import json, sys, time
from smolterm.packs.find import find_packs
start = time.perf_counter()
found = find_packs()
seconds = time.perf_counter() - start
print(json.dumps({
    "seconds": seconds,
    "modules": sorted(name for name in sys.modules if name.endswith("_pack") or name in
                      ("smolterm_files", "outer", "asyncio", "smolterm.child")),
    "packs": {
        pack.name + "/" + pack.module: str(pack.error) if pack.error else [*pack.manifest.tools]
        for pack in found
    },
}))
"""


def find(*paths: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_our_own_pack_is_found_like_any_other_and_not_imported() -> None:
    answer = find()
    assert "read_table" in answer["packs"]["files/smolterm_files"]
    assert answer["modules"] == []
    # Measured at 6 ms with 90 distributions.
    assert answer["seconds"] < 1


def test_a_pack_whose_code_would_exit_is_still_listed(tmp_path: Path) -> None:
    build_pack(tmp_path, "bad", "raise SystemExit(3)")
    assert find(tmp_path)["packs"]["bad/bad_pack"] == ["noop"]


def test_a_broken_pack_is_one_line_and_not_an_end(tmp_path: Path) -> None:
    build_pack(tmp_path, "good")
    broken = build_pack(tmp_path, "broken", manifest='name = "broken"')
    bare = build_pack(tmp_path, "bare")
    (bare / "pack.toml").unlink()
    build_pack(tmp_path, "gone", entry="nowhere_at_all")
    build_pack(tmp_path, "liar", manifest=(tmp_path / "good_pack" / "pack.toml").read_text())
    packs = find(tmp_path)["packs"]
    assert packs["good/good_pack"] == ["noop"]
    for name, words in {
        "broken/broken_pack": str(broken / "pack.toml"),
        "bare/bare_pack": "cannot be read",
        "gone/nowhere_at_all": "is not there",
        "liar/liar_pack": "entry point's name",
    }.items():
        assert words in packs[name]
        assert "\n" not in packs[name]


def test_a_pack_inside_another_package_is_found_without_importing_that(tmp_path: Path) -> None:
    (tmp_path / "outer").mkdir()
    (tmp_path / "outer" / "__init__.py").write_text("raise SystemExit(4)")
    folder = build_pack(tmp_path, "inner", entry="outer.inner_pack")
    folder.rename(tmp_path / "outer" / "inner_pack")
    answer = find(tmp_path)
    assert answer["packs"]["inner/outer.inner_pack"] == ["noop"]
    assert answer["modules"] == []


def test_the_first_of_two_packs_with_one_name_wins(tmp_path: Path) -> None:
    build_pack(tmp_path / "a", "twin")
    build_pack(tmp_path / "b", "twin", entry="twin_pack")
    other = tmp_path / "b" / "twin_pack-1.0.dist-info"
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    other.rename(tmp_path / "b" / "other-1.0.dist-info")
    packs = find(tmp_path / "a", tmp_path / "b")["packs"]
    assert any("Two packs" in str(told) for told in packs.values())


def test_the_same_distribution_on_two_paths_is_one_pack(tmp_path: Path) -> None:
    build_pack(tmp_path / "a", "twice")
    build_pack(tmp_path / "b", "twice")
    packs = find(tmp_path / "a", tmp_path / "b")["packs"]
    assert packs["twice/twice_pack"] == ["noop"]


def test_the_listing_prints_packs_and_complains_about_broken_ones(tmp_path: Path) -> None:
    build_pack(tmp_path, "broken", manifest="")
    program = "import sys; from smolterm.packs.listing import print_packs; sys.exit(print_packs())"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "write: write_text\n" in done.stdout
    assert "Use it: smolterm packs add files\n" in done.stdout
    assert [line for line in done.stderr.splitlines() if line.startswith("broken: ")]
