"""What the sandbox says it changed: listed with diffs, or refused."""

from __future__ import annotations

import asyncio

import pytest

from smolterm.errors import SandboxError
from smolterm.sandbox.changes import Changes, collect
from tests.sandbox.claims import Claims, collected, three, version


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


def test_what_changed_since_it_was_read_is_refused_from_the_start(files, folder):
    base = version(files, "a.txt")
    (folder / "a.txt").write_text("somebody else's\n")
    told = {"path": "/files/data/a.txt", "kind": "changed", "base": base}
    (change,) = collected(files, told, **{"a.txt": b"mine"}).files
    assert change.refused == "the original changed meanwhile"
    assert change.before == b"somebody else's\n"


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
