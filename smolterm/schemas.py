"""Tools as JSON schemas, for models that call them by JSON and not by Python. Pure."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smolterm.tools import ToolSpec

RUN_PYTHON = "run_python"
FINAL_ANSWER = "final_answer"

_PLAIN = {
    "str": "string", "int": "integer", "float": "number", "bool": "boolean", "None": "null",
    "bytes": "string", "Path": "string",
}  # fmt: skip
_LISTS = ("list", "tuple", "set", "frozenset", "Sequence", "Iterable", "Collection")
_MAPS = ("dict", "Mapping", "MutableMapping")


def schemas_of(tools: Iterable[ToolSpec]) -> tuple[dict[str, Any], ...]:
    """Return what can be called: the tools, a Python to compute in, and the end of the task."""
    python = _function(
        RUN_PYTHON,
        "Run Python in the sandbox and see what it prints and the value of its last expression. "
        "Variables stay; the other functions can be called from the code too.",
        {"code": {"type": "string"}},
        ["code"],
    )
    answer = _function(
        FINAL_ANSWER,
        "Give the person the answer, which ends the task.",
        {"answer": {"type": "string"}},
        ["answer"],
    )
    return (*(schema_of(spec) for spec in tools), python, answer)


def schema_of(spec: ToolSpec) -> dict[str, Any]:
    """Return one tool as OpenAI describes functions; a type nobody knows may be anything."""
    properties: dict[str, Any] = {name: {} for name in spec.parameters}
    needed = list(spec.parameters)
    try:
        function = ast.parse(f"def f{spec.signature}: ...").body[0]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        function = None
    if isinstance(function, ast.FunctionDef):
        arguments = function.args
        plain = (*arguments.posonlyargs, *arguments.args)
        for each in (*plain, *arguments.kwonlyargs):
            properties[each.arg] = _type(each.annotation)
        with_default = {a.arg for a in plain[len(plain) - len(arguments.defaults) :]}
        pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        with_default |= {a.arg for a, default in pairs if default is not None}
        needed = [name for name in properties if name not in with_default]
    return _function(spec.name, spec.doc, properties, needed)


def _function(
    name: str, doc: str, properties: Mapping[str, Any], needed: list[str]
) -> dict[str, Any]:
    parameters = {"type": "object", "properties": dict(properties), "required": needed}
    return {
        "type": "function",
        "function": {"name": name, "description": doc, "parameters": parameters},
    }


def _type(node: ast.expr | None, depth: int = 0) -> dict[str, Any]:
    """Return the schema of an annotation."""
    match node:
        case ast.Constant(value=None):
            return {"type": "null"}
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in _PLAIN:
            return {"type": _PLAIN[name]}
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in _LISTS:
            return {"type": "array", "items": {}}
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in _MAPS:
            return {"type": "object"}
        case ast.BinOp(op=ast.BitOr()) if depth < 8:
            return {"anyOf": [_type(node.left, depth + 1), _type(node.right, depth + 1)]}
        case ast.Subscript() if depth < 8:
            return _generic(node, depth)
        case _:
            return {}


def _generic(node: ast.Subscript, depth: int) -> dict[str, Any]:
    name = node.value.id if isinstance(node.value, ast.Name) else ""
    name = node.value.attr if isinstance(node.value, ast.Attribute) else name
    inner = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Literal":
        values = [each.value for each in inner if isinstance(each, ast.Constant)]
        return {"enum": values} if values else {}
    if name == "Optional":
        return {"anyOf": [_type(inner[0], depth + 1), {"type": "null"}]}
    if name == "Union":
        return {"anyOf": [_type(each, depth + 1) for each in inner]}
    if name == "Annotated":
        return _type(inner[0], depth + 1)
    if name in _LISTS:
        return {"type": "array", "items": _type(inner[0], depth + 1)}
    return {"type": "object"} if name in _MAPS else {}


def in_words(schemas: Iterable[Mapping[str, Any]]) -> str:
    """Return functions as text, for a model whose template or provider has no place for them."""
    lines = (json.dumps(each["function"], ensure_ascii=False) for each in schemas)
    return (
        'To call a function write\n<tool_call>\n{"name": "...", "arguments": {...}}\n</tool_call>\n'
        "with one of these names and its arguments:\n" + "\n".join(lines)
    )
