"""Typed functions as a model reads and calls them."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Literal

import pytest

from smolterm.errors import PackError, ToolError, UsageError
from smolterm.tools import Tool, by_name, stub, tool


@tool
def search(
    query: str,
    limit: int = 10,
    kind: Literal["all", "new"] = "all",
    tags: list[str] | None = None,
    extra: dict[str, int] = {},  # noqa: B006  defaults of this kind must not be shared
) -> list[dict[str, object]]:
    """Find things.

    More about it.
    """
    extra["seen"] = extra.get("seen", 0) + 1
    return [{"query": query, "limit": limit, "kind": kind, "tags": tags, "extra": extra}]


def call(made: Tool, *args: Any, **kwargs: Any) -> Any:
    return asyncio.run(made.call(list(args), kwargs))


def test_the_model_reads_python():
    assert stub(search.spec) == (
        "def search(query: str, limit: int = 10, kind: Literal['all', 'new'] = 'all', "
        "tags: list[str] | None = None, extra: dict[str, int] = {}) -> list[dict[str, object]]:\n"
        '    """Find things.\n\n    More about it."""'
    )


def test_a_docstring_cannot_end_its_own_quotes():
    @tool
    def odd() -> None:
        'Say """ aloud.'

    assert stub(odd.spec).count('"""') == 2


def test_a_tool_is_still_its_function():
    assert search("q", extra={})[0]["query"] == "q"
    assert search.__name__ == "search"


def test_arguments_by_place_and_by_name():
    (result,) = call(search, "q", 3, tags=["a"])
    assert (result["limit"], result["kind"], result["tags"]) == (3, "all", ["a"])


def test_defaults_are_fresh_at_each_call():
    assert call(search, "q")[0]["extra"] == {"seen": 1}
    assert call(search, "q")[0]["extra"] == {"seen": 1}


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ([], {}, "missing argument `query`"),
        ([1], {}, "Expected `str`, got `int`, argument `query`"),
        (["q", "3"], {}, "argument `limit`"),
        (["q", True], {}, "argument `limit`"),
        (["q"], {"kind": "old"}, "argument `kind`"),
        (["q"], {"tags": "a"}, "argument `tags`"),
        (["q"], {"tags": [1]}, "argument `tags"),
        (["q"], {"extra": {"a": "b"}}, "argument `extra"),
        (["q"], {"limits": 1}, "unknown argument `limits`"),
        (["q"], {"query": "r"}, "'query' twice"),
        (list("abcdef"), {}, "takes 5 arguments"),
    ],
)
def test_what_does_not_fit_is_said_with_the_signature(args, kwargs, words):
    with pytest.raises(ToolError) as caught:
        call(search, *args, **kwargs)
    assert words in str(caught.value)
    assert str(caught.value).startswith("search")
    assert "$" not in str(caught.value)


def test_a_whole_float_is_no_int_but_an_int_is_a_float():
    @tool
    def half(number: float) -> float:
        """Halve."""
        return number / 2

    assert call(half, 3) == 1.5
    with pytest.raises(ToolError):
        call(half, "3")


def test_a_required_argument_after_an_optional_one():
    @tool
    def ordered(first: int = 1, *, second: int) -> int:
        """Add."""
        return first + second

    assert call(ordered, second=2) == 3
    with pytest.raises(ToolError, match="missing argument `second`"):
        call(ordered)


def test_a_coroutine_function_is_awaited_on_the_loop():
    @tool
    async def where() -> str:
        """Name the thread."""
        return threading.current_thread().name

    assert call(where) == "MainThread"


def test_a_plain_function_does_not_block_the_loop():
    @tool
    def wait() -> str:
        """Wait until the loop has turned."""
        assert turned.wait(10)
        return threading.current_thread().name

    turned = threading.Event()

    async def work():
        calling = asyncio.create_task(wait.call([], {}))
        await asyncio.sleep(0)
        turned.set()
        return await calling

    assert asyncio.run(work()) != "MainThread"


def untyped(a) -> int:
    """Miss a type."""


def undocumented(a: int) -> int:
    return a


def starred(*a: int) -> int:
    """Take many."""
    return len(a)


def unknown_type(a: Nowhere) -> int:  # noqa: F821
    """Name a type that is none."""


def unchecked_type(a: threading.Lock) -> int:
    """Name a type that no argument can have."""


@pytest.mark.parametrize("function", [untyped, undocumented, starred, unknown_type, lambda: 0])
def test_a_function_that_cannot_be_a_tool(function):
    with pytest.raises(UsageError):
        Tool(function)


def test_unknown_effects_and_names_twice():
    with pytest.raises(UsageError, match="Unknown effect 'harmless'"):
        Tool(starred, effect="harmless")
    with pytest.raises(PackError, match="Two tools are named search"):
        by_name([search, search])

    @tool
    def final_answer(value: str) -> str:
        """Pretend."""
        return value

    with pytest.raises(PackError, match="final_answer"):
        by_name([final_answer])
