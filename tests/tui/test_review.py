"""Staged changes on the screen: marked by file and hunk, written or refused, never by accident."""

from __future__ import annotations

import pytest
from scripted import Clock, Scripted, finished, give, play, press_alone, quiet, screen_text, settle
from textual.pilot import Pilot
from textual.widgets import Input

from smolterm.errors import UsageError
from smolterm.events import FileChange, FilesRequested, Finished
from smolterm.policy import AcceptFiles, RefuseFiles
from smolterm.tui.diffing import diff_lines, side_by_side
from smolterm.tui.marking import Marks
from smolterm.tui.prompt import Prompt
from smolterm.tui.review import Review

HUNKS = (
    "@@ -1,3 +1,4 @@\n region,amount\n-north,10\n+north,12\n+east,3\n west,4",
    "@@ -40,2 +41,2 @@\n x\n-old\u202e line\n+new line",
)
FILES = (
    FileChange(path="/files/d/a.csv", kind="changed", hunks=HUNKS, added=3, removed=2, size=900),
    FileChange(path="/files/d/new.txt", kind="created", hunks=("@@ -0,0 +1 @@\n+hi",), added=1,
               size=3),
    FileChange(path="/files/d/plot.png", kind="created", binary=True, size=12_345),
    FileChange(path="/files/d/gone.txt", kind="deleted", hunks=("@@ -1 +0,0 @@\n-bye",), removed=1),
    FileChange(path="/files/d/locked[b]", kind="changed", hunks=("@@ -1 +1 @@\n-a\n+b",), added=1,
               removed=1, size=1, refused="it is read-only"),
    FileChange(path="/files/d/big.csv", kind="created", hunks=("@@ -0,0 +1,9 @@\n+1",), added=9_000,
               size=80_000, shown_whole=False),
)  # fmt: skip
ASKED = FilesRequested(step=2, files=FILES)
ALL = ("/files/d/a.csv", "/files/d/new.txt", "/files/d/plot.png", "/files/d/gone.txt")


def test_what_is_marked_is_what_is_written() -> None:
    marks = Marks(FILES)
    assert marks.decision() == AcceptFiles(paths=ALL)
    marks.toggle(FILES[0], 2)
    assert marks.decision() == AcceptFiles(paths=ALL[1:], hunks={"/files/d/a.csv": (1,)})
    assert marks.sign(FILES[0]) == "[~]" and marks.count == 4
    marks.toggle(FILES[0], 2)
    assert marks.decision() == AcceptFiles(paths=ALL)
    marks.mark_none()
    assert marks.decision() is None
    marks.toggle(FILES[4])  # cannot be written
    marks.toggle(FILES[3], 1)  # a deletion has no parts
    marks.toggle(FILES[5])  # was not shown whole: by itself alone
    assert marks.decision() == AcceptFiles(paths=("/files/d/gone.txt", "/files/d/big.csv"))


def test_a_file_of_which_one_hunk_is_left_out_is_taken_back_whole() -> None:
    marks = Marks(FILES)
    marks.toggle(FILES[0], 1)
    marks.toggle(FILES[0])
    assert marks.sign(FILES[0]) == "[ ]"
    marks.toggle(FILES[0])
    assert marks.sign(FILES[0]) == "[x]"


def test_the_review_opens_shows_the_files_and_writes_on_enter() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        assert isinstance(pilot.app.screen, Review)
        text = " ".join(screen_text(pilot.app).split())
        for words in (
            "[x] /files/d/a.csv",
            "changed +3 −2 900 bytes",
            "no text 12,345 bytes",
            "! /files/d/locked[b]",
            "it is read-only",
            "[ ] /files/d/big.csv",
            "hunk 1 of 2",
            "+north,12",
            "-old<U+202E> line",
            "Enter writes 4 of 6",
        ):
            assert words in text, words
        await press_alone(pilot, clock, "enter")
        assert session.file_decisions == [(2, AcceptFiles(paths=ALL))]
        assert not isinstance(pilot.app.screen, Review)
        assert "wait for you" not in screen_text(pilot.app)

    play(Scripted(ASKED), test, size=(140, 40))


def test_enter_counts_neither_at_once_nor_beside_other_keys() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        clock.now += 0.2
        await pilot.press("enter")
        await quiet(pilot, clock)
        clock.now += 2
        await pilot.press("u", "p", "enter")
        await quiet(pilot, clock)
        clock.now += 2
        await pilot.press("enter", "x")
        await quiet(pilot, clock)
        assert session.file_decisions == [] and "undo files" not in session.calls
        await press_alone(pilot, clock, "enter")
        assert len(session.file_decisions) == 1

    play(Scripted(ASKED), test)


@pytest.mark.parametrize("height", [36, 14])
def test_hunks_and_files_are_marked_by_keys(height: int) -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "right", "down", "space", "left")
        await press_alone(pilot, clock, "j", "space", "j", "space", "k", "k")
        assert "[~] /files/d/a.csv" in screen_text(pilot.app)
        await press_alone(pilot, clock, "enter")
        hunks = {"/files/d/a.csv": (1,)}
        assert session.file_decisions == [(2, AcceptFiles(paths=ALL[3:], hunks=hunks))]

    play(Scripted(ASKED), test, size=(120, height))


def test_none_all_and_nothing_marked() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "n", "enter")
        assert session.file_decisions == [] and "nothing is marked" in screen_text(pilot.app)
        await press_alone(pilot, clock, "a", "enter")
        assert session.file_decisions == [(2, AcceptFiles(paths=ALL))]

    play(Scripted(ASKED), test)


def test_refusing_asks_for_a_reason() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "r")
        await pilot.press("x", "escape")
        await settle(pilot)
        assert not pilot.app.screen.query(Input) and isinstance(pilot.app.screen, Review)
        await press_alone(pilot, clock, "r")
        await pilot.press(*"wrong year", "enter")
        await settle(pilot)
        assert session.file_decisions == [(2, RefuseFiles("wrong year"))]

    play(Scripted(ASKED), test)


def test_escape_leaves_it_open_and_f6_goes_back() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "escape")
        assert not isinstance(pilot.app.screen, Review) and session.file_decisions == []
        assert "6 changed files wait for you" in screen_text(pilot.app)
        await press_alone(pilot, clock, "f6")
        assert isinstance(pilot.app.screen, Review)
        await press_alone(pilot, clock, "f6")
        await pilot.click("FilesWait")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Review)

    play(Scripted(ASKED), test)


def test_who_is_writing_is_not_interrupted() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await pilot.press(*"next")
        session.handler(ASKED)
        await settle(pilot)
        assert not isinstance(pilot.app.screen, Review)
        assert "F6 shows them" in screen_text(pilot.app)
        assert pilot.app.query_one(Prompt).has_focus

    play(Scripted(), test)


def test_it_goes_away_with_the_question() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        assert isinstance(pilot.app.screen, Review)
        pilot.app.take(Finished(reason="interrupted"))
        await settle(pilot)
        assert not isinstance(pilot.app.screen, Review)

    play(Scripted(ASKED), test)


def test_f6_without_a_question_asks_the_session() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await press_alone(pilot, clock, "f6")
        assert "review files" in session.calls
        assert "no staged file is changed" in screen_text(pilot.app)

    play(Scripted(), test)


def test_undo_says_what_came_back_or_why_not() -> None:
    class Busy(Scripted):
        async def undo_files(self) -> tuple[str, ...]:
            raise UsageError("A task is running.")

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "u")
        words = "A task is running" if isinstance(session, Busy) else "as before: /files/a.txt"
        assert words in screen_text(pilot.app)

    play(Scripted(ASKED), test)
    play(Busy(ASKED), test)


def test_a_cut_file_is_opened_whole(tmp_path, monkeypatch) -> None:
    seen, path = tmp_path / "seen", tmp_path / "page"
    path.write_text(f'#!/bin/sh\ncat "$1" > {seen}\n')
    path.chmod(0o700)
    monkeypatch.setenv("PAGER", str(path))

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, *["down"] * 9)
        assert "v opens all of it" in screen_text(pilot.app)
        await press_alone(pilot, clock, "v")
        await finished(pilot, "pager")
        assert "file /files/d/big.csv" in session.calls
        assert "+all of it" in seen.read_text()

    play(Scripted(ASKED), test)


def test_files_and_boxes_can_be_clicked() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        lines = screen_text(pilot.app).split("\n")
        y = next(n for n, line in enumerate(lines) if "new.txt" in line)
        await pilot.click(offset=(1, y))
        await settle(pilot)
        text = screen_text(pilot.app)
        assert "[ ] /files/d/new.txt" in text and "+hi" in text
        y = next(n for n, line in enumerate(lines) if "a.csv" in line)
        await pilot.click(offset=(8, y))
        await settle(pilot)
        assert "+north,12" in screen_text(pilot.app)
        assert "[x] /files/d/a.csv" in screen_text(pilot.app)

    play(Scripted(ASKED), test, size=(120, 36))


def test_side_by_side_needs_room() -> None:
    wide = [line.text for line in side_by_side(HUNKS[0], 80)]
    assert any("-north,10" in line and "+north,12" in line for line in wide)
    assert any(line.lstrip().startswith("│ +east,3") for line in wide)
    assert side_by_side(HUNKS[0], 40) == diff_lines(HUNKS[0])


@pytest.mark.parametrize("width", [60, 61, 100])
def test_no_line_of_two_sides_is_wider_than_the_screen(width: int) -> None:
    hunk = "@@ -1 +1 @@\n-" + "a" * 200 + "\n+" + "表🎉" * 60 + "\n \u202e\t]["
    lines = side_by_side(hunk, width)
    from smolterm.tui.cells import cells

    assert all(cells(line.text) <= width for line in lines)
    assert "".join(line.text.split("│")[1] for line in lines if "│" in line.text).count("表") == 60


def test_both_ways_of_a_diff_on_the_screen() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        assert "│ +north,12" not in screen_text(pilot.app)
        await press_alone(pilot, clock, "d")
        assert "│ +north,12" in screen_text(pilot.app)
        await press_alone(pilot, clock, "tab", "pagedown", "pageup", "c")
        assert "+north,12" in pilot.app.clipboard and session.file_decisions == []

    play(Scripted(ASKED), test, size=(140, 40))
