"""Child processes that behave badly in every way a process can."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import aclosing, contextmanager

import pytest

from smolterm import child as child_module
from smolterm.child import Child
from smolterm.errors import ChildDied, ChildProtocolError
from smolterm.spawn import SOCKET_FOLDER, plain_environment, sweep

READY = """
import sys, json, os, time, signal
sys.stdout = open(1, 'w', 1)
print('{"ready": true}')
"""
ECHO = READY + "for line in sys.stdin: print(json.dumps({**json.loads(line), 'end': True}))"
SOCKET = """
import socket, sys
stream = socket.socket(socket.AF_UNIX)
stream.connect(sys.argv[1])
lines = stream.makefile("rw", buffering=1)
print('{"ready": true}', file=lines)
for line in lines: print(line.rstrip()[:-1] + ', "end": true}', file=lines)
"""


def start(code, **options):
    return Child.start("helper", [sys.executable, "-c", code], env=plain_environment(), **options)


def run(coroutine):
    async def limited():
        async with asyncio.timeout(20):
            return await coroutine

    return asyncio.run(limited())


async def answers(child, **message):
    async with aclosing(child.request(message)) as lines:
        return [line async for line in lines]


def with_child(code, use, **options):
    async def work():
        child = await start(code, **options)
        try:
            return await use(child)
        finally:
            await child.close(grace=0)
            assert_gone(child.pid)

    return run(work())


def assert_gone(pid):
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@contextmanager
def no_child_left():
    def children():
        with open(f"/proc/self/task/{os.getpid()}/children") as listed:
            return set(listed.read().split())

    before = children()
    yield
    assert children() <= before


def test_a_request_and_its_answer():
    assert with_child(ECHO, lambda child: answers(child, op="x")) == [
        {"op": "x", "id": 1, "end": True}
    ]


def test_requests_at_the_same_time_get_their_own_answers():
    code = READY + (
        "a, b = json.loads(input()), json.loads(input())\n"
        "for i in range(3):\n"
        "    for one in (a, b): print(json.dumps({'id': one['id'], 'n': [one['op'], i]}))\n"
        "for one in (b, a): print(json.dumps({'id': one['id'], 'end': True}))\n"
        "input()"
    )

    async def use(child):
        return await asyncio.gather(answers(child, op="a"), answers(child, op="b"))

    for name, lines in zip("ab", with_child(code, use), strict=True):
        assert [line.get("n") for line in lines] == [[name, 0], [name, 1], [name, 2], None]


def test_the_ready_line_is_kept():
    code = 'print(\'{"ready": true, "n": 1}\', flush=True); input()'
    assert with_child(code, lambda child: asyncio.sleep(0, child.ready)) == {"ready": True, "n": 1}


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("pass", ChildDied, "ended while starting"),
        ("raise ValueError('telling words')", ChildDied, "ValueError: telling words"),
        ("print('hello', flush=True); input()", ChildProtocolError, "hello"),
        ("print('[]', flush=True); input()", ChildProtocolError, "not a JSON object"),
        ("print('{\"ready\": 1}', flush=True); input()", ChildProtocolError, "ready line"),
        ("print('x' * 5000, flush=True); input()", ChildProtocolError, "too long"),
        ("print('[' * 900, flush=True); input()", ChildProtocolError, "not a JSON object"),
        ("input()", ChildDied, "not ready after"),
        ("import signal; signal.pause()", ChildDied, "not ready after"),
    ],
)
def test_a_start_that_fails_says_why_and_leaves_nothing(code, error, words):
    with no_child_left(), pytest.raises(error) as caught:
        run(start(code, max_line=1000, ready_timeout=0.8))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("print('junk')", ChildProtocolError, "'junk"),
        ("print('\\x1b[2J')", ChildProtocolError, "\\x1b[2J"),
        ("print('5')", ChildProtocolError, "not a JSON object"),
        ("print('x' * 100_000)", ChildProtocolError, "too long"),
        ("os.kill(os.getpid(), signal.SIGKILL)", ChildDied, "SIGKILL"),
        ("os._exit(3)", ChildDied, "status 3"),
        ("sys.exit('last words')", ChildDied, "last words"),
        ("os.close(1); time.sleep(99)", ChildDied, "closed its channel"),
        ("sys.stdout.write('{\"id\": 1'); os._exit(0)", ChildDied, "status 0"),
    ],
)
def test_whatever_it_does_the_request_ends(code, error, words):
    async def use(child):
        with pytest.raises(error) as caught:
            await answers(child, op="x")
        assert words in str(caught.value)
        assert "\x1b" not in str(caught.value)
        with pytest.raises(error):
            await answers(child, op="again")

    with_child(READY + f"input()\n{code}\ninput()", use, max_line=10_000)


@pytest.mark.parametrize("size", [50_000, 200], ids=["long lines", "short lines"])
def test_a_child_is_held_up_while_nobody_takes_what_it_sent(size, tmp_path, monkeypatch):
    monkeypatch.setattr(child_module, "MOST_WAITING", 1_000_000)
    seen = tmp_path / "seen"
    code = READY + (
        "import select\n"
        "number = json.loads(input())['id']\n"
        f"line = json.dumps({{'id': number, 'text': 'x' * {size}}}).encode() + b'\\n'\n"
        "os.set_blocking(1, False)\n"
        "for _ in range(4_000_000 // len(line)):\n"
        "    at = 0\n"
        "    while at < len(line):\n"
        "        if not select.select([], [1], [], 1)[1]:\n"
        f"            open({str(seen)!r}, 'w').write('held up'); os.set_blocking(1, True)\n"
        "        at += os.write(1, line[at:])\n"
        f"if not os.path.exists({str(seen)!r}): open({str(seen)!r}, 'w').write('sent all')\n"
        "os.set_blocking(1, True); os.write(1, json.dumps({'id': number, 'end': True}).encode()"
        " + b'\\n'); input()"
    )

    async def use(child):
        async with aclosing(child.request({"op": "x"})) as lines:
            await anext(lines)
            while not seen.exists() or not seen.read_text():
                await asyncio.sleep(0.01)
            # And goes on where it is taken.
            async for line in lines:
                last = line
        assert child._waiting == 0
        return last

    assert with_child(code, use, max_line=60_000)["end"]
    assert seen.read_text() == "held up"


def test_what_it_announces_is_named_in_plain_characters():
    announced = READY + """print('{"id": 1, "raw": "\\\\n\\\\u001b[2J"}'); time.sleep(60)"""

    async def use(child):
        with pytest.raises(ChildProtocolError) as raised:
            await answers(child)
        assert "raw bytes" in str(raised.value)
        assert str(raised.value).isprintable()

    with_child(announced, use)


def test_lines_of_nobody_are_dropped():
    code = READY + (
        "number = json.loads(input())['id']\n"
        "for other in (0, -1, 99, '1', True, None, [1], 1.5):\n"
        "    print(json.dumps({'id': other, 'n': 'not mine', 'end': True}))\n"
        "print(json.dumps({'id': number, 'n': 'mine', 'end': True}))\ninput()"
    )
    lines = with_child(code, lambda child: answers(child))
    assert [line["n"] for line in lines] == ["mine"]


def test_late_lines_of_a_request_that_was_left_are_dropped():
    code = READY + (
        "one = json.loads(input())['id']\nprint(json.dumps({'id': one, 'n': 1}))\n"
        "two = json.loads(input())['id']\n"
        "for _ in range(2000): print(json.dumps({'id': one, 'n': 'late'}))\n"
        "print(json.dumps({'id': two, 'n': 2, 'end': True}))\ninput()"
    )

    async def use(child):
        async with aclosing(child.request({})) as lines:
            assert (await anext(lines))["n"] == 1
        return await answers(child)

    assert [line["n"] for line in with_child(code, use)] == [2]


def test_a_flood_waits_for_its_reader():
    code = READY + (
        "number = json.loads(input())['id']\n"
        "for i in range(20_000): print(json.dumps({'id': number, 'i': i}))\n"
        "print(json.dumps({'id': number, 'end': True}))\ninput()"
    )

    async def use(child):
        seen = 0
        async with aclosing(child.request({})) as lines:
            async for line in lines:
                assert line.get("i", 20_000) == seen
                seen += 1
                assert sum(queue.qsize() for queue in child._open.values()) <= 256
        return seen

    assert with_child(code, use) == 20_001


def test_notices_are_handed_on():
    notices = []
    code = READY + "print('{\"n\": 1}')\nprint('{\"id\": null}')\n" + ECHO.removeprefix(READY)
    with_child(code, lambda child: answers(child), on_notice=notices.append)
    assert notices == [{"n": 1}, {"id": None}]


def test_a_flood_on_stderr_neither_blocks_nor_grows():
    code = READY + (
        "number = json.loads(input())['id']\n"
        "for _ in range(300): sys.stderr.write('x' * 9999 + '\\n')\n"
        "sys.stderr.write('the last line')\nsys.stderr.flush()\n"
        "print(json.dumps({'id': number, 'end': True}))\ninput()"
    )

    async def use(child):
        await answers(child)
        await child.close()
        assert len(child.last_words()) < 400
        assert len(child._stderr) <= 16_384

    with_child(code, use)


def test_a_child_that_ignores_the_end_of_its_input_is_killed():
    async def use(child):
        await child.close(grace=0.1)
        assert not child.alive
        assert "SIGKILL" in child.how_it_ended()

    with_child(
        READY + "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(9)", use
    )


def test_what_a_child_started_ends_with_it():
    code = READY + (
        "import subprocess\n"
        "other = subprocess.Popen(['sleep', '99'])\n"
        "number = json.loads(input())['id']\n"
        "print(json.dumps({'id': number, 'pid': other.pid, 'end': True}))\n"
        "time.sleep(99)"
    )

    async def use(child):
        (line,) = await answers(child)
        watch = os.pidfd_open(line["pid"])
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(watch, ended.set)
        await child.close(grace=0)
        await ended.wait()
        os.close(watch)

    with_child(code, use)


def test_closing_twice_and_while_a_request_waits():
    async def use(child):
        waiting = asyncio.create_task(answers(child))
        await asyncio.sleep(0)
        await asyncio.gather(child.close(grace=0), child.close(grace=0))
        with pytest.raises(ChildDied):
            await waiting

    with_child(READY + "time.sleep(99)", use)


@pytest.mark.parametrize("over_socket", [False, True], ids=["pipes", "socket"])
def test_a_cancelled_start_leaves_no_process(over_socket):
    """Cancelled after each number of turns of the loop: wherever the start waits just then."""
    code = "import time; time.sleep(99)"
    argv = [sys.executable, "-c", code]

    async def cancelled_after(turns):
        command = (lambda path: [*argv, path]) if over_socket else argv
        starting = asyncio.create_task(Child.start("helper", command, env=plain_environment()))
        for _ in range(turns):
            await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    with no_child_left():
        for turns in range(1, 12):
            run(cancelled_after(turns))


def test_a_cancelled_start_of_a_child_that_connects_leaves_no_process():
    async def cancelled_after(turns):
        argv = [sys.executable, "-c", SOCKET]
        starting = asyncio.create_task(
            Child.start("helper", lambda path: [*argv, path], env=plain_environment())
        )
        # The start waits for the connection first, then for the ready line, one event each.
        for _ in range(turns):
            await asyncio.sleep(0.01)
        starting.cancel()
        try:
            await (await starting).close(grace=0)
        except asyncio.CancelledError:
            pass

    with no_child_left():
        for turns in range(0, 10, 3):
            run(cancelled_after(turns))


def test_over_a_socket():
    async def work():
        argv = [sys.executable, "-c", SOCKET]
        child = await Child.start("helper", lambda path: [*argv, path], env=plain_environment())
        try:
            return await answers(child, op="x")
        finally:
            await child.close(grace=0)

    assert run(work()) == [{"op": "x", "id": 1, "end": True}]


def test_a_socket_in_a_temporary_folder_with_a_long_name(tmp_path, monkeypatch):
    """Paths of sockets are cut at about a hundred bytes; a person's TMPDIR is not."""
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    monkeypatch.setattr("tempfile.tempdir", None)
    test_over_a_socket()


@pytest.mark.parametrize(("code", "words"), [
    ("import sys; sys.exit('no libc')", "no libc"),
    ("import time; time.sleep(99)", "did not connect in time"),
])  # fmt: skip
def test_over_a_socket_that_nobody_connects_to(code, words):
    async def work():
        argv = [sys.executable, "-c", code]
        await Child.start("helper", lambda path: [*argv, path], env=plain_environment(),
                          ready_timeout=0.5)  # fmt: skip

    with no_child_left(), pytest.raises(ChildDied, match=words):
        run(work())


def test_a_command_that_does_not_exist():
    with no_child_left(), pytest.raises(OSError):
        run(Child.start("helper", ["/nonexistent/command"], env={}))


def test_secrets_are_not_handed_down(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert "sk-secret" not in plain_environment(MORE="1").values()
    assert plain_environment(MORE="1")["MORE"] == "1"


def test_ctrl_c_in_the_terminal_does_not_reach_a_child():
    async def use(child):
        assert os.getsid(child.pid) == child.pid

    with_child(ECHO, use)


def test_folders_of_sockets_whose_process_is_gone_are_removed_and_nothing_else(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    def folder(name, *, old=True, holds="s"):
        made = tmp_path / name
        made.mkdir()
        (made / holds).touch()
        os.utime(made, (0, 0) if old else None)
        return made

    stale = folder(f"smolterm-{ended.pid}-abcd_123")
    kept = [
        folder(f"smolterm-{os.getpid()}-abcd_123"),
        folder(f"smolterm-{ended.pid}-younger1", old=False),
        folder(f"smolterm-{ended.pid}-holdmore", holds="precious"),
        folder("smolterm-abcd_123"),
        folder("elsewhere"),
        folder(f"smolterm-{ended.pid}-abcd_123-more"),
    ]
    link = tmp_path / f"smolterm-{ended.pid}-link_123"
    link.symlink_to(tmp_path / "elsewhere")
    sweep(str(tmp_path))
    assert not stale.exists()
    assert all(list(one.iterdir()) for one in kept)
    assert link.is_symlink()


def test_the_folder_of_a_socket_names_the_process_that_made_it():
    paths = []

    def argv(path):
        paths.append(path)
        return [sys.executable, "-c", SOCKET, path]

    async def use():
        child = await Child.start("helper", argv, env=plain_environment())
        await child.close(grace=0)

    run(use())
    name = os.path.basename(os.path.dirname(paths[0]))
    assert SOCKET_FOLDER.fullmatch(name)[1] == str(os.getpid())
