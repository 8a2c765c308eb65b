"""Native function calling over real HTTP, through the openai SDK and through litellm."""

from __future__ import annotations

import json
from typing import Any

import pytest

from smolterm.models import Delta, Done, Format, Message, ModelPart
from smolterm.models.hosted import HostedModel
from smolterm.models.native import CallWriter, in_text, to_native
from smolterm.parse import parse_reply
from smolterm.schemas import schemas_of
from smolterm.tools import tool
from tests.models.asking import text_of, with_model
from tests.servers import OpenAIServer, Reply, fails, says


@tool
def search(query: str, most: int = 5) -> list[str]:
    """Search."""
    return []


TOOLS = schemas_of([search.spec])
CODE = "x = {'a': \"b\"}\nprint(x)"
CALL = '{"name": "search", "arguments": {"query": "é"}}'
CALLED = f"I look.\n<tool_call>\n{CALL}\n</tool_call>"
TALK = [
    Message(role="system", content="Be brief."),
    Message(role="user", content="Task: find it"),
    Message(
        role="assistant",
        content=CALLED,
    ),
    Message(role="user", content="Value: []"),
]
NAMES = {"openai/scripted": {}, "litellm/openai/scripted": {"SMOLTERM_API_KEY": "sk-none"}}


def ask(
    script: list[Reply], name: str = "openai/scripted", **format: Any
) -> tuple[list[ModelPart], list[dict[str, Any]]]:
    async def use(model: HostedModel) -> list[ModelPart]:
        return [part async for part in model.reply(TALK, format=Format(**format))]

    with OpenAIServer(script) as server:
        parts = with_model(name, use, api_base=server.url, **NAMES[name])
    return parts, [each["body"] for each in server.requests]


@pytest.mark.parametrize("name", NAMES)
def test_a_streamed_call_becomes_the_code_that_it_means(name: str) -> None:
    arguments = json.dumps({"query": "big cats", "most": 3})
    parts, (body,) = ask([says("I look.", calls=[("search", arguments)])], name, tools=TOOLS)
    reply = parse_reply(text_of(parts))
    assert reply.code == "search(query='big cats', most=3)"
    assert reply.reasoning == "I look."
    done = parts[-1]
    assert isinstance(done, Done) and done.stop == "tool_calls"
    assert [each["function"]["name"] for each in body["tools"]] == [
        "search",
        "run_python",
        "final_answer",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_transcript_is_told_as_calls_and_results(name: str) -> None:
    _, (body,) = ask([says("ok")], name, tools=TOOLS)
    called, result = body["messages"][2:]
    assert called["content"] == "I look."
    (call,) = called["tool_calls"]
    assert call["function"] == {"name": "search", "arguments": '{"query": "é"}'}
    assert result == {"role": "tool", "tool_call_id": call["id"], "content": "Value: []"}


@pytest.mark.parametrize("name", NAMES)
def test_a_provider_without_tools_is_told_of_them_in_words(name: str) -> None:
    said = '<tool_call>\n{"name": "search", "arguments": {"query": "x"}}\n</tool_call>'
    script = [fails(400, "this model does not support tools"), says(said)]
    parts, (_, body) = ask(script, name, tools=TOOLS)
    assert parse_reply(text_of(parts)).code == "search(query='x')"
    assert "tools" not in body
    assert '"name": "search"' in body["messages"][0]["content"]
    assert [message["role"] for message in body["messages"]] == [m.role for m in TALK]


@pytest.mark.parametrize("name", NAMES)
def test_python_and_several_calls_arrive_whole(name: str) -> None:
    calls = [("run_python", json.dumps({"code": CODE})), ("search", '{"query": "y"}')]
    parts, _ = ask([says(calls=calls)], name, tools=TOOLS)
    text = text_of(parts)
    assert text.count("<tool_call>") == text.count("</tool_call>") == 2
    assert CODE in (parse_reply(text).code or "")


@pytest.mark.parametrize("name", NAMES)
def test_a_reply_ends_with_its_block_and_keeps_its_usage(name: str) -> None:
    text = "Hm.\n```python\nx\n```\nObservation: 3 is what I see here."
    usage = {"prompt_tokens": 7, "completion_tokens": 9}
    parts, _ = ask([says(text, usage=usage)], name, block="fence")
    assert text_of(parts) == "Hm.\n```python\nx\n```"
    assert isinstance(parts[-1], Done) and parts[-1].usage.prompt_tokens == 7


@pytest.mark.parametrize("name", NAMES)
def test_a_model_that_imagines_for_ever_is_left_alone(name: str) -> None:
    text = "```python\nx\n```\n" + "more words " * 400
    with OpenAIServer([says(text, hang=True)]) as server:

        async def use(model: HostedModel) -> list[ModelPart]:
            return [part async for part in model.reply(TALK, format=Format(block="fence"))]

        parts = with_model(name, use, api_base=server.url, **NAMES[name])
        server.wait_for_hangup()
    assert text_of(parts) == "```python\nx\n```"


def test_ids_are_the_same_each_time_and_the_transcript_only_grows() -> None:
    longer = [*TALK, TALK[2], Message(role="user", content="Value: [1]")]
    assert to_native(longer)[: len(TALK)] == to_native(TALK)
    ids = [m["tool_call_id"] for m in to_native(longer) if m["role"] == "tool"]
    assert len(set(ids)) == 2 and all(len(name) == 9 and name.isalnum() for name in ids)


def test_each_of_several_calls_gets_a_result() -> None:
    twice = TALK[2].content + TALK[2].content.removeprefix("I look.")
    native = to_native([*TALK[:2], Message(role="assistant", content=twice), TALK[3]])
    called = [call["id"] for call in native[2]["tool_calls"]]
    assert called == [message["tool_call_id"] for message in native[3:]]


@pytest.mark.parametrize("broken", ["{oops}", '{"name": 1, "arguments": {}}', '{"name": "x"}'])
def test_what_is_no_call_stays_text(broken: str) -> None:
    said = Message(role="assistant", content=f"<tool_call>{broken}</tool_call>")
    assert to_native([*TALK[:2], said, TALK[3]])[2:] == [
        {"role": "assistant", "content": said.content},
        {"role": "user", "content": "Value: []"},
    ]


def test_calls_may_come_as_anything() -> None:
    writer = CallWriter()
    pieces = [
        [{"index": 0, "function": {"name": "now"}}],
        [{"index": 0, "function": {"name": None, "arguments": None}}],
        [{"function": {"name": "search", "arguments": {"query": "x"}}, "index": 1}],
        [{"index": 0, "function": {"arguments": "late"}}],
        [{"function": None}, {}, None, 3],
    ]
    text = "".join(d.text for piece in pieces for d in writer.feed(piece))
    text += "".join(d.text for d in writer.finish())
    assert parse_reply(text).code is not None
    assert '{"name": "now", "arguments": {}}' in text
    assert "late" not in text


def test_tools_in_words_stand_in_the_system_message_alone() -> None:
    first, *rest = in_text(TALK, TOOLS)
    assert rest == TALK[1:]
    assert first.content.startswith("Be brief.") and "run_python" in first.content
    assert in_text(TALK, ()) == TALK


def test_deltas_are_plain_text() -> None:
    assert all(isinstance(each, Delta) for each in CallWriter().feed([]))
