"""A tool: a typed Python function with a docstring that an action can call.

The model reads its signature and first lines as Python; arguments are validated against the types
before the function sees them, because they come from code that a model wrote.
"""

from __future__ import annotations

import functools
import inspect
import textwrap
import typing
from collections.abc import Callable, Iterable
from typing import Any, overload

import msgspec

from smolterm.errors import PackError, ToolError, UsageError
from smolterm.policy import EFFECTS, Effect
from smolterm.threads import in_daemon_thread


class ToolSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What the model, the policy and the sandbox need to know of a tool; plain data."""

    name: str
    signature: str
    """As Python writes it: `(path: str, lines: int = 100) -> str`."""
    doc: str
    effect: Effect
    parameters: tuple[str, ...] = ()
    outside: bool = False
    """Its result may hold text that neither the person nor the model wrote."""
    pack: str = ""
    """The tool pack that it is from; empty for none."""


class Tool:
    """A tool backed by a function in this process.

    Args:
        outside: its result may hold text from outside, see `ToolSpec`; when None, unless it is
            pure.

    Raises:
        UsageError: the function lacks a docstring or types.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        effect: Effect = "pure",
        outside: bool | None = None,
    ) -> None:
        if effect not in EFFECTS:
            raise UsageError(
                f"Unknown effect {effect!r}.", next=f"Use one of {', '.join(EFFECTS)}."
            )
        self.function = function
        brings = effect != "pure" if outside is None else outside
        self.spec = msgspec.structs.replace(describe(function, effect), outside=brings)
        self._arguments = _arguments_type(function)
        self._returns = _returned_type(function)
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def bind(self, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the call's arguments by name, checked and converted to the declared types.

        Raises:
            ToolError: they do not fit the signature.
        """
        return bound(self.spec, self._arguments, args, kwargs)

    async def call(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Validate the arguments, call the function and return what it returned."""
        bound = self.bind(args, kwargs)
        if inspect.iscoroutinefunction(self.function):
            return self.checked(await self.function(**bound))
        # A plain function may block; the engine's loop must not.
        return self.checked(await in_daemon_thread(self.function, **bound))

    def checked(self, result: Any) -> Any:
        """Return a result that is what the signature promises.

        Raises:
            ToolError: it is something else.
        """
        return result if self._returns is None else returned(self.spec, self._returns, result)


def bound(
    spec: ToolSpec,
    fields: type[msgspec.Struct],
    args: list[Any],
    kwargs: dict[str, Any],
    *,
    builtin: Iterable[type] = (),
) -> dict[str, Any]:
    """Return a call's arguments by name, checked and converted.

    Args:
        fields: one for each parameter, with its type and default.
        builtin: types that nothing is converted to.

    Raises:
        ToolError: they do not fit the signature.
    """
    names = spec.parameters
    if len(args) > len(names):
        raise ToolError(f"{spec.name}{spec.signature} takes {len(names)} arguments.")
    given = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name in given:
            raise ToolError(f"{spec.name}: got argument {name!r} twice.")
        given[name] = value
    try:
        checked = msgspec.convert(given, fields, strict=True, builtin_types=builtin)
    except (msgspec.ValidationError, RecursionError, TypeError) as error:
        raise ToolError(f"{spec.name}{spec.signature}: {_readable(str(error))}") from None
    return {name: getattr(checked, name) for name in names}


def returned(spec: ToolSpec, kind: Any, result: Any, *, builtin: Iterable[type] = ()) -> Any:
    """Return a result that is of a type.

    Raises:
        ToolError: it is something else.
    """
    try:
        msgspec.convert(result, kind, strict=True)
    except msgspec.ValidationError as error:
        raise ToolError(f"{spec.name} returned something else than it promises: {error}.") from None
    return result


def describe(function: Callable[..., Any], effect: Effect) -> ToolSpec:
    """Return what a model needs to know of a function."""
    name = getattr(function, "__name__", "")
    if not name.isidentifier() or name.startswith("_"):
        raise UsageError(f"{name or function!r} cannot be a tool: it needs a public name.")
    doc = inspect.getdoc(function) or ""
    if not doc:
        raise UsageError(
            f"The tool {name} has no docstring.", next="The model reads it: write one."
        )
    signature = inspect.signature(function)
    hints = _hints(function)
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise UsageError(
                f"The tool {name} takes *{parameter.name}.", next="Name each argument."
            )
        if parameter.name not in hints:
            raise UsageError(f"The tool {name} gives no type for {parameter.name!r}.")
    shown = signature.replace(
        parameters=[
            p.replace(annotation=_Written(hints[p.name])) for p in signature.parameters.values()
        ],
        return_annotation=(
            _Written(hints["return"]) if "return" in hints else inspect.Signature.empty
        ),
    )
    return ToolSpec(
        name=name,
        signature=str(shown),
        doc=doc,
        effect=effect,
        parameters=tuple(signature.parameters),
    )


def stub(spec: ToolSpec) -> str:
    """Return the tool as the model reads it: a Python function with its docstring, no body."""
    doc = textwrap.indent(spec.doc.replace('"""', "'''"), "    ").strip()
    return f'def {spec.name}{spec.signature}:\n    """{doc}"""'


def by_name(tools: Iterable[Tool]) -> dict[str, Tool]:
    """Index tools by name.

    Raises:
        PackError: two tools share a name, or one takes a reserved one.
    """
    found: dict[str, Tool] = {}
    for each in tools:
        name = each.spec.name
        if name in found:
            raise PackError(f"Two tools are named {name}.", next="Remove one of the packs.")
        if name == "final_answer":
            raise PackError("A tool is named final_answer, which ends the task.", next="Rename it.")
        found[name] = each
    return found


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...
@overload
def tool(
    *, effect: Effect = ..., outside: bool | None = ...
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    effect: Effect = "pure",
    outside: bool | None = None,
) -> Any:
    """Make a tool of a typed function with a docstring; works with and without arguments."""
    if function is not None:
        return Tool(function, effect, outside)
    return lambda wrapped: Tool(wrapped, effect, outside)


class _Written:
    """A type that `inspect.Signature` prints the way a person would write it."""

    def __init__(self, hint: Any) -> None:
        self.text = inspect.formatannotation(hint).replace("NoneType", "None")

    def __repr__(self) -> str:
        return self.text


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except NameError as error:
        name = getattr(function, "__name__", "?")
        raise UsageError(f"The tool {name} has a type that cannot be read: {error}.") from None


def _arguments_type(function: Callable[..., Any]) -> type[msgspec.Struct]:
    hints = _hints(function)
    fields: list[Any] = []
    for p in inspect.signature(function).parameters.values():
        if p.default is p.empty:
            fields.append((p.name, hints[p.name]))
        elif isinstance(p.default, list | dict | set):
            fields.append((p.name, hints[p.name], msgspec.field(default_factory=p.default.copy)))
        else:
            fields.append((p.name, hints[p.name], p.default))
    try:
        # Keyword-only lets a field without a default follow one with it.
        made = msgspec.defstruct("Arguments", fields, kw_only=True, forbid_unknown_fields=True)
        msgspec.convert({}, made, strict=True)
    except msgspec.ValidationError:
        return made
    except TypeError as error:
        name = getattr(function, "__name__", "?")
        raise UsageError(f"The tool {name} has a type that cannot be checked: {error}.") from None
    return made


def _returned_type(function: Callable[..., Any]) -> Any:
    """The declared type of the result; None where there is none that can be checked."""
    hint = _hints(function).get("return")
    if hint in (None, Any, object):
        return None
    try:
        msgspec.convert(object(), hint, strict=True)
    except msgspec.ValidationError:
        return hint
    except TypeError:
        return None
    return None


def _readable(message: str) -> str:
    """Turn msgspec's field paths into the words of a call."""
    return (
        message.replace("Object missing required field", "missing argument")
        .replace("Object contains unknown field", "unknown argument")
        .replace(" - at `$.", ", argument `")
    )
