"""Types as a pack's source writes them, and what they let through."""

from __future__ import annotations

import ast
import datetime
from typing import Any

import pytest

from smolterm.errors import PackError, ToolError
from smolterm.packs.types import Checks, parameters, written
from smolterm.tools import ToolSpec


def checks(source: str) -> Checks:
    function = ast.parse(f"def f{source}: ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    names = tuple(name for name, _, _ in parameters(function))
    signature = written(function)
    return Checks(ToolSpec(name="f", signature=signature, doc="", effect="pure", parameters=names))


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("(a: str, b: int = -1) -> None", "(a: str, b: int = -1) -> None"),
        ("(*, a: 'list[int]')", "(*, a: list[int])"),
        ("(a: typing.Optional[str] = None)", "(a: str | None = None)"),
        ("(a: Union[int, 'str'] = 2)", "(a: int | str = 2)"),
        ("(a: dict[str, list[float]] = {})", "(a: dict[str, list[float]] = {})"),
        ("(a: date, b: dt.datetime) -> bytes", "(a: datetime.date, b: datetime.datetime) -> bytes"),
        ("(a: Literal['x', 'y'] = 'x')", "(a: Literal['x', 'y'] = 'x')"),
        ("(a: tuple[int, ...], b: tuple[int, str])", "(a: tuple[int, ...], b: tuple[int, str])"),
        ("(a: str | bytes) -> object", "(a: str | bytes) -> object"),
        ("(a: str = '\u202eevil')", "(a: str = '\\u202eevil')"),
        ("(a: int | int)", "(a: int)"),
    ],
)
def test_a_signature_is_written_in_our_own_words(source: str, shown: str) -> None:
    assert checks(source).spec.signature == shown
    # What was written is read again when a session starts.
    assert checks(shown).spec.signature == shown


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("(a)", "no type"),
        ("(a: Path)", "Path is no type"),
        ("(a: os.system('x'))", "none that a tool can have"),
        ("(a: list[__import__('os')])", "none that a tool can have"),
        ("(*a: int)", "name each one"),
        ("(**a: int)", "name each one"),
        ("(a: int, /)", "by its name"),
        ("(a: int = open('x'))", "no literal"),
        ("(a: int = 'x')", "not of its type"),
        ("(a: str | bytes = 1)", "not of its type"),
        ("(a: list[int] | set[int])", "told apart"),
        ("(a: list[str | bytes])", "told apart"),
        ("(a: dict[list[int], int])", "no key"),
        ("(a: " + "list[" * 12 + "int" + "]" * 12 + ")", "too deeply"),
        ("(a: " + " | ".join(["int"] * 50) + ")", "alternatives"),
        ("(a: Literal[" + ", ".join(map(str, range(200))) + "])", "up to 100"),
        ("(a: Literal[open])", "no literal"),
        ("(a: 'int; import os')", "cannot be read"),
        ("(a: str = '" + "x" * 2_000 + "')", "longer than"),
        ("(\u0430: int)", "plain letters"),
        ("() -> threading.Lock", "its result"),
    ],
)
def test_what_is_outside_of_the_vocabulary_is_refused(source: str, said: str) -> None:
    with pytest.raises(PackError) as raised:
        checks(source)
    assert said in str(raised.value)
    assert str(raised.value).isascii()


@pytest.mark.parametrize(
    ("source", "kwargs", "bound"),
    [
        ("(a: date)", {"a": "2026-01-31"}, {"a": datetime.date(2026, 1, 31)}),
        ("(a: date)", {"a": datetime.date(2026, 1, 31)}, {"a": datetime.date(2026, 1, 31)}),
        ("(a: float)", {"a": 2}, {"a": 2.0}),
        ("(a: int)", {"a": 2**80}, {"a": 2**80}),
        ("(a: bytes)", {"a": b"\0"}, {"a": b"\0"}),
        ("(a: str | bytes)", {"a": b"\0"}, {"a": b"\0"}),
        ("(a: date | str)", {"a": "2026-01-31"}, {"a": "2026-01-31"}),
        ("(a: object)", {"a": {1: {2}}}, {"a": {1: {2}}}),
        ("(a: int = 3, *, b: str)", {"b": "x"}, {"a": 3, "b": "x"}),
        ("(a: list[int] = [1])", {}, {"a": [1]}),
    ],
)
def test_arguments_that_fit(source: str, kwargs: dict[str, Any], bound: dict[str, Any]) -> None:
    assert checks(source).bind([], kwargs) == bound


def test_a_default_is_fresh_at_each_call() -> None:
    made = checks("(a: list[int] = [])")
    made.bind([], {})["a"].append(1)
    assert made.bind([], {}) == {"a": []}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("(a: int)", True),
        ("(a: int)", 1.0),
        ("(a: bytes)", "QUJD"),
        ("(a: str | bytes)", 1),
        ("(a: Literal['x'])", "y"),
        ("(a: dict[str, int])", {"x": "1"}),
        ("(a: set[int])", [[1]]),
    ],
)
def test_arguments_that_do_not_fit(source: str, value: Any) -> None:
    with pytest.raises(ToolError, match="argument `a"):
        checks(source).bind([value], {})


def test_a_result_nested_deeper_than_anything_is_refused_and_not_a_crash() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    made = checks("() -> list[list[list[int]]]")
    with pytest.raises(ToolError, match="promises"):
        made.checked(deep)
    for result, source in (("x", "() -> bytes"), (1, "() -> str | bytes"), ([["x"]], "() -> int")):
        with pytest.raises(ToolError, match="promises"):
            checks(source).checked(result)
