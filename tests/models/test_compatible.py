"""The openai SDK against a real server, through the real host process."""

from __future__ import annotations

import json
import socket

import pytest

from smolterm.errors import (
    BadReply,
    BadRequest,
    ContextTooLong,
    ModelError,
    ModelNotFound,
    ModelTimeout,
    Overloaded,
    RateLimited,
    StreamCut,
    Unreachable,
    WrongKey,
)
from smolterm.events import Usage
from smolterm.models import Delta, Done, Waiting
from smolterm.models.wire import Options
from tests.models.asking import HASTY, ONCE, parts_of, text_of, with_model
from tests.servers import OpenAIServer, fails, raw, says

KEY = "sk-very-secret-0123456789"


def ask(script, name="openai/scripted", options=None, **environ):
    with OpenAIServer(script) as server:
        parts = with_model(name, parts_of, api_base=server.url, options=options, **environ)
    return parts, server.requests


def chunk(**choice):
    return "data: " + json.dumps({"choices": [choice]}) + "\n\n"


def test_a_reply_streams_with_reasoning_and_usage():
    usage = {
        "prompt_tokens": 7,
        "completion_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 5},
    }
    script = [says("a reply ü😀", reasoning=["hm", " so"], usage=usage, finish="length")]
    parts, requests = ask(script, options=Options(stop=("\n```\n",), max_tokens=9, temperature=0.5))
    assert text_of(parts, "reasoning") == "hm so"
    assert text_of(parts) == "a reply ü😀"
    used = Usage(prompt_tokens=7, cached_tokens=5, completion_tokens=3, cost=0.0)
    assert parts[-1] == Done(usage=used, stop="length")
    assert requests[0]["body"] == {
        "model": "scripted",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "max_tokens": 9,
        "stop": ["\n```\n"],
    }


def test_think_tags_are_reasoning_even_in_pieces():
    parts, _ = ask([says(chunks=["<th", "ink>let me", " see</thi", "nk>", "done"])])
    assert (text_of(parts, "reasoning"), text_of(parts)) == ("let me see", "done")


def test_mistrals_typed_pieces_are_read():
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    body = chunk(delta={"content": [thinking, {"type": "text", "text": "yes"}]})
    body += chunk(delta={}, finish_reason="stop") + "data: [DONE]\n\n"
    parts, _ = ask([raw(body, "text/event-stream")])
    assert (text_of(parts, "reasoning"), text_of(parts)) == ("hm", "yes")


def test_only_the_key_for_a_given_address_is_sent_there():
    _, requests = ask([says("x")], OPENAI_API_KEY=KEY)
    assert "authorization" not in requests[0]["headers"]
    assert KEY not in str(requests)
    _, requests = ask([says("x")], OPENAI_API_KEY="other", SMOLTERM_API_KEY=KEY)
    assert requests[0]["headers"]["authorization"] == f"Bearer {KEY}"


def test_fields_that_the_server_refuses_are_left_out_and_stay_out():
    refusals = [
        fails(400, "Unrecognized request argument supplied: stream_options"),
        fails(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
    ]

    async def twice(model):
        return await parts_of(model) + await parts_of(model)

    with OpenAIServer([*refusals, says("one "), says("two")]) as server:
        parts = with_model(
            "m", twice, api_base=server.url, options=Options(max_tokens=5, patience=ONCE)
        )
    assert text_of(parts) == "one two"
    for request in server.requests[2:]:
        assert "stream_options" not in request["body"]
        assert request["body"]["max_completion_tokens"] == 5
        assert "max_tokens" not in request["body"]


def test_a_limited_provider_is_asked_again_after_the_time_it_names():
    script = [fails(429, "slow down", headers={"retry-after": "0.02"}), says("fine")]
    parts, requests = ask(script)
    assert isinstance(parts[0], Waiting)
    assert (parts[0].seconds, parts[0].attempt) == (0.02, 1)
    assert "slow down" in parts[0].why
    assert text_of(parts) == "fine"
    assert len(requests) == 2


def test_a_cut_stream_is_asked_again_from_its_start():
    script = [says("half of", cut=True), says("no end", finish=None, done=False), says("whole")]
    parts, _ = ask(script)
    assert [part.attempt for part in parts if isinstance(part, Waiting)] == [1, 2]
    assert text_of(parts) == "whole"


def test_done_without_a_reason_ends_a_reply():
    parts, _ = ask([says("whole", finish=None)])
    assert parts[-1] == Done(usage=parts[-1].usage, stop="stop")


FAILURES = [
    (fails(401, f"Incorrect API key provided: {KEY}", code="invalid_api_key"), WrongKey),
    (fails(403, "This key has no access"), WrongKey),
    (fails(403, "Moderation"), BadRequest),
    (fails(402, "Insufficient credits"), BadRequest),
    (fails(404, "The model `scripted` does not exist", code="model_not_found"), ModelNotFound),
    (fails(400, "Invalid model: scripted", code="1500"), ModelNotFound),
    (fails(400, "scripted is not a valid model ID"), ModelNotFound),
    (fails(400, "too long", code="context_length_exceeded"), ContextTooLong),
    (fails(400, "the request exceeds the available context size"), ContextTooLong),
    (fails(400, "bad"), BadRequest),
    (fails(408, "late"), ModelTimeout),
    (fails(429, "slow down"), RateLimited),
    (fails(429, "You exceeded your current quota", code="insufficient_quota"), BadRequest),
    (fails(500, "oops"), Overloaded),
    (fails(503, "Loading model"), Overloaded),
    (fails(504, "late"), ModelTimeout),
    (raw("", status=307, headers={"location": "http://evil.example/"}), BadReply),
    (raw("<html>Sign in</html>"), BadReply),
    (raw('{"message": "hi"}', "application/json"), BadReply),
    (raw("", "text/event-stream"), StreamCut),
    (raw("data: <html>\n\n", "text/event-stream"), BadReply),
    (raw('data: {"hello": 1}\n\n', "text/event-stream"), BadReply),
    (raw('data: {"choices": 1}\n\n', "text/event-stream"), BadReply),
    (raw('data: {"choices": [{"delta": {"content": 5}}]}\n\n', "text/event-stream"), BadReply),
    (raw("data: " + "[" * 5000 + "\n\n", "text/event-stream"), BadReply),
    (raw('data: {"error": {"code": 429, "message": "x"}}\n\n', "text/event-stream"), RateLimited),
    (raw('data: {"error": {"message": "x"}}\n\n', "text/event-stream"), Overloaded),
    (raw("nonsense", "application/json", status=500), Overloaded),
    (raw("<html>nginx</html>", status=404), ModelNotFound),
]


def test_every_failure_becomes_one_of_ours_and_the_model_stays_usable():
    async def all_of_them(model):
        caught = []
        for _ in FAILURES:
            try:
                await parts_of(model)
                caught.append(None)
            except ModelError as error:
                caught.append(error)
        return caught, await parts_of(model)

    with OpenAIServer([reply for reply, _ in FAILURES] + [says("still here")]) as server:
        caught, parts = with_model(
            "m",
            all_of_them,
            api_base=server.url,
            options=Options(patience=ONCE),
            SMOLTERM_API_KEY=KEY,
        )
    assert [type(error) for error in caught] == [expected for _, expected in FAILURES]
    assert text_of(parts) == "still here"
    assert not any(KEY in str(error) for error in caught)
    assert "SMOLTERM_API_KEY" in caught[0].next


def test_a_providers_words_are_made_harmless():
    evil = "\x1b]0;owned\x07\x1b[31m red \u202e\n" + "long " * 2000
    with pytest.raises(BadRequest) as caught:
        ask([fails(400, evil)], options=Options(patience=ONCE))
    assert caught.value.what.isprintable()
    assert len(caught.value.what) < 400


def test_a_key_that_a_server_echoes_comes_out_as_stars():
    parts, _ = ask([says(chunks=[f"your key is {KEY}"])], SMOLTERM_API_KEY=KEY)
    assert text_of(parts) == "your key is ***"


def test_silence_is_given_up():
    options = Options(timeout=0.2, patience=ONCE)
    with pytest.raises(ModelTimeout, match=r"0\.2 s"):
        ask([says("beginning", hang=True)], options=options)


def test_where_nobody_listens_the_message_says_what_to_start():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(Unreachable) as caught:
            with_model("ollama/qwen3", parts_of, OLLAMA_HOST=place)
    assert caught.value.what == f"Nothing listens on http://{place}/v1."
    assert "ollama serve" in caught.value.next


def test_this_machines_servers_are_asked_without_a_proxy():
    parts, _ = ask(
        [says("direct")], HTTP_PROXY="http://127.0.0.1:9", ALL_PROXY="http://127.0.0.1:9"
    )
    assert text_of(parts) == "direct"


def test_fast_text_is_joined_and_the_first_comes_alone():
    parts, _ = ask([says(chunks=["w "] * 2000)], options=Options(patience=HASTY))
    assert text_of(parts) == "w " * 2000
    assert sum(isinstance(part, Delta) for part in parts) < 500
