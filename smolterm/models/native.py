"""Native function calling and the text that the rest of smolterm knows, both ways. Pure.

A call travels through the program as `<tool_call>` with JSON inside, so that parser, transcript and
prompt have one form for it; only at the provider does it become fields of the protocol.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from smolterm.models import Delta, Message
from smolterm.schemas import in_words

OPEN, CLOSE = "<tool_call>\n", "\n</tool_call>"
_CALL = re.compile(r"<tool_call>\s{0,4}(\{.*?\})\s{0,4}</tool_call>", re.S)


class CallWriter:
    """Writes the calls that stream in as text, piece by piece."""

    def __init__(self) -> None:
        self._index: int | None = None
        self._has_arguments = False
        self._said_something = False

    def heard(self, text: str) -> None:
        """Note that the reply holds text before its calls."""
        self._said_something = self._said_something or bool(text)

    def feed(self, calls: Iterable[Any]) -> Iterator[Delta]:
        """Take the calls of one chunk: objects or mappings with index and function."""
        for place, call in enumerate(calls):
            function = _get(call, "function")
            name, arguments = _get(function, "name"), _get(function, "arguments")
            index = _get(call, "index")
            index = index if isinstance(index, int) else place
            if index != self._index and isinstance(name, str) and name:
                yield from self.finish()
                self._index = index
                self._has_arguments = False
                head = "\n" if self._said_something else ""
                self._said_something = True
                named = json.dumps(name, ensure_ascii=False)
                yield _said(f'{head}{OPEN}{{"name": {named}, "arguments": ')
            if index == self._index and arguments:
                text = arguments if isinstance(arguments, str) else json.dumps(arguments)
                self._has_arguments = True
                yield _said(text)

    def finish(self) -> Iterator[Delta]:
        """Close the call that is open."""
        if self._index is not None:
            yield _said(("" if self._has_arguments else "{}") + "}" + CLOSE)
        self._index = None


def to_native(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return the messages with calls as fields, and what follows them as the tools' results.

    The ids are counted, so that the same transcript always gives the same request.
    """
    native: list[dict[str, Any]] = []
    waiting: list[str] = []
    count = 0
    for message in messages:
        calls = _calls_in(message.content) if message.role == "assistant" else []
        if calls:
            # Nine letters and digits: Mistral takes no other id.
            waiting = [f"call{count + at:05d}" for at in range(1, len(calls) + 1)]
            count += len(calls)
            native.append({
                "role": "assistant",
                "content": _CALL.sub("", message.content).strip() or None,
                "tool_calls": [
                    {
                        "id": name,
                        "type": "function",
                        "function": {"name": call["name"], "arguments": json.dumps(
                            call["arguments"], ensure_ascii=False)},
                    }
                    for name, call in zip(waiting, calls, strict=True)
                ],
            })  # fmt: skip
        elif waiting and message.role == "user":
            contents = [message.content] + ["See the first result."] * (len(waiting) - 1)
            native += [
                {"role": "tool", "tool_call_id": name, "content": content}
                for name, content in zip(waiting, contents, strict=True)
            ]
            waiting = []
        else:
            native.append({"role": message.role, "content": message.content})
            waiting = []
    return native


def plain(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return the messages as the protocol has them."""
    return [{"role": message.role, "content": message.content} for message in messages]


def in_text(messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> list[Message]:
    """Return the messages for a model that takes no tools: the system message describes them."""
    head, *rest = messages
    if head.role != "system" or not tools:
        return list(messages)
    return [Message(role="system", content=f"{head.content}\n\n{in_words(tools)}"), *rest]


def _calls_in(text: str) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []
    for match in _CALL.finditer(text):
        try:
            call = json.loads(match[1])
        except (ValueError, RecursionError):
            return []
        if not (isinstance(call.get("name"), str) and isinstance(call.get("arguments"), dict)):
            return []
        calls.append(call)
    return calls


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _said(text: str) -> Delta:
    return Delta(channel="reply", text=text)
