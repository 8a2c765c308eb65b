"""A session: one model, one sandbox and one transcript, over any number of tasks."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from smolterm import __version__
from smolterm.answers import Review
from smolterm.calls import AnyTool
from smolterm.clock import Budget
from smolterm.errors import SmoltermError, UsageError
from smolterm.events import (
    CellStarted,
    Event,
    Finished,
    ModeChanged,
    Notice,
    Rewound,
    SandboxChanged,
    SessionResumed,
    SessionStarted,
    TaskStarted,
)
from smolterm.gate import Gate
from smolterm.goingback import GoingBack
from smolterm.models import Model
from smolterm.policy import Decision, Policy
from smolterm.rules import RulesFile
from smolterm.sandbox import CellRunner, Limits
from smolterm.seat import Seat
from smolterm.sessions.past import Past
from smolterm.sessions.record import Record
from smolterm.sessions.states import RERUN_SECONDS, Keeper
from smolterm.stagedfiles import MOST_NAMED_FILES, FilesOfSession
from smolterm.steering import Steering
from smolterm.store import data_folder, new_session_id
from smolterm.threads import in_daemon_thread
from smolterm.tools import Tool, ToolSpec, by_name
from smolterm.transcript import Transcript
from smolterm.variables import Variables

if TYPE_CHECKING:
    from smolterm.agent import Agent
    from smolterm.hearing import Hearing
    from smolterm.manner import AgentChoice, Manner
    from smolterm.packages import Plan
    from smolterm.packs.notice import PackNotice
    from smolterm.prompt import Prompt

MODEL_FIRST_SECONDS = 3.0
DEFAULT_BUDGET = Budget()
DEFAULT_LIMITS = Limits()
DEFAULT_POLICY = Policy()

Handler = Callable[[Event], None]
FindPacks: TypeAlias = Callable[[Callable[[str], None]], Sequence[Any]]
PackagePolicy: TypeAlias = Literal["ask", "cached", "off"]


class Session(Steering, GoingBack, FilesOfSession, Variables):
    """Tasks in, events out, decisions in.

        async with Session(model="ollama/qwen3:4b") as session:
            async for event in session.run("How many primes are below 1000?"):
                if isinstance(event, ApprovalRequested):
                    session.decide(event.step, Approve(), call=event.call)

    Args:
        model: a `Model`, or the name of one as `smolterm --model` takes it.
        sandbox: what runs the code; a `Sandbox` of its own when None.
        tools: functions made with `@tool`, and packs' tools.
        packs: tool packs, which run in processes of their own; started and closed here. A
            function finds them when they are first needed; it is given what takes complaints.
        policy: what happens without asking.
        rules: the person's file of rules; None: there is none.
        budget: for each task.
        limits: for each cell.
        folder: where the sandbox is our own, its code sees it as `/files/<name>`, staged. What
            packs may read is granted to them, not here.
        write: what code changes there is written, once it is accepted.
        save: keep the session in the store, whose path is `transcript_path`.
        packages: what code may import besides the standard library, where the sandbox is our own:
            whatever a person allows, what is already on this machine, or nothing.
        spare: keep a second sandbox ready, see `Sandbox`.
        brief: one task and the end: leaving waits for as little as can be.
        agent: the model writes Python, calls tools by JSON, or what suits it.
        strict: a model on this machine can only write Python that parses.
        reviews: look at each answer, in order, before the staged files are asked about.
        resume: what the session goes on from, of an earlier process or of another session.
    """

    def __init__(
        self,
        *,
        model: Model | str,
        sandbox: CellRunner | None = None,
        tools: Iterable[Tool] = (),
        packs: Sequence[Any] | FindPacks = (),
        policy: Policy = DEFAULT_POLICY,
        rules: RulesFile | None = None,
        budget: Budget = DEFAULT_BUDGET,
        limits: Limits = DEFAULT_LIMITS,
        folder: Path | None = None,
        write: bool = False,
        save: bool = True,
        packages: PackagePolicy = "ask",
        spare: bool = False,
        brief: bool = False,
        agent: AgentChoice = "auto",
        strict: bool = False,
        reviews: Sequence[Review] = (),
        resume: Past | None = None,
    ) -> None:
        self._reviews = tuple(reviews)
        self._kind, self._strict = agent, strict
        self._packages = packages
        self._spare = spare
        self._resume = resume
        self.id = resume.id if resume is not None else new_session_id()
        self._handlers: list[Handler] = []
        self._queue: asyncio.Queue[Event | None] | None = None
        self._seat = Seat(model, self._emit)
        self.sandbox = sandbox if sandbox is not None else self._own_sandbox()
        self._offers_packages = sandbox is None and packages != "off"
        self._transcript: Transcript | None = None
        self.gate = Gate(
            policy, file=rules, tell=self._warn, outside=lambda: self.transcript.outside
        )
        self.budget = budget
        self.limits = limits
        self.folder = folder
        if folder is not None and self.staging is not None:
            self.staging.mount_folder(folder, writable=write)
        self.is_demo = self.model_name.startswith("replay:")
        self._own_tools: dict[str, AnyTool] = dict(by_name(tools))
        self.packs: list[Any] = [] if callable(packs) else list(packs)
        self._find_packs = packs if callable(packs) else None
        self._finding = asyncio.Lock()
        self._record = Record(self.id, save=save, past=resume, address=lambda: self._seat.address)
        rerun = RERUN_SECONDS if brief and resume is None else 0.0
        self._keeper = Keeper(self.sandbox, self.id, self._emit, rerun=rerun) if save else None
        self._going_back = False
        if resume is not None:
            self._take_over(resume, own_mode=policy is not DEFAULT_POLICY)
        self._specs: list[ToolSpec] = []
        self._agent: Agent | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._making: asyncio.Task[Agent] | None = None
        self._interrupted = asyncio.Event()
        self._attached: dict[str, bytes] = {}
        self._mounted: list[str] = []
        self._hearing: Hearing | None = None
        self._closed = False

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    @property
    def transcript(self) -> Transcript:
        """Tasks and steps; of a long session folded when it is first asked for."""
        if self._transcript is None:
            self._transcript = Transcript()
            if self._resume is not None:
                self._transcript.begin_again(self._resume.events, self._resume.spent)
        return self._transcript

    @property
    def transcript_path(self) -> str | None:
        """The store's file, once it holds something of the session."""
        path = self._record.path
        return None if path is None else str(path)

    @property
    def saves(self) -> bool:
        """What happens is kept on the disk."""
        return not self._record.unsaved

    def listen(self, handler: Handler) -> None:
        """Hear events that happen while no task runs."""
        self._handlers.append(handler)

    def attach(self, files: Mapping[str, bytes]) -> None:
        """Put files at absolute paths inside the sandbox with the next task."""
        self._attached.update(files)

    async def start_model(self) -> None:
        """Give the model a head start; never raises, the first reply reports what is wrong."""
        await self._seat.start()

    async def prepare(self) -> None:
        """Start what a task will need, so that nobody waits for it twice; never raises."""
        if self._preparing is None:
            self._preparing = asyncio.create_task(self._prepare())
        await asyncio.shield(self._preparing)

    async def _prepare(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._seat.start()
        # What only a task needs is loaded behind the screen, where nobody waits for it.
        await in_daemon_thread(importlib.import_module, "smolterm.agent")
        # The sandbox starts on all cores: the model, which is needed first, imports before it.
        await self._seat.imported(MODEL_FIRST_SECONDS)
        await self._found_packs()
        await asyncio.gather(self._start_sandbox(), *(pack.start() for pack in self.packs),
                             return_exceptions=True)  # fmt: skip
        if self._resume is not None:
            await self._go_on(self._resume)

    async def switch_model(self, model: Model | str) -> None:
        """Let another model go on with the session; what was said and done so far stays.

        Cancelling it keeps the old one too.

        Raises:
            UsageError: a task is running, another switch is, or the name is none.
            ModelError: the other model cannot be asked; the old one stays.
        """
        self._refuse_while_busy()
        await self._seat.switch(model, self._use_model)

    def _use_model(self) -> None:
        if self._agent is not None:
            self._agent.thinker.suit(self.model, self._manner(self._specs))

    async def run(
        self,
        task: str,
        *,
        files: Mapping[str, bytes] | None = None,
        notes: Sequence[str] = (),
    ) -> AsyncGenerator[Event, None]:
        """Work on a task; yields every event, `Finished` last.

        Closing the iterator early ends the task. One task runs at a time.

        Args:
            files: bytes to put at absolute paths inside the sandbox, such as `/in/stdin`.
            notes: what the model is told besides.
        """
        if self._queue is not None:
            raise UsageError("A task is running.", next="Wait for it, or interrupt() it.")
        if self._going_back:
            raise UsageError("The session is being rewound.", next="Wait until it is.")
        self._seat.refuse_while_switching()
        self._interrupted.clear()
        if self.staging is not None:
            self.staging.withdraw()
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._queue = queue
        files = {**self._attached, **(files or {})}
        self._attached = {}
        # Arguments of a command may hold bytes that are no text.
        task = task.encode("utf-8", "replace").decode()
        started = TaskStarted(task=task, files=(*self._mounted, *files), notes=tuple(notes))
        self._mounted = []
        working = asyncio.create_task(self._work(started, files))
        if self._preparing is None:
            self._preparing = asyncio.create_task(self._prepare())
        try:
            while (event := await queue.get()) is not None:
                yield event
            await working
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
            self._queue = None

    def decide(self, step: int, decision: Decision, *, call: int | None = None) -> bool:
        """Answer a question; the first decision wins. False when nothing waits for it."""
        return self._agent is not None and self._agent.approvals.decide(step, decision, call)

    async def consent(self, plan: Plan) -> bool:
        """Ask about a package as about every step; for `Packages` of a sandbox of one's own."""
        return self._agent is not None and await self._agent.consent(plan, self._emit)

    async def interrupt(self) -> None:
        """End the running task; `Finished` with the reason `interrupted` follows."""
        self._interrupted.set()
        if self._agent is not None and self._queue is not None:
            await self._agent.interrupt()

    async def close(self) -> None:
        """End every child; safe to call twice and while a task runs."""
        if self._closed:
            return
        self._closed = True
        for task in (self._preparing, self._making):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if self._hearing is not None:
            self._hearing.close()
        if self._keeper is not None:
            await self._keeper.close()
        closing = [self.sandbox.close(), self.model.close()]
        closing += [pack.close() for pack in self.packs]
        await asyncio.gather(*closing, return_exceptions=True)
        if self.staging is not None:
            self.staging.close()
        self._record.close()

    async def _work(self, started: TaskStarted, files: Mapping[str, bytes]) -> None:
        """Run the agent in a task of its own, so that events come while a front end is busy."""
        assert self._queue is not None
        try:
            agent = await self._agent_in_time()
            self._emit(started)
            for path in [*files][:MOST_NAMED_FILES]:
                self._tell_file(len(self.transcript.steps), path, at=0)
            if files and agent is not None:
                await self.sandbox.offer(files=files)
            if agent is None or self._interrupted.is_set():
                self._emit(Finished(reason="interrupted", message="The task was interrupted."))
                return
            async with aclosing(agent.run()) as events:
                async for event in events:
                    self._emit(event)
                    if isinstance(event, CellStarted) and self._keeper is not None:
                        await self._keeper.settled()
        except SmoltermError as error:
            self._emit(Finished(reason="failed", message=str(error), error=type(error).__name__))
        finally:
            self._queue.put_nowait(None)

    async def _agent_in_time(self) -> Agent | None:
        """Return the agent, or None when the person interrupts before all is loaded.

        Loading goes on then, and the next task waits for what is left of it.
        """
        if self._agent is not None:
            return self._agent
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(self._ready_agent())
            # It may fail when nobody waits for it any more; the next task tries again.
            self._making.add_done_callback(lambda made: made.cancelled() or made.exception())
        interrupted = asyncio.create_task(self._interrupted.wait())
        try:
            await asyncio.wait({self._making, interrupted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            interrupted.cancel()
        return self._making.result() if self._making.done() else None

    async def _ready_agent(self) -> Agent:
        from smolterm.agent import Agent
        from smolterm.thinker import Thinker

        if self._agent is None:
            if self._resume is not None:
                # The model is told of variables that did not come back.
                await self.prepare()
            tools, notices = await self._collect_tools()
            specs = self._specs = [tool.spec for tool in tools.values()]
            await self.sandbox.offer(tools=specs)
            await self._seat.described()
            self._agent = Agent(
                thinker=Thinker(self.model, self._prompt(), self._manner(specs)),
                sandbox=self.sandbox,
                tools=tools,
                gate=self.gate,
                budget=self.budget,
                limits=self.limits,
                transcript=self.transcript,
                reviews=(*self._reviews, *([self.staging] if self.staging is not None else [])),
            )
            if self._resume is None:
                self._emit(
                    SessionStarted(
                        session=self.id,
                        version=__version__,
                        model=self.model_name,
                        folder=str(self.folder) if self.folder else None,
                        mode=self.mode,
                    )
                )
            for text in notices:
                self._emit(Notice(text=text, level="warning"))
        return self._agent

    def _manner(self, specs: Sequence[ToolSpec]) -> Manner:
        from smolterm.manner import manner_for

        return manner_for(self.model, specs, agent=self._kind, strict=self._strict)

    def _prompt(self) -> Prompt:
        """Return what the model is sent, from the events in force."""
        from smolterm.prompt import Prompt

        words = self.staging.words() if self.staging is not None else ""
        prompt = Prompt(self._specs, packages=self._offers_packages, folder=words)
        for event in self._record.events:
            prompt.apply(event)
        return prompt

    def _warn(self, text: str) -> None:
        self._emit(Notice(text=text, level="warning"))

    async def _collect_tools(self) -> tuple[dict[str, AnyTool], list[str]]:
        """Start the packs and return all tools by name, and what went wrong on the way."""
        await self._found_packs()
        tools, notices = dict(self._own_tools), []
        started = await asyncio.gather(*(pack.start() for pack in self.packs),
                                       return_exceptions=True)  # fmt: skip
        for pack, failure in zip(self.packs, started, strict=True):
            if isinstance(failure, SmoltermError):
                notices.append(str(failure))
                continue
            if failure is not None:
                raise failure
            for tool in pack.tools:
                name = tool.spec.name
                if name in tools:
                    notices.append(f"The tool {name} comes from two places; one is left out.")
                else:
                    tools[name] = tool
        return tools, notices

    async def _found_packs(self) -> None:
        async with self._finding:
            find, self._find_packs = self._find_packs, None
            if find is not None:
                said: list[str] = []
                self.packs += await in_daemon_thread(find, said.append)
                for text in said:
                    self._warn(text)
            for pack in self.packs:
                if hasattr(pack, "on_notice"):
                    pack.on_notice = self._hear_pack

    def _hear_pack(self, notice: PackNotice) -> None:
        """Take what a pack tells; it may do so from a thread of its own."""
        if self._hearing is None:
            from smolterm.hearing import Hearing

            self._hearing = Hearing(
                self._emit,
                step=lambda: len(self.transcript.steps),
                running=lambda: self._agent.calls.running if self._agent is not None else {},
            )
        self._in_loop(self._hearing.take, notice)

    def _emit(self, event: Event) -> None:
        """Save, take in, and only then show."""
        failure: Notice | None = None
        # Before its first task a session has no place in the store: nothing happened.
        if self._agent is not None or isinstance(event, Rewound):
            failure = self._record.append(event)
        elif isinstance(event, SessionResumed | ModeChanged):
            self._record.hold(event)
        if failure is not None:
            self._show(failure)
        if isinstance(event, Rewound):
            self._fold_again()
        else:
            self.transcript.apply(event)
            if self._agent is not None:
                self._agent.thinker.prompt.apply(event)
        if self._keeper is not None:
            self._keeper.take(event)
        self._show(event)

    def _show(self, event: Event) -> None:
        if self._queue is not None:
            self._queue.put_nowait(event)
        else:
            for handler in self._handlers:
                handler(event)

    def _own_sandbox(self) -> CellRunner:
        from smolterm.packages.provide import Packages
        from smolterm.sandbox.deno import Sandbox
        from smolterm.sandbox.files import StagedFiles
        from smolterm.staging import Staging

        packages = None
        if self._packages != "off":
            packages = Packages(
                consent=self.consent, progress=self._progress, offline=self._packages == "cached"
            )
        files = StagedFiles()
        sandbox = Sandbox(
            progress=self._progress, spare=self._spare, packages=packages, files=files, follow=True
        )
        undo_folder = data_folder() / "undo"
        files.on_read = self._hear_file
        self.staging = Staging(sandbox, files, gate=lambda: self.gate, undo_folder=undo_folder)
        return sandbox

    def _progress(self, text: str, fraction: float | None) -> None:
        """Tell how far a download is; what downloads may call from a thread of its own."""
        event = SandboxChanged(state="preparing", detail=text, fraction=fraction)
        self._in_loop(self._emit, event)

    def _in_loop(self, take: Callable[[Any], None], what: Any) -> None:
        """Hand something over in the session's own thread."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(take, what)
        else:
            take(what)

    async def _start_sandbox(self) -> None:
        if self.sandbox.alive:
            return
        self._emit(SandboxChanged(state="starting"))
        try:
            if self.staging is not None:
                await self.staging.recover()
            await self.sandbox.start()
        except SmoltermError as error:
            # The first step that runs code tries again, and fails the task if it must.
            self._emit(SandboxChanged(state="closed", detail=str(error)))
        else:
            self._emit(SandboxChanged(state="ready"))
