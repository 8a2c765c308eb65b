"""The types a pack's tool may name, from their text to what checks a value.

The text comes from a pack's source, which nobody runs: a closed vocabulary, written out again by
us, so that a signature says what is checked and nothing else.
"""

from __future__ import annotations

import ast
import datetime
import functools
import operator
from typing import Any, Literal

import msgspec

from smolterm.errors import PackError, ToolError
from smolterm.tools import ToolSpec, bound, returned

DEEPEST = 8
LONGEST = 1_000
"""Characters of one type, or of one default, as text."""

_PLAIN: dict[str, Any] = {
    "None": None, "bool": bool, "int": int, "float": float, "str": str, "bytes": bytes,
    "object": Any, "Any": Any, "list": list[Any], "dict": dict[Any, Any], "tuple": tuple[Any, ...],
    "set": set[Any], "frozenset": frozenset[Any],
    "datetime.date": datetime.date, "datetime.datetime": datetime.datetime,
    "datetime.time": datetime.time, "datetime.timedelta": datetime.timedelta,
}  # fmt: skip
_SHORT = {name.removeprefix("datetime."): name for name in _PLAIN if name.startswith("datetime.")}
_OLD = {each.title(): each for each in ("list", "dict", "tuple", "set")} | {
    "FrozenSet": "frozenset"
}
"""As `typing` has them."""
_HASHABLE = ("bool", "int", "float", "str", "bytes", "object", "Any")
_BUILTIN = (bytes, datetime.timedelta)
"""Text is not taken for these, as JSON would."""
_SCALARS = (None, bool, int, float, str, bytes, datetime.date, datetime.datetime, datetime.time,
            datetime.timedelta)  # fmt: skip
_EXACT = (bytes, datetime.date, datetime.datetime, datetime.time, datetime.timedelta)
_YIELDING = (
    "Generator",
    "AsyncGenerator",
    "Iterator",
    "AsyncIterator",
    "Iterable",
    "AsyncIterable",
)


class OneOf:
    """Alternatives that msgspec cannot tell apart, such as `str | bytes`: the exact type counts."""

    def __init__(self, text: str, kinds: list[Any]) -> None:
        self._text = text
        self._kinds = kinds

    def check(self, value: Any) -> None:
        """Check a value.

        Raises:
            msgspec.ValidationError: it is of none of the types.
        """
        for kind in self._kinds:
            try:
                msgspec.convert(value, kind, strict=True, builtin_types=_EXACT)
            except msgspec.ValidationError:
                continue
            return
        raise msgspec.ValidationError(f"Expected `{self._text}`, got `{type(value).__name__}`")


class Checks:
    """What checks the calls of one tool, made from its signature at the first call."""

    def __init__(self, spec: ToolSpec) -> None:
        self.spec = spec

    def bind(self, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return a call's arguments by name, converted to the declared types.

        Raises:
            ToolError: they do not fit the signature.
        """
        found = bound(self.spec, self._types[0], args, kwargs, builtin=_BUILTIN)
        for name, kind in self._types[2].items():
            try:
                kind.check(found[name])
            except msgspec.ValidationError as error:
                what = f"{self.spec.name}{self.spec.signature}: {error}, argument `{name}`"
                raise ToolError(what) from None
        return found

    def checked(self, result: Any) -> Any:
        """Return a result that is what the signature promises.

        Raises:
            ToolError: it is something else.
        """
        kind = self._types[1]
        if not isinstance(kind, OneOf):
            return returned(self.spec, kind, result, builtin=_BUILTIN)
        try:
            kind.check(result)
        except msgspec.ValidationError as error:
            what = f"{self.spec.name} returned something else than it promises: {error}."
            raise ToolError(what) from None
        return result

    @functools.cached_property
    def _types(self) -> tuple[type[msgspec.Struct], Any, dict[str, OneOf]]:
        return types_of(self.spec.signature)


def types_of(signature: str) -> tuple[type[msgspec.Struct], Any, dict[str, OneOf]]:
    """Return what checks the arguments of a signature that `written` made, and its result.

    The third are arguments that the first lets pass and that are checked by themselves.

    Raises:
        PackError: it is no such signature.
    """
    function = ast.parse(f"def f{signature}: ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    fields: list[Any] = []
    alone: dict[str, OneOf] = {}
    for name, node, default in parameters(function):
        kind: Any = type_of(node)[1]
        if isinstance(kind, OneOf):
            alone[name], kind = kind, Any
        if default is None:
            fields.append((name, kind))
        else:
            value = ast.literal_eval(default)
            fresh = functools.partial(ast.literal_eval, default)
            many = isinstance(value, list | dict | set)
            fields.append((name, kind, msgspec.field(default_factory=fresh) if many else value))
    made = msgspec.defstruct("Arguments", fields, kw_only=True, forbid_unknown_fields=True)
    result = Any if function.returns is None else type_of(function.returns)[1]
    return made, result, alone


def written(function: ast.FunctionDef | ast.AsyncFunctionDef, *, yields: bool = False) -> str:
    """Return a function's signature as the model reads it, in our own words.

    Args:
        yields: it is a generator, whose result is what it returns in the end.

    Raises:
        PackError: a parameter, type or default is none that a tool can have; says which.
    """
    shown: list[str] = []
    first_keyword = function.args.kwonlyargs[0].arg if function.args.kwonlyargs else None
    for name, node, default in parameters(function):
        if name == first_keyword:
            shown.append("*")
        try:
            text, kind = type_of(node)
            if default is not None:
                text += f" = {_default(default, kind)}"
        except PackError as error:
            raise PackError(f"its parameter {name}: {error.what}") from None
        shown.append(f"{name}: {text}")
    result = _result(function.returns, yields)
    return f"({', '.join(shown)}){result}"


def parameters(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
) -> list[tuple[str, ast.expr | None, ast.expr | None]]:
    """Return the name, type and default of each parameter.

    Raises:
        PackError: one has no name that a call could give.
    """
    given = function.args
    if given.vararg is not None or given.kwarg is not None:
        raise PackError("it takes * arguments; name each one")
    if given.posonlyargs:
        raise PackError("it has parameters before a /; a call gives each by its name")
    missing: list[ast.expr | None] = [None] * (len(given.args) - len(given.defaults))
    defaults = [*missing, *given.defaults, *given.kw_defaults]
    every = [*given.args, *given.kwonlyargs]
    for each in every:
        if not each.arg.isascii() or len(each.arg) > 64:
            raise PackError(f"its parameter {each.arg[:64]!a} is not plain letters")
    return [
        (each.arg, each.annotation, default) for each, default in zip(every, defaults, strict=True)
    ]


def type_of(node: ast.expr | None, depth: int = 0) -> tuple[str, Any]:
    """Return a type's text and what msgspec checks it by.

    Raises:
        PackError: it is outside of the vocabulary.
    """
    if node is None:
        raise PackError("it has no type")
    if depth > DEEPEST:
        raise PackError("its type is nested too deeply")
    match node:
        case ast.Constant(value=None):
            return "None", None
        case ast.Constant(value=str(text)) if len(text) <= LONGEST:
            return type_of(_parsed(text), depth + 1)
        case ast.Name() | ast.Attribute():
            name = _name(node)
            if name in _PLAIN:
                return name, _PLAIN[name]
            raise PackError(f"{name} is no type that a tool can have")
        case ast.BinOp(op=ast.BitOr()):
            return _union(_sides(node), depth)
        case ast.Subscript():
            return _generic(node, depth)
        case _:
            raise PackError("its type is none that a tool can have")


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise PackError("its type cannot be read") from None


def _name(node: ast.expr) -> str:
    """Return a type's name, without `typing.` and with `datetime.`."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < 3:
        parts.append(node.attr)
        node = node.value
    name = ".".join([node.id if isinstance(node, ast.Name) else "?", *reversed(parts)])
    for prefix in ("typing.", "collections.abc.", "dt."):
        name = name.removeprefix(prefix)
    name = _OLD.get(name, _SHORT.get(name, name))
    if not name.isascii() or len(name) > 100:
        name = ascii(name[:100])
    return name


def _sides(node: ast.BinOp) -> list[ast.expr]:
    sides: list[ast.expr] = [node.right]
    left = node.left
    while isinstance(left, ast.BinOp) and isinstance(left.op, ast.BitOr):
        sides.append(left.right)
        left = left.left
        if len(sides) > 20:
            raise PackError("its type has too many alternatives")
    return [left, *reversed(sides)]


def _union(nodes: list[ast.expr], depth: int) -> tuple[str, Any]:
    made = [type_of(node, depth + 1) for node in nodes]
    texts = list(dict.fromkeys(text for text, _ in made))
    kinds = [kind for _, kind in made]
    if any(isinstance(kind, OneOf) for kind in kinds):
        raise PackError("its type is nested too deeply")
    if Any in kinds:
        return _whole(" | ".join(texts)), Any
    union = functools.reduce(operator.or_, [type(None) if k is None else k for k in kinds])
    text = _whole(" | ".join(texts))
    try:
        _probe(union, text)
    except PackError:
        if depth or not all(kind in _SCALARS for kind in kinds):
            raise
        return text, OneOf(text, kinds)
    return text, union


def _generic(node: ast.Subscript, depth: int) -> tuple[str, Any]:
    name = _name(node.value)
    inner = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Literal":
        return _literal(inner)
    if name == "Optional" and len(inner) == 1:
        return _union([inner[0], ast.Constant(value=None)], depth)
    if name == "Union":
        return _union(inner, depth)
    count = {"list": 1, "set": 1, "frozenset": 1, "dict": 2}.get(name)
    ends = name == "tuple" and len(inner) == 2 and _is_ellipsis(inner[1])
    if ends:
        inner = inner[:1]
    elif len(inner) != count and not (name == "tuple" and 0 < len(inner) <= 20):
        raise PackError(f"{name}[...] is no type that a tool can have")
    made = [type_of(each, depth + 1) for each in inner]
    text = _whole(f"{name}[{', '.join(each for each, _ in made)}{', ...' if ends else ''}]")
    if name in ("set", "frozenset", "dict") and made[0][0] not in _HASHABLE:
        raise PackError(f"{text} is no type that a tool can have: {made[0][0]} is no key")
    kinds = tuple(kind for _, kind in made)
    base: Any = {"list": list, "set": set, "frozenset": frozenset, "dict": dict, "tuple": tuple}
    kind = base[name][(*kinds, ...) if ends else kinds]
    _probe(kind, text)
    return text, kind


def _literal(inner: list[ast.expr]) -> tuple[str, Any]:
    values: list[Any] = []
    for each in inner[:101]:
        try:
            values.append(ast.literal_eval(each))
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            raise PackError("a Literal holds what is no literal") from None
    if len(inner) > 100 or not all(type(v) in (str, int, type(None)) for v in values):
        raise PackError("a Literal may hold up to 100 strings, whole numbers and None")
    kind: Any = Literal[tuple(values)]
    text = _whole(f"Literal[{', '.join(map(repr, values))}]")
    _probe(kind, text)
    return text, kind


def _probe(kind: Any, text: str) -> None:
    """Find out whether msgspec can tell the parts of a type from one another."""
    try:
        msgspec.convert(object(), kind, strict=True)
    except msgspec.ValidationError:
        pass
    except (TypeError, ValueError):
        raise PackError(f"values of the type {text} cannot be told apart") from None


def _default(node: ast.expr, kind: Any) -> str:
    try:
        value = ast.literal_eval(node)
        text = _whole(repr(value))
        ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise PackError("its default is no literal") from None
    if isinstance(kind, OneOf):
        try:
            kind.check(value)
        except msgspec.ValidationError:
            raise PackError("its default is not of its type") from None
    elif kind is not Any:
        try:
            msgspec.convert(value, kind, strict=True, builtin_types=_BUILTIN)
        except msgspec.ValidationError:
            raise PackError("its default is not of its type") from None
    return text


def _result(node: ast.expr | None, yields: bool) -> str:
    if node is None:
        return ""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        node = _parsed(node.value[:LONGEST])
    if yields and isinstance(node, ast.Subscript) and _name(node.value) in _YIELDING:
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if _name(node.value) == "Generator" and len(inner) == 3:
            return f" -> {_named(inner[2])}"
        return " -> object"
    return f" -> {_named(node)}"


def _named(node: ast.expr) -> str:
    try:
        return type_of(node)[0]
    except PackError as error:
        raise PackError(f"its result: {error.what}") from None


def _whole(text: str) -> str:
    if len(text) > LONGEST:
        raise PackError(f"it is longer than {LONGEST} characters")
    return text


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...
