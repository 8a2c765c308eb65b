"""The one way out of a pack: an operation's name and a JSON value, both ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from smolterm.errors import Denied, ToolError

Function: TypeAlias = Callable[[str, dict[str, Any]], Any]


def _unbound(op: str, payload: dict[str, Any]) -> Any:
    raise ToolError(
        f"{op}: this pack runs outside of a host.",
        next="In a test, use smolterm.packs.testing.bound().",
    )


_function: Function = _unbound


def _bind(function: Function | None) -> None:
    """Set who answers the calls; None unbinds. For hosts, once, before the pack is imported.

    Args:
        function: takes an operation and its payload (JSON values, bytes as base64) and returns a
            JSON value; `{"error": text, "next": text, "denied": bool}` is an error.
    """
    global _function
    _function = function or _unbound


def _bound() -> Function | None:
    """Return who answers now, to bind it again later."""
    return None if _function is _unbound else _function


def _call(op: str, payload: dict[str, Any]) -> Any:
    """Ask the host, and return its answer.

    Raises:
        Denied: the pack was not granted this.
        ToolError: it failed.
    """
    answer = _function(op, payload)
    if isinstance(answer, dict) and "error" in answer:
        kind = Denied if answer.get("denied") else ToolError
        raise kind(str(answer["error"]), next=str(answer.get("next") or ""))
    return answer
