"""Editing code before it runs: here or in the person's editor, with what changed before them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from scripted import Clock, Scripted, finished, give, play, press_alone, quiet, screen_text, settle
from stories import CODE, asked
from textual.pilot import Pilot

from smolterm.policy import Approve, Edit
from smolterm.tui.approval import ApprovalBar
from smolterm.tui.editor import Editor, EditorBox, changed_words, syntax_error, unified
from smolterm.tui.prompt import Prompt


def flat(pilot: Pilot[int]) -> str:
    return " ".join(screen_text(pilot.app).split())


def test_edited_code_is_what_runs() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "e")
        assert pilot.app.query_one(Editor).text == "x = 1"
        assert "nothing changed" in screen_text(pilot.app)
        await pilot.press("#")
        await settle(pilot)
        assert "1 line changed" in screen_text(pilot.app)
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert session.decisions == [(1, Edit("#x = 1"), None)]
        assert not pilot.app.query(EditorBox) and pilot.app.query_one(Prompt).has_focus
        assert "1 #x = 1" in screen_text(pilot.app)

    play(Scripted(*asked(code="x = 1")), test)


def test_running_what_was_not_changed_approves_it() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "e")
        await pilot.press("#", "ctrl+z", "f5")
        await settle(pilot)
        assert session.decisions == [(1, Approve(), None)]

    play(Scripted(*asked()), test)


def test_undo_and_redo_work_in_the_editor() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "e")
        editor = pilot.app.query_one(Editor)
        await pilot.press("#", "ctrl+z")
        assert editor.text == CODE
        await pilot.press("ctrl+y")
        assert editor.text == f"#{CODE}"

    play(Scripted(*asked()), test)


def test_escape_leaves_the_editor_and_the_question_stays() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "e")
        await pilot.press("x", "escape")
        await settle(pilot)
        assert not pilot.app.query(EditorBox) and not session.decisions
        assert pilot.app.query_one(ApprovalBar).has_focus

    play(Scripted(*asked()), test)


def test_what_changed_is_a_diff_on_a_key() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "e")
        await pilot.press("y", "ctrl+t")
        await settle(pilot)
        assert "-x = '<U+200B>'" in screen_text(pilot.app)
        assert "+yx = '<U+200B>'" in screen_text(pilot.app)
        await pilot.press("z")
        await settle(pilot)
        assert "+yzx =" in screen_text(pilot.app)
        await pilot.press("ctrl+t")
        await settle(pilot)
        assert "+yzx" not in screen_text(pilot.app)

    play(Scripted(*asked(code="x = '\u200b'\ny = 2")), test, size=(100, 40))


@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\x1b", "\x00", "\U000e0041", "\u2066"])
def test_nothing_hidden_in_the_editor_reaches_the_terminal(character: str) -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "e")
        text = screen_text(pilot.app)
        assert character not in text and "x = '◌abc'" in text
        assert "1 hidden character, marked ◌" in text
        await pilot.press("#", "ctrl+s")
        await settle(pilot)
        assert session.decisions == [(1, Edit(f"#x = '{character}abc'"), None)]

    play(Scripted(*asked(code=f"x = '{character}abc'")), test, size=(140, 40))


def test_a_mistake_is_said_and_forbids_nothing() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "e")
        await pilot.press(")")
        await settle(pilot)
        assert "⚠ line 1: unmatched ')'" in screen_text(pilot.app)
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert session.decisions == [(1, Edit(")x = 1"), None)]

    play(Scripted(*asked(code="x = 1")), test)


def test_long_code_is_looked_at_when_the_typing_pauses() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "e")
        await pilot.press("#")
        while "1 line changed" not in screen_text(pilot.app):
            await pilot.pause(0.02)

    play(Scripted(*asked(code="x = 1\n" * 5_000)), test)


def test_what_counts_as_changed() -> None:
    assert changed_words("a\nb\nc", "a\nB\nc\nd") == "2 lines changed"
    assert changed_words("a\nb", "a\nb\n") == "line ends changed"
    assert unified("a\nb", "a\nc") == "@@ -1,2 +1,2 @@\n a\n-b\n+c"


@pytest.mark.parametrize("code", ["await f()", "x = 1", "'\\d'"])
def test_what_the_sandbox_takes_is_no_mistake(code: str) -> None:
    assert syntax_error(code) == ""


@pytest.mark.parametrize("code", ["x = (", "a\0b", "(" * 5_000])
def test_what_it_does_not_take_is_said(code: str) -> None:
    assert syntax_error(code).startswith("⚠")


# In the person's own editor


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def made(body: str) -> None:
        path = tmp_path / "ed"
        path.write_text(
            f"#!{sys.executable}\nimport os, signal, sys\npath = sys.argv[-1]\n{body}\n"
        )
        path.chmod(0o700)
        monkeypatch.setenv("VISUAL", str(path))

    return made


async def edit_outside(pilot: Pilot[int], clock: Clock) -> None:
    await press_alone(pilot, clock, "ctrl+g")
    await finished(pilot, "editor")
    await settle(pilot)


def test_what_was_saved_there_runs(editor) -> None:
    editor("open(path, 'w').write('y = 2\\n')")

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await edit_outside(pilot, clock)
        assert session.decisions == [(1, Edit("y = 2"), None)]

    play(Scripted(*asked(code="x = 1")), test)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("pass", "nothing changed: nothing runs"),
        ("open(path, 'a').write('\\n')", "nothing changed: nothing runs"),
        ("open(path, 'w').write('  \\n')", "the file was empty: nothing runs"),
        ("sys.exit(1)", "ed ended with code 1: nothing runs"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "ed was killed by SIGKILL: nothing runs"),
    ],
)  # fmt: skip
def test_the_question_stays_open_where_nothing_was_saved(editor, body: str, said: str) -> None:
    editor(body)

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await edit_outside(pilot, clock)
        assert session.decisions == [] and not pilot.app.query(EditorBox)
        assert said in flat(pilot)
        await press_alone(pilot, clock, "a")
        assert session.decisions == [(1, Approve(), None)]

    play(Scripted(*asked()), test, size=(160, 40))


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("open(path, 'w').write('x = (\\n')", "'(' was never closed"),
        ("open(path, 'w', encoding='utf-8').write('x = \\'\\u202e\\'\\n')", "1 hidden character"),
        ("open(path, 'w').write('kept\\n'); os.abort()", "1 line changed"),
    ],
)  # fmt: skip
def test_what_is_odd_is_shown_here_before_it_runs(editor, body: str, shown: str) -> None:
    editor(body)

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await edit_outside(pilot, clock)
        assert session.decisions == [] and shown in flat(pilot)
        text = pilot.app.query_one(Editor).text
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert session.decisions == [(1, Edit(text), None)]

    play(Scripted(*asked(code="x = 1")), test, size=(160, 40))


def test_the_editor_here_goes_on_there_and_undo_brings_its_text_back(editor) -> None:
    editor("open(path, 'a').write('\\nz = 3')")

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "e")
        await pilot.press("#")
        await edit_outside(pilot, clock)
        here = pilot.app.query_one(Editor)
        assert session.decisions == [] and here.text == "#x = 1\nz = 3"
        await pilot.press("ctrl+z")
        assert here.text == "#x = 1"

    play(Scripted(*asked(code="x = 1")), test)


def test_a_missing_editor_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "/nowhere/vi")

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await edit_outside(pilot, clock)
        assert session.decisions == [] and "cannot find '/nowhere/vi'" in flat(pilot)

    play(Scripted(*asked()), test, size=(160, 40))


def test_the_pager_gets_the_code_with_what_is_hidden_spelled_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, path = tmp_path / "seen", tmp_path / "page"
    path.write_text(f'#!/bin/sh\ncat "$1" > {seen}\n')
    path.chmod(0o700)
    monkeypatch.setenv("PAGER", str(path))

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "v")
        await finished(pilot, "pager")
        assert seen.read_text() == "x = '<U+202E>'" and session.decisions == []
        await quiet(pilot, clock)

    play(Scripted(*asked(code="x = '\u202e'")), test)
