"""The loop: think, propose, ask, run, observe; every fact of it an event."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing

import msgspec

from smolterm import events as e
from smolterm.answers import Review, answer_text, as_json, reviewed
from smolterm.approval import Approvals, word
from smolterm.calls import AnyTool, ToolCalls
from smolterm.clock import STOPPED, Budget, Clock, Interrupted, TaskOver
from smolterm.errors import SandboxDied, SmoltermError
from smolterm.gate import Gate, Granted
from smolterm.outside import Unread
from smolterm.packages import Plan
from smolterm.parse import Reply, parse_reply
from smolterm.policy import Approve, Decision, Edit, Reject, Stop, Verdict
from smolterm.sandbox import Call, CellDone, CellRunner, Limits, Printed
from smolterm.sandbox.described import event_of
from smolterm.thinker import Thinker
from smolterm.touches import Reading, read
from smolterm.transcript import Transcript, observe


class Agent:
    """The loop over one model, one sandbox and one set of tools; state lives in its parts."""

    def __init__(
        self,
        *,
        thinker: Thinker,
        sandbox: CellRunner,
        tools: Mapping[str, AnyTool],
        gate: Gate,
        budget: Budget,
        limits: Limits,
        transcript: Transcript,
        reviews: Sequence[Review] = (),
    ) -> None:
        self.reviews = reviews
        self.thinker = thinker
        self.sandbox = sandbox
        self.gate = gate
        self.budget = budget
        self.limits = limits
        self.transcript = transcript
        self.approvals = Approvals()
        self.calls = ToolCalls(tools, gate=gate, sandbox=sandbox, approvals=self.approvals)
        self.clock = Clock(budget)
        self.in_cell = False
        self._same = ("", 0)
        self._ending: TaskOver | Interrupted | None = None

    async def interrupt(self) -> None:
        """End the task: at once while it waits, as soon as Python stops while code runs."""
        if not self.clock.interrupt() and self.in_cell:
            await self.sandbox.interrupt()

    async def consent(self, plan: Plan, emit: Callable[[e.Event], None]) -> bool:
        """Ask whether a package may be fetched that the running cell imports.

        The cell waits for the package beside the loop, so its events go out by `emit`.
        """
        if not self.in_cell:
            return False
        step = self.transcript.steps[-1]
        try:
            return await self.calls.consent(step.number, step.code or "", plan, self.clock, emit)
        except (TaskOver, Interrupted) as over:
            self._ending = over
            await self.sandbox.interrupt()
            return False

    async def run(self) -> AsyncGenerator[e.Event, None]:
        """Run the newest task to its end; the last event is `Finished`.

        The caller applies each event to the transcript and the prompt before it asks for the next.
        """
        self.clock = Clock(self.budget)
        self._same = ("", 0)
        self._ending = None
        try:
            repairs = 0
            for taken in range(self.budget.max_steps or 1_000_000):
                number = len(self.transcript.steps) + 1
                yield e.StepStarted(
                    step=number,
                    steps_left=max(0, self.budget.max_steps - taken),
                    seconds_left=self.clock.left,
                )
                failed = False
                left = self.budget.max_repairs - repairs
                try:
                    async with aclosing(reviewed(self._step(number, left), self.reviews,
                                                 self.clock, number, left)) as step:  # fmt: skip
                        async for event in step:
                            yield event
                            failed = failed or _is_failure(event)
                except TaskOver as over:
                    # What the person said during a review goes before the answer.
                    if over.finished.reason != "answer" or not self.thinker.prompt.unread:
                        raise
                repairs = repairs + 1 if failed else 0
                if repairs > self.budget.max_repairs:
                    raise TaskOver(
                        e.Finished(
                            reason="repairs",
                            message=f"The model failed {repairs} times in a row.",
                        )
                    )
            yield e.Finished(
                reason="steps", message=f"The task used its {self.budget.max_steps} steps."
            )
        except TaskOver as over:
            yield over.finished
        except Interrupted:
            yield e.Finished(reason="interrupted", message="The task was interrupted.")
        except SmoltermError as error:
            yield e.Finished(reason="failed", message=str(error), error=type(error).__name__)

    async def _step(self, number: int, repairs_left: int) -> AsyncGenerator[e.Event, None]:
        reply: Reply | None = None
        async with aclosing(self.thinker.reply(number, self.clock)) as thinking:
            async for event in thinking:
                yield event
                if isinstance(event, e.ReplyFinished):
                    reply = parse_reply(event.text, cut=event.stop == "length")
        assert reply is not None
        if reply.code is None:
            if reply.kind == "prose":
                # The model answered before it read what the person said: it goes on with that.
                if self.thinker.prompt.unread:
                    return
                raise TaskOver(e.Finished(reason="answer", answer=reply.reasoning))
            yield e.MistakeFound(step=number, text=reply.message, repairs_left=max(0, repairs_left))
            return
        yield e.ActionProposed(step=number, reasoning=reply.reasoning, code=reply.code)
        code: str | None = None
        async with aclosing(self._ask(number, reply.code)) as asking:
            async for event in asking:
                yield event
                if isinstance(event, e.DecisionMade) and event.decision in ("approve", "edit"):
                    code = event.code
        if code is None:
            return
        async with aclosing(self._run_code(number, code)) as running:
            async for event in running:
                yield event

    async def _ask(self, number: int, code: str) -> AsyncGenerator[e.Event, None]:
        """Put the action to approval; the last event is the decision."""
        before, times = self._same
        self._same = (code, times + 1 if code == before else 1)
        repeats = self._same[1]
        reading = read(code, self.calls.specs)
        judged = self.gate.judge_code(reading, repeats=repeats)
        by_person = judged.verdict is not Verdict.ALLOW
        decision: Decision = Approve()
        kept = Granted(judged.rule)
        unread = Unread()
        self.calls.read = Reading()
        if by_person:
            rules = self.gate.code_rules(code, reading, repeats=repeats)
            unread = self.gate.unread()
            self.approvals.ask(number)
            yield e.ApprovalRequested(
                step=number,
                code=code,
                why=f"The same code was proposed {repeats} times." if repeats >= 3 else "",
                touches=reading.touches,
                rules=tuple(rule.words() for rule in rules),
                outside=unread.sources,
                outside_count=unread.total,
            )
            async with self.clock.waiting(counts=False):
                decision = await self.approvals.answer(number)
            if isinstance(decision, Edit):
                code, reading = decision.code, read(decision.code, self.calls.specs)
            if isinstance(decision, Approve):
                kept = self.gate.take(decision, rules)
            if isinstance(decision, Approve | Edit):
                self.calls.read = reading
        yield e.DecisionMade(
            step=number,
            decision=word(decision),
            by="person" if by_person else "policy",
            reason=decision.reason if isinstance(decision, Reject) else "",
            code=code if isinstance(decision, Approve | Edit) else "",
            rule=kept.words,
            granted=kept.rule,
            read=unread.to if isinstance(decision, Approve | Edit) else 0,
        )
        if isinstance(decision, Stop):
            raise TaskOver(e.Finished(reason="stopped", message=STOPPED))
        if isinstance(decision, Reject):
            said = f" They said: {decision.reason}" if decision.reason else ""
            yield e.ObservationMade(
                step=number,
                text=f"The person declined this code; nothing ran.{said}\n"
                "Do what they ask, or propose another way.",
            )

    async def _run_code(self, number: int, code: str) -> AsyncGenerator[e.Event, None]:
        """Run approved code and make the observation; raises `TaskOver` with the answer."""
        if not self.sandbox.alive:
            yield e.SandboxChanged(state="starting")
            async with self.clock.waiting():
                await self.sandbox.start()
        yield e.SandboxChanged(state="busy")
        yield e.CellStarted(step=number, code=code, cell=getattr(self.sandbox, "step", 0))
        lost = self.sandbox.names
        done: CellDone | None = None
        died: SandboxDied | None = None
        try:
            async with aclosing(self._cell(number, code)) as parts:
                async for part in parts:
                    if isinstance(part, CellDone):
                        done = part
                    else:
                        yield part
        except SandboxDied as error:
            died = error
        if done is None:
            async with aclosing(self._recover(number, died, lost)) as events:
                async for event in events:
                    yield event
            return
        yield e.SandboxChanged(state="ready")
        answer = answer_text(done) if done.answered else None
        yield e.CellFinished(
            step=number,
            value=done.value,
            answer=answer,
            error=done.error,
            seconds=done.seconds,
            dropped=done.dropped,
            names=done.names,
            variables=done.variables,
            lines=done.lines,
            outside=self.transcript.outside.names(),
        )
        if self._ending is not None:
            raise self._ending
        if self.clock.interrupted:
            raise Interrupted
        if answer is not None:
            if self.thinker.prompt.unread:
                return
            data = as_json(done.answer_data)
            raise TaskOver(e.Finished(reason="answer", answer=answer, data=data))
        yield e.ObservationMade(step=number, text=observe(self.transcript.steps[-1]))

    async def _cell(self, number: int, code: str) -> AsyncGenerator[e.Event | CellDone, None]:
        """Run the cell; answers its tool calls on the way."""
        left = self.clock.left
        seconds = self.limits.seconds
        if left is not None:
            seconds = min(seconds or left, max(left, 0.1))
        limits = msgspec.structs.replace(self.limits, seconds=seconds)
        self.in_cell = True
        try:
            async with aclosing(self.sandbox.cell(code, limits=limits)) as parts:
                async for part in parts:
                    if isinstance(part, Printed):
                        yield e.OutputAdded(step=number, stream=part.stream, text=part.text)
                    elif isinstance(part, Call):
                        try:
                            async with aclosing(
                                self.calls.make(number, code, part, self.clock)
                            ) as calling:
                                async for event in calling:
                                    yield event
                        except (TaskOver, Interrupted) as over:
                            # Stopping inside a call lets Python end by itself: variables survive.
                            self._ending = over
                            await self.sandbox.answer(part.call, error=STOPPED, denied=True)
                            await self.sandbox.interrupt()
                    elif isinstance(part, CellDone):
                        self.clock.spend(part.seconds)
                        yield part
                    else:
                        yield event_of(number, part)
        finally:
            self.in_cell = False

    async def _recover(
        self, number: int, died: SandboxDied | None, lost: tuple[str, ...]
    ) -> AsyncGenerator[e.Event, None]:
        """The process is gone: say so, start another, tell the model what it lost."""
        why = died.what if died is not None else "The sandbox stopped."
        # It may have brought its state back by itself.
        back = died is not None and self.sandbox.alive
        if back:
            lost = tuple(name for name in lost if name not in self.sandbox.names)
        detail = died.kept if died is not None and back else why
        yield e.SandboxChanged(state="died", detail=detail, lost=lost)
        error = e.CellError(type="SandboxDied", message=why, traceback=why)
        outside = self.transcript.outside.names()
        yield e.CellFinished(step=number, error=error, outside=outside)
        if self._ending is not None:
            raise self._ending
        if self.clock.interrupted:
            raise Interrupted
        if died is not None and back:
            yield e.SandboxChanged(state="ready")
            yield e.ObservationMade(
                step=number, text=f"{why} {died.kept} Go on from there, in another way."
            )
            return
        yield e.SandboxChanged(state="starting")
        async with self.clock.waiting():
            await self.sandbox.start()
        yield e.SandboxChanged(state="ready")
        gone = f"These are gone: {', '.join(lost)}." if lost else "It held no variables yet."
        yield e.ObservationMade(
            step=number,
            text=f"{why} It was restarted. {gone} Files that your code wrote are gone too. "
            "Start over from what you need, in another way.",
        )


def _is_failure(event: e.Event) -> bool:
    if isinstance(event, e.CellFinished):
        return event.error is not None
    return isinstance(event, e.MistakeFound)
