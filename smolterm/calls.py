"""One tool call out of a running cell: judged, asked about, made, answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from typing import Any, Protocol

from smolterm import events as e
from smolterm.approval import Approvals, word
from smolterm.clock import STOPPED, Clock, Interrupted, TaskOver
from smolterm.errors import ToolError
from smolterm.packages import Plan
from smolterm.packages.names import package_of
from smolterm.policy import Approve, Policy, Reject, Stop, Verdict, judge_effect
from smolterm.sandbox import Call, CellRunner
from smolterm.sandbox.values import short_repr
from smolterm.tools import ToolSpec

IMPORT = "import"
"""How events name the fetching of a package; no tool can have this name."""
MOST_RESULT = 160
"""Characters of a result in its event; the code gets all of it."""


class AnyTool(Protocol):
    """What the loop needs of a tool."""

    @property
    def spec(self) -> ToolSpec: ...

    async def call(self, args: list[Any], kwargs: dict[str, Any]) -> Any: ...


class ToolCalls:
    """The tools of a session and the gate before them."""

    def __init__(
        self,
        tools: Mapping[str, AnyTool],
        *,
        policy: Policy,
        sandbox: CellRunner,
        approvals: Approvals,
    ) -> None:
        self._tools = tools
        self._policy = policy
        self._sandbox = sandbox
        self._approvals = approvals
        self._consents = 0
        self.approved_names: frozenset[str] = frozenset()
        """What the code that a person approved calls by name."""
        self.approved_imports: frozenset[str] = frozenset()
        """What it imports."""

    async def make(
        self, number: int, code: str, call: Call, clock: Clock
    ) -> AsyncGenerator[e.Event, None]:
        """Judge one call, make it, and give the sandbox its result."""
        tool = self._tools.get(call.tool)
        if tool is None:
            await self._sandbox.answer(call.call, error="There is no such tool.")
            return
        name, effect = tool.spec.name, tool.spec.effect
        shown = _arguments(call)
        seen = name in self.approved_names
        verdict = judge_effect(self._policy, effect, read_by_person=seen)
        refused = "This session does not allow it." if verdict is Verdict.DENY else None
        if verdict is Verdict.ASK:
            self._approvals.ask(number, call.call)
            yield e.ApprovalRequested(
                step=number, code=code, call=call.call, tool=name, arguments=shown, effect=effect,
                why=_why(effect, seen),
            )  # fmt: skip
            async with clock.waiting(counts=False):
                decision = await self._approvals.answer(number, call.call)
            reason = decision.reason if isinstance(decision, Reject) else ""
            yield e.DecisionMade(
                step=number, call=call.call, decision=word(decision), by="person", reason=reason
            )
            if isinstance(decision, Stop):
                raise TaskOver(e.Finished(reason="stopped", message=STOPPED))
            if not isinstance(decision, Approve):
                refused = f"The person declined it. {reason}".strip()
        if refused is not None:
            await self._sandbox.answer(call.call, error=f"{name}: {refused}", denied=True)
            yield e.ToolReturned(
                step=number, call=call.call, tool=name, ok=False, result=refused, seconds=0.0
            )
            return
        yield e.ToolCalled(step=number, call=call.call, tool=name, arguments=shown, effect=effect)
        started = time.monotonic()
        value, error = None, None
        try:
            async with clock.waiting():
                value = await self._while_alive(tool.call(call.args, call.kwargs))
        except ToolError as failure:
            error = str(failure)
        except (Interrupted, TaskOver):
            raise
        except Exception as failure:  # noqa: BLE001  a tool is foreign code; this is its boundary
            error = f"{type(failure).__name__}: {failure}"
        yield e.ToolReturned(
            step=number, call=call.call, tool=name, ok=error is None,
            result=error if error is not None else glance(value),
            seconds=time.monotonic() - started,
        )  # fmt: skip
        await self._sandbox.answer(call.call, value=value, error=error)

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
        if plan.look_up in {package_of(name) for name in self.approved_imports}:
            # The name stands in the code that a person approved; the download is asked about.
            return True
        verdict = judge_effect(self._policy, "network", read_by_person=False)
        if verdict is not Verdict.ASK:
            return verdict is Verdict.ALLOW
        self._consents += 1
        # The code's own calls are counted upwards from 1.
        call = -self._consents
        what = "\n".join(plan.lines())
        self._approvals.ask(number, call)
        emit(
            e.ApprovalRequested(
                step=number, code=code, call=call, tool=IMPORT, arguments=what, effect="network",
                why="The code imports a package that is not on this machine.",
            )
        )  # fmt: skip
        async with clock.waiting(counts=False):
            decision = await self._approvals.answer(number, call)
        granted = isinstance(decision, Approve)
        reason = decision.reason if isinstance(decision, Reject) else ""
        emit(
            e.DecisionMade(
                step=number, call=call, decision=word(decision), by="person", reason=reason
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


def _why(effect: str, seen: bool) -> str:
    if not seen:
        return "The code you approved does not call it by name."
    return f"A tool with the effect '{effect}' is asked for each time."
