"""What listens on this machine: four kinds of server, and programs that pretend to be one."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from smolterm.models.servers import MOST_BYTES, MOST_MODELS, Served, find_servers, places

OLLAMA = {
    "/api/tags": {"models": [{"name": "qwen3:4b", "size": 2_600_000_000, "details": {}},
                             {"name": "evil \x1b[31m", "size": 1}]},
    "/api/ps": {"models": [{"name": "qwen3:4b", "context_length": 4096}]},
}  # fmt: skip
STUDIO = {
    "/api/v1/models": {"models": [
        {"type": "llm", "key": "acme/a", "size_bytes": 5, "max_context_length": 32768,
         "loaded_instances": [{"config": {"context_length": 8192}}]},
        {"type": "embedding", "key": "acme/e"}]},
}  # fmt: skip
OLDER_STUDIO = {
    "/api/v0/models": {"data": [{"id": "acme/a", "type": "llm", "state": "loaded",
                                 "loaded_context_length": 2048, "max_context_length": 4096}]},
}  # fmt: skip
LLAMA = {
    "/health": {"status": "ok"},
    "/v1/models": {"data": [{"id": "m.gguf", "meta": {"size": 7, "n_ctx_train": 9}}]},
    "/props": {"default_generation_settings": {"n_ctx": 16384}},
}
VLLM = {"/v1/models": {"object": "list", "data": [{"id": "acme/m", "max_model_len": 65536}]}}

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    server: Any

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        answer = self.server.answers.get(self.path)
        try:
            if callable(answer):
                answer(self)
            else:
                self.whole(200 if answer is not None else 404, json.dumps(answer))
        except ConnectionError:
            self.server.left.set()

    def whole(self, status: int, body: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body.encode())


class Listening:
    def __init__(self, answers: dict[str, Any]) -> None:
        self.http: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.answers, self.http.asked, self.http.left = answers, [], threading.Event()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}/v1"

    def __enter__(self) -> Listening:
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.http.server_close()


def found(kind: str, answers: dict[str, Any], seconds: float = 5.0) -> Any:
    with Listening(answers) as server:
        servers = asyncio.run(find_servers({kind: server.base}, seconds=seconds))
        for _, headers in server.http.asked:
            assert "authorization" not in {name.lower() for name in headers}
    assert len(servers) <= 1
    return servers[0] if servers else None


@pytest.mark.parametrize(
    ("kind", "answers", "served"),
    [
        ("ollama", OLLAMA, Served(name="qwen3:4b", bytes=2_600_000_000, context=4096, loaded=True)),
        ("lmstudio", STUDIO, Served(name="acme/a", bytes=5, context=8192, loaded=True)),
        ("lmstudio", OLDER_STUDIO, Served(name="acme/a", context=2048, loaded=True)),
        ("llama-server", LLAMA, Served(name="m.gguf", bytes=7, context=16384, loaded=True)),
        ("vllm", VLLM, Served(name="acme/m", context=65536, loaded=True)),
    ],
)
def test_each_kind_is_understood(kind: str, answers: dict[str, Any], served: Served) -> None:
    server = found(kind, answers)
    assert server.models == (served,)
    assert server.choice(served) == f"{kind}/{served.name}"
    assert not server.loading


def test_a_server_that_still_loads_is_shown_as_such() -> None:
    def loading(handler: Handler) -> None:
        handler.whole(503, '{"error": {"code": 503, "message": "Loading model"}}')

    server = found("llama-server", {"/health": loading})
    assert server.loading and server.models == ()


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    assert asyncio.run(find_servers(dict.fromkeys(("ollama", "vllm"), base))) == []


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b'{"models": [' * 10_000)


def dripping(handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.left.wait(0.02):
        handler.wfile.write(b" ")


def elsewhere(handler: Handler) -> None:
    port = handler.server.server_port
    handler.whole(302, "", location=f"http://127.0.0.1:{port}/real")


def packed(handler: Handler) -> None:
    handler.whole(200, json.dumps(OLLAMA["/api/tags"]), content_encoding="gzip")


def text(body: str) -> Answer:
    return lambda handler: handler.whole(200, body)


@pytest.mark.parametrize(
    "answer",
    [endless, dripping, elsewhere, packed, text("[" * 100_000), text("not json"), text("{}"),
     text('{"models": 3}'), text('{"models": [{"name": 5}]}'), text("\x00" * 50), None],
    ids=["endless", "dripping", "redirect", "packed", "deep", "no-json", "empty", "number",
         "wrong", "zeros", "missing"],
)  # fmt: skip
def test_a_program_that_pretends_is_passed_over(answer: Answer | None) -> None:
    answers = {"/real": OLLAMA["/api/tags"]} | ({"/api/tags": answer} if answer else {})
    assert found("ollama", answers, seconds=0.5 if answer is dripping else 5.0) is None


def test_a_long_list_is_cut() -> None:
    many = {"models": [{"name": f"m{number}"} for number in range(MOST_MODELS * 3)]}
    assert len(json.dumps(many)) < MOST_BYTES
    assert len(found("ollama", {"/api/tags": many}).models) == MOST_MODELS


def test_a_stranger_in_place_of_the_extras_does_no_harm() -> None:
    server = found("ollama", {"/api/tags": OLLAMA["/api/tags"], "/api/ps": text("nonsense")})
    assert server.models[0] == Served(name="qwen3:4b", bytes=2_600_000_000)


def test_only_this_machine_is_asked() -> None:
    assert places({})["ollama"] == "http://127.0.0.1:11434/v1"
    assert places({"OLLAMA_HOST": "0.0.0.0:99"})["ollama"] == "http://127.0.0.1:99/v1"
    assert "ollama" not in places({"OLLAMA_HOST": "10.1.2.3"})
    assert "ollama" not in places({"OLLAMA_HOST": "http://x:y:z"})
    assert asyncio.run(find_servers({"ollama": "http://192.0.2.1:11434/v1"})) == []
