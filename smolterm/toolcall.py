"""A tool call in some model's notation, read as the Python that it means. Pure.

Models that were trained on tool calls fall back to them whatever the prompt says: the code then
sits in an argument of a call to an interpreter, or a tool is called by JSON and not by Python.
"""

from __future__ import annotations

import ast
import json
import keyword
import re
from typing import Any

INTERPRETERS = frozenset({
    "python", "python3", "py", "ipython", "python_interpreter", "code_interpreter", "interpreter",
    "python_repl", "repl", "execute_python", "run_python", "execute_code", "run_code", "exec",
    "execute", "run", "python_exec", "python_code", "code", "code_execution", "execute_ipython",
    "tool_code", "jupyter", "notebook",
})  # fmt: skip
LONGEST = 400_000

_CODE_KEYS = (
    "code", "python", "python_code", "script", "source", "source_code", "input", "query",
    "command", "cmd", "content", "text", "program", "snippet",
)  # fmt: skip
_NAME_KEYS = ("name", "tool", "tool_name", "function", "function_name", "action", "recipient_name")
_ARGUMENT_KEYS = (
    "arguments",
    "parameters",
    "args",
    "action_input",
    "tool_input",
    "input",
    "kwargs",
)
_TALK_KEYS = frozenset({
    "thought", "thoughts", "thinking", "reasoning", "rationale", "explanation", "plan", "analysis",
    "comment", "description", "title", "language", "lang", "type", "id", "next_step",
})  # fmt: skip
_FUNCTION = re.compile(r"<(?:function=|invoke\s{1,4}name=)\"?([\w.]{1,100})\"?\s?>")
_PARAMETER = re.compile(r"<parameter(?:=|\s{1,4}name=)\"?(\w{1,100})\"?\s?>")
_MISTRAL = re.compile(r"\s*([\w.]{1,100})\s?(?:\[CALL_ID\]\w{0,40})?(?:\[ARGS\])?\s?(?=\{)")
_SIGN = re.compile(
    r"\A\s*[\[{].{0,4000}?[\"'](?:name|tool|function|action|tool_calls|arguments|code)[\"']\s?:",
    re.S,
)
_decoder = json.JSONDecoder(strict=False)


def looks_like_call(text: str) -> bool:
    """Say whether a text that could not be read was meant as a tool call."""
    return _SIGN.match(text) is not None


def from_json(text: str) -> tuple[str, str] | None:
    """Return the code that JSON means and the reasoning in it, or None.

    Reads `{"thought", "code"}`, `{"name", "arguments"}` in all spellings, and lists of them.
    """
    value = _loads(text.strip())
    if value is None:
        return _rescued(text)
    return _from_value(value)


def from_call(text: str) -> tuple[str, str] | None:
    """Return the code that the inside of a tool-call tag means, or None."""
    if text.lstrip()[:1] in ("{", "["):
        return from_json(text)
    if match := _MISTRAL.match(text):
        arguments = _loads(text[match.end() :].strip())
        return _call(match[1], arguments) if isinstance(arguments, dict) else None
    return _from_xml(text)


def _from_xml(text: str) -> tuple[str, str] | None:
    found = _FUNCTION.search(text)
    if found is None:
        return None
    arguments: dict[str, Any] = {}
    openers = list(_PARAMETER.finditer(text, found.end()))[:20]
    for opener in openers:
        end = text.find("</parameter", opener.end())
        if end < 0:
            end = text.find("</function", opener.end())
        raw = text[opener.end() : end if end >= 0 else len(text)].strip("\n")
        arguments[opener[1]] = raw if opener[1] in _CODE_KEYS else _plain(raw)
    return _call(found[1], arguments)


def _plain(raw: str) -> Any:
    """Read a parameter that carries no type: numbers, booleans and containers are themselves."""
    value = _loads(raw.strip())
    return raw if value is None or isinstance(value, str) else value


def _loads(text: str) -> Any:
    if not text or len(text) > LONGEST:
        return None
    try:
        return _decoder.raw_decode(text)[0]
    except (ValueError, RecursionError):
        pass
    if text[0] not in "{[":
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _from_value(value: Any) -> tuple[str, str] | None:
    if isinstance(value, list):
        read = [_from_value(item) for item in value[:20]]
        calls = [each for each in read if each is not None]
        if not calls or len(calls) != len(read):
            return None
        return "\n".join(code for code, _ in calls), "\n".join(talk for _, talk in calls if talk)
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        return None
    talk = next((value[key] for key in value if key in _TALK_KEYS and _is_talk(key, value)), "")
    for inner in ("tool_calls", "function_call", "tool_call", "function"):
        if isinstance(value.get(inner), list | dict):
            found = _from_value(value[inner])
            return (found[0], talk or found[1]) if found else None
    if (code := _bare_code(value)) is not None:
        return code, talk
    name = next((value[key] for key in _NAME_KEYS if isinstance(value.get(key), str)), None)
    given = next((key for key in _ARGUMENT_KEYS if key in value), None)
    # A name, a description and parameters are a tool's own schema, recited.
    if name is None or given is None or "description" in value:
        return None
    arguments = value[given]
    if isinstance(arguments, str) and arguments.lstrip().startswith("{"):
        arguments = _loads(arguments.strip()) or arguments
    found = _call(name, arguments)
    return (found[0], talk) if found else None


def _is_talk(key: str, value: dict[str, Any]) -> bool:
    return key not in ("language", "lang", "type", "id") and isinstance(value[key], str)


def _bare_code(value: dict[str, Any]) -> str | None:
    for key in ("code", "python", "python_code"):
        if key in value and set(value) - {key} <= _TALK_KEYS:
            language = str(value.get("language", value.get("lang", "python"))).lower()
            return _text(value[key]) if language.startswith("py") else None
    return None


def _text(value: Any) -> str | None:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(line.rstrip("\n") for line in value)
    return value if isinstance(value, str) else None


def _call(name: str, arguments: Any) -> tuple[str, str] | None:
    name = name.rsplit(".", 1)[-1].strip()
    if name.lower() in INTERPRETERS:
        return _interpreted(arguments)
    if not name.isidentifier() or keyword.iskeyword(name):
        return None
    if arguments is None:
        return f"{name}()", ""
    if not isinstance(arguments, dict):
        return f"{name}({arguments!r})", ""
    if not all(key.isidentifier() and not keyword.iskeyword(key) for key in map(str, arguments)):
        return None
    if name == "final_answer" and len(arguments) == 1:
        return f"final_answer({next(iter(arguments.values()))!r})", ""
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})", ""


def _interpreted(arguments: Any) -> tuple[str, str] | None:
    if isinstance(arguments, dict):
        keys = [key for key in _CODE_KEYS if _text(arguments.get(key)) is not None]
        if not keys and len(arguments) == 1:
            keys = list(arguments)
        arguments = arguments[keys[0]] if keys else None
    code = _text(arguments)
    return None if code is None else (code, "")


def _rescued(text: str) -> tuple[str, str] | None:
    """Read the code out of JSON whose quotes are not escaped or whose end is missing."""
    match = re.search(r"[\"'](?:code|python_code)[\"']\s?:\s?\"", text[:4000])
    if match is None:
        return None
    raw = text[match.end() :][:LONGEST].rstrip(" \t\n}]").removesuffix('"')
    code = raw.replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"')
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return code, ""
