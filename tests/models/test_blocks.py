"""Cutting behind the block: however the text is cut into pieces, and only where it closes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.models import Delta
from smolterm.models.blocks import BlockCutter, BlockDialect, up_to_block

CASES: dict[str, tuple[BlockDialect, str, str]] = {
    "imagined observation": (
        "fence", "Hm.\n```python\nx\n```\nObservation: 3\n", "Hm.\n```python\nx\n```"),
    "opens with the fence": ("fence", "```python\nx\n```\nmore", "```python\nx\n```"),
    "second block": ("fence", "```py\nx\n```\n```python\ny\n```", "```py\nx\n```"),
    "shell first": (
        "fence", "```sh\nls\n```\n```python\nx\n```\nmore", "```sh\nls\n```\n```python\nx\n```"),
    "data first": (
        "fence", "```\n1\n```\nso\n```python\nx\n```\nmore", "```\n1\n```\nso\n```python\nx\n```"),
    "bare fence": ("fence", "```\nx\n```\nmore", "```\nx\n```\nmore"),
    "fence in a string": (
        "fence", '```python\nx = """\n```\n"""\n```\nmore', '```python\nx = """\n```\n"""\n```'),
    "fence in a line": ("fence", "```python\nx = '```'\n```\nmore", "```python\nx = '```'\n```"),
    "four backticks": ("fence", "````python\n```\n````\nmore", "````python\n```\n````"),
    "no block": ("fence", "Paris.\nIt is.", "Paris.\nIt is."),
    "unclosed": ("fence", "```python\nx\ny", "```python\nx\ny"),
    "tag": ("tags", "Hm.\n<code>\nx\n</code>\nObservation", "Hm.\n<code>\nx\n</code>"),
    "tag and text": ("tags", "<code>\nx\n</code>Observation", "<code>\nx\n</code>"),
    "tag in a string": (
        "tags", '<code>\nx = """\n</code>"""\n</code>y', '<code>\nx = """\n</code>"""\n</code>'),
    "fence among tags": ("tags", "```python\nx\n```\nmore", "```python\nx\n```"),
    "nothing asked": ("", "```python\nx\n```\nmore", "```python\nx\n```\nmore"),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "text", "kept"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_reply_is_cut_behind_its_block(
    dialect: BlockDialect, text: str, kept: str, size: int
) -> None:
    cutter = BlockCutter(dialect)
    said = "".join(cutter.feed(text[at : at + size]) for at in range(0, len(text), size))
    assert said.rstrip("\n") == kept.rstrip("\n")


@given(st.text(alphabet="`\n python<>/code\"'x", max_size=80), st.integers(1, 9))
def test_pieces_do_not_matter_and_what_stays_is_a_prefix(text: str, size: int) -> None:
    for dialect in ("fence", "tags"):
        whole, pieces = BlockCutter(dialect), BlockCutter(dialect)
        kept = whole.feed(text)
        assert text.startswith(kept)
        said = "".join(pieces.feed(text[at : at + size]) for at in range(0, len(text), size))
        assert (said, pieces.closed) == (kept, whole.closed)


def test_reasoning_is_never_cut() -> None:
    cutter = BlockCutter("fence")
    text = "```python\nx\n```\nmore"
    parts = [Delta(channel="reasoning", text=text), Delta(channel="reply", text=text)]
    assert [each.text for each in cutter.cut(parts)] == [text, "```python\nx\n```"]


def test_up_to_block_wants_a_closed_one() -> None:
    assert up_to_block("a\n```python\nx\n```\nb", "fence") == "a\n```python\nx\n```"
    assert up_to_block("a\n```python\nx\n```", "fence") == "a\n```python\nx\n```"
    assert up_to_block("a\n```python\nx", "fence") is None
    assert up_to_block("a", "fence") is None
