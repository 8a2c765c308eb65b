"""The form of a reply as a grammar of llama.cpp: some reasoning, then code or an answer. Pure.

A model that is sampled under it cannot forget a fence, write two blocks or imagine an observation.
All lengths are bounded: a model that repeats itself comes to the code nevertheless.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from smolterm.errors import GrammarError
from smolterm.gbnf import check_grammar
from smolterm.grammar_python import DEFAULT_SIZE, Size, python_rules
from smolterm.tools import ToolSpec

__all__ = ["Bounds", "Dialect", "GrammarError", "check_grammar", "envelope", "opened", "tool_calls"]

Dialect: TypeAlias = Literal["fence", "tags"]

ANSWER = "Final answer: "
FENCES: Mapping[Dialect, tuple[str, str]] = {
    "fence": ("```python", "```"),
    "tags": ("<code>", "</code>"),
}


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How long a reply's parts may be; small ones make a random model come to an end."""

    lines: int = 120
    """Lines, or statements, of code."""
    line: int = 300
    """Characters of one."""
    answer: int = 1_500
    """Characters of an answer in words."""
    thinking: int = 2_000
    """Characters inside a think block."""
    size: Size = DEFAULT_SIZE
    """Of code that is `strict`."""


DEFAULT_BOUNDS = Bounds()

# No reply's reasoning holds what would open a block, a tag or a control token.
_PROSE = r"""
first ::= [^ `<~\[\]{}()#\x00-\x1F\x7F-\xA0\xAD\u200B-\u200F\u2028-\u202F\u2060\u3000\uFEFF]
plain ::= [^`<~\[\x00-\x1F\x7F\u2028\u2029]
quiet ::= plain | "`" plain{1,40} "`" | "<" [ =0-9-] | "~" plain | "[" [^A-Z/`<~\[\x00-\x1F\x7F]
"""


def envelope(
    dialect: Dialect = "fence",
    *,
    tools: Sequence[ToolSpec] = (),
    strict: bool = False,
    reasoning: int = 600,
    thinking: bool = False,
    bounds: Bounds = DEFAULT_BOUNDS,
) -> str:
    """Return the grammar of a reply: reasoning, then one block of code or an answer in words.

    Args:
        tools: for `strict`: what the code can call by these names, and with which arguments.
        strict: the code is a subset of Python and always parses.
        reasoning: characters before the code, about.
        thinking: the model may think between tags first; see `opened`.
    """
    opener, closer = FENCES[dialect]
    head = f'block ::= "{opener}\\n" code "{closer}"\n'
    code = _strict(tools, bounds) if strict else _loose(dialect, bounds)
    return _root(thinking, bounds) + _lines(reasoning, bounds) + head + code


def tool_calls(
    schemas: Sequence[Mapping[str, Any]],
    *,
    reasoning: int = 600,
    thinking: bool = False,
    bounds: Bounds = DEFAULT_BOUNDS,
) -> str:
    """Return the grammar of a reply that calls one of some functions, or answers in words.

    Args:
        schemas: functions as OpenAI describes them.
    """
    rules = [_JSON.replace("LONG", str(4 * bounds.line)).strip()]
    calls: list[str] = []
    for at, schema in enumerate(schemas):
        function = schema["function"]
        name = json.dumps(json.dumps(function["name"], ensure_ascii=False), ensure_ascii=False)
        rules += _object(f"f{at}", function.get("parameters", {}))
        calls.append(f'"{{\\"name\\": " {name} ", \\"arguments\\": " f{at} "}}"')
    rules.append(f"call ::= {' | '.join(calls)}")
    head = 'block ::= "<tool_call>\\n" call "\\n</tool_call>"\n'
    body = _lines(reasoning, bounds) + head + "\n".join(rules) + "\n"
    return _root(thinking, bounds) + body


def opened(grammar: str) -> str:
    """Return the grammar of a reply whose think block the template has opened already."""
    closed = _root(thinking=False, bounds=DEFAULT_BOUNDS)
    if grammar.startswith(closed):
        # Nobody asked for thinking and the template does not care.
        grammar = _root(thinking=True, bounds=DEFAULT_BOUNDS) + grammar.removeprefix(closed)
    return grammar.replace('root ::= ( "<think>" thought )? reply', "root ::= thought reply", 1)


def _root(thinking: bool, bounds: Bounds) -> str:
    if not thinking:
        return "root ::= reply\n"
    most = min(bounds.thinking, 2000)
    return (
        'root ::= ( "<think>" thought )? reply\n'
        f'thought ::= ( [^<] | "<" [^/] ){{0,{most}}} "</think>" "\\n"{{0,2}}\n'
    )


def _lines(reasoning: int, bounds: Bounds) -> str:
    """Return the rules for the reasoning, of up to four lines, and for an answer."""
    line = max(reasoning // 4, 1)
    return (
        f'reply ::= line{{0,4}} ( block | answer )\nline ::= first quiet{{0,{line}}} "\\n"\n'
        f'answer ::= "{ANSWER}" first ( quiet | "\\n" ){{0,{bounds.answer}}}{_PROSE}'
    )


def _loose(dialect: Dialect, bounds: Bounds) -> str:
    """Return rules for lines of anything that does not close the block."""
    if dialect == "fence":
        char = r'char ::= [^`\n\x00-\x08\x0B-\x1F\x7F] | "`" [^`\n\x00-\x08\x0B-\x1F\x7F]'
    else:
        inner = r"\n\x00-\x08\x0B-\x1F\x7F"
        char = rf'char ::= [^<{inner}] | "<"{{1,2}} ( [^/<{inner}] | "/" [^c<{inner}] )'
    return (
        f'code ::= [A-Za-z_@#"\'(] char{{0,{bounds.line}}} "\\n" row{{0,{bounds.lines}}}\n'
        f'row ::= char{{0,{bounds.line}}} "\\n"\n{char}\n'
    )


def _strict(tools: Sequence[ToolSpec], bounds: Bounds) -> str:
    line = min(bounds.line, 500)
    code = (
        f'code ::= ( comment "\\n" ){{0,3}} statement row{{0,{bounds.lines}}}\n'
        'row ::= statement | comment "\\n" | "\\n"\n'
    )
    return code + python_rules(tools, line=line, size=bounds.size)


# JSON

_JSON = r"""
string ::= "\"" letter{0,LONG} "\""
letter ::= [^"\\\x00-\x1F\x7F] | "\\" ( ["\\/bfnrt] | "u" [0-9a-fA-F]{4} )
integer ::= "-"? ( "0" | [1-9] [0-9]{0,15} )
number ::= integer ( "." [0-9]{1,15} )? ( [eE] [-+]? [0-9]{1,2} )?
boolean ::= "true" | "false"
null ::= "null"
anything ::= string | number | boolean | null | flat-list | flat-map
flat ::= string | number | boolean | null
flat-list ::= "[" ( flat ( ", "  flat )* )? "]"
flat-map ::= "{" ( string ": " flat ( ", " string ": " flat )* )? "}"
"""
_TYPES = {
    "string": "string", "integer": "integer", "number": "number", "boolean": "boolean",
    "null": "null",
}  # fmt: skip
DEEPEST_SCHEMA = 4


def _object(rule: str, schema: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """Yield rules for an object with its properties in order, the needed ones always there."""
    properties = list(schema.get("properties", {}).items())
    needed = set(schema.get("required", ()))
    count = len(properties)
    yield f'{rule} ::= "{{" {rule}-f0 "}}"'
    for at, (name, inner) in enumerate(properties):
        yield from _value(f"{rule}-v{at}", inner, depth + 1)
        key = json.dumps(json.dumps(name, ensure_ascii=False) + ": ", ensure_ascii=False)
        for mark, sep in (("f", ""), ("k", '", " ')):
            options = [f"{sep}{key} {rule}-v{at} {rule}-k{at + 1}"]
            if name not in needed:
                options.append(f"{rule}-{mark}{at + 1}")
            yield f"{rule}-{mark}{at} ::= {' | '.join(options)}"
    yield f'{rule}-f{count} ::= ""'
    yield f'{rule}-k{count} ::= ""'


def _value(rule: str, schema: Mapping[str, Any], depth: int) -> Iterator[str]:
    """Yield rules for a value; what the schema does not say is any flat JSON."""
    if "enum" in schema:
        options = [json.dumps(json.dumps(each, ensure_ascii=False)) for each in schema["enum"]]
        yield f"{rule} ::= {' | '.join(options)}"
    elif "anyOf" in schema and depth < DEEPEST_SCHEMA:
        names = [f"{rule}-{at}" for at in range(len(schema["anyOf"]))]
        yield f"{rule} ::= {' | '.join(names)}"
        for name, inner in zip(names, schema["anyOf"], strict=True):
            yield from _value(name, inner, depth + 1)
    elif schema.get("type") in _TYPES:
        yield f"{rule} ::= {_TYPES[schema['type']]}"
    elif schema.get("type") == "array" and depth < DEEPEST_SCHEMA:
        yield f'{rule} ::= "[" ( {rule}-i ( ", " {rule}-i ){{0,100}} )? "]"'
        yield from _value(f"{rule}-i", schema.get("items", {}), depth + 1)
    elif schema.get("type") == "object" and schema.get("properties") and depth < DEEPEST_SCHEMA:
        yield from _object(rule, schema, depth)
    elif schema.get("type") == "object":
        yield f"{rule} ::= flat-map"
    else:
        yield f"{rule} ::= anything"
