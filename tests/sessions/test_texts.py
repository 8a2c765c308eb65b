"""What is written of a session for people and programs."""

from __future__ import annotations

import json
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from smolterm import events as e
from smolterm.sessions.texts import WRITERS, as_json, markdown, notebook, python
from smolterm.store import StoredSession
from tests.test_events import EVENTS

ABOUT = StoredSession(id="2026-1", title="Primes\x1b[31m", started=1.0, changed=2.0, model="m")
TALK: list[e.Event] = [
    e.SessionStarted(session="2026-1", version="1", model="m"),
    e.TaskStarted(task="How many primes?\nBelow 10."),
    e.StepStarted(step=1, steps_left=1),
    e.ReplyFinished(step=1, text="I count.\n```python\nx = 4\n```"),
    e.ActionProposed(step=1, reasoning="I count.", code="x = 3"),
    e.DecisionMade(step=1, decision="edit", by="person", code="x = 4"),
    e.CellStarted(step=1, code="x = 4\nprint('```')"),
    e.OutputAdded(step=1, stream="stdout", text="```\n\x1b]0;title\x07done\n"),
    e.Displayed(step=1, image=b"\x89PNG\r\n\x1a\nrest"),
    e.CellFinished(step=1, value="4"),
    e.StepStarted(step=2, steps_left=1),
    e.ActionProposed(step=2, reasoning="And now\nrm", code="remove()"),
    e.DecisionMade(step=2, decision="reject", by="person", reason="no"),
    e.StepStarted(step=3, steps_left=1),
    e.CellStarted(step=3, code="final_answer(x + 1)"),
    e.CellFinished(step=3, error=e.CellError(type="E", message="m", traceback="Trace\nE: m")),
    e.Finished(reason="answer", answer="There are *four*."),
]


def test_markdown_reads_like_the_session() -> None:
    text = markdown(ABOUT, TALK)
    assert text.startswith("# Primes\n")
    assert "\x1b" not in text and "title" not in text
    for line in (
        "> Below 10.", "### Step 1", "- The person changed the code before it ran.",
        "Proposed, and not run:", "- The code was declined. no", "There are *four*.", "E: m",
    ):  # fmt: skip
        assert line in text.split("\n"), line
    # A fence in the output cannot end the block it stands in.
    assert "````text\n```\ndone\n````" in text


def test_json_holds_every_event() -> None:
    whole = json.loads(as_json(ABOUT, TALK))
    assert whole["version"] == 1
    assert whole["session"]["id"] == "2026-1"
    assert [event["event"] for event in whole["events"]] == [type(ev).__name__ for ev in TALK]


def test_the_script_runs() -> None:
    script = python(ABOUT, TALK)
    assert "remove()" not in script
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "```\n5\n"


def test_no_text_of_the_session_leaves_its_comment() -> None:
    nasty = "x\rprint('bad')\x0cprint('bad')\u2028print('bad')\nprint('bad')\x85print('bad')"
    events = [
        e.TaskStarted(task=nasty), e.StepStarted(step=1, steps_left=1),
        e.MistakeFound(step=1, text="", repairs_left=1),
        e.ToolCalled(step=1, call=1, tool="t", arguments=nasty, effect="read"),
        e.CellStarted(step=1, code="print('good')"),
    ]  # fmt: skip
    about = StoredSession(id="a", title=nasty, started=1, changed=1, model=nasty)
    done = subprocess.run([sys.executable, "-c", python(about, events)], capture_output=True,
                          text=True, check=True)  # fmt: skip
    assert done.stdout == "good\n"


def test_the_notebook_is_one() -> None:
    book = json.loads(notebook(ABOUT, TALK))
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert [cell["source"] for cell in code[1:]] == ["x = 4\nprint('```')", "final_answer(x + 1)"]
    kinds = [one["output_type"] for cell in code for one in cell["outputs"]]
    assert kinds == ["stream", "display_data", "execute_result", "error"]
    assert len({cell["id"] for cell in book["cells"]}) == len(book["cells"])


@given(st.lists(EVENTS, max_size=12), st.text(max_size=20))
def test_whatever_happened_can_be_written(events, title):
    about = StoredSession(id="a", title=title, started=1e300, changed=-1, model=title)
    for form, write in WRITERS.items():
        text = write(about, [e.TaskStarted(task=title), *events])
        assert text.endswith("\n"), form
        if form == "markdown":
            assert "\x1b" not in text
