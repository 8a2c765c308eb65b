"""JSON Schema of somebody else, made fit to check with and to be read as Python. Pure.

Such a schema is hostile: a pattern may take forever, a reference lead to another host or back to
itself. What is kept is a bounded tree of keywords whose cost is that of the value checked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from smolterm.errors import ToolError
from smolterm.packs.manifest import is_public
from smolterm.printable import reveal

MOST_NODES = 2_000
DEEPEST = 20
DEEPEST_TYPE = 3
MOST_LITERALS = 30
LONGEST_DOC = 200
"""Characters that are shown of what is said of one argument."""
LONGEST_KEYS = 400
LONGEST_DEFAULT = 200
KEPT = frozenset({
    "type", "enum", "const", "required", "additionalProperties", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems",
    "description", "default",
})  # fmt: skip
MANY = ("anyOf", "oneOf", "allOf")
PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None",
         "object": "dict[str, object]", "array": "list[object]"}  # fmt: skip


class Argument(NamedTuple):
    """One argument of a tool."""

    name: str
    """As Python has it."""
    theirs: str
    """As the schema has it."""
    type: str
    default: str | None
    """None: it must be given."""
    doc: str
    nothing: bool
    """None means that it is left out: the schema knows no null there."""


def plain(schema: object) -> dict[str, Any]:
    """Return the schema of arguments as a bounded tree, references in place, the unsafe gone."""
    found = tree(schema, schema)
    found.setdefault("type", "object")
    return found if found["type"] == "object" else {"type": "object"}


def tree(schema: object, root: object) -> dict[str, Any]:
    """Return any schema as such a tree.

    Args:
        root: the document that its references are of.
    """
    return _Tree(root).node(schema, 0, ())


def at(root: object, reference: str) -> object:
    """Return what a reference within a document leads to; None for nothing, or for another one."""
    if not reference.startswith("#/"):
        return None
    node: object = root
    for part in reference[2:].split("/")[:DEEPEST]:
        key = part.replace("~1", "/").replace("~0", "~")
        node = node.get(key) if isinstance(node, dict) else None
    return node


def arguments_of(schema: Mapping[str, Any]) -> tuple[Argument, ...]:
    """Return the arguments of a plain schema, those that must be given first."""
    required = set(_texts(schema.get("required")))
    taken: set[str] = set()
    found: list[Argument] = []
    properties = schema.get("properties", {})
    for theirs in sorted(properties, key=lambda name: name not in required):
        each = properties[theirs]
        name = _fresh(theirs, taken)
        taken.add(name)
        text = type_of(each)
        default, nothing = None, False
        if theirs not in required:
            default = _default(each)
            if default is None:
                nothing = not _takes_null(each)
                default = "None"
                text = text if "None" in text.split(" | ") or text == "object" else f"{text} | None"
        found.append(Argument(name, theirs, text, default, _said(each), nothing))
    return tuple(found)


def signature_of(arguments: tuple[Argument, ...]) -> str:
    """Return the arguments as Python writes them; what comes back may be anything."""
    parts = [
        f"{each.name}: {each.type}{'' if each.default is None else f' = {each.default}'}"
        for each in arguments
    ]
    return f"({', '.join(parts)}) -> object"


def type_of(schema: Mapping[str, Any], depth: int = 0) -> str:
    """Return the type that a plain schema means, as Python writes it; `object` for any."""
    if "const" in schema or "enum" in schema:
        values = [schema["const"]] if "const" in schema else schema["enum"]
        if values and all(type(each) in (str, int, type(None)) for each in values):
            literal = f"Literal[{', '.join(map(_literal, values))}]"
            if len(values) <= MOST_LITERALS and len(literal) <= 600:
                return literal
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return _union(type_of(each, depth + 1) for each in schema[key])
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return _union(type_of({**schema, "type": each}, depth) for each in kinds)
    if kinds == "array" and "items" in schema and depth < DEEPEST_TYPE:
        return f"list[{type_of(schema['items'], depth + 1)}]"
    return PLAIN.get(str(kinds), "object")


def _said(schema: Mapping[str, Any]) -> str:
    """Return what is said of an argument, with the keys of objects, which a type leaves out."""
    inner = keys_of(schema)
    return " ".join(part for part in (shown(schema.get("description")), inner) if part)


def keys_of(schema: Mapping[str, Any], depth: int = 0) -> str:
    """Return the keys of an object, or of a list's objects, in one line; empty for none."""
    if schema.get("type") == "array" and "items" in schema:
        inner = keys_of(schema["items"], depth)
        return f"[{inner}, ...]" if inner else ""
    properties = schema.get("properties")
    if not properties or depth > DEEPEST_TYPE:
        return ""
    required = set(_texts(schema.get("required")))
    parts = [
        f"{key[:60]!a}{'' if key in required else '?'}: "
        f"{keys_of(each, depth + 1) or type_of(each, DEEPEST_TYPE - 1)}"
        for key, each in list(properties.items())[:MOST_LITERALS]
    ]
    text = f"{{{', '.join(parts)}}}"
    return text if len(text) <= LONGEST_KEYS else f"{text[: LONGEST_KEYS - 1]}…"


def check(schema: Mapping[str, Any], given: Mapping[str, Any], named: str) -> None:
    """Check a call's arguments against a plain schema.

    Raises:
        ToolError: they do not fit; names the argument.
    """
    # Imported at the first call: it takes a while.
    import jsonschema
    from jsonschema.exceptions import best_match

    validator = jsonschema.Draft202012Validator(schema)
    try:
        error = best_match(validator.iter_errors(given))
    except (TypeError, ValueError, ArithmeticError, RecursionError) as failed:
        raise ToolError(f"{named}: its arguments cannot be checked: {failed}"[:500]) from None
    if error is not None:
        where = ".".join(str(part) for part in error.absolute_path)
        at = f", argument `{where}`" if where else ""
        raise ToolError(f"{named}: {error.message[:400]}{at}")


def shown(text: object, longest: int = LONGEST_DOC) -> str:
    """Return somebody else's words on one line, bounded, with nothing that cannot be seen."""
    if not isinstance(text, str):
        return ""
    line = " ".join(reveal(text[: longest * 4])[0].split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


class _Tree:
    """A schema on its way to a plain one."""

    def __init__(self, root: object) -> None:
        self._root = root
        self._left = MOST_NODES

    def node(self, node: object, depth: int, within: tuple[str, ...]) -> dict[str, Any]:
        self._left -= 1
        if not isinstance(node, dict) or depth > DEEPEST or self._left < 0:
            return {}
        reference = node.get("$ref")
        if isinstance(reference, str):
            if reference in within:
                return {}
            found = self.node(at(self._root, reference), depth + 1, (*within, reference))
            return found | {key: node[key] for key in ("description",) if key in node}
        made = {key: value for key, value in node.items() if key in KEPT and _is_sound(key, value)}
        if node.get("nullable") is True and isinstance(made.get("type"), str):
            made["type"] = [made["type"], "null"]
        if isinstance(node.get("additionalProperties"), dict):
            made["additionalProperties"] = self.node(
                node["additionalProperties"], depth + 1, within
            )
        if isinstance(node.get("items"), dict):
            made["items"] = self.node(node["items"], depth + 1, within)
        for key in MANY:
            if isinstance(node.get(key), list) and node[key]:
                made[key] = [self.node(each, depth + 1, within) for each in node[key][:50]]
        if isinstance(node.get("properties"), dict):
            made["properties"] = {
                name: self.node(each, depth + 1, within)
                for name, each in list(node["properties"].items())[:100]
                if isinstance(name, str) and len(name) <= 100
            }
        return made


def _is_sound(key: str, value: object) -> bool:
    """Say whether a keyword's value is one that checking with it cannot fail by."""
    if key == "type":
        kinds = value if isinstance(value, list) else [value]
        return bool(kinds) and all(isinstance(kind, str) and kind in PLAIN for kind in kinds)
    if key == "enum":
        return isinstance(value, list) and 0 < len(value) <= 1_000
    if key == "required":
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if key == "additionalProperties":
        return isinstance(value, bool)
    if key.startswith(("min", "max", "exclusive")):
        return type(value) in (int, float) and math.isfinite(float(str(value)[:300]))
    return True


def _texts(value: object) -> Iterator[str]:
    yield from (each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _fresh(theirs: str, taken: set[str]) -> str:
    """Return a name that Python can have for an argument, and no other one has."""
    name = python_name(theirs, "argument")
    number = 2
    while name in taken:
        name = f"{python_name(theirs, 'argument')[:60]}_{number}"
        number += 1
    return name


def python_name(theirs: str, otherwise: str) -> str:
    """Return somebody else's name as one that an action can write."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", theirs).strip("_")[:60]
    if name and name[0].isdigit():
        name = f"{otherwise}_{name}"
    name = name or otherwise
    # `id`, `type`: fine for an argument, and what nearly every server calls some.
    is_fine = is_public(name) or name in _BUILTINS
    return name if is_fine else f"{name}_"


_BUILTINS = frozenset({
    "id", "type", "filter", "format", "input", "max", "min", "sum", "list", "hash", "dir", "all",
    "any", "range", "object", "set", "next", "iter", "open", "vars", "help", "map", "sorted", "str",
    "int", "bool", "float", "bytes", "property", "license", "compile", "print", "round", "slice",
    "zip", "len", "pow", "repr",
})  # fmt: skip


def _literal(value: object) -> str:
    """Return a value as Python writes it, with nothing that cannot be seen."""
    return ascii(value)


def _union(parts: Iterator[str]) -> str:
    texts = list(dict.fromkeys(parts))
    if "object" in texts or not texts:
        return "object"
    # None last, as a person writes it.
    return " | ".join(sorted(texts, key=lambda each: each == "None"))


def _default(schema: Mapping[str, Any]) -> str | None:
    value = schema.get("default")
    if value is None or "default" not in schema:
        return None
    text = ascii(value)
    is_plain = type(value) in (str, int, bool, float) or value in ([], {})
    if isinstance(value, float) and not math.isfinite(value):
        return None
    try:
        check({"type": "object", "properties": {"x": dict(schema)}}, {"x": value}, "")
    except ToolError:
        return None
    return text if is_plain and len(text) <= LONGEST_DEFAULT else None


def _takes_null(schema: Mapping[str, Any]) -> bool:
    return "None" in type_of(schema).split(" | ") or not msgspec.to_builtins(
        {key: schema[key] for key in schema if key not in ("description", "default")}
    )
