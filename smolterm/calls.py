"""One tool call out of a running cell: judged, asked about, made, answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Protocol

from smolterm import events as e
from smolterm.approval import Approvals, word
from smolterm.clock import STOPPED, Clock, Interrupted, TaskOver
from smolterm.errors import ToolError
from smolterm.gate import Gate, Granted, arguments_of
from smolterm.outside import ASKED, STILL
from smolterm.packages import Plan
from smolterm.packages.names import package_of
from smolterm.policy import Approve, Mode, Reject, Rule, Stop, Verdict
from smolterm.sandbox import Call, CellRunner
from smolterm.sandbox.values import short_repr
from smolterm.tools import ToolSpec
from smolterm.touches import Reading, touches

IMPORT = "import"
"""How events name the fetching of a package; no tool can have this name."""
WANTED = "The code imports a package that is not on this machine."
MOST_RESULT = 160
"""Characters of a result in its event; the code gets all of it."""


class AnyTool(Protocol):
    """What the loop needs of a tool."""

    @property
    def spec(self) -> ToolSpec: ...

    async def call(self, args: list[Any], kwargs: dict[str, Any]) -> Any: ...


class ToolCalls:
    """The tools of a session, behind its gate."""

    def __init__(
        self,
        tools: Mapping[str, AnyTool],
        *,
        gate: Gate,
        sandbox: CellRunner,
        approvals: Approvals,
    ) -> None:
        self._tools = tools
        self._gate = gate
        self._sandbox = sandbox
        self._approvals = approvals
        self._consents = 0
        self.running: dict[int, ToolSpec] = {}
        """The calls that are being made, and the tool of each."""
        self.specs = tuple(tool.spec for tool in tools.values())
        self.read = Reading()
        """The code that a person approved; empty while other code runs."""

    async def make(
        self, number: int, code: str, call: Call, clock: Clock
    ) -> AsyncGenerator[e.Event, None]:
        """Judge one call, make it, and give the sandbox its result."""
        tool = self._tools.get(call.tool)
        if tool is None:
            await self._sandbox.answer(call.call, error="There is no such tool.")
            return
        line = _line(call, code)
        refused = ""
        async with aclosing(self._judge(number, code, call, tool.spec, line, clock)) as judging:
            async for said in judging:
                if isinstance(said, str):
                    refused = said
                else:
                    yield said
        name = tool.spec.name
        if refused:
            await self._sandbox.answer(call.call, error=f"{name}: {refused}", denied=True)
            yield e.ToolReturned(
                step=number, call=call.call, tool=name, ok=False, result=refused, seconds=0.0,
                arguments=_arguments(call), effect=tool.spec.effect, line=line,
            )  # fmt: skip
            return
        yield e.ToolCalled(
            step=number, call=call.call, tool=name, arguments=_arguments(call),
            effect=tool.spec.effect, line=line,
        )  # fmt: skip
        started = time.monotonic()
        value, error = None, None
        self.running[call.call] = tool.spec
        try:
            async with clock.waiting():
                value = await self._while_alive(tool.call(call.args, call.kwargs))
        except ToolError as failure:
            error = str(failure)
        except (Interrupted, TaskOver):
            raise
        except Exception as failure:  # noqa: BLE001  a tool is foreign code; this is its boundary
            error = f"{type(failure).__name__}: {failure}"
        finally:
            self.running.pop(call.call, None)
        if tool.spec.outside:
            # An error's message may be the page's too.
            source = e.Source(kind="tool", what=name, arguments=_in_short(call), step=number)
            yield e.OutsideArrived(step=number, source=source, call=call.call)
        yield e.ToolReturned(
            step=number, call=call.call, tool=name, ok=error is None,
            result=error if error is not None else glance(value),
            seconds=time.monotonic() - started,
        )  # fmt: skip
        await self._sandbox.answer(call.call, value=value, error=error)

    async def _judge(
        self, number: int, code: str, call: Call, spec: ToolSpec, line: int | None, clock: Clock
    ) -> AsyncGenerator[e.Event | str, None]:
        """Judge one call, asking where one asks; a text is why it does not happen."""
        given = arguments_of(call.args, call.kwargs)
        seen = spec.name in self.read.calls
        judged = self._gate.judge_call(spec, given.exact, read=seen, step=number)
        if judged.verdict is Verdict.DENY:
            yield judged.why
            return
        if judged.verdict is Verdict.ALLOW:
            if judged.rule:
                yield e.DecisionMade(
                    step=number, call=call.call, decision="approve", by="policy", rule=judged.rule
                )
            return
        unread = self._gate.unread()
        of_step = self._gate.step_rules(spec, number) if unread.total else ()
        rules = (*of_step, *self._gate.call_rules(spec, given.exact))
        why = ASKED if judged.guarded else _why(spec.effect, seen, self._gate.policy.mode)
        self._approvals.ask(number, call.call)
        yield e.ApprovalRequested(
            step=number, code=code, call=call.call, tool=spec.name, arguments=given.text,
            effect=spec.effect, line=line, why=why, touches=touches(code, self.specs),
            rules=_words(rules, guarded=unread.total > 0), step_rules=len(of_step),
            outside=unread.sources, outside_count=unread.total,
        )  # fmt: skip
        async with clock.waiting(counts=False):
            decision = await self._approvals.answer(number, call.call)
        reason = decision.reason if isinstance(decision, Reject) else ""
        kept = self._gate.take(decision, rules) if isinstance(decision, Approve) else Granted()
        yield e.DecisionMade(
            step=number, call=call.call, decision=word(decision), by="person", reason=reason,
            rule=kept.words, granted=kept.rule,
            read=unread.to if isinstance(decision, Approve) else 0,
        )  # fmt: skip
        if isinstance(decision, Stop):
            raise TaskOver(e.Finished(reason="stopped", message=STOPPED))
        if not isinstance(decision, Approve):
            yield f"The person declined it. {reason}".strip()

    async def _while_alive(self, calling: Coroutine[Any, Any, Any]) -> Any:
        """Wait for a tool no longer than there is code that waits for it."""
        working = asyncio.ensure_future(calling)
        gone = asyncio.ensure_future(self._sandbox.gone())
        try:
            await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise ToolError("The sandbox ended while the tool ran.")
            return working.result()
        finally:
            working.cancel()
            gone.cancel()
            await asyncio.gather(working, gone, return_exceptions=True)

    async def consent(
        self,
        number: int,
        code: str,
        plan: Plan,
        clock: Clock,
        emit: Callable[[e.Event], None],
    ) -> bool:
        """Ask about a package that the code imports: fetching it leaves the machine."""
        judged = self._gate.judge_package(IMPORT)
        if judged.verdict is not Verdict.ASK:
            return judged.verdict is Verdict.ALLOW
        named = plan.look_up in {package_of(name) for name in self.read.imports}
        if named and not judged.guarded:
            # The name stands in the code that a person approved; the download is asked about.
            return True
        self._consents += 1
        # The code's own calls are counted upwards from 1.
        call = -self._consents
        what = "\n".join(plan.lines())
        unread = self._gate.unread()
        self._approvals.ask(number, call)
        emit(
            e.ApprovalRequested(
                step=number, code=code, call=call, tool=IMPORT, arguments=what, effect="network",
                why=ASKED if judged.guarded else WANTED,
                outside=unread.sources, outside_count=unread.total,
            )
        )  # fmt: skip
        async with clock.waiting(counts=False):
            decision = await self._approvals.answer(number, call)
        granted = isinstance(decision, Approve)
        reason = decision.reason if isinstance(decision, Reject) else ""
        emit(
            e.DecisionMade(
                step=number,
                call=call,
                decision=word(decision),
                by="person",
                reason=reason,
                read=unread.to if granted else 0,
            )
        )
        if isinstance(decision, Stop):
            raise TaskOver(e.Finished(reason="stopped", message=STOPPED))
        result = "allowed" if granted else f"The person declined it. {reason}".strip()
        emit(
            e.ToolReturned(
                step=number, call=call, tool=IMPORT, ok=granted, result=result, seconds=0.0
            )
        )
        return granted


def glance(value: Any) -> str:
    """Return a value in one short line, with its size when that does not show."""
    text = short_repr(value, MOST_RESULT)
    if isinstance(value, str | bytes | list | tuple | dict | set) and len(text) > MOST_RESULT:
        start = text[: MOST_RESULT - 20].rstrip()
        return f"{type(value).__name__} of {len(value)}: {start} …"
    return text


def _arguments(call: Call) -> str:
    parts = [short_repr(value) for value in call.args]
    parts += [f"{name}={short_repr(value)}" for name, value in call.kwargs.items()]
    return ", ".join(parts)


def _in_short(call: Call) -> str:
    text = _arguments(call)
    return text if len(text) <= MOST_RESULT else f"{text[:MOST_RESULT]}…"


def _line(call: Call, code: str) -> int | None:
    """Return the line that the sandbox claims; its word counts for nothing but showing."""
    line = call.line
    return line if line is not None and 0 < line <= code.count("\n") + 1 else None


def _words(rules: Sequence[Rule], *, guarded: bool) -> tuple[str, ...]:
    """Return the rules as they are offered; those that outlive a step do not lift the guard."""
    return tuple(
        rule.words() + (f" {STILL}" if guarded and rule.kind != "step" else "") for rule in rules
    )


def _why(effect: str, seen: bool, mode: Mode) -> str:
    if mode == "effects":
        return "Each call that leaves the sandbox is asked about."
    if not seen:
        return "No code that you approved in this step calls it by name."
    return f"A tool with the effect '{effect}' is asked for each time."
