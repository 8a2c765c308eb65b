"""Questions that are answered line by line."""

from __future__ import annotations

import asyncio

import pytest

from smolterm.asking import ask, ask_files
from smolterm.events import ApprovalRequested, FileChange, FilesRequested, Touch
from smolterm.policy import AcceptFiles, Approve, Edit, RefuseFiles, Reject, Stop

CODE = "rows = fetch('x')\nprint(rows)"
REQUEST = ApprovalRequested(
    step=3, code=CODE, rules=("Let `fetch` be called.", "Run code that calls `fetch` only."),
    touches=(Touch(kind="tool", what="fetch", effect="network", line=1),
             Touch(kind="write", what="a.txt", may=True)),
)  # fmt: skip
HUNKS = ("@@ -1 +1 @@\n-a\n+b\n", "@@ -9 +9 @@\n-c\n+d\n")
FILES = FilesRequested(
    step=3,
    files=(
        FileChange(path="/files/a.txt", kind="changed", hunks=HUNKS, added=2, removed=2, size=10),
        FileChange(path="/files/b.bin", kind="created", binary=True, size=4),
        FileChange(path="/files/.git/x", kind="created", size=4, refused="it belongs to git"),
    ),
)


class Person:
    """Answers with given lines, and notes what was said."""

    def __init__(self, *lines: str, edited: str | None = None) -> None:
        self.lines, self.edited = list(lines), edited
        self.said: list[str] = []
        self.paged: list[str] = []
        self.copied: list[str] = []

    def say(self, text: str, style: str = "") -> None:
        self.said.append(text)

    async def read(self, question: str) -> str:
        if not self.lines:
            raise EOFError
        return self.lines.pop(0)

    async def edit(self, code: str) -> str | None:
        return self.edited

    edit_outside = edit

    async def copy(self, text: str) -> None:
        self.copied.append(text)

    async def page(self, text: str) -> None:
        self.paged.append(text)

    @property
    def text(self) -> str:
        return "\n".join(self.said)


def answer(*lines: str, request: ApprovalRequested = REQUEST, edited: str | None = None) -> object:
    return asyncio.run(ask(request, Person(*lines, edited=edited)))


@pytest.mark.parametrize(
    ("lines", "decision"),
    [
        (["a"], Approve()),
        (["Approve"], Approve()),
        (["", "x", "yes", "approve all", "a"], Approve()),
        (["r", "  not this "], Reject("not this")),
        (["r", ""], Reject("")),
        (["s"], Stop()),
        (["p", "1"], Approve(rule=0)),
        (["p", "2 always"], Approve(rule=1, always=True)),
        (["p", "", "a"], Approve()),
        (["p", "0", "p", "3", "p", "1 forever", "p", "-1", "s"], Stop()),
    ],
)
def test_an_answer_is_a_decision_and_anything_else_is_none(lines, decision):
    assert answer(*lines) == decision


def test_an_edit_is_what_comes_back_and_giving_up_asks_again():
    assert answer("e", edited="1 + 1") == Edit("1 + 1")
    assert answer("g", edited="1 + 1") == Edit("1 + 1")
    assert answer("e", "s", edited=None) == Stop()


def test_copying_and_viewing_leave_the_question_open():
    person = Person("c", "v", "a")
    assert asyncio.run(ask(REQUEST, person)) == Approve()
    assert person.copied == [CODE]
    assert person.paged == [CODE]


def test_it_says_what_the_code_would_touch():
    person = Person("a")
    asyncio.run(ask(REQUEST, person))
    assert "will call fetch (network), line 1" in person.text
    assert "may write a.txt" in person.text


def test_rules_are_shown_in_full_before_one_can_be_chosen():
    person = Person("p", "1")
    asyncio.run(ask(REQUEST, person))
    assert all(words in person.text for words in REQUEST.rules)


def test_without_rules_none_is_offered():
    bare = ApprovalRequested(step=1, code=CODE)
    person = Person("p", "a")
    assert asyncio.run(ask(bare, person)) == Approve()
    assert "rule" not in person.text


def test_a_call_shows_its_arguments_whole_and_takes_no_edit():
    call = ApprovalRequested(
        step=1, code=CODE, call=2, tool="send", arguments="'x' * 900, to='\u202eme'",
        effect="network", line=1,
    )  # fmt: skip
    person = Person("e", "g", "a", edited="other()")
    assert asyncio.run(ask(call, person)) == Approve()
    assert "send('x' * 900, to='<U+202E>me')" in person.text
    assert "line 1" in person.text


def test_hidden_characters_are_counted_and_nobody_left_is_no_answer():
    hidden = ApprovalRequested(step=1, code="a = '\u200b'\r")
    person = Person()
    with pytest.raises(EOFError):
        asyncio.run(ask(hidden, person))
    assert "2 hidden characters" in person.text


def review(*lines: str, files: FilesRequested = FILES) -> tuple[object, Person]:
    person = Person(*lines)
    return asyncio.run(ask_files(files, person)), person


def test_all_files_that_can_be_written_are_and_no_others():
    decision, person = review("a")
    assert decision == AcceptFiles(paths=("/files/a.txt", "/files/b.bin"))
    assert "+b" in person.text
    assert "it belongs to git" in person.text


def test_files_are_chosen_one_by_one():
    decision, _ = review("f", "n", "maybe", "y", "too soon")
    assert decision == AcceptFiles(paths=("/files/b.bin",), reason="too soon")


def test_hunks_are_chosen_one_by_one():
    decision, _ = review("h", "n", "y", "y", "keep line 1")
    assert decision == AcceptFiles(
        paths=("/files/b.bin",), hunks={"/files/a.txt": (2,)}, reason="keep line 1"
    )


def test_choosing_nothing_refuses():
    assert review("f", "n", "n", "no")[0] == RefuseFiles("no")
    assert review("r", "wrong folder")[0] == RefuseFiles("wrong folder")


def test_what_cannot_be_seen_whole_is_asked_about_again():
    cut = FileChange(path="/files/c", kind="changed", hunks=HUNKS, shown_whole=False)
    files = FilesRequested(step=1, files=(cut,))
    assert review("a", "n", "r", "", files=files)[0] == RefuseFiles("")
    assert review("a", "y", files=files)[0] == AcceptFiles(paths=("/files/c",))
    # Its hunks are not all here, so it goes as a whole or not at all.
    assert review("h", "y", files=files)[0] == AcceptFiles(paths=("/files/c",))


def test_nothing_that_can_be_written_can_only_be_refused():
    refused = FilesRequested(step=1, files=FILES.files[2:])
    assert review("a", "f", "h", "r", "", files=refused)[0] == RefuseFiles("")
