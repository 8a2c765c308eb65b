"""Tool calls instead of Python: the same approval, policy, sandbox and events."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from smolterm import events as e
from smolterm.grammar import check_grammar
from smolterm.manner import manner_for
from smolterm.models.hosted import HostedModel
from smolterm.policy import Approve, Policy, Reject
from smolterm.schemas import schema_of
from smolterm.session import Session
from smolterm.tools import tool
from tests.fakes import FakeModel, FakeSandbox, answer, call, events_of, value
from tests.servers import OpenAIServer, says

AUTO = Policy(mode="auto")


@tool
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@tool(effect="write")
def save(text: str, name: str = "notes") -> str:
    """Write something down."""
    return f"saved {text}"


def called(name: str, **arguments: Any) -> str:
    return f'<tool_call>\n{{"name": "{name}", "arguments": {json.dumps(arguments)}}}\n</tool_call>'


def run(model: Any, sandbox: FakeSandbox, react: Any = None, **options: Any) -> list[e.Event]:
    async def work() -> list[e.Event]:
        options.setdefault("policy", AUTO)
        session = Session(model=model, sandbox=sandbox, save=False, tools=[double, save], **options)
        async with session:
            return await events_of(session, "do it", lambda event: react and react(session, event))

    return asyncio.run(asyncio.wait_for(work(), 50))


def only(events: list[e.Event], kind: Any) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def test_a_call_becomes_a_cell_and_its_result_an_observation() -> None:
    model = FakeModel(called("double", number=4), called("final_answer", answer="8"))
    sandbox = FakeSandbox([call("double", 4), *value("8")], answer("8"))
    events = run(model, sandbox, agent="tools")
    assert sandbox.ran == ["double(number=4)", "final_answer('8')"]
    assert only(events, e.ToolCalled)[0].tool == "double"
    assert model.asked[1][-1].content == "Value: 8"
    assert events[-1].answer == "8"


def test_python_can_be_run_too() -> None:
    model = FakeModel(called("run_python", code="x = 2\nx"), called("final_answer", answer="2"))
    sandbox = FakeSandbox(value("2", "x"), answer("2"))
    run(model, sandbox, agent="tools")
    assert sandbox.ran[0] == "x = 2\nx"


def test_a_call_is_asked_about_like_code_and_can_be_declined() -> None:
    model = FakeModel(called("save", text="a"), "Final answer: I did not.")
    sandbox = FakeSandbox()

    def react(session: Session, event: e.Event) -> None:
        if isinstance(event, e.ApprovalRequested):
            assert event.code == "save(text='a')"
            session.decide(event.step, Reject("not now"))

    events = run(model, sandbox, react, agent="tools", policy=Policy(mode="step"))
    assert sandbox.ran == []
    assert "not now" in model.asked[1][-1].content
    assert events[-1].answer == "I did not."


def test_an_effect_is_asked_about_although_steps_are_not() -> None:
    model = FakeModel(called("save", text="a"), called("final_answer", answer="ok"))
    sandbox = FakeSandbox([call("save", "a"), *value("'saved a'")], answer("ok"))
    asked: list[str] = []

    def react(session: Session, event: e.Event) -> None:
        if isinstance(event, e.ApprovalRequested):
            asked.append(event.effect)
            session.decide(event.step, Approve(), call=event.call)

    run(model, sandbox, react, agent="tools")
    assert asked == ["write"]


def test_the_model_is_given_the_functions_and_the_code_agent_is_not() -> None:
    tools_model, code_model = FakeModel("Final answer: 1"), FakeModel("Final answer: 1")
    run(tools_model, FakeSandbox(), agent="tools")
    run(code_model, FakeSandbox(), agent="code")
    (given,), (none,) = tools_model.formats, code_model.formats
    assert given is not None and none is not None
    names = [each["function"]["name"] for each in given.tools]
    assert names == ["double", "save", "run_python", "final_answer"]
    assert given.block == "" and none.block == "fence" and not none.tools
    assert "def double" not in tools_model.asked[0][0].content
    assert "def double" in code_model.asked[0][0].content


def test_several_calls_of_one_reply_all_show_what_they_return() -> None:
    both = called("double", number=1) + "\n" + called("double", number=2)
    sandbox = FakeSandbox(value("4"))
    run(FakeModel(both, "Final answer: 2 and 4"), sandbox, agent="tools")
    assert sandbox.ran == ["print(double(number=1))\n\ndouble(number=2)"]


def test_through_a_server_each_step_is_a_call_and_the_next_request_begins_with_the_last() -> None:
    script = [
        says("I double.", calls=[("double", '{"number": 4}')]),
        says(calls=[("final_answer", '{"answer": "8"}')]),
    ]
    sandbox = FakeSandbox([call("double", 4), *value("8")], answer("8"))
    with OpenAIServer(script) as server:
        model = HostedModel("vllm/some-model", api_base=server.url)
        events = run(model, sandbox, agent="tools")
        first, second = (each["body"] for each in server.requests)
    assert sandbox.ran == ["double(number=4)", "final_answer('8')"]
    assert events[-1].answer == "8"
    assert second["messages"][: len(first["messages"])] == first["messages"]
    assert second["tools"] == first["tools"]
    assert [message["role"] for message in second["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
    ]


@dataclass(frozen=True)
class Local:
    """What a model on this machine shows of itself."""

    name: str = "local/thing"
    route: Any = field(default_factory=lambda: type("Route", (), {"kind": "local"}))
    info: Any = None


@dataclass(frozen=True)
class File:
    name: str
    architecture: str
    parameters: int
    template: str = ""


def test_the_profile_chooses_the_kind_and_the_person_decides() -> None:
    assert manner_for(FakeModel()).agent == "code"
    for chosen in ("code", "tools"):
        assert manner_for(FakeModel(), agent=chosen).agent == chosen
    gpt_oss = Local(info=File("gpt-oss 20b", "gpt-oss", 20_000_000_000))
    assert manner_for(gpt_oss).agent == "tools"
    assert manner_for(gpt_oss, agent="code").agent == "code"


@pytest.mark.parametrize("kind", ["code", "tools"])
@pytest.mark.parametrize("strict", [False, True])
def test_a_model_on_this_machine_is_sampled_under_a_grammar(kind: Any, strict: bool) -> None:
    ministral = Local(info=File("Ministral 3 3B", "mistral3", 3_000_000_000))
    manner = manner_for(ministral, [double.spec], agent=kind, strict=strict)
    check_grammar(manner.format.grammar)
    assert manner.format.temperature == 0.15
    assert ("double" in manner.format.grammar) == (kind == "tools" or strict)
    assert "think" not in manner.format.grammar
    assert not manner_for(FakeModel(), [double.spec], agent=kind, strict=strict).format.grammar


def test_a_template_that_thinks_may_think_under_its_grammar() -> None:
    thinker = Local(info=File("Thinker", "llama", 3_000_000_000, "... <think> ..."))
    assert "</think>" in manner_for(thinker).format.grammar


@pytest.mark.parametrize(
    ("signature", "properties", "needed"),
    [
        ("(a: str, b: int = 1)", {"a": {"type": "string"}, "b": {"type": "integer"}}, ["a"]),
        ("(a: list[str])", {"a": {"type": "array", "items": {"type": "string"}}}, ["a"]),
        ("(a: str | None = None)", {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}, []),
        ("(a: Literal['x', 'y'])", {"a": {"enum": ["x", "y"]}}, ["a"]),
        ("(a: dict[str, int])", {"a": {"type": "object"}}, ["a"]),
        ("(*, a: bool, b: float = 0.5)", {"a": {"type": "boolean"}, "b": {"type": "number"}},
         ["a"]),
        ("(a: pkg.Thing)", {"a": {}}, ["a"]),
        ("(a: Optional[int])", {"a": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}, ["a"]),
        ("not a signature", {"a": {}}, ["a"]),
    ],
)  # fmt: skip
def test_a_signature_becomes_a_schema(signature: str, properties: Any, needed: Any) -> None:
    names = tuple(properties)
    spec = type(double.spec)(
        name="f", signature=signature, doc="Do.", effect="pure", parameters=names
    )
    parameters = schema_of(spec)["function"]["parameters"]
    assert parameters["properties"] == properties
    assert parameters["required"] == needed
