"""Writing tools, as a newcomer does: the real commands, in an environment of their own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
import venv
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pexpect
import pytest

from tests.e2e.driving import Home, block

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "writing-packs.md").read_text()
SECONDS = 120
CODE = re.compile(r"^`([\w./-]+)`:\n\n```python\n(.*?)```|^```console\n(.*?)```", re.M | re.S)


class Newcomer:
    """Types commands; counts them.

    Attributes:
        count: those that were typed.
    """

    def __init__(self, home: Home) -> None:
        self.folder = home.folder
        self.count = 0
        place = home.folder / "venv"
        venv.create(place, with_pip=False, symlinks=True)
        (site,) = place.glob("lib/python*/site-packages")
        ours = [path for path in sys.path if path.endswith("site-packages")]
        (site / "ours.pth").write_text("\n".join([*ours, str(ROOT)]))
        command = place / "bin" / "smolterm"
        command.write_text(f"#!{place}/bin/python -P\nfrom smolterm.cli import entry\n\nentry()\n")
        command.chmod(0o755)
        (place / "bin" / "deno").symlink_to(Path(sys.executable).parent / "deno")
        self.environ = home.environ | {
            "PATH": f"{place / 'bin'}:{home.environ['PATH']}",
            # What builds the pack is the one that is installed, and nothing is fetched.
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_NO_INDEX": "1",
        }

    def __call__(self, command: str, **more: str) -> subprocess.CompletedProcess[str]:
        self.count += 1
        return subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.environ | more, text=True,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS,
        )  # fmt: skip

    def does(self, command: str, **more: str) -> str:
        """Type a command that must do; return what it said."""
        done = self(command, **more)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def replies(self, *codes: str) -> str:
        """Return the name of a model that writes these actions."""
        path = self.folder / f"replies-{self.count}.jsonl"
        lines = [{"pace": 0.0}, *({"reply": block(code)} for code in codes)]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return f"replay:{path}"

    def starts(self, command: str) -> pexpect.spawn:
        """Type a command on a terminal, where it goes on."""
        self.count += 1
        program, *argv = command.split()
        return pexpect.spawn(
            program, argv, cwd=str(self.folder), env=self.environ, encoding="utf-8",
            timeout=SECONDS, dimensions=(60, 200),
        )  # fmt: skip


@pytest.fixture
def newcomer(home: Home) -> Newcomer:
    return Newcomer(home)


class Service(BaseHTTPRequestHandler):
    """Answers as the service of the new pack does."""

    def do_GET(self) -> None:
        raw = b'[{"word": "tinnitus", "score": 51691}]'
        self.send_response(200)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_from_nothing_to_an_answer_in_under_ten_commands(newcomer: Newcomer, service: str) -> None:
    newcomer.does("smolterm packs new words")
    assert "3 passed" in newcomer.does("smolterm packs test smolterm-words")
    said = newcomer.does("smolterm packs add ./smolterm-words --yes")
    assert "words is in use" in said
    newcomer.does(f"smolterm packs set words url={service}")
    model = newcomer.replies('final_answer(find_words("ringing in the ears")[0]["word"])')
    done = newcomer(f"smolterm -p 'What rings?' -m {model} --pack words --yes --allow network")
    assert (done.returncode, done.stdout) == (0, "tinnitus\n"), done.stderr
    assert newcomer.count < 10


def test_the_page_about_writing_does_what_it_says(newcomer: Newcomer) -> None:
    answers = iter(['final_answer(split_bill(90, 4)["each"])'])
    ran = 0
    for name, source, console in CODE.findall(PAGE):
        if name:
            (newcomer.folder / name).write_text(source)
        for part in console.split("$ ")[1:]:
            command, *expected = part.strip("\n").split("\n")
            ran += 1
            if " dev " in command:
                watch(newcomer, command, expected)
                continue
            more = {}
            if " -p " in command:
                more["SMOLTERM_MODEL"] = newcomer.replies(next(answers))
            said = newcomer.does(command, **more)
            for line in expected:
                assert line in said, (command, line, said)
    assert ran == PAGE.count("\n$ ") >= 10
    assert next(answers, None) is None


def watch(newcomer: Newcomer, command: str, expected: list[str]) -> None:
    terminal = newcomer.starts(command)
    for line in expected:
        terminal.expect_exact(line)
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130
    assert "Traceback" not in terminal.before


def test_each_save_is_looked_at_and_what_it_asks_for_more_is_said(
    home: Home, newcomer: Newcomer
) -> None:
    newcomer.does("smolterm packs new words")
    manifest = newcomer.folder / "smolterm-words" / "smolterm_words" / "pack.toml"
    written = manifest.read_text()
    terminal = newcomer.starts("smolterm packs dev smolterm-words")
    terminal.expect_exact("All is well.")
    terminal.expect_exact("Watching")
    manifest.write_text(written.replace('["$url"]', '["$url", "b.example"]'))
    terminal.expect_exact("smolterm_words/pack.toml")
    terminal.expect_exact("Changed: it asks for more: hosts b.example.")
    terminal.expect_exact("Watching")
    manifest.write_text(written.replace("find_words", "find_word"))
    terminal.expect_exact("Wrong: ")
    terminal.expect_exact("is marked as a tool, and `tools` in pack.toml does not name it")
    terminal.expect_exact("Something is wrong")
    terminal.expect_exact("Watching")
    manifest.write_text(written)
    terminal.expect_exact("Changed: it asks no more: hosts b.example.")
    terminal.expect_exact("All is well.")
    assert not (newcomer.folder / "data" / "packs.json").exists()
    terminal.expect_exact("Watching")
    slow = newcomer.folder / "smolterm-words" / "tests" / "test_z.py"
    slow.write_text("import time\n\ndef test_slow():\n    time.sleep(600)\n")
    terminal.expect_exact("was loaded")
    deadline = time.monotonic() + SECONDS
    while home.child("no:cacheprovider") is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)  # another's child is no event that can be waited for
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130
    assert "Traceback" not in terminal.before
    home.wait_until_gone()


def test_a_file_is_asked_about_on_a_terminal_and_used(newcomer: Newcomer) -> None:
    (newcomer.folder / "mine.py").write_text(
        'def double(n: int) -> int:\n    """Double."""\n    return 2 * n\n'
    )
    model = newcomer.replies("final_answer(double(21))")
    command = f"smolterm -p x -m {model} --no-packs --yes --tools mine.py"
    done = newcomer(command)
    assert (done.returncode, done.stdout) == (1, "")
    assert "mine.py is not trusted. Look at it: smolterm packs trust mine.py" in done.stderr
    for answer, code in (("n", 1), ("y", 0)):
        terminal = newcomer.starts(command)
        terminal.expect_exact("Tool: double(n: int) -> int (pure)")
        terminal.expect_exact("Use it? [y/N] ")
        terminal.sendline(answer)
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.exitstatus == code, terminal.before
        assert ("42" in terminal.before) is (code == 0)
    assert newcomer(command).stdout == "42\n"
    with (newcomer.folder / "mine.py").open("a") as file:
        file.write("# changed\n")
    assert "has changed since you trusted it" in newcomer(command).stderr
