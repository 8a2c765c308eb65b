"""The shell pack on real processes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosting import hosting
from smolterm.pack import Denied, ToolError
from smolterm.packs.doors.grant import Grant
from smolterm.packs.find import read_pack
from smolterm.packs.hosted import HostedPack
from smolterm.packs.reading import read_tools
from smolterm.packs.testing import bound

import smolterm_shell as shell


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A granted folder that is the current one, as in a pack's process."""
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        with bound(folder=tmp_path, write=["**"], native=True):
            yield tmp_path
    finally:
        os.chdir(before)


def is_gone(pid: int) -> bool:
    """Say whether a process ended; one that nobody has buried yet did."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    except OSError:
        return True


def test_a_command_answers(folder: Path) -> None:
    (folder / "a.txt").write_text("one\n")
    assert shell.run_command("cat a.txt; echo grüße; echo bad >&2; exit 3") == {
        "code": 3, "output": "one\ngrüße\n", "errors": "bad\n", "timed_out": False, "cut": False,
    }  # fmt: skip
    assert shell.run_command("tr a-z A-Z", input="text")["output"] == "TEXT"
    assert shell.run_command("cat")["output"] == ""
    assert shell.run_command("nothing-of-this-name")["code"] == 127


def test_it_sees_no_secrets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "the canary")
    assert "canary" not in str(shell.run_command("env")["output"])


def test_long_output_keeps_its_start_and_end(folder: Path) -> None:
    found = shell.run_command("echo first; yes | head -c 5000000; echo last; seq 9 >&2")
    output = str(found["output"])
    assert output.startswith("first\n") and output.endswith("last\n")
    assert "[4800011 bytes left out]" in output and len(output) < 200_100
    assert (found["cut"], found["errors"]) == (True, "1\n2\n3\n4\n5\n6\n7\n8\n9\n")


def test_a_command_that_takes_too_long_is_ended_with_all_it_started(folder: Path) -> None:
    command = "sleep 60 & echo $! > pid; setsid sleep 60 & echo $! > other; echo said; wait"
    found = shell.run_command(command, timeout=0.5)
    assert (found["timed_out"], found["code"], found["output"]) == (True, -9, "said\n")
    for name in ("pid", "other"):
        assert is_gone(int((folder / name).read_text()))


def test_what_stays_in_the_background_is_ended_too(folder: Path) -> None:
    found = shell.run_command("sleep 60 & echo $! > pid; setsid sleep 60 & echo $! > other; echo x")
    assert (found["code"], found["output"], found["timed_out"]) == (0, "x\n", False)
    for name in ("pid", "other"):
        assert is_gone(int((folder / name).read_text()))


def test_a_flood_ends_with_its_time(folder: Path) -> None:
    found = shell.run_command("yes", timeout=0.5)
    assert (found["timed_out"], found["cut"]) == (True, True)
    assert len(str(found["output"])) < 200_100


def test_only_where_files_may_be_changed(folder: Path) -> None:
    with bound(folder=folder, native=True), pytest.raises(Denied):
        shell.run_command("touch made")
    with bound(native=True), pytest.raises(ToolError):
        shell.run_command("touch made")
    assert not (folder / "made").exists()


@pytest.mark.parametrize(
    ("command", "seconds"),
    [("", 1), ("a\0b", 1), ("true", 0), ("true", 51), ("true", float("nan"))],
)
def test_what_is_no_command_is_refused(folder: Path, command: str, seconds: float) -> None:
    with pytest.raises(ToolError):
        shell.run_command(command, timeout=seconds)


def test_programs_are_found(folder: Path) -> None:
    assert Path(str(shell.which_program("sh"))).is_file()
    assert shell.which_program("nothing-of-this-name") is None
    with pytest.raises(ToolError):
        shell.which_program("../sh")


def test_every_tool_works_in_the_packs_process(tmp_path: Path) -> None:
    grant = Grant(pack="shell", folder=str(tmp_path), read=("**",), write=("**",))
    with hosting("smolterm_shell", grant) as own:
        assert Path(own.run_command("pwd")["output"].strip()).samefile(tmp_path)
        assert own.which_program("sh")
        assert own.called == own.names


def test_nothing_stays_when_the_packs_process_is_killed(tmp_path: Path) -> None:
    grant = Grant(pack="shell", folder=str(tmp_path), read=("**",), write=("**",))
    found = read_pack("shell", "smolterm_shell")
    assert found.manifest is not None and found.folder is not None
    os.mkfifo(tmp_path / "started")

    async def interrupted() -> int:
        pack = HostedPack(
            found, lambda: grant, read_tools(found.folder, "smolterm_shell", found.manifest)
        )
        command = {"command": "echo $$ > started; sleep 60", "timeout": 50}
        call = asyncio.create_task(pack.call("run_command", command))
        pid = int(await asyncio.to_thread((tmp_path / "started").read_text))
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await pack.close()
        while not is_gone(pid):
            await asyncio.sleep(0.01)
        return pid

    asyncio.run(asyncio.wait_for(interrupted(), 30))
