"""An OpenAPI document as the source of a pack: readable, and nobody's text is code in it.

Names come from `schema.py`, literals are written by `ascii()`, docstrings by `ast.unparse`, and
what was made is parsed again before it is written.
"""

from __future__ import annotations

import ast
import json

from smolterm.errors import PackError
from smolterm.packs.bridges.openapi import Api, Operation, Scheme
from smolterm.packs.bridges.schema import shown
from smolterm.packs.manifest import LONGEST_TEXT

HEAD = '''
from typing import Literal
from urllib.parse import quote

from smolterm.pack import ToolError, http, secrets, settings, tool


def _send(method, path, values, query, headers, cookies, schemes, **body):
    """Send one request and return what came back: JSON, text or bytes."""
    for name, value in values.items():
        if str(value) in (".", "..", ""):
            raise ToolError(f"{value!r} cannot stand in the path.")
        path = path.replace("{" + name + "}", quote(_text(value), safe=""))
    query = {name: value for name, value in query.items() if value is not None}
    headers = {name: _text(value) for name, value in headers.items() if value is not None}
    cookies = {name: _text(value) for name, value in cookies.items() if value is not None}
    auth = None
    for kind, key, names in schemes:
        if not all(secrets.has(name) for name in names):
            continue
        if kind == "bearer":
            auth = secrets.bearer(names[0])
        elif kind == "basic":
            auth = (secrets[names[0]], secrets[names[1]])
        elif kind == "header":
            headers[key] = secrets[names[0]]
        elif kind == "query":
            query[key] = secrets[names[0]]
        else:
            cookies[key] = secrets[names[0]]
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    url = settings["url"].rstrip("/") + path
    answer = http.request(method, url, params=query, headers=headers, auth=auth, **body)
    answer.raise_for_status()
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not answer.content:
        return None
    if kind == "application/json" or kind.endswith("+json"):
        return answer.json()
    if kind.startswith("text/") or kind.endswith("xml"):
        return answer.text
    return answer.content


def _text(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ",".join(_text(each) for each in value)
    return str(value)
'''
BODY = {"application/json": "json", "application/x-www-form-urlencoded": "data",
        "text/plain": "content", "application/octet-stream": "content"}  # fmt: skip


def source_of(api: Api) -> str:
    """Return the pack's one module.

    Raises:
        PackError: what came of the document is no Python.
    """
    words = f"{api.title} {api.version}. Made from its OpenAPI document by smolterm."
    parts = [_docstring(words, 0), HEAD, *(_function(each, api.schemes) for each in api.operations)]
    source = "\n".join(parts)
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise PackError(f"The document cannot be made a pack: {error}.") from None
    found = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    known = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    expected = ["_send", "_text", *(each.name for each in api.operations)]
    if found != expected or len(known) != len(expected) + 1:
        raise PackError("The document cannot be made a pack: there is more in it than functions.")
    return source


def manifest_of(name: str, api: Api) -> str:
    """Return the pack's manifest, as TOML."""
    description = f"{api.title}. {api.description}"[: LONGEST_TEXT - 100].strip()
    lines = [
        f"name = {_toml(name)}",
        f"version = {_toml(api.version)}",
        f"description = {_toml(description)}",
        "",
        "[tools]",
        *(f"{each.name} = {_toml(each.effect)}" for each in api.operations),
        "",
        "[settings]",
        f'url = {{ description = "Where the API is.", default = {_toml(api.url)} }}',
        "",
        "[capabilities]",
        'hosts = ["$url"]',
    ]
    names = {secret: s for s in api.schemes.values() for secret in s.secrets}
    if names:
        lines += ["", "[secrets]"]
    for secret, scheme in names.items():
        told = _toml(shown(scheme.description, 200))
        lines.append(f'{secret} = {{ description = {told}, hosts = ["$url"] }}')
    return "\n".join(lines) + "\n"


def _function(operation: Operation, schemes: dict[str, Scheme]) -> str:
    signature = ", ".join(
        f"{f.argument.name}: {f.argument.type}" + ("" if f.argument.default is None else " = None")
        for f in operation.fields
    )
    sent = [operation.method.__repr__(), ascii(operation.path)]
    for place in ("path", "query", "header", "cookie"):
        pairs = [
            f"{f.argument.theirs!a}: {f.argument.name}"
            for f in operation.fields
            if f.place == place
        ]
        sent.append(f"{{{', '.join(pairs)}}}")
    sent.append(ascii([tuple(schemes[name][:3]) for name in operation.schemes]))
    bodies = [f.argument.name for f in operation.fields if f.place == "body"]
    sent += [f"{BODY[operation.body]}={name}" for name in bodies]
    inner = "".join(f"        {each},\n" for each in sent)
    return (
        f"\n@tool(effect={operation.effect!a})\n"
        f"def {operation.name}({signature}) -> object:\n"
        f"{_docstring(operation.doc, 4)}\n"
        f"    return _send(\n{inner}    )\n"
    )


def _docstring(text: str, indent: int) -> str:
    """Return a docstring that holds a text and ends where it ends."""
    body: list[ast.stmt] = [ast.Expr(ast.Constant(text))]
    written = ast.unparse(ast.Module(body=body, type_ignores=[]))
    first, *rest = written.split("\n")
    space = " " * indent
    return "\n".join([space + first, *(space + line if line else line for line in rest)])


def _toml(text: str) -> str:
    """Return a text as TOML writes it; JSON's escapes are among its own."""
    return json.dumps(text)
