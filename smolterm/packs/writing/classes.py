"""Tools of smolagents that are classes, read from the source: what they would be as a function."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from smolterm.errors import PackError
from smolterm.packs.manifest import is_public

TYPES = {
    "string": "str", "boolean": "bool", "integer": "int", "number": "float", "array": "list",
    "object": "dict", "any": "object", "null": "None",
}  # fmt: skip
"""Those of smolagents that can cross; an image or a sound cannot."""


def is_tool_class(node: ast.stmt) -> bool:
    """Say whether a statement is a class over smolagents' `Tool`."""
    return isinstance(node, ast.ClassDef) and any(
        getattr(base, "attr", getattr(base, "id", "")) == "Tool" for base in node.bases
    )


def as_function(node: ast.ClassDef) -> ast.FunctionDef:
    """Return the function that a tool's class stands for.

    Raises:
        PackError: something of it is only known once it runs; says what.
    """
    said = _literals(node)
    name, description = _text(said, "name"), _text(said, "description")
    if not is_public(name):
        raise PackError(f"its name, {name[:64]!a}, cannot be called")
    inputs = said.get("inputs")
    if not isinstance(inputs, dict) or not all(isinstance(each, dict) for each in inputs.values()):
        raise PackError("its `inputs` is no dict of dicts that stands there as a literal")
    arguments = list(_arguments(_forward(node), inputs))
    doc = [description]
    if arguments:
        doc += ["", "Args:"]
        doc += [f"    {each}: {inputs[each].get('description', '')}" for each, _, _ in arguments]
    given = ast.arguments(
        posonlyargs=[],
        args=[],
        kwonlyargs=[],
        kw_defaults=[],
        defaults=[default for _, _, default in arguments if default is not None],
    )
    given.args = [ast.arg(arg=each, annotation=kind) for each, kind, _ in arguments]
    made = ast.FunctionDef(
        name=name,
        args=given,
        body=[ast.Expr(ast.Constant("\n".join(doc)))],
        decorator_list=[],
        returns=_type(_text(said, "output_type")),
        lineno=node.lineno,
        col_offset=0,
    )
    return ast.fix_missing_locations(made)


def _literals(node: ast.ClassDef) -> dict[str, Any]:
    """Return the attributes whose values stand in the source."""
    found: dict[str, Any] = {}
    for each in node.body:
        targets: list[ast.expr] = []
        value: ast.expr | None = None
        if isinstance(each, ast.Assign):
            targets, value = each.targets, each.value
        elif isinstance(each, ast.AnnAssign):
            targets, value = [each.target], each.value
        for target in targets:
            if isinstance(target, ast.Name) and value is not None:
                try:
                    found[target.id] = ast.literal_eval(value)
                except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                    found.pop(target.id, None)
    return found


def _text(said: dict[str, Any], key: str) -> str:
    value = said.get(key)
    if not isinstance(value, str):
        raise PackError(f"its `{key}` does not stand there as a text, so only running it would say")
    return value


def _forward(node: ast.ClassDef) -> ast.FunctionDef | ast.AsyncFunctionDef:
    methods = {
        each.name: each
        for each in node.body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    made = methods.get("__init__")
    if made is not None and len(made.args.args) - len(made.args.defaults) > 1:
        raise PackError("its __init__ takes arguments, which nobody would give")
    if "forward" not in methods:
        raise PackError("it has no method `forward` of its own")
    return methods["forward"]


def _arguments(
    forward: ast.FunctionDef | ast.AsyncFunctionDef, inputs: dict[Any, Any]
) -> Iterator[tuple[str, ast.expr, ast.expr | None]]:
    """Yield each argument's name, type and default."""
    given = forward.args
    if given.vararg or given.kwarg or given.posonlyargs or given.kwonlyargs:
        raise PackError("its `forward` takes other arguments than plain ones")
    names = [each.arg for each in given.args[1:]]
    if set(names) != set(inputs):
        raise PackError("its `inputs` are not the arguments of its `forward`")
    missing: list[ast.expr | None] = [None] * (len(given.args) - len(given.defaults))
    defaults = [*missing, *given.defaults][1:]
    for name, default in zip(names, defaults, strict=True):
        kind = inputs[name].get("type")
        kinds = list(kind) if isinstance(kind, list | tuple) else [kind]
        if inputs[name].get("nullable") is True:
            kinds.append("null")
        union = _type(kinds[0])
        for each in kinds[1:]:
            union = ast.BinOp(left=union, op=ast.BitOr(), right=_type(each))
        yield name, union, default


def _type(kind: object) -> ast.expr:
    if not isinstance(kind, str) or kind not in TYPES:
        raise PackError(f"{str(kind)[:40]!a} is no type that can go in or out of it")
    name = TYPES[kind]
    return ast.Constant(None) if name == "None" else ast.Name(id=name)
