"""Marking the functions that a model can call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(*, effect: str = ...) -> Callable[[F], F]: ...
def tool(function: Any = None, /, *, effect: str = "pure") -> Any:
    """Mark a typed function with a docstring as a tool; it stays the function that it was.

    Works on `def`, `async def` and generators, whose returned value is the result.

    Args:
        effect: "pure", "read", "write", "network", "spend" or "danger".
    """

    def mark(marked: Any) -> Any:
        marked.effect = effect
        return marked

    return mark if function is None else mark(function)
