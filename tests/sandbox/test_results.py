"""What code left to be taken along."""

from __future__ import annotations

import os

import pytest

from smolterm.errors import CommitRefused
from smolterm.sandbox.changes import Result
from smolterm.sandbox.results import copy_out


def test_results_are_copied_out_and_overwrite_nothing(tmp_path):
    (tmp_path / "there").write_text("mine")
    results = [Result(name="plots/a.png", data=b"png"), Result(name="b", data=b"")]
    assert copy_out(results, tmp_path) == (tmp_path / "b", tmp_path / "plots" / "a.png")
    assert (tmp_path / "plots" / "a.png").read_bytes() == b"png"
    for name in ("there", "../outside", ".git/hooks/x"):
        with pytest.raises((CommitRefused, OSError)):
            copy_out([Result(name="c", data=b""), Result(name=name, data=b"theirs")], tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["b", "plots", "there"]
