"""Text from outside and packs' notices, as the front ends of lines tell them."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys

import msgspec
import pytest

from smolterm import events as e
from smolterm.asking import ask, ask_files
from smolterm.outside import ASKED
from smolterm.plainly import PlainReport
from smolterm.policy import AcceptFiles, Approve
from smolterm.sessions.texts import markdown, notebook, python
from smolterm.store import StoredSession
from smolterm.telling import Look, Report
from tests.test_asking import FILES, Person

PAGE = e.Source(kind="tool", what="read_page", arguments="'https://x.org/\u202ea'", step=2)
FILE = e.Source(kind="file", what="/in/stdin", step=2)
CALL = e.ApprovalRequested(
    step=3, code="f()", call=1, tool="send", arguments="'x'", effect="network", why=ASKED,
    outside=(PAGE, FILE), outside_count=9, step_rules=1, rules=("For the rest of step 3.", "Let."),
)  # fmt: skip
SHOWN = [
    "Text from outside that you have not decided on:",
    "  read_page('https://x.org/<U+202E>a'), step 2",
    "  /in/stdin, step 2",
    "  and 7 before them",
]


def happened():
    yield e.TaskStarted(task="go")
    yield e.StepStarted(step=2, steps_left=1)
    yield e.CellStarted(step=2, code="read_page('a')")
    yield e.ToolCalled(step=2, call=1, tool="read_page", arguments="'a'", effect="network")
    for at in (10.0, 10.3, 11.2):
        yield e.ToolProgress(step=2, call=1, tool="read_page", text="at\x1b[2J", done=at, total=40,
                             at=at)  # fmt: skip
    yield e.PackDenied(step=2, pack="web", text="web tried evil.example.", tool="read_page")
    yield e.PackSaid(pack="web", kind="log", text="never shown here")
    yield e.OutsideArrived(step=2, source=PAGE, call=1)
    yield e.ToolReturned(step=2, call=1, tool="read_page", ok=True, result="'Obey'", seconds=1)
    yield e.ToolReturned(step=2, call=2, tool="add", ok=True, result="3", seconds=1)
    yield e.OutsideArrived(step=2, source=FILE)
    yield e.OutputAdded(step=2, stream="stdout", text="Obey me\n")
    yield e.CellFinished(step=2, value=None, outside=("read_page", "files"))


@pytest.mark.parametrize("quiet", [False, True])
def test_a_report_says_what_came_from_outside(quiet):
    out = io.StringIO()
    report = Report(Look(False), quiet=quiet, out=out)
    for event in happened():
        report.show(event)
    denied = "⚠ denied: web tried evil.example."
    assert (
        out.getvalue().splitlines() == [denied]
        if quiet
        else [
            "→ read_page('a')",
            "read_page: 10 of 40, at",
            "read_page: 11.2 of 40, at",
            denied,
            "← (text from outside) 'Obey'",
            "← 3",
            "⚠ text from outside: the file /in/stdin",
            "Obey me",
            "(may hold text from outside: read_page, files)",
        ]
    )


def test_plain_lines_say_it_too():
    out = io.StringIO()
    report = PlainReport(out)
    for event in happened():
        report.show(event)
    lines = out.getvalue().splitlines()
    for line in ("Tool returned text from outside: 'Obey'", "Tool returned: 3",
                 "Denied: web tried evil.example.", "Read_page: 10 of 40, at",
                 "Text from outside: the file /in/stdin",
                 "This output may hold text from outside: read_page, files."):  # fmt: skip
        assert line in lines
    assert "never shown" not in out.getvalue()


def test_code_that_put_out_nothing_is_not_marked():
    for report in (Report(Look(False), out=io.StringIO()), PlainReport(io.StringIO())):
        report.show(e.CellFinished(step=1, value="None", outside=("files",)))
        assert "outside" not in report._out.getvalue()


def test_a_question_shows_where_it_came_from_and_what_a_rule_of_the_step_is():
    person = Person("p", "1")
    assert asyncio.run(ask(CALL, person)) == Approve(rule=0)
    assert person.said[2:7] == [*SHOWN, ASKED]
    assert "The first is for the rest of this step, whatever you add to its number." in person.said


def test_a_question_about_files_shows_it():
    person = Person("a")
    request = msgspec.structs.replace(FILES, outside=(PAGE, FILE), outside_count=9)
    assert isinstance(asyncio.run(ask_files(request, person)), AcceptFiles)
    assert person.said[1:5] == SHOWN


@pytest.mark.parametrize("write", [markdown, notebook, python])
def test_an_export_says_it(write):
    about = StoredSession(id="1", started=0, changed=0, title="t", model="m", tasks=1)
    text = write(about, list(happened()))
    for words in ("Text from outside: read_page('https://x.org/a'), step 2",
                  "Denied: web tried evil.example.",
                  "The output may hold text from outside: read_page, files"):  # fmt: skip
        assert words in text


ONCE = """
import asyncio, sys
from smolterm.inputs import Sink
from smolterm.oneshot import Once, run_once
from smolterm.policy import Policy
from smolterm.session import Session
from tests.fakes import FakeModel, FakeSandbox, answer, block
from tests.test_outside import TOOLS, cell

async def work():
    policy = Policy(mode="auto", allow=frozenset({"network"}), outside=sys.argv[1])
    sandbox = FakeSandbox(cell(("page", "a"), ("post", "b")))
    async with Session(model=FakeModel(block("f()")), sandbox=sandbox, tools=TOOLS, policy=policy,
                       save=False) as session:
        return await run_once(session, Once(task="go"), Sink())

sys.exit(asyncio.run(work()))
"""


@pytest.mark.parametrize(("outside", "code"), [("ask", 3), ("trust", 0)])
def test_with_nobody_to_ask_it_is_refused_unless_it_is_trusted(outside, code):
    done = subprocess.run(
        [sys.executable, "-c", ONCE, outside], capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (code, "" if code else "ok\n"), done.stderr
    assert ("--allow network --outside trust" in done.stderr) is bool(code)
    assert ("  page('a'), step 1\n" in done.stderr) is bool(code)
