"""How the panes stand is a small value: whatever keys do to it, it fits the screen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smolterm.tui.layout import LEAST, USUAL, Panes, only

KEYS = st.lists(st.tuples(st.sampled_from(["w", "W", "x", "t"]), st.integers(0, 2)), max_size=40)


def pressed(keys: list[tuple[str, int]], width: int) -> Panes:
    panes = USUAL
    for key, pane in keys:
        match key:
            case "w":
                panes = panes.widened(pane)
            case "W":
                panes = panes.widened(pane, -6)
            case "x":
                panes = panes.toggled(pane)
            case _:
                panes = panes.turned(width)
    return panes


@given(KEYS, st.integers(36, 300))
def test_any_keys_leave_panes_that_fill_the_width(keys: list[tuple[str, int]], width: int) -> None:
    panes = pressed(keys, width)
    rooms = panes.columns(width)
    assert sum(rooms.values()) == width and min(rooms.values()) >= 10
    assert sum(panes.shares) == 100 and min(panes.shares) >= LEAST
    assert tuple(rooms) == panes.shown != ()


def test_a_wider_pane_takes_from_the_others() -> None:
    panes = USUAL.widened(1)
    assert panes.shares == (27, 44, 29)
    assert panes.widened(1, -6).shares == (27, 38, 35)


def test_a_hidden_pane_is_not_widened_and_leaves_its_room() -> None:
    panes = USUAL.toggled(0)
    assert panes.widened(0) == panes
    assert list(panes.columns(100)) == [1, 2] and sum(panes.columns(100).values()) == 100
    assert panes.toggled(0) == USUAL


def test_the_last_pane_stays() -> None:
    panes = only(2)
    assert panes.shown == (2,) and panes.toggled(2) == panes


def test_panes_stack_by_themselves_or_by_choice() -> None:
    assert USUAL.is_stacked(97) and not USUAL.is_stacked(98)
    assert not USUAL.turned(80).is_stacked(80)
    assert USUAL.turned(120).is_stacked(120)
    assert USUAL.turned(120).turned(120).is_stacked(120) is False
