"""A server on this machine that speaks the OpenAI chat protocol and says what a script tells it.

    with OpenAIServer([says("Hello"), fails(429), says("again")]) as server:
        HostedModel("openai/x", api_base=server.url)
        server.requests[0]["body"]["messages"]

`python -m tests.servers SCRIPT.json` serves a list of such replies and prints its URL.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Reply = dict[str, Any]
Script = Sequence[Reply] | Callable[[dict[str, Any]], Reply]


def says(text: str = "", **fields: Any) -> Reply:
    """Return a reply that streams `text`, a word a chunk.

    Fields, all optional and all fit for JSON:
        chunks: list of str, instead of `text`.
        reasoning: str or list of str, sent before as `reasoning_content`.
        calls: list of (name, arguments as JSON text), sent behind as `tool_calls` in pieces.
        usage: dict, in the last chunk when the request asks for usage.
        finish: str or None (no finish_reason at all); "stop" by default.
        done: False leaves out `[DONE]`.
        cut: True breaks the connection after the last chunk.
        hang: True sends the chunks and then waits until the client or the server goes.
        pace: seconds between two chunks.
        delay: seconds before the first byte.
        headers: dict of more response headers.
    """
    return {"text": text, **fields}


def fails(status: int, message: str = "", *, code: str = "", **fields: Any) -> Reply:
    """Return a reply with an error status; fields: headers, delay."""
    return {"status": status, "message": message, "code": code, **fields}


def raw(body: str, content_type: str = "text/html", status: int = 200, **fields: Any) -> Reply:
    """Return a reply that is exactly `body`."""
    return {"status": status, "body": body, "type": content_type, **fields}


class OpenAIServer:
    """Answers request k with reply k of the script, or with what the script returns for a request.

    Args:
        script: replies, or a function from the request's JSON body to a reply.
        loop: start again at the end of the script; otherwise status 500 says that it is over.

    Attributes:
        url: base URL with `/v1`.
        requests: one dict a request: path, headers (names in lower case), body.
    """

    def __init__(self, script: Script, *, loop: bool = False) -> None:
        self.requests: list[dict[str, Any]] = []
        self._script = script
        self._loop = loop
        self._changed = threading.Condition()
        self._gone = 0
        self.closing = threading.Event()
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def __enter__(self) -> OpenAIServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()

    def wait_for_requests(self, count: int, timeout: float = 20) -> None:
        """Return once that many requests have arrived."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= count, timeout)

    def wait_for_hangup(self, count: int = 1, timeout: float = 20) -> None:
        """Return once that many clients have left a reply that hangs."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._gone >= count, timeout)

    def next_reply(self, request: dict[str, Any]) -> Reply:
        with self._changed:
            number = len(self.requests)
            self.requests.append(request)
            self._changed.notify_all()
        if callable(self._script):
            return self._script(request["body"])
        if self._loop:
            return self._script[number % len(self._script)]
        if number < len(self._script):
            return self._script[number]
        return fails(500, f"the script has {len(self._script)} replies, this is {number + 1}")

    def hung_up(self) -> None:
        with self._changed:
            self._gone += 1
            self._changed.notify_all()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    owner: OpenAIServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            pass

    def do_GET(self) -> None:
        body = {"object": "list", "data": [{"id": "scripted", "object": "model"}]}
        self._whole(200, json.dumps(body), "application/json", {})

    def do_POST(self) -> None:
        size = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(size) or b"{}")
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = {"path": self.path, "headers": headers, "body": body}
        reply = self.server.owner.next_reply(request)
        time.sleep(reply.get("delay", 0))
        more = reply.get("headers", {})
        if "body" in reply:
            self._whole(
                reply.get("status", 200), reply["body"], reply.get("type", "text/html"), more
            )
        elif "status" in reply:
            error = {
                "message": reply.get("message", ""),
                "type": "error",
                "code": reply.get("code") or None,
            }
            self._whole(reply["status"], json.dumps({"error": error}), "application/json", more)
        elif body.get("stream"):
            try:
                self._stream(reply, body)
            except ConnectionError:
                # The client went while we still wrote.
                self.close_connection = True
                self.server.owner.hung_up()
        else:
            self._whole(200, json.dumps(_completion(reply, body)), "application/json", more)

    def _whole(self, status: int, body: str, kind: str, headers: dict[str, str]) -> None:
        raw_body = body.encode()
        self.send_response(status)
        for name, value in {
            "content-type": kind,
            "content-length": len(raw_body),
            **headers,
        }.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(raw_body)

    def _stream(self, reply: Reply, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        for name, value in reply.get("headers", {}).items():
            self.send_header(name, value)
        self.end_headers()
        for chunk in _chunks(reply, body):
            self._event(json.dumps(chunk))
            time.sleep(reply.get("pace", 0))
        if reply.get("hang"):
            self._hang()
        if reply.get("cut") or reply.get("hang"):
            self.close_connection = True
            return
        if reply.get("done", True):
            self._event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, data: str) -> None:
        line = f"data: {data}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.flush()

    def _hang(self) -> None:
        """Wait until the client closes the connection, or the server is closed."""
        self.connection.settimeout(0.02)
        while not self.server.owner.closing.is_set():
            try:
                if not self.connection.recv(1):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        self.server.owner.hung_up()


def _chunks(reply: Reply, body: dict[str, Any]) -> list[dict[str, Any]]:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
            "model": body.get("model", "scripted")}  # fmt: skip

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    reasoning = reply.get("reasoning", [])
    thoughts = [reasoning] if isinstance(reasoning, str) else reasoning
    texts = reply.get("chunks") or re.findall(r"\s*\S+|\s+", reply.get("text", ""))
    chunks = [chunk({"role": "assistant", "content": ""})]
    chunks += [chunk({"reasoning_content": text}) for text in thoughts]
    chunks += [chunk({"content": text}) for text in texts]
    chunks += [chunk({"tool_calls": [piece]}) for piece in _call_pieces(reply)]
    if reply.get("cut") or reply.get("hang"):
        return chunks
    usual = "tool_calls" if reply.get("calls") else "stop"
    if (finish := reply.get("finish", usual)) is not None:
        chunks.append(chunk({}, finish))
    if body.get("stream_options", {}).get("include_usage"):
        chunks.append({**head, "choices": [], "usage": _usage(reply, texts)})
    return chunks


def _call_pieces(reply: Reply) -> list[dict[str, Any]]:
    """Return calls as OpenAI streams them: first the name, then the arguments in pieces."""
    pieces: list[dict[str, Any]] = []
    for index, (name, arguments) in enumerate(reply.get("calls", [])):
        head = {"name": name, "arguments": ""}
        pieces.append({"index": index, "id": f"c{index}", "type": "function", "function": head})
        for text in re.findall(r".{1,7}", arguments, re.S):
            pieces.append({"index": index, "function": {"arguments": text}})
    return pieces


def _completion(reply: Reply, body: dict[str, Any]) -> dict[str, Any]:
    texts = reply.get("chunks") or [reply.get("text", "")]
    message = {"role": "assistant", "content": "".join(texts)}
    choice = {"index": 0, "message": message, "finish_reason": reply.get("finish", "stop")}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1,
            "model": body.get("model", "scripted"), "choices": [choice],
            "usage": _usage(reply, texts)}  # fmt: skip


def _usage(reply: Reply, texts: list[str]) -> dict[str, Any]:
    usage = {"prompt_tokens": 10, "completion_tokens": len(texts)} | reply.get("usage", {})
    return usage | {"total_tokens": usage["prompt_tokens"] + usage["completion_tokens"]}


def main() -> None:
    """Serve a script until stdin ends or somebody interrupts."""
    script = json.loads(Path(sys.argv[1]).read_text())
    with OpenAIServer(script, loop="--loop" in sys.argv) as server:
        print(server.url, flush=True)
        try:
            sys.stdin.read()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
