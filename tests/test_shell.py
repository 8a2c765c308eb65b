"""Commands in the person's shell: real processes."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.shell import Output, Running, missed_terminal, needs_terminal, user_shell


async def run(command: str) -> tuple[int, str]:
    running, output = Running(command), Output(10, 10)
    try:
        code = await running.read(output.add)
    finally:
        running.end()
    output.add(b"", final=True)
    return code, str(output)


def test_what_is_printed_and_how_it_ends() -> None:
    assert asyncio.run(run("echo out; echo err >&2; exit 3")) == (3, "out\nerr")
    assert asyncio.run(run("kill -9 $$")) == (137, "")
    assert asyncio.run(run("cat")) == (0, "")  # nothing to read


def test_it_is_the_persons_shell_folder_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHELL", "/bin/sh")
    monkeypatch.setenv("MINE", "x")
    assert asyncio.run(run("pwd; echo $MINE $0"))[1].startswith(f"{tmp_path}\nx /bin/sh")
    monkeypatch.setenv("SHELL", "/no/shell")
    assert user_shell() == "/bin/sh"


def test_a_flood_is_read_and_bounded() -> None:
    code, text = asyncio.run(run("seq 200000"))
    assert code == 0
    assert text.split("\n")[9:12] == ["10", "… 199,980 lines left out …", "199991"]


def test_an_interrupt_ends_it_with_all_that_it_started() -> None:
    async def test() -> None:
        running, output = Running("sleep 1000 & echo $!; wait"), Output(10, 10)
        reading = asyncio.ensure_future(running.read(output.add))
        while not str(output).strip():
            await asyncio.sleep(0)
        child = int(str(output))
        running.interrupt()
        assert await reading == 128 + signal.SIGINT
        running.end()
        while alive(child):
            await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(test(), 20))


def test_what_stays_behind_does_not_hold_it_up_and_can_be_ended() -> None:
    async def test() -> None:
        running, output = Running("sleep 1000 & echo $!"), Output(10, 10)
        assert await running.read(output.add) == 0
        child = int(str(output))
        assert running.lingers and alive(child)
        running.end()
        while alive(child):
            await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(test(), 20))


def alive(pid: int) -> bool:
    """A process that ended and was not waited for by whoever adopted it counts as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("command", "needs"),
    [("vim x", True), ("A=1 B=2 /usr/bin/top", True), ("python3", True), ("python3 x.py", False),
     ("ls -l", False), ("", False), ("git commit", False)],
)  # fmt: skip
def test_what_needs_a_terminal(command: str, needs: bool) -> None:
    assert needs_terminal(command) is needs


def test_a_command_that_missed_its_terminal_is_known() -> None:
    _, text = asyncio.run(run("python3 -c 'open(\"/dev/tty\")'"))
    assert missed_terminal(text)
    assert not missed_terminal("all is well")


def test_output_is_fit_for_a_terminal() -> None:
    output = Output(5, 5)
    for data in (b"\x1b[3", b"1mred\x1b[0m \xe2", b"\x82\xac\n10%\r", b"20%\r30%\n", b"x" * 3000):
        output.add(data)
    assert str(output) == f"red €\n30%\n{'x' * 2000} … 1,000 characters more"


@given(st.lists(st.binary(max_size=30), max_size=8))
def test_any_cut_gives_the_same(pieces: list[bytes]) -> None:
    one, many = Output(3, 3), Output(3, 3)
    one.add(b"".join(pieces), final=True)
    for piece in pieces:
        many.add(piece)
    many.add(b"", final=True)
    assert str(one) == str(many)
