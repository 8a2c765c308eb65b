"""An OpenAPI document of somebody else, read into operations. Pure.

The document is hostile: it is bounded, nothing that it refers to is fetched, and every name in it
becomes one that Python can have.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from smolterm.errors import PackError, UsageError
from smolterm.packs.bridges.schema import Argument, at, keys_of, python_name, shown, tree, type_of
from smolterm.packs.manifest import is_public
from smolterm.packs.types import type_of as checked_type
from smolterm.policy import Effect

LARGEST = 20_000_000
"""Bytes of a document."""
DEEPEST = 200
"""Levels of a YAML document."""
MOST = 100
"""Operations of one pack."""
LONGEST_DOC = 600
EFFECTS: dict[str, Effect] = {"get": "network", "post": "write", "put": "write", "patch": "write",
                              "delete": "danger"}  # fmt: skip
PLACES = ("path", "query", "header", "cookie")
BODIES = ("application/json", "application/x-www-form-urlencoded", "text/plain",
          "application/octet-stream")  # fmt: skip


class Field(NamedTuple):
    """One argument, and where it goes."""

    argument: Argument
    place: str
    """One of `PLACES`, or `body`."""


class Scheme(NamedTuple):
    """How one secret is sent."""

    kind: str
    """bearer, basic, header, query or cookie."""
    key: str
    """The header's, query's or cookie's name."""
    secrets: tuple[str, ...]
    description: str


class Operation(NamedTuple):
    """One operation as a tool."""

    name: str
    method: str
    path: str
    effect: Effect
    doc: str
    fields: tuple[Field, ...]
    body: str
    """The type of its body; empty for none."""
    schemes: tuple[str, ...]


class Api(NamedTuple):
    """What is used of a document."""

    title: str
    version: str
    description: str
    url: str
    """Where it is; empty where the document does not say."""
    operations: tuple[Operation, ...]
    schemes: dict[str, Scheme]
    left_out: tuple[str, ...]
    """Operations that are not used, each with why."""


def parse(raw: bytes) -> dict[str, Any]:
    """Return a document that is JSON or YAML.

    Raises:
        UsageError: it is neither, too large, or of no version that is known.
    """
    if len(raw) > LARGEST:
        raise UsageError(f"The document has more than {LARGEST // 10**6} MB.")
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        found = _yaml(raw)
    version = str(found.get("openapi", "")) if isinstance(found, dict) else ""
    if not isinstance(found, dict) or not version.startswith(("3.0", "3.1")):
        raise UsageError("That is no OpenAPI document of version 3.0 or 3.1.")
    return found


def read(document: Mapping[str, Any], source: str, only: tuple[str, ...] = ()) -> Api:
    """Return what a document offers.

    Args:
        source: its address, which a relative one of a server starts from.
        only: patterns of operations' ids or paths.

    Raises:
        UsageError: it offers nothing that can be used.
    """
    info = _mapping(document.get("info"))
    schemes = dict(_schemes(document))
    operations: list[Operation] = []
    left_out: list[str] = []
    taken: set[str] = set()
    for path, method, item, operation in _listed(document):
        named = str(operation.get("operationId") or f"{method}_{path}")
        if only and not any(fnmatchcase(each, glob) for each in (named, path) for glob in only):
            continue
        what = f"{method.upper()} {shown(path, 100)}"
        if len(operations) >= MOST:
            left_out.append(f"{what}: a pack has at most {MOST} tools")
            continue
        try:
            made = _operation(document, path, method, item, operation, named, taken, schemes)
        except PackError as error:
            left_out.append(f"{what}: {error.what}")
            continue
        taken.add(made.name)
        operations.append(made)
    if not operations:
        why = "; ".join(left_out[:3])
        raise UsageError("The document has no operation that can be used.", next=why)
    used = {name for each in operations for name in each.schemes}
    return Api(
        title=shown(info.get("title"), 100) or "an API",
        version=shown(str(info.get("version", "")), 30) or "1",
        description=shown(info.get("summary") or info.get("description"), 300),
        url=_server(document, source),
        operations=tuple(operations),
        schemes={name: scheme for name, scheme in schemes.items() if name in used},
        left_out=tuple(left_out),
    )


def _yaml(raw: bytes) -> object:
    try:
        import yaml
    except ImportError:
        raise UsageError(
            "The document is no JSON, and PyYAML is not installed.", next="pip install pyyaml."
        ) from None
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        depth = 0
        # The loader in C recurses without a limit.
        for event in yaml.parse(raw, loader):
            opens = isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent)
            closes = isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent)
            depth += opens - closes
            if depth > DEEPEST:
                raise ValueError(f"nested deeper than {DEEPEST}")
        return yaml.load(raw, loader)  # noqa: S506 - it is a safe one
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"The document is neither JSON nor YAML: {shown(str(error))}") from None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _resolved(document: Mapping[str, Any], node: object) -> Mapping[str, Any]:
    for _ in range(5):
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            break
        node = at(document, node["$ref"])
    return _mapping(node)


def _listed(
    document: Mapping[str, Any],
) -> Iterator[tuple[str, str, Mapping[str, Any], Mapping[str, Any]]]:
    for path, item in list(_mapping(document.get("paths")).items())[:5_000]:
        item = _resolved(document, item)
        for method in EFFECTS:
            if isinstance(item.get(method), dict) and isinstance(path, str):
                yield path, method, item, item[method]


def _operation(
    document: Mapping[str, Any],
    path: str,
    method: str,
    item: Mapping[str, Any],
    operation: Mapping[str, Any],
    named: str,
    taken: set[str],
    schemes: Mapping[str, Scheme],
) -> Operation:
    if len(path) > 500 or not path.startswith("/") or not path.isprintable() or " " in path:
        raise PackError("its path is none")
    fields = _fields(
        document, [*_list(item.get("parameters")), *_list(operation.get("parameters"))]
    )
    body, body_field = _body(document, operation, {each.argument.name for each in fields})
    if body_field is not None:
        fields.append(body_field)
    fields.sort(key=lambda each: each.argument.default is not None)
    lines = [
        f"    {each.argument.name}: {each.argument.doc}" for each in fields if each.argument.doc
    ]
    said = shown(operation.get("summary"), 200)
    more = shown(operation.get("description"), LONGEST_DOC)
    doc = "\n\n".join(part for part in (said, more if more != said else "") if part)
    doc = doc or f"{method.upper()} {shown(path, 100)}"
    if lines:
        doc += "\n\nArgs:\n" + "\n".join(lines)
    return Operation(
        name=_name(named, taken),
        method=method.upper(),
        path=path,
        effect=EFFECTS[method],
        doc=doc,
        fields=tuple(fields),
        body=body,
        schemes=_security(document, operation, schemes),
    )


def _name(named: str, taken: set[str]) -> str:
    base = python_name(named, "call").lower() if not is_public(named) else named
    base = base if is_public(base) else f"call_{base}"[:60]
    name, number = base[:56], 2
    while name in taken:
        name, number = f"{base[:56]}_{number}", number + 1
    return name


def _fields(document: Mapping[str, Any], parameters: list[Any]) -> list[Field]:
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for each in parameters[:100]:
        parameter = _resolved(document, each)
        name, place = parameter.get("name"), parameter.get("in")
        if isinstance(name, str) and 0 < len(name) <= 100 and place in PLACES:
            found[name, str(place)] = parameter
    made: list[Field] = []
    taken: set[str] = set()
    for (theirs, place), parameter in found.items():
        content = next(iter(_mapping(parameter.get("content")).values()), None)
        schema = tree(_mapping(content).get("schema") or parameter.get("schema"), document)
        name, number = python_name(theirs, "argument"), 2
        while name in taken:
            name, number = f"{python_name(theirs, 'argument')}_{number}", number + 1
        taken.add(name)
        is_needed = place == "path" or parameter.get("required") is True
        made.append(
            _field(name, theirs, place, schema, is_needed, shown(parameter.get("description")))
        )
    return made


def _field(
    name: str, theirs: str, place: str, schema: Mapping[str, Any], is_needed: bool, doc: str
) -> Field:
    text = _type(schema)
    doc = " ".join(part for part in (doc, keys_of(schema)) if part)
    if not is_needed and "None" not in text.split(" | ") and text != "object":
        text = _sound(f"{text} | None")
    return Field(Argument(name, theirs, text, None if is_needed else "None", doc, True), place)


def _type(schema: Mapping[str, Any]) -> str:
    return _sound(type_of(schema))


def _sound(text: str) -> str:
    """Return a type that values can be checked with; any where it is none."""
    try:
        checked_type(ast.parse(text, mode="eval").body)
    except (PackError, SyntaxError, ValueError, RecursionError):
        return "object"
    return text


def _body(
    document: Mapping[str, Any], operation: Mapping[str, Any], taken: set[str]
) -> tuple[str, Field | None]:
    body = _resolved(document, operation.get("requestBody"))
    content = _mapping(body.get("content"))
    if not content:
        return "", None
    kinds = {str(kind).partition(";")[0].strip().lower(): value for kind, value in content.items()}
    kind = next((each for each in BODIES if each in kinds), "")
    if not kind:
        if body.get("required") is True:
            raise PackError(f"its body is {shown(', '.join(kinds), 100)}, which cannot be made")
        return "", None
    schema = tree(_mapping(kinds[kind]).get("schema"), document)
    if kind == "application/octet-stream":
        schema = {}
    name = "body" if "body" not in taken else "request_body"
    doc = shown(body.get("description"))
    field = _field(name, "", "body", schema, body.get("required") is True, doc)
    if kind == "application/octet-stream":
        default = field.argument.default
        text = "bytes" if default is None else "bytes | None"
        field = Field(field.argument._replace(type=text), "body")
    return kind, field


def _security(
    document: Mapping[str, Any], operation: Mapping[str, Any], schemes: Mapping[str, Scheme]
) -> tuple[str, ...]:
    needs = operation.get("security", document.get("security"))
    for each in _list(needs):
        names = [name for name in _mapping(each) if name in schemes]
        if names:
            return tuple(names)
    return ()


def _schemes(document: Mapping[str, Any]) -> Iterator[tuple[str, Scheme]]:
    declared = _mapping(_mapping(document.get("components")).get("securitySchemes"))
    taken: set[str] = set()
    for name, node in list(declared.items())[:20]:
        scheme = _resolved(document, node)
        base = python_name(str(name), "secret").upper().strip("_") or "SECRET"
        while base in taken:
            base += "_2"
        taken.add(base)
        kind, key = str(scheme.get("type")), ""
        secrets: tuple[str, ...] = (base,)
        if kind == "http" and str(scheme.get("scheme")).lower() == "basic":
            kind, secrets = "basic", (f"{base}_USER", f"{base}_PASSWORD")
        elif kind == "apiKey" and scheme.get("in") in ("header", "query", "cookie"):
            kind, key = str(scheme["in"]), str(scheme.get("name", ""))
            if not key.isascii() or not key.isprintable() or not 0 < len(key) <= 100:
                continue
        elif kind in ("http", "oauth2", "openIdConnect"):
            kind = "bearer"
        else:
            continue
        yield str(name), Scheme(kind, key, secrets, shown(scheme.get("description"), 100))


def _server(document: Mapping[str, Any], source: str) -> str:
    server = _mapping(next(iter(_list(document.get("servers"))), None))
    url = str(server.get("url", "/"))[:500]
    for name, variable in list(_mapping(server.get("variables")).items())[:20]:
        url = url.replace(f"{{{name}}}", str(_mapping(variable).get("default", ""))[:100])
    try:
        url = urljoin(source, url) if source.startswith(("http://", "https://")) else url
        split = urlsplit(url)
        is_address = (
            split.scheme in ("http", "https") and split.hostname and "@" not in split.netloc
        )
    except ValueError:
        return ""
    is_plain = url.isascii() and url.isprintable() and not set(url) & set("{}\"'<> ?#")
    return url.rstrip("/") if is_address and is_plain else ""
