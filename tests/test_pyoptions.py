"""The flags of `smolterm py`, and what its prompt makes of what is typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from smolterm import pyoptions
from smolterm.errors import UsageError
from smolterm.flags import PY_VALUES, Parser
from smolterm.pyoptions import Mounted, add_flags, read_options
from smolterm.pyprompt import indent_after, wants_more


def options(*argv):
    parser = Parser(prog="test")
    add_flags(parser)
    return read_options(parser.parse_args(argv))


def test_no_flags_mean_no_limit_but_memory_and_disk():
    read = options()
    assert read == pyoptions.PyOptions()
    assert (read.caps.memory_bytes, read.seconds, read.cpu_seconds) == (512 << 20, 0.0, 0.0)


def test_each_flag_has_its_place(tmp_path):
    read = options(
        "--with", "pandas, rich>=13,<14", "--with=six", "--mount", "a:/b", "--memory", "1.5G",
        "--disk", "64M", "--timeout", "2", "--cpu", "3", "--seed", "s",
        "--clock", "2026-01-31T12:00:00", "--out", str(tmp_path / "new"), "-y", "--offline",
    )  # fmt: skip
    assert read.packages == ("pandas", "rich>=13,<14", "six")
    assert read.mounts == (Mounted(Path("a"), "/b", False),)
    assert (read.caps.memory_bytes, read.caps.disk_bytes) == (1536 << 20, 64 << 20)
    assert (read.seconds, read.cpu_seconds, read.seed) == (2.0, 3.0, "s")
    assert read.clock == 1769860800.0
    assert (read.out, read.yes, read.offline) == (tmp_path / "new", True, True)


@pytest.mark.parametrize(
    ("text", "source", "at", "writable"),
    [
        ("data", "data", None, False),
        ("data:rw", "data", None, True),
        ("data:/files/d", "data", "/files/d", False),
        ("a:b:/files/d:rw", "a:b", "/files/d", True),
    ],
)
def test_what_is_mounted_where(text, source, at, writable):
    assert pyoptions.mounted(text) == Mounted(Path(source), at, writable)


@pytest.mark.parametrize(
    "argv",
    [
        ("--memory", "512"), ("--memory", "1M"), ("--memory", "9G"), ("--disk", "x"),
        ("--timeout", "-1"), ("--timeout", "nan"), ("--cpu", "inf"), ("--clock", "noon"),
        ("--mount", "a:b"), ("--mount", ":/b"), ("--mount", ""), ("--out", "/etc"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_said_with_its_flag(argv):
    with pytest.raises(UsageError) as refused:
        options(*argv)
    assert argv[0].lstrip("-") in str(refused.value)


def test_the_command_line_knows_which_flags_take_a_value():
    parser = Parser(prog="test")
    add_flags(parser)
    takes = {
        text
        for action in parser._actions
        for text in action.option_strings
        if action.nargs != 0 and text.startswith("--")
    }
    assert takes == set(PY_VALUES)


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("1 + 1", False),
        ("", False),
        ("# words", False),
        ("(1,", True),
        ("(1,\n    2)", False),
        ("x = '''a", True),
        ("x = 1 \\", True),
        ("if x:", True),
        ("if x: y", True),
        ("if x: y\n", False),
        ("def f():\n    return 1", True),
        ("def f():\n    return 1\n    ", False),
        ("@decorated", True),
        ("await x", False),
        ("async with a as b:\n    await b", True),
        ("async with a as b:\n    await b\n", False),
        ("x = 1\ny = 2", False),
        ("x = 1\nif x:\n    y", True),
        ("x = 1\nif x:\n    y\n", False),
        ("match x:\n    case 1:\n        y", True),
        ("1 +", False),
        ("x = )", False),
        # Newer than the Python that runs smolterm may be.
        ("def f[T](x: T) -> T:  # generic", True),
        ("def f[T](x: T) -> T:\n    return x", True),
        ("def f[T](x: T) -> T:\n    return x\n", False),
        ("type A = list[int]", False),
        ("t'{x!r}'", False),
        ("t'''a", True),
        ("try:\n    x\nexcept A, B:", True),
        ("try:\n    x\nexcept A, B:\n    y\n", False),
        ("\0", False),
        ("(" * 5000, False),
    ],
)
def test_the_prompt_asks_for_more_where_python_would(text, more):
    assert wants_more(text) is more


@pytest.mark.parametrize(
    ("line", "indent"),
    [
        ("x = 1", ""),
        ("if x:", "    "),
        ("    for y in x:  # each", "        "),
        ("    f(", "        "),
        ("    x", "    "),
        ("    return x", ""),
        ("        pass", "    "),
        ("returned = 1", ""),
    ],
)
def test_the_next_line_is_indented(line, indent):
    assert indent_after(line) == indent
