"""Topic: a reply of 2,000 chunks that a server sends at once."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from bench.measure import OURS, Case, Row, Stage, reported
from bench.server import serve

ROWS = (Row(key="stream.chunks", label="2,000 chunks from a server", unit="ms"),)
CHUNKS = 2000


def cases(stage: Stage) -> Iterator[Case]:
    """Yield ours with its model host, and the bare SDK of OpenAI reading the same bytes."""
    url = serve(stage, "chunks", {"status": 200, "type": "text/event-stream", "body": body()})
    for who, what in ((OURS, "hosted"), ("openai SDK alone", "openai")):
        argv = [sys.executable, "-m", "bench.inside", what, url]
        yield Case(who=who, take=lambda argv=argv: reported(argv, stage))


def body() -> str:
    """Return the whole stream, so that the server has nothing to do but send it."""
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}
    deltas = [{"role": "assistant", "content": ""}] + [{"content": "word "}] * CHUNKS
    chunks = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas
    ]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return "".join(f"data: {json.dumps(c)}\n\n" for c in chunks) + "data: [DONE]\n\n"
