"""A real Deno and a real Pyodide: what a cell gives, how it ends, and what survives."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import aclosing

import pytest

from smolterm.errors import SandboxDied
from smolterm.events import CellFinished
from smolterm.policy import Policy
from smolterm.sandbox import Limits, Printed
from smolterm.sandbox.deno import Sandbox
from smolterm.session import Session
from smolterm.tools import tool
from tests.fakes import FakeModel


@tool
def add(a: int, b: int = 2) -> int:
    """Add two numbers."""
    return a + b


@tool
def fail(how: str) -> str:
    """Raise an error."""
    raise {"value": ValueError, "key": KeyError}[how]("on purpose")


@pytest.fixture(scope="module")
def tooled(start_sandbox):
    return start_sandbox(tools=[add, fail])


def test_the_last_expression_is_the_value(shared):
    done, out, err = shared.run("x = 20\nx + 1")
    assert (done.value, done.value_data, out, err) == ("21", 21, "", "")
    assert "x" in done.names


def test_a_statement_has_no_value(shared):
    assert shared.run("y = 1")[0].value is None
    assert shared.run("None")[0].value == "None"


def test_output_comes_while_the_code_still_runs(shared):
    async def work():
        texts = []
        async with aclosing(shared.sandbox.cell("print('first')\nwhile True: pass")) as parts:
            async for part in parts:
                if isinstance(part, Printed):
                    texts.append(part.text)
                    await shared.sandbox.interrupt()
                else:
                    return texts, part

    texts, done = shared.do(work())
    assert texts == ["first\n"]
    assert done.error.type == "KeyboardInterrupt"


def test_stdout_and_stderr_are_told_apart(shared):
    _, out, err = shared.run("import sys\nprint('o')\nprint('e', file=sys.stderr)")
    assert (out, err) == ("o\n", "e\n")


def test_what_c_code_and_file_descriptors_write_is_seen_too(shared):
    _, out, _ = shared.run("import os; _ = os.write(1, 'ä'.encode())")
    assert out == "ä"


def test_bytes_that_are_no_text_are_kept(shared):
    async def work():
        code = "import sys; _ = sys.stdout.buffer.write(bytes([255, 0, 65]))"
        parts = [part async for part in shared.sandbox.cell(code)]
        return b"".join(part.data or part.text.encode() for part in parts[:-1])

    assert shared.do(work()) == bytes([255, 0, 65])


def test_a_traceback_shows_the_users_lines_only(shared):
    done, _, _ = shared.run("def divide(n):\n    return n / 0\n\ndivide(1)")
    text = done.error.traceback
    assert "return n / 0" in text
    assert "divide(1)" in text
    assert text.count("File") == 2
    assert "pyodide" not in text
    assert len(text) < 300


def test_a_short_error_is_short(shared):
    text = shared.run("1/0")[0].error.traceback
    assert text.endswith("ZeroDivisionError: division by zero")
    assert len(text) < 150


def test_a_traceback_shows_lines_of_earlier_cells(shared):
    shared.run("def broken():\n    raise KeyError('earlier')")
    assert "raise KeyError('earlier')" in shared.run("broken()")[0].error.traceback


def test_chained_exceptions_are_shown(shared):
    text = shared.run("try:\n    1/0\nexcept Exception as e:\n    raise ValueError('b') from e")[0]
    assert "direct cause" in text.error.traceback
    assert "ZeroDivisionError" in text.error.traceback


def test_names_live_on_and_die_with_del(shared):
    shared.run("import math\ndef area(r): return math.pi * r\nradius = 2")
    assert shared.value("round(area(radius), 2)") == 6.28
    assert shared.run("del radius")[0].names.count("radius") == 0


def test_await_at_the_top_level(shared):
    assert shared.value("import asyncio\nawait asyncio.sleep(0, 'slept')") == "slept"
    assert shared.value("async def f(): return 7\nasyncio.run(f())") == 7


def test_exit_is_no_death(shared):
    done, _, err = shared.run("import sys; sys.exit('bye')")
    assert (done.status, err) == (1, "bye\n")
    assert shared.value("1") == 1


def test_final_answer_ends_the_cell_whatever_surrounds_it(shared):
    code = "try:\n    final_answer({1: (2,)})\nexcept Exception:\n    pass\nprint('not reached')"
    done, out, _ = shared.run(code)
    assert (done.answered, done.answer_data, out, done.error) == (True, {1: (2,)}, "", None)


def test_the_first_answer_counts(shared):
    code = "try:\n    final_answer(1)\nexcept BaseException:\n    final_answer(2)"
    assert shared.run(code)[0].answer_data == 1


def test_an_exception_that_looks_like_the_answers_is_none(shared):
    code = "class Answered(BaseException): pass\nraise Answered"
    done, _, _ = shared.run(code)
    assert not done.answered
    assert done.error.type == "Answered"


def test_a_variable_named_final_answer_does_not_hide_the_function(shared):
    assert shared.run("final_answer = 3\nfinal_answer(final_answer)")[0].answer_data == 3
    assert shared.run("final_answer(final_answer + 1)")[0].answer_data == 4
    shared.run("del final_answer")


def test_a_tool_is_a_plain_function(tooled):
    assert tooled.value("add(1, b=5)") == 6
    assert tooled.value("sorted(map(add, [3, 1]))") == [3, 5]
    assert "Add two numbers." in tooled.value("add.__doc__")


def test_a_tools_errors_are_exceptions_inside(tooled):
    assert "on purpose" in tooled.run("fail('value')")[0].error.message
    code = "try:\n    add('x')\nexcept ToolError as error:\n    print(error)"
    assert "Expected `int`" in tooled.run(code)[1]


def test_a_large_result_comes_through(start_sandbox):
    @tool
    def big() -> str:
        """Return much."""
        return "é" * 3_000_000

    assert start_sandbox(tools=[big]).value("len(big())") == 3_000_000


def test_a_late_call_of_a_background_task_does_not_hang_the_next_cell(tooled):
    tooled.run("import asyncio\nasync def later():\n    await asyncio.sleep(0.05)\n    add(1)\n"
               "task = asyncio.ensure_future(later())")  # fmt: skip
    done, _, _ = tooled.run("await asyncio.wait([task])\nstr(task.exception())",
                            limits=Limits(seconds=20))  # fmt: skip
    assert done.error is None


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time\ntime.sleep(100)",
        "import asyncio\nawait asyncio.sleep(100)",
        "import re\nre.match('(a*)*b', 'a' * 40)",
        "x = 3 ** 10 ** 9",
    ],
    ids=["loop", "sleep", "await", "regex", "big int"],
)
def test_time_is_limited_and_variables_survive(shared, code):
    shared.run("kept = 'yes'")
    done, _, _ = shared.run(code, limits=Limits(seconds=0.2))
    assert done.error.type == "TimeoutError"
    assert "0.2 s" in done.error.message
    assert shared.value("kept") == "yes"


def test_code_that_ignores_the_interrupt_is_killed_and_says_what_is_lost(start_sandbox):
    own = start_sandbox()
    own.run("precious = 1")
    with pytest.raises(SandboxDied) as caught:
        own.run("while True:\n  try:\n    while True: pass\n  except BaseException: pass",
                limits=Limits(seconds=0.1))  # fmt: skip
    assert "precious" in str(caught.value)
    assert own.value("1 + 1") == 2
    assert own.run("precious")[0].error.type == "NameError"


def test_the_clock_stands_still_while_a_tool_works(start_sandbox):
    released = asyncio.Event()

    @tool
    async def slow() -> str:
        """Answer after the limit."""
        await released.wait()
        return "done"

    own = start_sandbox(tools=[slow])

    async def work():
        asyncio.get_running_loop().call_later(0.5, released.set)
        return await own.sandbox.run("slow()", limits=Limits(seconds=0.3))

    assert own.do(work()).value_data == "done"


def test_output_past_the_limit_is_counted_and_dropped(shared):
    done, out, _ = shared.run("print('x' * 5_000_000)", limits=Limits(output_bytes=1000))
    assert (len(out), done.dropped) == (1000, 4_999_001)


def test_tool_calls_are_counted(tooled):
    done, _, _ = tooled.run("for i in range(9): add(i)", limits=Limits(tool_calls=5))
    assert done.error.type == "RuntimeError"
    assert tooled.value("add(1)") == 3


def test_memory_ends_in_an_error_and_the_interpreter_lives(start_sandbox):
    own = start_sandbox()
    done, _, _ = own.run("kept = 1\nx = []\nwhile True: x.append(bytearray(50_000_000))")
    assert done.error.type == "MemoryError"
    assert own.value("x.clear()\nkept") == 1


def test_the_disk_is_full_at_its_quota(start_sandbox):
    own = start_sandbox()
    own.run("data = b'x' * 1_000_000")
    code = "with open('/tmp/a', 'wb') as f:\n  for i in range(400): f.write(data)"
    assert own.run(code)[0].error.type == "OSError"
    assert (
        own.value("import os\nos.unlink('/tmp/a')\nopen('/tmp/b', 'wb').write(data)") == 1_000_000
    )


def test_the_texts_of_many_cells_are_forgotten_but_not_those_of_the_last(start_sandbox):
    own = start_sandbox(checkpoints=False)
    own.run("def old(): return 1 / 0")
    for number in range(198):
        own.run(f"def late_{number}(): return {number} / 0")
    assert "return 1 / 0" in own.run("old()")[0].error.traceback.split("old()", 1)[1]
    assert "return 197 / 0" in own.run("late_197()")[0].error.traceback
    forgotten = own.run("old()")[0].error.traceback
    assert "<cell 1>" in forgotten and "return 1 / 0" not in forgotten
    kept = own.value("import linecache; sum(name.startswith('<cell') for name in linecache.cache)")
    assert kept == 200


@pytest.mark.parametrize(
    "code",
    [
        "import os; os._exit(3)",
        "import os; os.abort()",
        "import ctypes; ctypes.string_at(2**32 - 9)",
        "import sys\nsys.setrecursionlimit(10**9)\ndef f(): return f()\nf()",
    ],
    ids=["exit", "abort", "wild pointer", "stack"],
)  # fmt: skip
def test_a_broken_interpreter_is_replaced(start_sandbox, code):
    own = start_sandbox(checkpoints=False)
    own.run("lost_one = 1")
    with pytest.raises(SandboxDied) as caught:
        own.run(code)
    assert "lost_one" in str(caught.value)
    assert own.value("2") == 2


def test_a_killed_process_is_replaced_and_has_its_tools_and_files_again(start_sandbox):
    own = start_sandbox(tools=[add])
    own.do(own.sandbox.offer(files={"/in/data": b"\x00\x01"}))

    async def work():
        async with aclosing(own.sandbox.cell("print('go')\nwhile True: pass")) as parts:
            async for part in parts:
                assert isinstance(part, Printed)
                os.kill(own.sandbox.pid, signal.SIGKILL)

    with pytest.raises(SandboxDied) as caught:
        own.do(work())
    assert "SIGKILL" in str(caught.value)
    assert own.value("open('/in/data', 'rb').read(), add(1)") == (b"\x00\x01", 3)


def test_leaving_a_cell_early_leaves_no_process(start_sandbox):
    own = start_sandbox()
    pid = own.sandbox.pid

    async def work():
        async with aclosing(own.sandbox.cell("print('go')\nwhile True: pass")) as parts:
            await anext(parts)
        await own.sandbox.close()

    own.do(work())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_it_starts_with_no_network_and_an_environment_of_its_own(shared):
    seen = shared.value("import os\ndict(os.environ)")
    assert not set(seen) & (set(os.environ) - {"HOME", "PATH", "PWD", "LANG", "USER", "LOGNAME",
                                               "_", "LD_LIBRARY_PATH"})  # fmt: skip
    code = "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9/')"
    assert shared.run(code)[0].error is not None


def test_closing_twice_and_without_a_start():
    async def work():
        sandbox = Sandbox()
        await sandbox.close()
        await sandbox.close()

    asyncio.run(work())


def test_an_interrupt_ends_the_wait_for_a_tool():
    async def work():
        called = asyncio.Event()

        @tool
        async def never() -> int:
            """Wait for ever."""
            called.set()
            await asyncio.Event().wait()
            return 1

        async with Sandbox(tools=[never], checkpoints=False) as sandbox:
            running = asyncio.create_task(sandbox.run("x = 1\nnever()"))
            await called.wait()
            await sandbox.interrupt()
            done = await running
            return done.error.type, (await sandbox.run("x")).value

    assert asyncio.run(work()) == ("KeyboardInterrupt", "1")


def test_the_death_of_the_process_ends_the_wait_for_a_tool():
    async def work():
        sandbox = Sandbox(checkpoints=False)

        @tool
        async def never() -> int:
            """Kill the caller, then wait for ever."""
            os.kill(sandbox.pid, signal.SIGKILL)
            await asyncio.Event().wait()
            return 1

        model = FakeModel("```python\nnever()\n```", "That is all.")
        events = []
        async with Session(
            model=model, sandbox=sandbox, tools=[never], policy=Policy(mode="auto"), save=False
        ) as session:
            async for event in session.run("go"):
                events.append(event)
        return events

    events = asyncio.run(work())
    assert events[-1].answer == "That is all."
    assert "SIGKILL" in next(e.error.message for e in events if isinstance(e, CellFinished))


class Broken:
    """Sources that fail in ways nobody thought of."""

    async def provide(self, module):
        raise OSError("the index burns")

    async def resolve(self, requirements):
        raise OSError("the index burns")


def test_a_source_that_fails_is_an_error_in_the_code_and_no_endless_wait():
    def stdin(most):
        raise OSError("no stdin")

    async def work():
        async with Sandbox(packages=Broken(), checkpoints=False) as sandbox:
            done = await sandbox.run("import nothing_like_it")
            parts = [part async for part in sandbox.cell("input()", read_stdin=stdin)]
            return done.error, parts[-1].error

    package, stdin_error = asyncio.run(work())
    assert package.type == "ModuleNotFoundError"
    assert "the index burns" in package.message
    assert stdin_error.type == "EOFError"


def test_small_limits_of_calls_are_for_calls_alone():
    async def work():
        async with Sandbox(tools=[add], checkpoints=False) as sandbox:
            limits = Limits(call_bytes=60)
            short = await sandbox.run("add(1)", limits=limits)
            long = await sandbox.run(f"add(1, b={10**60})", limits=limits)
            parts = sandbox.cell(
                "input()", limits=Limits(call_bytes=0), read_stdin=lambda n: b"a\n"
            )
            return short, long, [part async for part in parts][-1]

    short, long, read = asyncio.run(work())
    assert short.value_data == 3
    assert (long.error.type, long.error.message) == (
        "RuntimeError", "The arguments are too large.",
    )  # fmt: skip
    assert read.value == "'a'"
