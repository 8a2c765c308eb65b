"""Rows are exactly as wide as the screen, and only what changed in them is drawn again."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from stories import ran
from textual.geometry import Offset
from textual.selection import Selection
from textual.strip import Strip

from smolterm import events as ev
from smolterm.tui.block import Marks, Shape, layout
from smolterm.tui.drawing import carry, difference, strip
from smolterm.tui.fold import View
from smolterm.tui.items import Ending, Item, Note, Piece, Step, Task, Text
from smolterm.tui.layout import USUAL, Panes
from smolterm.tui.lines import Fold, folded, styled

ODD = (
    "a \t\n\r\x1b[31m[b]日本👩\u200d👩\u200d👧🇩🇪👍🏽❤\ufe0fe\u0301\u0302שלום\u202e\u200b\xad\u2028ﷺ"
)
TEXT = st.text(st.one_of(st.sampled_from(ODD), st.characters()), max_size=120)
PANES = st.builds(
    Panes,
    shares=st.sampled_from([(30, 38, 32), (10, 80, 10), (70, 10, 20)]),
    hidden=st.sampled_from([frozenset[int](), frozenset({0}), frozenset({1, 2})]),
    stacked=st.sampled_from([None, True, False]),
)


def rows_of(item: Item, width: int, shape: Shape, marks: Marks) -> list[Strip]:
    block = layout(item, width, shape)
    return [strip(block, y, width, item=0, dark=True, marks=marks) for y in range(block.height)]


@settings(max_examples=150)
@given(TEXT, TEXT, TEXT, PANES, st.integers(34, 150), st.booleans())
def test_every_row_is_exactly_as_wide_as_the_screen(
    text: str, code: str, output: str, panes: Panes, width: int, unfolded: bool
) -> None:
    table = ev.Table(columns=("", text[:9]), rows=((output[:20], code[:20]),), total=9)
    pieces = [
        Piece("stdout", Text(output)),
        Piece("tool", Text(text), 1, code, status="declined", result=output, lines=(1,)),
        Piece("table", Text(text), table=table),
        Piece("image", Text(output), image=b"x"),
        Piece("error", Text(text), lines=(1, 2)),
    ]
    step = Step(1, reasoning=text, code=code, pieces=pieces, phase="done", decision=text[:30])
    ending = Ending(ev.Finished(reason="answer", answer=text))
    for item in (step, Task(text, (code,)), ending, Note(output)):
        for row in rows_of(item, width, Shape(panes, unfolded), Marks(1, (2, 1), 1, 2)):
            assert sum(cell_len(segment.text) for segment in row) == width
            assert not any("\x1b" in segment.text or "\n" in segment.text for segment in row)


def test_a_fold_is_opened_around_the_line_that_must_be_seen() -> None:
    lines = styled("\n".join(f"line {n}" for n in range(100)))
    rows = [row.line.text for row in folded(lines, 40, Fold(3, 2), keep=50)]
    assert rows[:3] == ["line 0", "line 1", "line 2"]
    assert rows[3] == "… 45 lines more, Enter shows all"
    assert rows[4:9] == [f"line {n}" for n in range(48, 53)]
    assert rows[9] == "… 45 lines more, Enter shows all" and rows[10:] == ["line 98", "line 99"]
    near = [row.line.text for row in folded(lines, 40, Fold(3, 2), keep=4)]
    assert near[:7] == [f"line {n}" for n in range(7)] and near[7].startswith("… 91")


def test_a_row_is_drawn_again_where_it_differs_only() -> None:
    red = Style(color="red")
    left, right = Segment("left "), Segment(" right")
    old = Strip([left, Segment("日本"), right])
    assert difference(old, old) == []
    assert difference(old, Strip([left, Segment("日本"), right])) == []
    assert difference(old, Strip([left, Segment("abcd"), right])) == [(5, 9)]
    assert difference(old, Strip([left, Segment("日本", red), right])) == [(5, 9)]
    assert difference(None, old) == [(0, 15)]
    assert difference(old, Strip([Segment("short")])) == [(0, 5)]


def test_rows_that_stay_are_taken_over_and_others_are_not() -> None:
    view = View()
    for event in ran()[:5]:
        view.apply(event, 0.0)
    step = view.at(1)
    assert step is not None
    old = layout(step, 118)
    before = [strip(old, y, 118, item=0, dark=True) for y in range(old.height)]
    view.apply(ev.OutputAdded(step=1, stream="stdout", text="and more\n"), 0.0)
    new = layout(step, 118)
    carry(old, new)
    after = [strip(new, y, 118, item=0, dark=True) for y in range(new.height)]
    fresh = layout(step, 118)
    assert after == [strip(fresh, y, 118, item=0, dark=True) for y in range(fresh.height)]
    assert sum(one is other for one, other in zip(before, after, strict=False)) == old.height - 1
    narrow = layout(step, 116)
    carry(old, narrow)
    assert not narrow.drawn


def test_selected_text_is_drawn_as_such() -> None:
    step = Step(1, reasoning="", code="abcdef", phase="done")
    block = layout(step, 118, Shape(USUAL))
    key = 10_000_000 * 10_000_000
    row = strip(
        block, 1, 118, item=0, dark=True, selection=Selection(Offset(1, key), Offset(3, key))
    )
    marked = [s.text for s in row if s.style and s.style.bgcolor and s.text in ("bc", "a", "def")]
    looks = {s.text: s.style.bgcolor for s in row if s.style and s.text in ("a", "bc", "def")}
    assert marked == ["a", "bc", "def"] and looks["bc"] != looks["a"] == looks["def"]
