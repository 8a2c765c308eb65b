"""The real litellm against a real server, through the real host process."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest

from smolterm.errors import (
    BadReply,
    BadRequest,
    ContextTooLong,
    MissingExtra,
    ModelError,
    ModelNotFound,
    ModelTimeout,
    NoKey,
    Overloaded,
    RateLimited,
    StreamCut,
    Unreachable,
    WrongKey,
)
from smolterm.events import Usage
from smolterm.models import Done
from smolterm.models.providers import Route, environment_for
from smolterm.models.remote import FAILURES
from smolterm.models.wire import Options
from tests.models.asking import HASTY, ONCE, parts_of, text_of, with_model
from tests.servers import OpenAIServer, fails, raw, says

KEY = "sk-very-secret-0123456789"

PROBE = """
import inspect, json, os, sys
from smolterm.models.providers import Route
from smolterm.models.remote import RemoteModel
from smolterm.models.wire import Options
from litellm import exceptions, Usage

found = [name for name, value in vars(exceptions).items()
         if inspect.isclass(value) and issubclass(value, BaseException)
         and value.__module__ == exceptions.__name__]

def cost(model):
    usage = Usage(prompt_tokens=1000, completion_tokens=1000)
    route = Route(kind="litellm", model=model, provider="p")
    return RemoteModel(route, Options(), os.environ)._usage(usage).cost

costs = cost("openai/gpt-4o-mini"), cost("openai/nobody-knows-it")
print(json.dumps([found, costs]))
"""


@pytest.fixture(scope="module")
def probed():
    route = Route(kind="litellm", model="m", provider="p")
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROBE],
        env=environment_for(route, {"PATH": "/usr/bin"}),
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_every_exception_of_litellm_is_mapped(probed):
    exceptions, _ = probed
    assert len(exceptions) > 20
    assert set(exceptions) == set(FAILURES)


def test_a_price_is_known_or_none(probed):
    known, unknown = probed[1]
    assert known > 0
    assert unknown is None


CASES = [
    (fails(401, f"Incorrect API key provided: {KEY}"), WrongKey),
    (fails(403, "This key has no access"), WrongKey),
    (fails(404, "The model `x` does not exist", code="model_not_found"), ModelNotFound),
    (fails(400, "maximum context length is 5", code="context_length_exceeded"), ContextTooLong),
    (fails(400, "bad"), BadRequest),
    (fails(408, "late"), ModelTimeout),
    (fails(422, "bad"), BadRequest),
    (fails(429, "slow down"), RateLimited),
    (fails(500, "oops"), Overloaded),
    (fails(502, "oops"), Overloaded),
    (fails(503, "oops"), Overloaded),
    (says("no end", finish=None, done=False), StreamCut),
    (says("broken", cut=True), StreamCut),
    (raw("data: <html>\n\n", "text/event-stream"), BadReply),
    # litellm does not tell a page from a stream that is empty.
    (raw("<html>Sign in</html>"), StreamCut),
]


def test_replies_and_failures_through_one_host(tmp_path, monkeypatch):
    # What a hostile folder would say, if litellm read it.
    (tmp_path / ".env").write_text("OPENAI_API_BASE=http://127.0.0.1:9/\nOPENAI_API_KEY=theirs\n")
    monkeypatch.chdir(tmp_path)

    async def all_of_them(model):
        first = await parts_of(model)
        caught = []
        for _ in CASES:
            try:
                await parts_of(model)
                caught.append(None)
            except ModelError as error:
                caught.append(error)
        return first, caught, await parts_of(model)

    reply = says("a reply", reasoning=["hm"], usage={"prompt_tokens": 7}, finish="length")
    with OpenAIServer([reply, *(r for r, _ in CASES), says("still here")]) as server:
        first, caught, last = with_model(
            "litellm/openai/x",
            all_of_them,
            api_base=server.url,
            options=Options(patience=ONCE, stop=("END",)),
            SMOLTERM_API_KEY=KEY,
            OPENAI_API_KEY="sk-not-for-this-host",
        )
    assert text_of(first, "reasoning") == "hm"
    assert text_of(first) == "a reply"
    used = Usage(prompt_tokens=7, completion_tokens=2, cost=0.0)
    assert first[-1] == Done(usage=used, stop="length")
    assert text_of(last) == "still here"
    for error, (reply, expected) in zip(caught, CASES, strict=True):
        assert isinstance(error, expected), (reply, error)
    assert not any(KEY in str(error) for error in caught)
    assert "SMOLTERM_API_KEY" in caught[0].next
    # One request a reply: litellm's own retries are off, ours too.
    assert len(server.requests) == len(CASES) + 2
    assert {r["headers"]["authorization"] for r in server.requests} == {f"Bearer {KEY}"}
    assert server.requests[0]["body"]["stop"] == ["END"]


def test_a_refused_connection_is_unreachable():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        with pytest.raises(Unreachable) as caught:
            with_model("litellm/openai/x", parts_of, api_base=base, options=Options(patience=HASTY))
    assert caught.value.what == f"Nothing listens on {base}."


def test_a_missing_key_is_noticed_before_the_request():
    with pytest.raises(NoKey) as caught:
        with_model("anthropic/claude-sonnet-4-5", parts_of)
    assert "ANTHROPIC_API_KEY" in caught.value.next


def test_a_missing_package_is_named_with_its_cure(tmp_path):
    package = tmp_path / "litellm.py"
    package.write_text("raise ModuleNotFoundError('No module named litellm', name='litellm')")
    with pytest.raises(MissingExtra) as caught:
        with_model("anthropic/claude", parts_of, PYTHONPATH=str(tmp_path))
    assert caught.value.next == "pip install 'smolterm[litellm]'"
