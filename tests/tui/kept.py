"""Sessions that are kept in memory, and what a session with variables tells."""

from __future__ import annotations

from scripted import Scripted, idle, settle
from stories import ran
from textual.pilot import Pilot

from smolterm.errors import StoreError
from smolterm.events import CellFinished, Event, Finished, TaskStarted, Variable
from smolterm.store import StoredSession

VARIABLES = (
    Variable(name="rows", type="list", size="12,408", glance="[{'id': '1', 'region': 'north'}, …",
             change="new", rows=True),
    Variable(name="totals", type="Counter", size="4", glance="Counter({'north': 1204551})",
             change="changed", rows=True),
    Variable(name="a_name_that_is_much_longer_than_others", type="DataFrame", size="12,408 × 31",
             glance="   id region\n0  1  [b]north[/b] \x1b[31mred", rows=True),
    Variable(name="n", type="int", glance="42"),
)  # fmt: skip


LOOKING = 0.2
"""Seconds without a key until words are looked for, or a session is looked into, and some more."""


async def looked(pilot: Pilot[int]) -> None:
    """Wait until the list of sessions shows what was typed, and what is in the chosen one."""
    await idle(LOOKING)
    await done(pilot)


async def done(pilot: Pilot[int]) -> None:
    """Wait until what was looked for is found and drawn."""
    groups = ("search", "preview", "copy")
    if waiting := [each for each in pilot.app.workers if each.group in groups]:
        await pilot.app.workers.wait_for_complete(waiting)
    await settle(pilot)


NAMES = tuple(each.name for each in VARIABLES)


def with_variables(step: int = 1) -> list[Event]:
    """A step that ran and left variables."""
    return [
        *ran(step)[:-1],
        CellFinished(step=step, seconds=0.4, names=NAMES, variables=VARIABLES),
    ]


def past(steps: int, task: str = "count the rows") -> tuple[Event, ...]:
    """A session that ended well after so many steps."""
    events: list[Event] = [TaskStarted(task=task)]
    for step in range(1, steps + 1):
        events += ran(step, f"print('step {step}')", f"step {step}\n")
    return (*events, Finished(reason="answer", answer="**north** leads"))


class Kept:
    """A few sessions; what is asked of them is noted."""

    def __init__(self, now: float = 1_795_000_000.0) -> None:
        def one(name: str, title: str, hours: float, **more: object) -> StoredSession:
            return StoredSession(id=name, title=title, started=now - hours * 3600 - 60,
                                 changed=now - hours * 3600, model="gpt-5", **more)  # fmt: skip

        self.all = [
            one("20261121-1", "which region sells most?", 0.01, steps=4, tasks=1),
            one("20261120-7", "clean the [b]orders[/b] \x1b[31mfile", 26, steps=31, branches=2),
            one("20261119-2", "plot the temperatures", 50, steps=7, running=True),
            one("20261101-9", "注文の集計", 500, steps=1000),
        ]
        self.calls: list[str] = []
        self.opened: list[Scripted] = []

    def find(self, words: str = "", limit: int = 200) -> list[StoredSession]:
        self.calls.append(f"find {words}")
        return [each for each in self.all if words in each.title][:limit]

    def events(self, session: str, branch: int | None = None) -> list[Event]:
        return list(past(3))

    def open(self, session: str) -> Scripted:
        if session == "20261101-9":
            raise StoreError("It is damaged.", kept="Nothing was changed.")
        return self._made(f"open {session}", session)

    def fork(self, session: str, step: int | None, branch: int | None = None) -> Scripted:
        return self._made(f"fork {session} {step} {branch}", f"{session}-fork")

    def rename(self, session: str, title: str) -> None:
        self.calls.append(f"rename {session} {title}")

    def delete(self, session: str) -> None:
        self.calls.append(f"delete {session}")
        self.all = [each for each in self.all if each.id != session]

    def _made(self, call: str, name: str) -> Scripted:
        self.calls.append(call)
        made = Scripted(*ran(4))
        made.id, made.past = name, past(3, "from before")
        self.opened.append(made)
        return made
