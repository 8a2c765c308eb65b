"""`smolterm py` in the place of `python`."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.driving import shows_our_traceback

SHAPE = ["stdout", "stderr", "value", "error", "answer", "seconds"]


def peak_kilobytes(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def test_code_from_every_place(home):
    program = home.folder / "program.py"
    program.write_text("import sys\nprint(sys.argv, __name__)")
    assert home.run("py", "-c", "print(1)") == (0, b"1\n", "")
    assert home.run("py", "program.py", "a", "--json", "-c") == (
        0, b"['program.py', 'a', '--json', '-c'] __main__\n", "",
    )  # fmt: skip
    assert home.run("py", "-", "b", stdin=b"import sys; print(sys.argv)") == (
        0,
        b"['-', 'b']\n",
        "",
    )
    assert home.run("py", stdin="print('é')".encode()) == (0, "é\n".encode(), "")


def test_piped_input_is_read_as_it_comes(home):
    code = "print(input() + '|' + input())\ntry: input()\nexcept EOFError: print('end')"
    assert home.run("py", "-c", code, stdin=b"one\ntwo") == (0, b"one|two\nend\n", "")
    data = bytes(range(256)) * 999
    code = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
    assert home.run("py", "-c", code, stdin=data)[1] == data


def test_input_and_output_take_turns(home):
    process = home.start("py", "-c", "while True: print(input('> ')[::-1], flush=True)",
                         stdin=-1)  # fmt: skip
    for word in (b"abc", b"def"):
        process.stdin.write(word + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"> " + word[::-1] + b"\n"
    _, err = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "EOFError" in err.decode()


@pytest.mark.parametrize(
    ("code", "status", "err"),
    [
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit(-1)", 255, ""),
        ("import sys; sys.exit('words')", 1, "words\n"),
        ("1/0", 1, "ZeroDivisionError"),
        ("(", 1, "SyntaxError"),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt"),
        ("import os; os._exit(9)", 2, "sandbox died"),
    ],
)
def test_a_program_ends_with_the_code_of_python(home, code, status, err):
    done = home.run("py", "-c", code)
    assert (done[0], done[1]) == (status, b"")
    assert err in done[2]
    assert bool(err) == bool(done[2])
    assert not shows_our_traceback(done[2])


@pytest.mark.parametrize(
    ("code", "status", "wanted"),
    [
        ("x = 1", 0, {"value": None}),
        ("print('o'); 6 * 7", 0, {"stdout": "o\n", "value": "42"}),
        ("import sys; print('e', file=sys.stderr)", 0, {"stderr": "e\n"}),
        ("final_answer('text')", 0, {"answer": "'text'"}),
    ],
)
def test_json_has_one_shape(home, code, status, wanted):
    done = home.run("py", "--json", "-c", code)
    assert (done[0], done[2]) == (status, "")
    result = json.loads(done[1])
    assert list(result) == SHAPE
    assert result["error"] is None
    assert result["seconds"] >= 0
    assert {name: result[name] for name in wanted} == wanted


def test_json_of_an_exception(home):
    code, out, _ = home.run("py", "--json", "-c", "print('before'); {}['k']")
    result = json.loads(out)
    assert code == 1
    assert list(result) == SHAPE
    assert (result["stdout"], result["error"]["type"]) == ("before\n", "KeyError")
    assert set(result["error"]) == {"type", "message", "traceback"}


def test_a_session_keeps_its_state_through_errors_and_goes_on_after_a_death(home):
    cells = [
        {"code": "x = 20"}, {"code": "x + 1"}, {"code": "x / 0"}, "junk", {"cod": 1}, {"code": "x"},
        {"code": "import os; os._exit(1)"}, {"code": "x = 1"}, {"code": "print('a' * 200_000_000)"},
        {"code": "input()"}, {"code": "'last'"},
    ]  # fmt: skip
    lines = [json.dumps(cell) if isinstance(cell, dict) else cell for cell in cells]
    process = home.start("py", "--session", stdin=-1)
    results = []
    for line in lines:
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()
        results.append(json.loads(process.stdout.readline()))
    peak = peak_kilobytes(process.pid)
    process.communicate(timeout=10)
    assert process.returncode == 0
    assert all(list(result) == SHAPE for result in results)
    errors = [result["error"] and result["error"]["type"] for result in results]
    assert errors == [
        None, None, "ZeroDivisionError", "ValueError", "ValueError", None, "SandboxDied",
        None, None, "EOFError", None,
    ]  # fmt: skip
    assert (results[1]["value"], results[5]["value"], results[-1]["value"]) == (
        "21",
        "20",
        "'last'",
    )
    # A moment without a cell decides whether its state could be kept.
    assert re.search("Lost: x|Variables .* are back", results[6]["error"]["message"])
    assert len(results[8]["stdout"]) == 64 * 1024 * 1024
    assert peak < 1_000_000
    home.wait_until_gone()


def test_much_output_goes_through_in_little_memory(home):
    code = "for _ in range(200): print('x' * 999_999)\nimport sys; print('done', file=sys.stderr)\n"
    code += "input()"
    process = home.start("py", "-c", code, stdin=-1)
    read = 0
    while read < 200_000_000:
        read += len(os.read(process.stdout.fileno(), 1 << 20))
    assert process.stderr.read(5) == b"done\n"
    assert peak_kilobytes(process.pid) < 400_000
    out, _ = process.communicate(b"\n", timeout=10)
    assert (process.returncode, read + len(out)) == (0, 200_000_000)


def test_one_huge_print_arrives_whole(home):
    code, out, err = home.shell("smolterm py -c 'print(\"x\" * 199_999_999)' | wc -c")
    assert (code, out.strip(), err) == (0, b"200000000", "")


def test_a_closed_pipe_is_quiet(home):
    script = "smolterm py -c 'i = 0\nwhile True: print(i); i += 1' | head -1; exit ${PIPESTATUS[0]}"
    assert home.shell(script) == (141, b"0\n", "")
    home.wait_until_gone()


def test_a_slow_reader_holds_the_program_up(home):
    process = home.start("py", "-c", "while True: print('x' * 9999)")
    assert process.stdout.read(9999)
    # Nobody reads on: it must neither end nor grow.
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.0)
    assert peak_kilobytes(process.pid) < 400_000
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 143
    home.wait_until_gone()


def test_ctrl_c_is_a_keyboard_interrupt(home):
    code = "def f():\n    print('busy', flush=True)\n    while True: pass\nf()"
    seen = home.terminal("py", "-c", code)
    wait_until_written(home)
    seen.send("\x03")
    status, shown = seen.end()
    assert status == 130
    assert "in f" in shown
    assert "KeyboardInterrupt" in shown
    assert not shows_our_traceback(shown)
    home.wait_until_gone()


def test_ctrl_c_while_input_waits(home):
    seen = home.terminal("py", "-c", "import sys\nprint('ask', file=sys.stderr)\ninput()")
    seen.expect_exact("ask")
    seen.send("\x03")
    assert seen.end()[0] == 130
    home.wait_until_gone()


def wait_until_written(home):
    while not (home.folder / "out").exists() or not home.out():
        select.select([], [], [], 0.01)  # a file that grows is no event that can be waited for


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("while True: pass", signal.SIGTERM),
        ("while True: pass", signal.SIGHUP),
        ("import time; time.sleep(99)", signal.SIGINT),
        ("input()", signal.SIGTERM),
        ("input()", signal.SIGINT),
    ],
)
def test_signals_end_it_with_their_code(home, number, code):
    process = home.start("py", "-c", f"print('runs', flush=True)\n{code}", stdin=-1)
    assert process.stdout.readline() == b"runs\n"
    process.send_signal(number)
    process.wait(timeout=10)
    process.communicate()
    assert process.returncode == 128 + number
    home.wait_until_gone()


DEAF = """
while True:
    try:
        while True: pass
    except BaseException: pass
"""


@pytest.mark.parametrize(
    ("flag", "code", "words"),
    [
        ("--timeout", "while True: pass", "longer than 0.3 s"),
        ("--timeout", DEAF, "did not stop"),
        ("--cpu", "while True: pass", "0.3 s of the processor"),
    ],
)
def test_a_limit_of_time_ends_it(home, flag, code, words):
    done = home.run("py", flag, "0.3", "-c", code)
    assert (done[0], done[1]) == (3, b"")
    assert words in done[2]
    assert "next step" not in done[2]


def test_a_limit_of_memory_is_a_memory_error(home):
    code = "try: bytearray(400 << 20)\nexcept MemoryError: print('full')"
    assert home.run("py", "--memory", "128M", "-c", code) == (0, b"full\n", "")


def test_chance_and_time_repeat_when_asked(home):
    code = "import random, time; print(random.random(), time.time())"
    argv = ("py", "--seed", "x", "--clock", "2026-01-31T12:00:00", "-c", code)
    first = home.run(*argv)
    assert first[1].split()[1].startswith(b"1769860800.")
    assert home.run(*argv) == first


WORK = """
import os
with open('/files/data/old.txt', 'a') as file: file.write('two\\n')
open('/files/data/new.txt', 'w').write('new')
open('/files/read.txt', 'w').write('changed')
os.makedirs('/out/deep')
open('/out/deep/result.bin', 'wb').write(bytes(range(256)))
"""


@pytest.fixture
def work(home):
    (home.folder / "data").mkdir()
    (home.folder / "data" / "old.txt").write_text("one\n")
    (home.folder / "read.txt").write_text("read only")
    return ("py", "--mount", "data:rw", "--mount", "read.txt:/files/read.txt", "--out", "made")


def test_what_a_program_changes_is_written_after_a_good_end(home, work):
    code, out, err = home.run(*work, "-c", WORK)
    assert (code, out) == (0, b"")
    data, made = home.folder / "data", home.folder / "made"
    assert (data / "old.txt").read_text() == "one\ntwo\n"
    assert (data / "new.txt").read_text() == "new"
    assert (made / "deep" / "result.bin").read_bytes() == bytes(range(256))
    assert (home.folder / "read.txt").read_text() == "read only"
    for line in (
        f"created {made / 'deep' / 'result.bin'}", f"changed {data / 'old.txt'}",
        f"created {data / 'new.txt'}", "1 file changed in the sandbox alone",
    ):  # fmt: skip
        assert f"smolterm: {line}" in err
    kept = re.search("what was there before is in (.*)", err)
    assert any(path.read_bytes() == b"one\n" for path in Path(kept[1]).iterdir())
    assert home.run(*work, "-c", "1")[0] == 1  # the folder for results is not empty any more


@pytest.mark.parametrize("end", ["1 / 0", "raise SystemExit(4)"])
def test_nothing_is_written_after_a_failure(home, work, end):
    code, _, err = home.run(*work, "-c", WORK + end)
    assert code in (1, 4)
    assert "3 files not written, because the program failed" in err
    assert (home.folder / "data" / "old.txt").read_text() == "one\n"
    assert not (home.folder / "data" / "new.txt").exists()
    assert not (home.folder / "made").exists()


def test_a_file_that_changed_meanwhile_is_left_alone(home, work):
    process = home.start(*work, "-c", WORK + "print(1, flush=True); input()", stdin=-1)
    assert process.stdout.readline() == b"1\n"
    (home.folder / "data" / "old.txt").write_text("somebody else's")
    _, err = process.communicate(b"go on\n", timeout=10)
    assert process.returncode == 2
    assert b"changed meanwhile" in err
    assert (home.folder / "data" / "old.txt").read_text() == "somebody else's"
    assert not (home.folder / "data" / "new.txt").exists()


def test_usage(home):
    for argv in (
        ["--nope"],
        ["nothing.py"],
        ["-c"],
        ["--timeout"],
        ["."],
        ["--timeout", "nan", "-c", "1"],
        ["--memory", "much", "-c", "1"],
        ["--mount", "nothing", "-c", "1"],
    ):
        code, out, err = home.run("py", *argv)
        assert (code, out) == (1, b""), argv
        assert err
        assert not shows_our_traceback(err)


def test_no_code_on_a_terminal_is_no_riddle(home):
    seen = home.terminal("py")
    code, shown = seen.end()
    assert code == 1
    assert "no code" in shown


@pytest.mark.parametrize("data", [b"\x00\xff\xfe", b"\xff\xfeprint(1)", b"x = '\x00'"])
def test_code_that_is_no_text(home, data):
    code, out, err = home.run("py", stdin=data)
    assert (code, out) == (1, b"")
    assert err
    assert not shows_our_traceback(err)


def test_surrogates_in_output_do_not_break_it(home):
    code, out, _ = home.run(
        "py", "--json", "-c", "print('\\udc80'.encode('utf8', 'replace')); '\\ud800'"
    )
    assert code == 0
    json.loads(out)
