"""What a pane says is what the model or the program said, at every width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from stories import CODE, ran

from smolterm.printable import revealed
from smolterm.tui.block import Shape, layout
from smolterm.tui.drawing import strip
from smolterm.tui.fold import View
from smolterm.tui.highlight import code_lines
from smolterm.tui.items import Step
from smolterm.tui.lines import Fold, Line, folded, styled, wrap
from smolterm.tui.markdown import markdown_lines
from smolterm.tui.palette import style
from smolterm.tui.panes import pane_text

TEXT = st.text(alphabet=st.one_of(st.sampled_from("abc  \n(){}'\"#é日👩\t"), st.characters()))


def drawn(step: Step, width: int, *, unfolded: bool = True) -> list[str]:
    block = layout(step, width, Shape(unfolded=unfolded))
    return [strip(block, y, width, item=0, dark=True).text for y in range(block.height)]


@given(TEXT, st.integers(20, 150))
def test_every_character_of_the_code_is_drawn(code: str, width: int) -> None:
    step = Step(1, reasoning="", code=code, phase="asking")
    shown = "".join(drawn(step, width, unfolded=False)[1:])
    shown_letters = [c for c in shown if not c.isspace() and c not in "│▎"]
    letters = [c for c in revealed(code) if not c.isspace() and c not in "│▎"]
    numbers = sum(len(str(n + 1)) for n in range(code.count("\n") + 1)) if code else 0
    assert len(shown_letters) == len(letters) + numbers


@given(TEXT, TEXT, st.integers(20, 150))
def test_no_row_is_wider_or_narrower_than_the_screen(code: str, text: str, width: int) -> None:
    step = Step(1, reasoning=text, code=code, phase="done")
    for y, row in enumerate(drawn(step, width)):
        assert cell_len(row) == width, (y, row)


@given(st.text(alphabet="ab \té日"), st.integers(4, 40))
def test_wrapping_keeps_the_text(text: str, width: int) -> None:
    rows = list(wrap(styled(text), width))
    shown = "".join(row.line.text[row.start : row.end] for row in rows)
    assert shown.replace(" ", "") == text.expandtabs(4).replace(" ", "")


def test_a_long_pane_is_folded_in_the_middle_with_its_size() -> None:
    rows = folded([Line(f"row {n}") for n in range(300)], 40, Fold(14, 6))
    assert len(rows) == 21
    assert rows[14].line.text == "… 280 lines more, Enter shows all"
    assert rows[-1].line.text == "row 299"


def test_one_endless_line_is_folded_too() -> None:
    rows = folded([Line("x" * 100_000)], 40, Fold(14, 6))
    assert len(rows) == 21 and "characters more" in rows[14].line.text


@pytest.mark.parametrize(
    ("source", "text", "looks"),
    [
        ("## Plan", "Plan", {"heading"}),
        ("**bold** and `x = [1]`", "bold and x = [1]", {"bold", "mono"}),
        ("see [docs](https://e.org)", "see docs (https://e.org)", {"link", "quiet"}),
        ("![cat](cat.png)", "cat (cat.png)", {"link", "quiet"}),
        ("- item", "item", set()),
        ("[red]not markup[/red]", "[red]not markup[/red]", set()),
        ("2 * 3 * 4 and a_b_c", "2 * 3 * 4 and a_b_c", set()),
    ],
)
def test_markdown(source: str, text: str, looks: set[str]) -> None:
    (line,) = markdown_lines(source)
    assert line.text == text and {span.style for span in line.spans} == looks


@given(TEXT)
def test_markdown_takes_any_text(text: str) -> None:
    assert markdown_lines(text)


def test_a_table_in_markdown_stands_in_columns() -> None:
    source = "before\n| name | **n** |\n|:--|--:|\n| `a\\|b` | 1 |\n| 日本 | 1204 |\nafter"
    lines = markdown_lines(source)
    assert [line.text for line in lines] == [
        "before",
        "name     n",
        "──────────",
        "a|b      1",
        "日本  1204",
        "after",
    ]
    assert {span.style for span in lines[1].spans} == {"table_head", "bold"}
    assert [line.text for line in markdown_lines("a | b\nno rule")] == ["a | b", "no rule"]


def test_quotes_and_lists_nest() -> None:
    lines = markdown_lines("> - a\n>   1. **b**\n>> c\n- [x] done\n    - deeper")
    assert [line.lead + line.text for line in lines] == [
        "▏ • a",
        "▏   1. b",
        "▏ ▏ c",
        "☑ done",
        "    • deeper",
    ]


def test_code_in_a_fence_is_left_alone() -> None:
    assert [line.text for line in markdown_lines("a\n```py\n**x**\n```\nb")] == ["a", "**x**", "b"]


def test_python_is_coloured() -> None:
    (line,) = code_lines("def f(x): return 'é' # c")
    found = {line.text[span.start : span.end]: span.style for span in line.spans}
    assert found["def"] == "keyword" and found["f"] == "name" and found["# c"] == "comment"
    assert line.lead == " 1 "


@given(TEXT)
def test_any_text_can_be_coloured(code: str) -> None:
    text = "\n".join(line.text for line in code_lines(code))
    assert text == revealed(code.expandtabs(4))


def test_panes_copy_as_clean_text() -> None:
    view = View()
    for event in ran():
        view.apply(event, 0.0)
    step = view.at(1)
    assert step is not None
    assert pane_text(step, 1) == CODE
    assert "12,408 orders" in pane_text(step, 2) and "\x1b" not in pane_text(step, 2)


@pytest.mark.parametrize("dark", [True, False])
def test_every_style_parses(dark: bool) -> None:
    from smolterm.tui.palette import _STYLES

    for name in _STYLES:
        style(name, dark)
