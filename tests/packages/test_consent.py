"""A task whose code imports a package: what a person is asked, and what an answer does."""

from __future__ import annotations

import asyncio

import pytest

from smolterm import events as e
from smolterm.policy import Approve, Policy, Reject, Stop
from smolterm.sandbox.deno import Sandbox
from smolterm.session import Session
from tests.fakes import FakeModel

CODE = "```python\nimport arrays\nfinal_answer(arrays.name)\n```"
GIVE_UP = "Then I cannot say."


def hidden(name):
    """Import a module without writing its name."""
    return f"```python\nm = __import__({name[:3]!r} + {name[3:]!r})\nfinal_answer(m.name)\n```"


def work_on(packages, replies, decisions, policy=Policy()):  # noqa: B008  it is frozen
    """Run a task on a real sandbox; returns its events."""
    decisions = list(decisions)

    async def work():
        seen = []
        sandbox = Sandbox(packages=packages(consent=lambda plan: session.consent(plan)))
        session = Session(model=FakeModel(*replies), sandbox=sandbox, policy=policy, save=False)
        async with session:
            async for event in session.run("use arrays"):
                seen.append(event)
                if isinstance(event, e.ApprovalRequested):
                    assert session.decide(event.step, decisions.pop(0), call=event.call)
        return seen

    seen = asyncio.run(work())
    assert decisions == []
    return seen


def asked_about(events):
    return [
        event.arguments
        for event in events
        if isinstance(event, e.ApprovalRequested) and event.call is not None
    ]


def test_a_download_is_asked_about_once_and_then_the_code_goes_on(packages):
    events = work_on(packages, [CODE], [Approve(), Approve()])
    assert (events[-1].reason, events[-1].answer) == ("answer", "arrays")
    (what,) = asked_about(events)
    assert what.startswith("Download 1 file")
    assert "arrays 1.0" in what
    returned = [event for event in events if isinstance(event, e.ToolReturned)]
    assert [(event.tool, event.ok) for event in returned] == [("import", True)]


def test_a_refusal_is_an_import_error_with_the_persons_words(packages):
    events = work_on(packages, [CODE, GIVE_UP], [Approve(), Reject("use the csv module")])
    assert events[-1].answer == GIVE_UP
    (finished,) = [event for event in events if isinstance(event, e.CellFinished)]
    assert finished.error.type == "ModuleNotFoundError"
    (told,) = [event for event in events if isinstance(event, e.ObservationMade)]
    assert "No module named 'arrays'" in told.text


def test_stop_ends_the_task_in_the_middle_of_an_import(packages):
    events = work_on(packages, [CODE], [Approve(), Stop()])
    assert events[-1].reason == "stopped"


@pytest.mark.parametrize("mode", ["step", "auto"])
def test_a_name_that_nobody_read_is_asked_about_before_it_leaves(packages, mode):
    code = [] if mode == "auto" else [Approve()]
    events = work_on(packages, [hidden("thing"), GIVE_UP], [*code, Reject()], Policy(mode=mode))
    (what,) = asked_about(events)
    assert what == "Look for a package 'thing' in the package index"


def test_a_policy_can_allow_or_deny_the_network(packages):
    events = work_on(packages, [CODE], [], Policy(mode="auto", allow=frozenset({"network"})))
    assert events[-1].answer == "arrays"
    assert asked_about(events) == []
    denied = Policy(mode="auto", deny=frozenset({"network"}))
    events = work_on(packages, [hidden("frame"), GIVE_UP], [], denied)
    assert events[-1].answer == GIVE_UP
