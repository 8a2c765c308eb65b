"""Messages for any stream of events: append-only, in turn, never empty."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm import events as e
from smolterm.prompt import Prompt, system_message
from smolterm.tools import tool

WORDS = st.sampled_from(["", " ", "\n", "text", "```python\nx\n```", "é\x00"])


def steps():
    """What can follow a reply: prose that ends the task, a mistake, or an action and its end."""
    said = st.builds(e.ReplyFinished, step=st.just(1), text=WORDS)
    acted = st.builds(e.ActionProposed, step=st.just(1), reasoning=WORDS, code=WORDS)
    observed = st.builds(e.ObservationMade, step=st.just(1), text=st.just("Value: 1"))
    mistake = st.builds(e.MistakeFound, step=st.just(1), text=st.just("No code."),
                        repairs_left=st.just(1))  # fmt: skip
    return st.one_of(st.tuples(said, mistake), st.tuples(said, acted, observed))


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
