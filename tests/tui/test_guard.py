"""Which keys answer a question: those that stand alone, and no others, whatever comes around."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from scripted import Clock

from smolterm.tui.guard import DECIDING, HOLD, UNKNOWN, Guard


def made() -> tuple[Guard, Clock]:
    clock = Clock()
    return Guard(clock), clock


def press(guard: Guard, character: str | None, choice: str = "") -> None:
    may_answer = guard.key(character)
    if choice:
        assert guard.choose(choice, DECIDING) <= may_answer


def test_a_key_alone_answers_after_its_quiet_time() -> None:
    guard, clock = made()
    press(guard, "a", "approve")
    assert guard.pending == "approve" and guard.take() is None
    clock.now += DECIDING
    assert guard.take() == "approve" and guard.take() is None


def test_another_key_takes_it_back() -> None:
    guard, clock = made()
    press(guard, "a", "approve")
    clock.now += DECIDING / 2
    press(guard, "d")
    clock.now += 5
    assert guard.take() is None and guard.run == ["a", "d"] and guard.is_text


def test_a_key_right_after_another_is_no_answer() -> None:
    guard, clock = made()
    press(guard, None)
    clock.now += DECIDING / 2
    press(guard, "a", "approve")
    assert guard.pending is None and not guard.is_text
    clock.now += UNKNOWN
    press(guard, "a", "approve")
    assert guard.pending == "approve"


def test_every_key_prolongs_the_hold() -> None:
    guard, clock = made()
    guard.hold()
    for _ in range(5):
        clock.now += HOLD * 0.9
        press(guard, "a", "approve")
        assert guard.pending is None
    clock.now += UNKNOWN
    press(guard, "a", "approve")
    assert guard.pending == "approve"


def test_a_slow_word_that_begins_with_no_choice_is_text() -> None:
    guard, clock = made()
    press(guard, "y")
    clock.now += 0.6
    press(guard, "e", "edit")
    assert guard.pending is None and guard.is_text


def test_a_key_that_is_held_down_is_neither_answer_nor_text() -> None:
    guard, clock = made()
    for _ in range(30):
        press(guard, "a", "approve")
        clock.now += 0.03
    assert guard.pending is None and not guard.is_text


@given(st.lists(st.tuples(st.sampled_from("aesx"), st.floats(0, DECIDING - 0.001)), min_size=2))
def test_no_run_of_keys_answers_anything(keys: list[tuple[str, float]]) -> None:
    guard, clock = made()
    for character, gap in keys:
        press(guard, character, "approve")
        assert guard.take() is None
        clock.now += gap
    assert guard.take() is None or len(keys) < 2
