"""States of a real sandbox: kept, and brought back in each of the three ways."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import msgspec
import pytest

from smolterm.errors import SandboxDied, SandboxError
from smolterm.sandbox import Limits
from smolterm.sandbox.deno import Sandbox
from smolterm.sandbox.files import StagedFiles
from smolterm.sandbox.saved import read, write
from smolterm.tools import tool

CALLS: list[int] = []


@tool
def count(number: int) -> int:
    """Count a call."""
    CALLS.append(number)
    return number * 10


@pytest.fixture
def own(start_sandbox):
    """A sandbox that a test may break."""
    return start_sandbox(tools=[count])


def kept(runner, code: str) -> int:
    """Run a cell and return the step that stands after it, once its state is kept."""
    done, _, _ = runner.run(code)
    assert done.error is None, done.error
    return runner.do(runner.sandbox.checkpoint())


def test_variables_functions_and_generators_come_back(own):
    step = kept(own, "x = 1\nlog = ['a']\ndef f(): return x * 10\ng = iter(range(5)); next(g)")
    names = own.sandbox.names
    own.run("x = 2; log.append('b'); next(g); del f; import decimal; big = list(range(300_000))")
    back = own.do(own.sandbox.rewind(step))
    assert (back.way, back.why, back.step) == ("memory", "", step)
    assert back.names == own.sandbox.names == names
    assert own.value("x, log, f(), next(g), 'big' in globals()") == (1, ["a"], 10, 1, False)


def test_states_of_several_steps_come_back_in_any_order(own):
    steps = [kept(own, f"n = {n}; data = [{n}] * 100_000") for n in range(5)]
    for number in (3, 1, 0):
        assert own.do(own.sandbox.rewind(steps[number])).way == "memory"
        assert own.value("n, data[-1], len(data)") == (number, number, 100_000)
    # What was after the step that came back is gone.
    with pytest.raises(SandboxError, match="There is no step"):
        own.do(own.sandbox.rewind(steps[4]))


def test_files_and_open_files_come_back(own):
    step = kept(
        own,
        "import os, pathlib\nhome = pathlib.Path('/home/w'); home.mkdir()\n"
        "(home / 'a').write_text('one'); (home / 'b').write_text('two')\n"
        "(home / 'sub').mkdir(); (home / 'sub' / 'c').write_bytes(b'x' * 100_000)\n"
        "os.chdir(home / 'sub')\n"
        "(home / 'link').symlink_to('a')\n"
        "f = open(home / 'open', 'w+'); _ = f.write('abc'); f.flush()",
    )
    own.run(
        "import shutil; os.chdir('/')\n(home / 'a').write_text('changed'); (home / 'b').unlink()\n"
        "shutil.rmtree(home / 'sub'); (home / 'new').write_text('n')\n"
        "os.rename(home / 'link', home / 'moved'); f.write('more'); f.close()"
    )
    assert own.do(own.sandbox.rewind(step)).way == "memory"
    assert own.value("os.getcwd()") == "/home/w/sub"
    assert own.value("sorted(os.listdir(home))") == ["a", "b", "link", "open", "sub"]
    assert own.value(
        "(home / 'a').read_text(), (home / 'b').read_text(), (home / 'sub' / 'c').stat().st_size, "
        "os.readlink(home / 'link')"
    ) == ("one", "two", 100_000, "a")
    assert own.value("f.write('def'); f.flush(); (home / 'open').read_text()") == "abcdef"


def test_what_the_library_had_and_what_folders_allow_comes_back(own):
    step = kept(own, "import os\nos.mkdir('/home/shut'); os.chmod('/home/shut', 0o500)")
    before = own.value("[os.fstat(n).st_ino for n in range(3)]")
    own.run(
        "os.chmod('/home/shut', 0); os.chmod('/home', 0); os.remove('/lib/python314.zip')\n"
        "open('/lib/python3.14/site-packages/new.py', 'w').close(); open('/dev/shm/a', 'w').close()"
    )
    own.run("os.dup2(os.open('/tmp/o', os.O_CREAT | os.O_WRONLY), 1); os.close(0); os.close(2)")
    assert own.do(own.sandbox.rewind(step)).way == "memory"
    assert own.value(
        "os.stat('/home/shut').st_mode & 0o777, os.path.getsize('/lib/python314.zip') > 1_000_000,"
        " os.listdir('/lib/python3.14/site-packages'), os.listdir('/dev/shm')"
    ) == (0o500, True, [], ["tmp"])
    assert own.value("[os.fstat(n).st_ino for n in range(3)]") == before


def test_what_no_state_can_hold_leads_to_running_cells_again(own):
    own.run("import os\nends = os.pipe(); os.write(ends[1], b'abc')")
    with pytest.raises(SandboxError, match="a pipe is open"):
        own.do(own.sandbox.checkpoint())
    step = own.sandbox.step
    own.run("os.read(ends[0], 3)")
    assert own.do(own.sandbox.rewind(step)).way == "replay"
    assert own.value("os.read(ends[0], 3)") == b"abc"


def test_a_process_takes_over_what_its_code_shut(own):
    kept(
        own,
        "import os\nos.mkdir('/home/shut'); open('/home/shut/a', 'w').write('in it')\n"
        "os.chmod('/home/shut', 0); os.rename('/dev/null', '/dev/nothing')\n"
        "os.dup2(os.open('/tmp/out', os.O_CREAT | os.O_WRONLY), 1)",
    )
    with pytest.raises(SandboxDied, match="back as they were before this cell"):
        own.run("os._exit(1)")
    done, out, _ = own.run("print('there')\nos.chmod('/home/shut', 0o700)")
    assert (done.error, out) == (None, "")
    assert own.value("open('/home/shut/a').read(), open('/tmp/out').read()") == (
        "in it", "there\n",
    )  # fmt: skip


def test_files_of_old_states_are_not_held_without_end(own):
    code = "open('/tmp/big', 'wb').write(bytes([{0}]) * (48 << 20)); n = {0}"
    steps = [kept(own, code.format(n)) for n in range(5)]
    assert own.do(own.sandbox.rewind(steps[3])).way == "memory"
    back = own.do(own.sandbox.rewind(steps[0]))
    assert (back.way, back.why) == ("process", "this process did not keep that state")
    assert own.value("n, open('/tmp/big', 'rb').read(1)") == (0, b"\0")


def test_a_state_survives_what_await_and_errors_leave_behind(own):
    step = kept(own, "import asyncio, gc\nseen = []")
    for _ in range(12):
        own.run(
            "async def wait(n):\n    await asyncio.sleep(0)\n    return n\n"
            "seen += await asyncio.gather(*(wait(n) for n in range(20)))\n"
            "try:\n    await asyncio.wait_for(asyncio.sleep(5), 0.001)\n"
            "except TimeoutError: pass\nlen(seen)"
        )
        own.run("gc.collect()\n1/0")
        own.do(own.sandbox.rewind(step))
    assert own.value("gc.collect(); len(seen)") == 0


def test_a_process_that_died_is_followed_by_one_with_its_state(own):
    kept(own, "x = {'a': [1, 2]}\nopen('/home/kept.txt', 'w').write('here')")
    first = own.sandbox.pid
    with pytest.raises(SandboxDied, match="back as they were before this cell"):
        own.run("x = None; import os; os._exit(3)")
    assert own.sandbox.alive
    assert own.sandbox.pid != first
    assert own.sandbox.names == ("x",)
    assert own.value("x, open('/home/kept.txt').read()") == ({"a": [1, 2]}, "here")


def test_code_that_cannot_be_stopped_costs_its_cell_alone(own):
    kept(own, "x = 5")
    with pytest.raises(SandboxDied, match=r"longer than 0.2 s .* before this cell"):
        own.run("x = 6\nwhile True:\n    try:\n        while True: pass\n"
                "    except BaseException: pass", limits=Limits(seconds=0.2))  # fmt: skip
    assert own.value("x") == 5


def test_pending_tasks_lead_to_running_cells_again_with_recorded_answers(own):
    CALLS.clear()
    own.run("import asyncio\nx = count(1)\ntask = asyncio.ensure_future(asyncio.sleep(600))")
    with pytest.raises(SandboxError, match="tasks are pending"):
        own.do(own.sandbox.checkpoint())
    step = own.sandbox.step
    own.run("x = count(2)")
    back = own.do(own.sandbox.rewind(step))
    assert back.way == "replay"
    assert back.why
    assert own.value("x") == 10
    assert CALLS == [1, 2], "a replay calls no tool"


def test_a_replay_sees_the_same_time_and_randomness(own):
    own.run("import asyncio, os, random, time, uuid, datetime")
    own.run("task = asyncio.ensure_future(asyncio.sleep(600))")
    own.run(
        "seen = [random.random(), os.urandom(8), uuid.uuid4().hex, time.time(),"
        " time.perf_counter(), datetime.datetime.now().isoformat()]\n"
        "r = count(random.getrandbits(30))"
    )
    before = own.value("seen, r")
    step = own.sandbox.step
    own.run("seen = r = None")
    assert own.do(own.sandbox.rewind(step)).way == "replay"
    assert own.value("seen, r") == before
    assert own.value("random.random() != seen[0] and time.time() > seen[3]")


def test_a_replay_that_takes_another_way_is_refused(own):
    own.run("import asyncio\ntask = asyncio.ensure_future(asyncio.sleep(600))")
    own.run("r = count(1)")
    step = own.sandbox.step
    own.run("1")
    own.sandbox._history.cells[1].exchanges.clear()
    with pytest.raises(SandboxError, match="took another way"):
        own.do(own.sandbox.rewind(step))
    assert own.value("'r' in globals()") is False


def test_a_state_goes_from_one_sandbox_to_another(own, start_sandbox, tmp_path):
    path = tmp_path / "state"
    own.run("import collections\nclass P: pass\np = P(); p.x = collections.deque([1, 2])")
    own.run("import os; os.makedirs('/home/d'); os.chdir('/home/d')")
    own.run("open('f', 'wb').write(b'\\0' * 5000)")
    own.run("def gen():\n    yield 'first'\n    yield 'second'\ng = gen(); next(g); count(4)")
    own.do(own.sandbox.save(path))
    assert path.stat().st_mode & 0o777 == 0o600
    other = start_sandbox(tools=[count])
    back = other.do(other.sandbox.restore(path))
    assert (back.way, back.why, back.step) == ("process", "", 5)
    assert other.sandbox.names == own.sandbox.names
    assert other.value("list(p.x), next(g), os.path.getsize('f'), os.getcwd(), count(7)") == (
        [1, 2], "second", 5000, "/home/d", 70,
    )  # fmt: skip
    # Its own states go on from there.
    step = kept(other, "p.x.append(3)")
    other.run("p = None")
    assert other.do(other.sandbox.rewind(step)).way == "memory"
    assert other.value("list(p.x)") == [1, 2, 3]


def test_a_state_of_another_version_is_made_again_from_its_cells(own, start_sandbox, tmp_path):
    path = tmp_path / "state"
    CALLS.clear()
    own.run("x = count(3)")
    own.do(own.sandbox.save(path))
    key = own.sandbox._processes.key.encode()
    assert path.read_bytes().count(key) == 1
    path.write_bytes(path.read_bytes().replace(key, key[:-1] + b"!"))
    other = start_sandbox(tools=[count])
    back = other.do(other.sandbox.restore(path))
    assert (back.way, back.why) == ("replay", "it was saved by another version")
    assert other.value("x") == 30
    assert CALLS == [3]


def test_cells_alone_are_saved_and_run_again(own, start_sandbox, tmp_path):
    own.run("x = count(5)")
    own.run("y = open('/home/y', 'w').write('y')")
    CALLS.clear()
    own.do(own.sandbox.save(tmp_path / "state", memory=False))
    other = start_sandbox(tools=[count])
    back = other.do(other.sandbox.restore(tmp_path / "state"))
    assert (back.way, back.why) == ("replay", "the file holds no memory")
    assert back.names == ("x", "y")
    assert (other.value("x + y"), CALLS) == (51, [])


def test_cells_alone_are_not_saved_where_files_were_given(start_sandbox, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    shown, given = StagedFiles(), start_sandbox()
    shown.mount(tmp_path / "a.txt")
    given.do(given.sandbox.offer(files={"/in/a.txt": b"a"}))
    for one in (start_sandbox(files=shown), given):
        one.run("import os; x = os.path.exists('/in/a.txt') or os.path.exists('/files/a.txt')")
        one.do(one.sandbox.save(tmp_path / "state", memory=False))
        other = start_sandbox()
        assert other.do(other.sandbox.restore(tmp_path / "state")).way == "process"
        assert other.value("x") is True


def test_names_are_those_that_a_replay_left(own, start_sandbox, tmp_path):
    path = tmp_path / "state"
    own.run("x = 1")
    own.run("y = 2")
    own.do(own.sandbox.save(path, memory=False))
    saved = read(path)
    assert saved.names == ("x", "y")
    write(path, msgspec.structs.replace(saved, cells=saved.cells[:1]))
    other = start_sandbox()
    assert other.do(other.sandbox.restore(path)).names == ("x",)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"something else entirely\n" + data,
        lambda data: data[: len(data) // 2],
        lambda data: data[:-3] + b"abc",
        lambda data: data.replace(b'"step":', b'"stop":'),
    ],
    ids=["empty", "other", "cut", "flipped", "renamed"],
)
def test_a_damaged_file_is_refused_and_left(shared, tmp_path, damage):
    path = tmp_path / "state"
    shared.run("x = 1")
    shared.do(shared.sandbox.save(path))
    broken = damage(path.read_bytes())
    path.write_bytes(broken)
    with pytest.raises(SandboxError, match="cannot be restored"):
        shared.do(shared.sandbox.restore(path))
    assert path.read_bytes() == broken
    assert shared.value("x") == 1, "what was there before stays"


def test_a_state_cannot_be_saved_where_nothing_can_be_written(shared, tmp_path):
    with pytest.raises(SandboxError, match="could not be saved"):
        shared.do(shared.sandbox.save(tmp_path / "missing" / "state"))
    assert list(tmp_path.iterdir()) == []


def test_a_spare_takes_over_and_ends_with_the_session():
    async def work():
        async with Sandbox(spare=True) as sandbox:
            await sandbox.run("x = 1")
            await sandbox.checkpoint()
            spare = (await sandbox._processes.spare()).child.pid
            with pytest.raises(SandboxDied):
                await sandbox.run("import os; os._exit(1)")
            assert sandbox.pid == spare
            assert (await sandbox.run("x")).value == "1"
            another = (await sandbox._processes.spare()).child.pid
        return [spare, another]

    for pid in asyncio.run(work()):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


LOOK = (
    "import sys, os, gc, random, time, secrets\n"
    "repr([random.random(), secrets.token_hex(4), time.time(), time.perf_counter(),"
    " sorted(sys.modules), sorted(globals()), sorted(vars(__builtins__)), os.listdir('/tmp'),"
    " os.listdir('/home'), len(gc.get_objects())])"
)


def test_a_spare_that_rehearsed_is_like_any_other_process():
    async def first(spare):
        async with Sandbox(spare=spare, seed="s", clock=1e9) as sandbox:
            if spare:
                sandbox._processes.warm_spare()
                pid = (await sandbox._processes.spare()).child.pid
                sandbox._processes.current.child.kill()
                await sandbox.gone()
                await sandbox.start()
                assert sandbox.pid == pid
            looked = (await sandbox.run(LOOK)).value_data
            # What it keeps from now on builds on what it kept as a spare.
            await sandbox.checkpoint()
            with pytest.raises(SandboxDied):
                await sandbox.run("import os; os._exit(1)")
            assert (await sandbox.run("os.listdir('/tmp')")).error is None
            return looked

    assert asyncio.run(first(True)) == asyncio.run(first(False))


@pytest.mark.parametrize("spare", [True, False])
def test_a_death_changes_neither_seeded_numbers_nor_the_counting_clock(spare):
    code = "import random, os, time\nrepr([random.random(), os.urandom(4).hex(), time.time()])"

    async def numbers(die):
        async with Sandbox(spare=spare, seed="s", clock=1e9) as sandbox:
            await sandbox.run(code)
            step = await sandbox.checkpoint()
            if die:
                if spare:
                    await sandbox._processes.spare()
                with pytest.raises(SandboxDied):
                    await sandbox.run("os._exit(1)")
            expected = (await sandbox.run(code)).value_data
            await sandbox.rewind(step)
            assert (await sandbox.run(code)).value_data == expected
            return expected

    assert asyncio.run(numbers(True)) == asyncio.run(numbers(False))


def test_a_seed_and_a_clock_make_runs_repeat():
    code = (
        "import random, os, uuid, time, datetime, secrets, tempfile\n"
        "repr([random.random(), os.urandom(4).hex(), uuid.uuid4().hex, secrets.token_hex(4),"
        " list({'a', 'b', 'c', 'd'}), time.time(), datetime.datetime.now().isoformat(),"
        " time.perf_counter(), tempfile.mktemp()])"
    )

    async def work(**options):
        async with Sandbox(checkpoints=False, **options) as sandbox:
            return (await sandbox.run(code)).value

    async def all_of_them():
        fixed = {"seed": "s", "clock": 1_700_000_000.0}
        return [await work(**fixed), await work(**fixed), await work(seed="t"), await work()]

    one, two, three, four = asyncio.run(all_of_them())
    assert one == two
    assert "2023-11-14T22:13:2" in one
    assert len({one, three, four}) == 3


def test_a_sandbox_without_states_says_so(start_sandbox, tmp_path):
    runner = start_sandbox(checkpoints=False)
    runner.run("x = 1")
    for refused in (
        runner.sandbox.rewind(1),
        runner.sandbox.checkpoint(),
        runner.sandbox.save(tmp_path / "state"),
        runner.sandbox.restore(Path("state")),
    ):
        with pytest.raises(SandboxError):
            runner.do(refused)


def test_names_are_completed_from_what_is_alive(shared):
    shared.run("weather = {'wind': 1}\nimport collections")
    complete = lambda text: shared.do(shared.sandbox.complete(text))  # noqa: E731
    assert "weather" in complete("wea")
    assert "collections.Counter(" in complete("collections.Cou")
    assert complete("nothing_like_this") == []


def test_a_process_killed_between_two_cells_loses_nothing(own):
    kept(own, "x = [1, 2]")
    os.kill(own.sandbox.pid, 9)
    own.do(own.sandbox.gone())
    assert own.value("x") == [1, 2]
    assert own.sandbox.names == ("x",)


def test_a_death_between_two_cells_says_what_is_left(own):
    kept(own, "x = 7")
    interpreter = own.sandbox._processes.current

    async def die_while_asked():
        asking = asyncio.create_task(interpreter.ask("keep", {"step": 2}))
        await asyncio.sleep(0)
        os.kill(own.sandbox.pid, 9)
        await asking
        await interpreter.ask("keep", {"step": 2})

    with pytest.raises(SandboxDied) as died:
        own.do(die_while_asked())
    assert "comes back when it starts again" in died.value.kept
    assert own.value("x") == 7


def test_what_a_cell_left_behind_is_interrupted_and_the_next_gets_its_turn(own):
    own.run(
        "import asyncio\nasync def spin():\n    await asyncio.sleep(0)\n    while True: pass\n"
        "task = asyncio.ensure_future(spin()); x = 1"
    )
    assert own.value("x + 1") == 2


def test_names_are_completed_without_running_the_code_of_their_owners(own):
    own.run(
        "class Trap:\n    wonder = 1\n    def __dir__(self):\n        while True: pass\n"
        "    def __getattr__(self, name):\n        while True: pass\n"
        "    @property\n    def wander(self):\n        while True: pass\n"
        "trap = Trap(); trap.weight = 2"
    )
    found = own.do(own.sandbox.complete("trap.w"))
    assert found == ["trap.wander", "trap.weight", "trap.wonder"]
    assert own.do(own.sandbox.complete("trap.wander.x")) == []
    assert own.value("trap.wonder") == 1


def test_a_library_that_no_package_brought_is_not_linked(own):
    # The smallest module with the section that dynamic linking looks for.
    module = b"\0asm\1\0\0\0" + bytes([0, 15, 8]) + b"dylink.0" + bytes([1, 4, 0, 0, 0, 0])
    done, _, _ = own.run(f"import ctypes\nopen('/tmp/x.so', 'wb').write({module!r})\n"
                         "ctypes.CDLL('/tmp/x.so')")  # fmt: skip
    assert done.error.type == "OSError"
    assert "not part of an installed package" in done.error.message


@pytest.mark.parametrize("request_number", [2, 3], ids=["taking over", "replay"])
def test_a_death_on_the_way_back_says_what_is_left(own, request_number):
    step = kept(own, "x = [1]")
    own.run("import asyncio, time\nt = asyncio.ensure_future(asyncio.sleep(1000)); time.sleep(1)")
    own.run("x.append(2)")
    box = own.sandbox

    async def work():
        old = box.pid
        rewinding = asyncio.create_task(box.rewind(step + 1))
        while box.pid in (old, None) or box._processes.current.child.last_id < request_number:
            await asyncio.sleep(0.001)
        os.kill(box.pid, signal.SIGKILL)
        with pytest.raises(SandboxDied, match=f"as they were before cell {step}") as died:
            await rewinding
        return died.value

    assert "died" in own.do(work()).what
    assert box.alive and "x" in box.names
    assert own.value("x") == [1]
    assert own.do(box.rewind(step)).names == ("x",)


def test_a_death_in_a_rewind_in_place_says_what_is_left(own):
    step = kept(own, "x = [1]")
    kept(own, "x.append(2)")
    box = own.sandbox

    async def work():
        # It is stopped until it is killed: nothing of the rewind happens.
        os.kill(box.pid, signal.SIGSTOP)
        rewinding = asyncio.create_task(box.rewind(step))
        before = box._processes.current.child.last_id
        while box._processes.current.child.last_id == before:
            await asyncio.sleep(0.001)
        os.kill(box.pid, signal.SIGKILL)
        with pytest.raises(SandboxDied, match=f"as they were before cell {box.step}"):
            await rewinding

    own.do(work())
    assert own.value("x") == [1, 2]
