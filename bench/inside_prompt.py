"""Counts the text that a session of ours sends: `python -m bench.inside_prompt PROFILE`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from smolterm.clock import Budget
from smolterm.gate import Gate
from smolterm.models import Message
from smolterm.policy import Policy
from smolterm.prompt import Prompt
from smolterm.sandbox.files import StagedFiles
from smolterm.session import Session
from smolterm.staging import Staging
from smolterm.tools import Tool
from tests.fakes import FakeModel, FakeSandbox, answer, value

STEPS = 50
NAMES = {"frontier": "openai/gpt-5", "small": "vllm/some-3b"}


def make_tools() -> Iterator[Tool]:
    """Yield 20 tools with a docstring of one line and two arguments each."""
    for number in range(20):

        def function(query: str, limit: int = 10) -> list[str]:
            return [query] * limit

        function.__name__ = f"search_source_{number}"
        function.__doc__ = f"Search source number {number} and return what fits best."
        yield Tool(function)


async def asked(profile: str, steps: int, tools: list[Tool]) -> list[list[Message]]:
    """Return the messages of each request of a task of so many steps."""
    replies = [f"I will run this.\n```python\nx = {number}\n```" for number in range(steps)]
    replies.append("Done.\n```python\nfinal_answer('done')\n```")
    model = FakeModel(*replies)
    model.name = NAMES[profile]
    # An assignment has no value and prints nothing.
    sandbox = FakeSandbox(*[value("None", "x")] * steps, answer("done"))
    policy, budget = Policy(mode="auto"), Budget(max_steps=0)
    async with Session(model=model, sandbox=sandbox, tools=tools, save=False, policy=policy,
                       budget=budget) as session:  # fmt: skip
        async for _ in session.run("Go."):
            pass
    return model.asked


def folder_words() -> int:
    """Return the characters by which the system message grows for a folder of the person's."""
    with tempfile.TemporaryDirectory() as folder:
        files = StagedFiles()
        gate = Gate(Policy())
        staging = Staging(FakeSandbox(), files, gate=lambda: gate, undo_folder=Path(folder))  # type: ignore[arg-type]
        staging.mount_folder(Path(folder), writable=True)
        files.close()
        with_folder, without = Prompt(folder=staging.words()), Prompt()
    return len(with_folder.messages[0].content) - len(without.messages[0].content)


def main() -> None:
    profile = sys.argv[1]
    requests = asyncio.run(asked(profile, STEPS, []))
    print("prompt.system", len(requests[0][0].content))
    print("prompt.sent", sum(len(each.content) for request in requests for each in request))
    print("prompt.system.folder", folder_words())
    with_tools = asyncio.run(asked(profile, 0, list(make_tools())))
    print("prompt.system.tools", len(with_tools[0][0].content))


if __name__ == "__main__":
    main()
