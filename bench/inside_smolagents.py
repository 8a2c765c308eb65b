"""The same measurements inside smolagents, run by its own Python; imports nothing of ours."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import time
from pathlib import Path

from smolagents import CodeAgent, Model, tool
from smolagents.local_python_executor import LocalPythonExecutor
from smolagents.models import ChatMessage, MessageRole

STEPS = 100
CELLS = 200
CALLS = 1000


class Scripted(Model):
    """Says each of its replies once."""

    def __init__(self, replies: list[str]) -> None:
        super().__init__(model_id="scripted")
        self._replies = replies

    def generate(self, messages, **_) -> ChatMessage:
        return ChatMessage(role=MessageRole.ASSISTANT, content=self._replies.pop(0))


@tool
def ping(number: int) -> int:
    """Return the number.

    Args:
        number: any.
    """
    return number


def steps(count: int) -> float:
    """Return the seconds that so many steps take."""
    replies = [f"I will run this.\n<code>\nx = {number}\n</code>" for number in range(count)]
    replies.append("Done.\n<code>\nfinal_answer('done')\n</code>")
    agent = CodeAgent(tools=[], model=Scripted(replies), max_steps=count + 1, verbosity_level=0)
    began = time.perf_counter()
    answer = agent.run("Go.")
    taken = time.perf_counter() - began
    assert answer == "done", answer
    return taken


def engine() -> None:
    steps(10)
    print("engine.step", steps(STEPS) / STEPS * 1e6)


class Counted(Scripted):
    """Also counts the characters it is sent."""

    def __init__(self, replies: list[str]) -> None:
        super().__init__(replies)
        self.asked: list[list[int]] = []

    def generate(self, messages, **more) -> ChatMessage:
        self.asked.append([len(text) for message in messages for text in texts(message)])
        return super().generate(messages, **more)


def texts(message) -> list[str]:
    """Return a message's pieces of text."""
    content = message.content if isinstance(message, ChatMessage) else message["content"]
    if isinstance(content, str):
        return [content]
    return [piece.get("text", "") for piece in content or []]


def make_tools() -> list:
    """Return 20 tools with a docstring of one line and two arguments each."""
    made = []
    for number in range(20):
        code = (
            f"def search_source_{number}(query: str, limit: int = 10) -> list[str]:\n"
            f'    """Search source number {number} and return what fits best.\n\n'
            '    Args:\n        query: what.\n        limit: how many.\n    """\n'
            "    return [query] * limit\n"
        )
        # The decorator reads the function's source, so it needs a file.
        path = Path(tempfile.mkdtemp()) / f"tools_{number}.py"
        path.write_text(code)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        made.append(tool(getattr(module, f"search_source_{number}")))
    return made


def prompt() -> None:
    replies = [f"I will run this.\n<code>\nx = {number}\n</code>" for number in range(50)]
    model = Counted([*replies, "Done.\n<code>\nfinal_answer('done')\n</code>"])
    CodeAgent(tools=[], model=model, max_steps=51, verbosity_level=0).run("Go.")
    print("prompt.system", model.asked[0][0])
    print("prompt.sent", sum(map(sum, model.asked)))
    model = Counted(["Done.\n<code>\nfinal_answer('done')\n</code>"])
    CodeAgent(tools=make_tools(), model=model, max_steps=2, verbosity_level=0).run("Go.")
    print("prompt.system.tools", model.asked[0][0])


def sandbox() -> None:
    began = time.perf_counter()
    executor = LocalPythonExecutor(additional_authorized_imports=[])
    executor.send_tools({"ping": ping})
    assert executor("1 + 1").output == 2
    print("sandbox.cold", (time.perf_counter() - began) * 1e3)
    for _ in range(20):
        executor("x = 1 + 1")
    began = time.perf_counter()
    for _ in range(CELLS):
        executor("x = 1 + 1")
    print("sandbox.step", (time.perf_counter() - began) / CELLS * 1e6)
    began = time.perf_counter()
    total = executor(f"total = 0\nfor i in range({CALLS}):\n    total += ping(i)\ntotal").output
    print("sandbox.call", (time.perf_counter() - began) / CALLS * 1e6)
    assert total == sum(range(CALLS)), total


if __name__ == "__main__":
    {"engine": engine, "prompt": prompt, "sandbox": sandbox}[sys.argv[1]]()
