"""Messages for any stream of events: append-only, in turn, never empty."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm import events as e
from smolterm.parse import parse_reply
from smolterm.prompt import Prompt, system_message
from smolterm.tools import tool

WORDS = st.sampled_from(["", " ", "\n", "text", "```python\nx\n```", "é\x00"])


def steps():
    """What can follow a reply: prose that ends the task, a mistake, or an action and its end.

    The person may say something at any place of it.
    """
    said = st.builds(e.ReplyFinished, step=st.just(1), text=WORDS)
    acted = st.builds(e.ActionProposed, step=st.just(1), reasoning=WORDS, code=WORDS)
    observed = st.builds(e.ObservationMade, step=st.just(1), text=st.just("Value: 1"))
    mistake = st.builds(e.MistakeFound, step=st.just(1), text=st.just("No code."),
                        repairs_left=st.just(1))  # fmt: skip
    begun = st.builds(e.StepStarted, step=st.just(1), steps_left=st.just(1))
    trip = st.one_of(st.tuples(begun, said, mistake), st.tuples(begun, said, acted, observed))
    return st.builds(_saying, trip, st.none() | st.integers(0, 4))


def _saying(trip, place):
    words = () if place is None else (e.MessageAdded(text="in km"),)
    return (*trip[:place], *words, *trip[len(trip) if place is None else place :])


TASKS = st.lists(
    st.tuples(
        st.builds(e.TaskStarted, task=st.just("do it")),
        st.lists(steps(), max_size=4),
        # A task ends after an answer in prose, inside a step, or at once.
        st.sampled_from([(), (e.ReplyFinished(step=1, text="The answer."),)]),
    ),
    min_size=1,
    max_size=4,
)


@given(TASKS)
def test_messages_keep_the_rules_of_every_chat_template(tasks):
    prompt = Prompt()
    asked = []
    for task, trips, end in tasks:
        prompt.apply(task)
        asked.append(prompt.messages)
        for events in trips:
            for event in events:
                prompt.apply(event)
            asked.append(prompt.messages)
        for event in end:
            prompt.apply(event)
    for messages in asked:
        assert messages[0].role == "system"
        roles = [message.role for message in messages[1:]]
        assert roles == (["user", "assistant"] * len(roles))[: len(roles)]
        assert roles[-1] == "user"
        assert all(message.content.strip() for message in messages)
    for before, after in pairwise(asked):
        assert len(after) >= len(before)
        assert after[: len(before) - 1] == before[:-1]
        # A task after one without an answer lengthens the last message and changes no word of it.
        assert after[len(before) - 1].content.startswith(before[-1].content)


def test_what_followed_the_code_is_not_repeated():
    prompt = Prompt()
    prompt.apply(e.TaskStarted(task="t"))
    prompt.apply(e.ReplyFinished(step=1, text="Hm.\n```python\nx\n```\nObservation: 3"))
    prompt.apply(e.ActionProposed(step=1, reasoning="Hm.", code="x"))
    assert prompt.messages[-1].content == "Hm.\n```python\nx\n```"


def test_files_are_named_with_the_task():
    prompt = Prompt()
    prompt.apply(e.TaskStarted(task="count", files=("/in/stdin",)))
    assert "count" in prompt.messages[-1].content
    assert "/in/stdin" in prompt.messages[-1].content


@pytest.mark.parametrize("braces", ["{}", "{reach}", "{0}"])
def test_tools_with_braces_stand_in_the_system_message(braces):
    def braced(text: str = braces) -> str:
        return text

    braced.__doc__ = f"Use {braces}."
    assert f"Use {braces}." in system_message([tool(braced).spec])


SAMPLED = {
    "fence": "I look.\n```python\nx = 1\n```",
    "opens with the fence": "```python\nx = 1\n```",
    "blank lines": "\nI look.\n\n```python\n\nx = 1\n\n```",
    "short label": "I look.\n```py\nx = 1\n```",
    "in a list": "I look.\n```python\nx = [\n    1,\n]\n```",
    "data before": "It said:\n```\n1\n```\n```python\nx = 1\n```",
}


@pytest.mark.parametrize("said", SAMPLED.values(), ids=SAMPLED)
@pytest.mark.parametrize("behind", ["", "\n", "\nObservation: 3"])
def test_what_was_sampled_up_to_the_block_is_the_next_prompts_prefix(said, behind):
    """A cache of prompt and reply stays valid: the next prompt begins with both."""
    reply = parse_reply(said + behind)
    prompt = Prompt()
    prompt.apply(e.TaskStarted(task="t"))
    before = rendered(prompt)
    prompt.apply(e.StepStarted(step=1, steps_left=9))
    prompt.apply(e.ReplyFinished(step=1, text=said + behind))
    prompt.apply(e.ActionProposed(step=1, reasoning=reply.reasoning, code=reply.code))
    prompt.apply(e.ObservationMade(step=1, text="Value: 1"))
    assert rendered(prompt).startswith(before + said)
    assert "Observation: 3" not in rendered(prompt)


def rendered(prompt):
    """Return the prompt as a chat template writes it."""
    parts = [f"<|{message.role}|>{message.content}<|end|>" for message in prompt.messages]
    return "".join([*parts, "<|assistant|>"])


STRANGE = {
    "tool call": '<tool_call>{"name": "python", "arguments": {"code": "x = 1"}}</tool_call>',
    "unclosed": "I look.\n```python\nx = 1",
    "bare": "x = 1\nprint(x)",
    "smart quotes": "```python\nx = “1”\n```",
}


@pytest.mark.parametrize("said", STRANGE.values(), ids=STRANGE)
def test_a_strange_form_is_not_repeated_to_the_model(said):
    reply = parse_reply(said)
    prompt = Prompt()
    prompt.apply(e.TaskStarted(task="t"))
    prompt.apply(e.ReplyFinished(step=1, text=said))
    prompt.apply(e.ActionProposed(step=1, reasoning=reply.reasoning, code=reply.code))
    assert prompt.messages[-1].content.endswith(f"```python\n{reply.code}\n```")


def test_a_call_stays_a_call_for_a_model_that_calls_tools():
    said = 'I look.\n<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'
    prompt = Prompt(agent="tools")
    prompt.apply(e.TaskStarted(task="t"))
    prompt.apply(e.ReplyFinished(step=1, text=said))
    prompt.apply(e.ActionProposed(step=1, reasoning="I look.", code="now()"))
    assert prompt.messages[-1].content == said


def test_a_reply_that_never_ends_is_cut_and_still_a_prefix():
    prompt = Prompt()
    prompt.apply(e.TaskStarted(task="t"))
    prompt.apply(e.ReplyFinished(step=1, text="again " * 5000))
    kept = prompt.messages[-1].content
    assert len(kept) < 5000 and ("again " * 5000).startswith(kept)


def test_the_system_message_is_small_and_says_the_dialect():
    assert len(system_message(packages=True)) < 900
    assert len(system_message(packages=True, example=True)) < 1200
    tags = system_message(dialect="tags", example=True)
    assert "<code>" in tags and "```" not in tags
    assert "final_answer" in system_message(agent="tools")


def test_another_model_gets_its_own_system_message_and_the_same_transcript():
    prompt = Prompt()
    prompt.apply(e.TaskStarted(task="t"))
    before = prompt.messages
    prompt.suit("tools", "fence", example=False)
    assert prompt.messages[1:] == before[1:]
    assert prompt.messages[0] != before[0]
