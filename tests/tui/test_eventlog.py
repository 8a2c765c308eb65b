"""The log of events: bounded, timed, and without anything secret."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from scripted import Clock

from smolterm.events import CellFinished, Displayed, LineReached, Notice, OutputAdded, ReplyDelta
from smolterm.tui.eventlog import (
    MOST,
    EventLog,
    entry_line,
    known_secrets,
    timings,
    without_secrets,
)


def test_pieces_of_one_text_are_one_entry() -> None:
    clock = Clock()
    log = EventLog(clock)
    for number in range(1000):
        clock.now += 0.01
        log.add(ReplyDelta(step=1, channel="reply", text="ab"))
        if number == 499:
            log.add(LineReached(step=1, line=1))
    first, line, second = log.entries
    assert (first.pieces, first.size, second.pieces) == (500, 1000, 500)
    assert second.at > line.at > first.at
    assert entry_line(first, ()).endswith("×500, 1,000 characters")


def test_no_more_than_the_newest_are_kept() -> None:
    log = EventLog(Clock())
    for number in range(MOST + 10):
        log.add(Notice(text=str(number)))
    assert len(log.entries) == MOST and log.dropped == 10
    assert log.entries[-1].event.text == str(MOST + 9)


def test_long_events_are_cut_and_pictures_left_out() -> None:
    log = EventLog(Clock())
    log.add(OutputAdded(step=1, stream="stdout", text="x" * 1_000_000))
    log.add(Displayed(step=1, name="plot", image=b"\x89PNG" * 1000))
    text, picture = log.entries
    assert len(entry_line(text, ())) < 5_000 and "characters more" in entry_line(text, ())
    assert picture.event.image is None and picture.size == 4000


@given(st.text("abc-_ 123", max_size=30), st.text(max_size=30))
def test_a_known_key_never_stands_in_the_log(before: str, after: str) -> None:
    key = "sk-proj-0123456789abcdefghij"
    assert key not in without_secrets(f"{before} {key} {after}", ())
    secrets = known_secrets({"X_TOKEN": "plainsecret", "HOME": "/home/me", "SHORT_KEY": "abc"})
    assert secrets == ("plainsecret",)
    assert "plainsecret" not in without_secrets(f"{before}plainsecret{after}", secrets)


def test_time_is_told_by_what_it_went_to() -> None:
    log = EventLog(Clock())
    log.add(CellFinished(step=1, seconds=0.5))
    log.add(CellFinished(step=2, seconds=1.0))
    log.add(Notice(text="x"))
    assert timings(iter(log.entries)) == {"CellFinished": 1.5}
