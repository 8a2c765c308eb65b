"""OpenAPI documents as packs: made, read as any pack is, and called in WebAssembly."""

from __future__ import annotations

import ast
import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from smolterm.errors import ToolError, UsageError
from smolterm.packs.adding import Narrowing, remove_pack
from smolterm.packs.bridges.adding_api import add_api
from smolterm.packs.bridges.generate import source_of
from smolterm.packs.bridges.openapi import parse, read
from smolterm.packs.find import find_packs, made_folder
from smolterm.packs.trust import SecretSource, changing, read_trust
from smolterm.packs.using import Leave, packs_named

NASTY = [
    '"""\nimport os\n"""', "'''); import os; ('''", "\\", 'x"', "a\nb", "{__import__('os')}",
    "${x}", "\u202egnp", "\x00\x1b[2J", "]\n[capabilities]\nhosts=['*']\n", "class", "__init__", "",
    "x" * 5_000, "\ud800", "os.system('x')#", '\\"""+open("/etc/passwd").read()+"""', "\x7f",
]  # fmt: skip


def document(paths, url="https://api.example.org/v1", **more):
    return {"openapi": "3.1.0", "info": {"title": "Pets", "version": "2"},
            "servers": [{"url": url}], "paths": paths, **more}  # fmt: skip


def added(tmp_path, content, **options):
    path = tmp_path / "api.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    assert add_api(str(path), "pets", "", Narrowing(), yes=True, **options) == 0
    return read_trust().packs["pets"]


class Pets(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def _answer(self):
        size = int(self.headers.get("Content-Length") or 0)
        said = {"method": self.command, "path": self.path, "key": self.headers.get("X-Key"),
                "body": self.rfile.read(size).decode()}  # fmt: skip
        raw = json.dumps(said).encode()
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, *_):
        pass


@pytest.fixture
def pets():
    with ThreadingHTTPServer(("127.0.0.1", 0), Pets) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


YAML = """
openapi: 3.0.3
info: {{title: Pets, version: '1'}}
servers:
- url: '{url}'
security: [{{key: []}}]
components:
  securitySchemes:
    key: {{type: apiKey, in: header, name: X-Key}}
  parameters:
    id: {{name: petId, in: path, required: true, schema: {{type: string}}}}
  schemas:
    Pet:
      type: object
      required: [name]
      properties: {{name: {{type: string}}, age: {{type: integer}}}}
paths:
  /pets/{{petId}}:
    parameters: [{{$ref: '#/components/parameters/id'}}]
    get:
      operationId: getPet
      summary: One pet.
      parameters:
      - {{name: with, in: query, schema: {{type: array, items: {{type: string}}}}}}
    delete: {{operationId: dropPet}}
  /pets:
    post:
      operationId: add-pet
      requestBody:
        required: true
        content: {{application/json: {{schema: {{$ref: '#/components/schemas/Pet'}}}}}}
"""


def test_a_document_is_a_pack_whose_tools_are_called_inside(tmp_path, pets, monkeypatch):
    pytest.importorskip("yaml")
    monkeypatch.setenv("PET_KEY", "s3cret-k3y")
    trusted = added(tmp_path, YAML.format(url=pets))
    assert trusted.manifest.kind == "wasm"
    shown = {tool.name: (tool.signature, tool.effect) for tool in trusted.tools}
    assert shown == {
        "getPet": ("(petId: str, with_: list[str] | None = None) -> object", "network"),
        "add_pet": ("(body: dict[str, object]) -> object", "write"),
        "dropPet": ("(petId: str) -> object", "danger"),
    }
    with changing() as trust:
        trust.packs["pets"].secrets["KEY"] = SecretSource(variable="PET_KEY")

    async def use():
        (pack,) = packs_named(["pets"], Leave())
        tools = {tool.spec.name: tool for tool in pack.tools}
        try:
            got = await tools["getPet"].call(["a/b ?"], {"with_": ["x", "y"]})
            assert got["path"] == "/v1/pets/a%2Fb%20%3F?with=x&with=y"
            assert got["key"] == "[secret KEY]"
            sent = await tools["add_pet"].call([{"name": "Bo"}], {})
            assert (sent["method"], json.loads(sent["body"])) == ("POST", {"name": "Bo"})
            assert (await tools["dropPet"].call(["3"], {}))["method"] == "DELETE"
            with pytest.raises(ToolError, match="cannot stand in the path"):
                await tools["dropPet"].call([".."], {})
            with pytest.raises(ToolError, match="answered 404"):
                await tools["getPet"].call(["missing"], {})
        finally:
            await pack.close()

    asyncio.run(use())
    assert "pets" in [found.name for found in find_packs()]
    remove_pack("pets")
    assert not (made_folder() / "pets").exists()


def test_an_edited_source_is_left_out_until_it_is_looked_at(tmp_path):
    added(tmp_path, document({"/a": {"get": {}}}))
    source = made_folder() / "pets" / "__init__.py"
    source.write_text(source.read_text() + "\n# mine\n")
    with pytest.raises(UsageError, match="not the one that you trusted"):
        packs_named(["pets"], Leave())


@pytest.mark.parametrize("nasty", NASTY)
def test_no_text_of_a_document_becomes_code(tmp_path, nasty):
    parameter = {"name": nasty, "in": "query", "description": nasty,
                 "schema": {"enum": [nasty], "default": nasty, "description": nasty}}  # fmt: skip
    body = {"content": {"application/json": {"schema": {"properties": {nasty: {"type": nasty}}}}}}
    operation = {"operationId": nasty, "summary": nasty, "description": nasty,
                 "parameters": [parameter], "requestBody": {"description": nasty, **body},
                 "security": [{nasty: []}]}  # fmt: skip
    scheme = {"type": "apiKey", "in": "header", "name": nasty, "description": nasty}
    made = document(
        {"/a": {"post": operation}, f"/{nasty}": {"get": operation}},
        components={"securitySchemes": {nasty: scheme}},
    )
    made["info"] = {"title": nasty, "version": nasty, "description": nasty}
    trusted = added(tmp_path, json.dumps(made))
    folder = made_folder() / "pets"
    tree = ast.parse((folder / "__init__.py").read_text())
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not {name for name in called if name.split(".")[0] in ("os", "open", "__import__")}
    imported = [
        ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)
    ]
    assert len(imported) == 3
    assert trusted.manifest.capabilities.hosts == ("$url",)
    assert trusted.granted.hosts == ("$url",)


def test_references_lead_nowhere_else(tmp_path):
    schema = {"$ref": "http://127.0.0.1:1/schema.json"}
    loop = {"$ref": "#/components/schemas/loop"}
    parameters = [
        {"name": "a", "in": "query", "schema": schema},
        {"name": "b", "in": "query", "schema": loop},
        {"$ref": "file:///etc/passwd"},
    ]
    made = document(
        {"/a": {"get": {"operationId": "one", "parameters": parameters}},
         "/b": {"$ref": "http://127.0.0.1:1/path.json"}},
        components={"schemas": {"loop": {"type": "object", "properties": {"loop": loop}}}},
    )  # fmt: skip
    trusted = added(tmp_path, made)
    (tool,) = trusted.tools
    assert tool.parameters == ("a", "b")


def test_a_document_is_bounded():
    deep = {}
    for _ in range(200):
        deep = {"type": "object", "properties": {"a": deep, "b": deep, "c": deep}}
    get = {"parameters": [{"name": "x", "in": "query", "schema": deep}]}
    made = document({f"/p{number}": {"get": get} for number in range(300)})
    api = read(made, "")
    assert len(api.operations) == 100 and len(api.left_out) == 200
    assert len(source_of(api)) < 200_000
    few = read(made, "", ("/p1*",))
    assert all(each.path.startswith("/p1") for each in few.operations)


@pytest.mark.parametrize(
    "raw", [b"[1]", b'{"swagger": "2.0"}', b"\xff\xfe", b"a: [", b"[" * 99_999]
)
def test_what_is_no_document_is_refused(raw):
    with pytest.raises(UsageError, match=r"OpenAPI|neither"):
        parse(raw)


def test_a_document_without_an_address_needs_one(tmp_path):
    path = tmp_path / "api.json"
    path.write_text(json.dumps(document({"/a": {"get": {}}}, url="/v1")))
    with pytest.raises(UsageError, match="does not say where"):
        add_api(str(path), "pets", "", Narrowing(), yes=True)
    assert add_api(str(path), "pets", "https://x.org", Narrowing(), yes=True) == 0
