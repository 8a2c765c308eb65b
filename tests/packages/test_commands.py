"""`smolterm packages`, from adding to a mirror that serves another machine."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from smolterm.errors import UsageError
from smolterm.packages.commands import add_parser, ask_on_terminal, run_packages
from smolterm.packages.lock import read_lock
from smolterm.packages.mirror import write_mirror
from smolterm.packages.provide import Packages
from smolterm.sandbox.assets import pinned
from tests.packages.wheels import make_wheel

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(server, collection, monkeypatch, tmp_path, capsys) -> Run:
    """Run a command as the command line would, on a cache and a lock of its own."""
    monkeypatch.setenv("SMOLTERM_PACKAGES_LOCK", str(tmp_path / "lock.json"))
    monkeypatch.setenv("SMOLTERM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SMOLTERM_INDEX", server.simple)
    real = Packages.__init__

    def without_a_sandbox(self: Packages, **options: object) -> None:
        real(self, collection=collection, compile_once=False, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Packages, "__init__", without_a_sandbox)
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers(required=True))

    def command(*argv: str | Path) -> tuple[int, str, str]:
        code = run_packages(parser.parse_args([str(word) for word in argv]))
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def test_from_adding_to_removing(server, run, tmp_path):
    server.publish("thing", requires=("needed",))
    server.publish("needed")
    code, out, err = run("add", "thing", "frames>=1", "--yes")
    assert code == 0
    assert out == "+ arrays 1.0\n+ frames 1.0\n+ needed 1.0\n+ thing 1.0\n"
    assert "Download 4 files" in err
    code, out, _ = run("list")
    assert [line.split() for line in out.splitlines()] == [
        ["arrays", "1.0", "needed", "Pyodide", "arrays"],
        ["frames", "1.0", "added", "Pyodide", "frame"],
        ["needed", "1.0", "needed", "index", "needed"],
        ["thing", "1.0", "added", "index", "thing"],
    ]  # fmt: skip
    code, out, _ = run("list", "--json")
    listed = json.loads(out)
    assert listed["roots"] == {"thing": "thing", "frames": "frames>=1"}
    assert server.url not in out
    assert run("verify") == (0, "4 of 4 files are good.\n", "")
    assert run("remove", "frames") == (0, "- arrays\n- frames\n", "")
    assert run("remove", "thing") == (0, "- needed\n- thing\n", "")
    code, out, err = run("list")
    assert (code, out) == (0, "")
    assert "smolterm packages add" in err


def test_adding_more_keeps_what_is_there_and_lock_renews_it(server, run):
    server.publish("thing", "1.0")
    run("add", "thing", "-y")
    server.publish("thing", "2.0")
    server.publish("more", requires=("thing",))
    assert run("add", "more", "-y")[1] == "+ more 1.0\n"
    assert run("lock", "-y")[1] == "~ thing 1.0 -> 2.0\n"
    assert run("lock", "-y")[1] == "Nothing has changed.\n"


def test_without_a_yes_nothing_is_downloaded_or_locked(server, run, tmp_path):
    server.publish("thing")
    code, out, err = run("add", "thing")
    assert (code, out) == (3, "")
    assert "thing 1.0" in err
    assert "--yes" in err
    assert read_lock(tmp_path / "lock.json").packages == []


def test_verify_names_what_is_damaged_and_missing(server, run, tmp_path):
    run("add", "frames", "-y")
    paths = sorted((tmp_path / "cache" / "packages" / "wheels").glob("*/*"))
    paths[0].write_bytes(b"other")
    paths[1].unlink()
    code, out, err = run("verify")
    assert code == 2
    assert f"{paths[0].name}: damaged\n{paths[1].name}: missing\n" in out or (
        f"{paths[1].name}: missing\n{paths[0].name}: damaged\n" in out
    )
    assert out.endswith("0 of 2 files are good.\n")
    assert "smolterm packages add arrays frames" in err
    code, out, _ = run("verify", "--json")
    assert code == 2
    assert sorted(json.loads(out).values()) == ["damaged", "missing"]
    assert run("add", "frames", "-y")[0] == 0
    assert run("verify")[0] == 0


def test_a_mirror_serves_a_machine_without_a_network(server, run, tmp_path, monkeypatch):
    server.publish("plots", requires=("frames", "needed"))
    server.publish("needed")
    run("add", "plots", "-y")
    mirror = tmp_path / "mirror"
    code, out, _ = run("mirror", mirror)
    assert (code, out.splitlines()[0]) == (0, f"4 files in {mirror}, 4 of them new.")
    assert run("mirror", mirror, "plots")[1].startswith(f"4 files in {mirror}, 0 of them new.")
    files = {path.relative_to(mirror).as_posix() for path in mirror.rglob("*") if path.is_file()}
    assert files == {
        "files/plots-1.0-py3-none-any.whl", "files/needed-1.0-py3-none-any.whl",
        "pyodide/frames-1.0-cp314-cp314-pyemscripten_2026_0_wasm32.whl",
        "pyodide/arrays-1.0-cp314-cp314-pyemscripten_2026_0_wasm32.whl",
        "simple/index.html", "simple/plots/index.html", "simple/needed/index.html",
    }  # fmt: skip
    for page in mirror.rglob("*.html"):
        assert "://" not in page.read_text()
    server.close()
    # Another machine: another cache, no lock, no index.
    monkeypatch.setenv("SMOLTERM_CACHE", str(tmp_path / "other"))
    monkeypatch.setenv("SMOLTERM_PACKAGES_LOCK", str(tmp_path / "other.json"))
    monkeypatch.delenv("SMOLTERM_INDEX")
    code, out, err = run("add", "plots", "--index", mirror, "-y")
    assert code == 0, err
    assert out == "+ arrays 1.0\n+ frames 1.0\n+ needed 1.0\n+ plots 1.0\n"
    assert read_lock(tmp_path / "other.json").packages == read_lock(tmp_path / "lock.json").packages


def test_what_cannot_be_mirrored(run, tmp_path):
    for names in ((), ("thing",)):
        code, _, err = run("mirror", tmp_path / "m", *names)
        assert code == 1
        assert "smolterm packages add" in err
    with pytest.raises(UsageError, match="was not added"):
        run("remove", "thing")


def test_a_lock_of_another_pyodide_is_said_and_not_used(server, run, tmp_path):
    run("add", "frames", "-y")
    path = tmp_path / "lock.json"
    path.write_text(path.read_text().replace(pinned().version, "1.2.3"))
    assert "smolterm packages lock" in run("list")[2]
    assert run("lock", "-y")[0] == 0
    assert read_lock(path).pyodide == pinned().version


def test_names_from_an_index_cannot_move_the_cursor(server, packages, capsys, asked):
    server.publish("thing", data=make_wheel("thing"))
    asyncio.run(packages().resolve(["thing"]))
    plan = asked.plans[0]
    evil = type(plan)(wanted=("\x1b[2Jthing",), downloads=plan.downloads, look_up="\x1b]0;x\x07")
    assert asyncio.run(ask_on_terminal(evil)) is False
    assert "\x1b" not in capsys.readouterr().err


def test_a_mirror_that_cannot_be_written(server, packages, tmp_path):
    from smolterm.errors import PackageError

    one = packages()
    items = asyncio.run(one.renew(["arrays"]))
    (tmp_path / "file").write_text("")
    with pytest.raises(PackageError, match="cannot be kept"):
        write_mirror(tmp_path / "file", items, one.cache)
