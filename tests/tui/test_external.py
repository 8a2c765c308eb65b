"""The person's own editor and pager, as real commands; on a real terminal in tests/e2e."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from pathlib import Path

import pytest
from textual.app import App

from smolterm.tui.external import Edited, command, edit_text, open_pager


def script(folder: Path, body: str) -> str:
    """Make a command of a few lines of Python; `path` is the file that it is given."""
    path = folder / "tool"
    path.write_text(f"#!{sys.executable}\nimport os, signal, sys\npath = sys.argv[-1]\n{body}\n")
    path.chmod(0o700)
    return str(path)


def edited(text: str) -> Edited:
    async def run() -> Edited:
        app: App[None] = App()
        async with app.run_test():
            return await edit_text(app, text)

    return asyncio.run(run())


def paged(text: str, name: str) -> str:
    async def run() -> str:
        app: App[None] = App()
        async with app.run_test():
            return await open_pager(app, text, name)

    return asyncio.run(run())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "t"))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.delenv("VISUAL", raising=False)
    (tmp_path / "t").mkdir()
    return tmp_path


def test_what_is_saved_comes_back_and_the_file_is_private_and_gone(folder, monkeypatch):
    seen = folder / "seen"
    body = f"""
a, b = os.stat(path).st_mode, os.stat(os.path.dirname(path)).st_mode
open({str(seen)!r}, "w").write(f"{{a:o}} {{b:o}} {{path}} {{sys.argv[1]}}")
open(path, "a").write("\\n# höher \\u202e")
"""
    monkeypatch.setenv("EDITOR", script(folder, body) + " --wait")
    assert edited("x = 1") == Edited("x = 1\n# höher \u202e")
    file_mode, folder_mode, path, option = seen.read_text().split()
    assert stat.S_IMODE(int(file_mode, 8)) == 0o600
    assert stat.S_IMODE(int(folder_mode, 8)) == 0o700
    assert path.endswith(".py") and option == "--wait"
    assert not os.path.exists(path) and not os.listdir(folder / "t")


@pytest.mark.parametrize(
    ("body", "problem", "text"),
    [
        ("sys.exit(3)", "tool ended with code 3", "x = 1"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "tool was killed by SIGKILL", "x = 1"),
        ("open(path, 'w').write('y'); os.abort()", "tool was killed by SIGABRT", "y"),
        ("os.remove(path)", "left no text", "x = 1"),
        ("open(path, 'wb').write(b'\\xff\\xfe')", "left no text", "x = 1"),
    ],
    ids=["fails", "killed", "saved and killed", "removed", "no text"],
)  # fmt: skip
def test_what_goes_wrong_is_said_and_nothing_saved_is_lost(
    folder, monkeypatch, body, problem, text
):
    monkeypatch.setenv("EDITOR", script(folder, body))
    found = edited("x = 1")
    assert problem in found.problem and found.text == text
    assert not os.listdir(folder / "t")


def test_an_editor_that_stops_itself_is_sent_on(folder, monkeypatch):
    body = "os.kill(os.getpid(), signal.SIGSTOP)\nopen(path, 'w').write('went on')"
    monkeypatch.setenv("EDITOR", script(folder, body))
    assert edited("x") == Edited("went on")


def test_visual_goes_before_editor_and_a_missing_one_is_named(folder, monkeypatch):
    monkeypatch.setenv("VISUAL", "/nowhere/editor")
    monkeypatch.setenv("EDITOR", script(folder, ""))
    assert edited("x") == Edited("x", "cannot find '/nowhere/editor': set $EDITOR")
    monkeypatch.setenv("VISUAL", "  ")
    assert edited("x") == Edited("x")


def test_quotes_that_do_not_close_are_no_command(monkeypatch):
    monkeypatch.setenv("PAGER", "less 'x")
    assert "set $PAGER" in str(command("PAGER", among=("less",)))


def test_without_a_name_the_usual_ones_are_tried(monkeypatch):
    monkeypatch.delenv("PAGER", raising=False)
    assert command("PAGER", among=("no-such-thing", "sh")) == ["sh"]
    assert "set $PAGER" in str(command("PAGER", among=("no-such-thing",)))


def test_a_pager_gets_nothing_that_a_terminal_obeys_and_a_plain_name(folder, monkeypatch):
    seen = folder / "seen"
    body = f"open({str(seen)!r}, 'w').write(os.path.basename(path) + ' ' + open(path).read())"
    monkeypatch.setenv("PAGER", script(folder, body))
    assert paged("a\x1b[2Jb\x07", "../../x y\u202e.txt") == ""
    assert seen.read_text() == "xy.txt ab"


def test_the_command_dies_with_the_one_that_waits_for_it(folder, monkeypatch):
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    body = (
        f"stream = open({str(pipe)!r}, 'w')\nstream.write('here')\nstream.flush()\nsignal.pause()"
    )
    monkeypatch.setenv("EDITOR", script(folder, body))

    async def run() -> None:
        app: App[None] = App()
        async with app.run_test():
            task = asyncio.create_task(edit_text(app, "x"))
            stream = await asyncio.to_thread(pipe.open)  # opens when the editor is up
            with stream:
                assert await asyncio.to_thread(stream.read, 4) == "here"
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert stream.read() == ""  # its end is closed: the editor is gone

    asyncio.run(asyncio.wait_for(run(), 20))
