"""Reading replies: every case on file, and no text that breaks or stalls the reader."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smolterm.parse import Reply, parse_reply
from smolterm.repair import LONGEST, Judge

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "cases" / "parsing.jsonl").read_text().splitlines()
]
FENCE = "```"
PIECES = (
    "```", "```python\n", "~~~", "``", "\n", "\n```\n", "<code>", "</code>", "</code",
    "<think>", "</think>", "<tool_call>", "</tool_call>",
    '{"name": "python", "arguments": {"code": "x"}}', '{"thought": "', "[TOOL_CALLS]", "[ARGS]",
    "<function=f>", "<parameter=x>", "Observation: ", "Code:", "Thought:", "User:", ">>> ",
    "In [1]: ", "print(1)", "x = 1\n", "    ", '"""', "“", "&lt;", "\u00a0", "\u200b", "\ufeff",
    "\x00", "\ud800", "final_answer", " = ", "(", ")", "[", "{", "<|im_end|>", "<|channel|>",
    "<|message|>", "analysis", "\\n", "\r", "word ", "$ ls", "json\n",
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    reply = parse_reply(case["text"])
    assert reply.code == case["expect"]
    for name in ("kind", "reasoning", "thinking", "mistake"):
        if name in case:
            assert getattr(reply, name) == case[name], name
    check(reply)


def check(reply: Reply) -> None:
    """What holds for every reply there is."""
    assert (reply.kind == "code") == (reply.code is not None)
    assert (reply.kind in ("mistake", "empty")) == (reply.mistake is not None)
    assert bool(reply.message) == (reply.mistake is not None)
    if reply.kind == "prose":
        assert reply.reasoning
    if reply.code is not None:
        assert reply.code.strip()


@pytest.mark.parametrize(
    "text", ["I go.\n```python\nx = 1\ndel f", "<code>\nx = 1\n", "x = 4\nprint(x)"]
)
def test_half_a_program_does_not_run(text: str) -> None:
    assert parse_reply(text).code is not None
    reply = parse_reply(text, cut=True)
    assert (reply.mistake, reply.code) == ("cut-off", None)
    assert "cut off" in reply.message
    check(reply)


@pytest.mark.parametrize(
    "text", ["```python\nx = 1\n```\nIt is", "```python\nx = 1\n```\n```json\n{", "So the answer"]
)
def test_what_was_cut_off_behind_the_code_is_no_matter(text: str) -> None:
    assert parse_reply(text, cut=True) == parse_reply(text)
    assert parse_reply(text).mistake is None


def test_cases_are_many_and_told_apart() -> None:
    assert len(CASES) >= 115
    assert len({case["id"] for case in CASES}) == len(CASES)
    assert all(case.get("source") or case.get("remark") for case in CASES)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    check(parse_reply(text))


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_any_mix_of_marks_is_read(text: str) -> None:
    check(parse_reply(text))


@given(st.text(alphabet="abc <>`\n\"'=()", max_size=40))
def test_thinking_never_runs(text: str) -> None:
    reply = parse_reply(
        f"<think>{FENCE}python\nsecret()\n{text}\n{FENCE}</think>\n{FENCE}py\nx = 1\n{FENCE}"
    )
    assert reply.code == "x = 1"


@given(st.text(max_size=60))
def test_fenced_python_comes_back_as_it_is(text: str) -> None:
    code = f"x = {json.dumps(text)}\nprint(x)"
    assert parse_reply(f"Go.\n{FENCE}python\n{code}\n{FENCE}\nDone.").code == code


def test_a_mistake_quotes_what_was_wrong_and_says_what_is_expected() -> None:
    reply = parse_reply(f"{FENCE}bash\nrm -rf build\n{FENCE}")
    assert reply.mistake == "other-language"
    assert "rm -rf build" in reply.message
    assert "```python" in reply.message


def test_a_long_quotation_is_cut() -> None:
    reply = parse_reply(f"{FENCE}bash\n{'ls ' * 5000}\n{FENCE}")
    assert len(reply.message) < 800


def test_renaming_keeps_the_formatting() -> None:
    code = "final_answer   =  3 # final_answer\nfinal_answer( final_answer )"
    expected = "final_answer_variable   =  3 # final_answer\nfinal_answer( final_answer_variable )"
    assert parse_reply(f"{FENCE}python\n{code}\n{FENCE}").code == expected


def test_nothing_is_printed_about_odd_escapes() -> None:
    program = r"from smolterm.parse import parse_reply; parse_reply('```python\nx = \"\\d\"\n```')"
    done = subprocess.run([sys.executable, "-W", "always", "-c", program], capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_judge_has_a_budget() -> None:
    judge = Judge(calls=2, characters=100)
    assert judge.parses("x") and judge.parses("x") and judge.parses("y")
    assert not judge.parses("z")
    assert not Judge().parses("x" * (LONGEST + 1))


HOSTILE = (
    "`", "```\n", "``` ", "```python\nx=1\n```\n", "```python\nx=1\n", "<", "</", "<code>",
    "<code>\n",
    "<think>", "</think>", "<think></think>", "Code:\n", "Code: x = 1\n", "{", "[", "{\n",
    '{"code": "', '{"name": {', "(", "-", " ", "\n", "\n    ", '"""\n```\n', "“",
    "Observation:\n", "User:\n",
    "~~~\n", 'f"{', "<tool_call>", "<function=a>", "<function=a><parameter=b>", "<invoke name=",
    "<code ", "# ", ">>> x\n", "}]", "<|im_end|>", "<|channel|>analysis<|message|>", "a,", "a",
    "print(\n", "`<code>`", "&lt;", "x\\n",
)  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_megabyte_of_one_mark_is_read_in_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    start = time.process_time()
    check(parse_reply(text))
    # Measured below 1 s; what this must catch is quadratic, and that takes minutes.
    assert time.process_time() - start < 8


def test_what_is_returned_for_closed_marks_is_python() -> None:
    """Of the cases only those that are meant to fail in the sandbox do not parse."""
    broken = {"fence-python-syntax-error", "fence-first-broken"}
    for case in CASES:
        if case["expect"] is not None and case["id"] not in broken:
            ast.parse(case["expect"])
