"""`smolterm packs` as it is typed: a real pack on the path, a real keyring, a real pip."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Any

import pexpect
import pytest

from smolterm.packs.trust import read_trust, trust_path
from tests.packs.building import build_pack

ROOT = Path(__file__).parents[2]
MANIFEST = """
name = "probe"
version = "1.0"
description = "For a test."
kind = "native"
tested = "a file"
[tools]
look_up = "read"
send = { effect = "network", outside = false }
[settings]
url = { description = "Where the API is.", default = "https://api.example" }
[capabilities]
hosts = ["$url", "b.example"]
folder = "write"
env = ["LANG"]
[secrets]
TOKEN = { description = "A token.", hosts = ["$url"] }
"""
SOURCE = '''
def look_up(path: str) -> str:
    """Look a thing up.

    More about it.
    """

def send(text: str = "a|b") -> None:
    """Send a thing."""
'''


class Shell:
    """Runs the command with a pack on its path, in a place of its own."""

    def __init__(self, place: Path, python: str = sys.executable) -> None:
        self.packs = place / "packs"
        self.folder = build_pack(self.packs, "probe", SOURCE, manifest=MANIFEST)
        self.python = python
        self.environ = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(self.packs), str(ROOT)]),
            "PYTHON_KEYRING_BACKEND": "tests.packs.keyring_file.FileKeyring",
            "TEST_KEYRING": str(place / "keyring.json"),
        }

    def __call__(self, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, "-P", "-c", "from smolterm.cli import entry; entry()", *argv],
            env=self.environ, input=stdin, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def terminal(self, *argv: str) -> pexpect.spawn:
        """Start the command on a terminal."""
        program = ["-P", "-c", "from smolterm.cli import entry; entry()", *argv]
        return pexpect.spawn(
            self.python, program, env=self.environ, encoding="utf-8", timeout=60,
            dimensions=(60, 200),
        )  # fmt: skip

    def packs_(self, *argv: str, stdin: str = "") -> str:
        """Run `smolterm packs ...`, which must do; return what it said."""
        done = self("packs", *argv, stdin=stdin)
        assert done.returncode == 0, done
        return done.stdout + done.stderr

    def refused(self, *argv: str, stdin: str = "", code: int = 1) -> str:
        done = self("packs", *argv, stdin=stdin)
        assert (done.returncode, done.stdout) == (code, ""), done
        return done.stderr


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_a_pack_is_shown_in_words_before_it_is_trusted(shell: Shell) -> None:
    said = shell.packs_("add", "probe", "--yes")
    for words in (
        "probe 1.0: For a test.",
        "Trusted, not enforced: it runs as a program of its own on this machine.",
        "2 tools: 1 read, 1 use the network",
        "reach the address in its setting url, now https://api.example",
        "reach b.example",
        "write files in the folder that --folder and --write grants",
        "use the secret TOKEN (A token.), which it reads itself",
        "be told the environment variables LANG",
        "It needs a secret: smolterm packs secret probe TOKEN",
    ):
        assert words in said
    trusted = read_trust().packs["probe"]
    assert trusted.granted.hosts == ("$url", "b.example")
    assert [tool.name for tool in trusted.tools] == ["look_up", "send"]
    assert "in use already" in shell.packs_("add", "probe")


def test_nobody_to_ask_trusts_nothing(shell: Shell) -> None:
    assert "--yes" in shell.refused("add", "probe", stdin="y\n")
    assert not trust_path().exists()


def test_a_grant_is_narrowed_stays_so_and_is_widened_by_a_word_alone(shell: Shell) -> None:
    said = shell.packs_("add", "probe", "--yes", "--without", "b.example", "--without", "write")
    assert "will not get it:\n    reach b.example\n    write ** in the granted folder" in said
    (shell.folder / "pack.toml").write_text(
        MANIFEST.replace('"b.example"', '"b.example", "c.example"')
    )
    assert "changed: it asks for more: hosts c.example" in shell.packs_("show", "probe")
    shell.packs_("trust", "probe", "--yes")
    granted = read_trust().packs["probe"].granted
    assert (granted.hosts, granted.write) == (("$url", "c.example"), ())
    shell.packs_("trust", "probe", "--yes", "--only", "read=data/**", "--only", "hosts")
    granted = read_trust().packs["probe"].granted
    assert (granted.hosts, granted.read) == (("$url", "b.example", "c.example"), ("data/**",))
    assert (granted.secrets, granted.write, granted.env) == ((), (), ())
    shell.packs_("trust", "probe", "--yes", "--all")
    assert read_trust().packs["probe"].granted.write == ("**",)
    assert "nothing that is called" in shell.refused("trust", "probe", "--yes", "--only", "x")


def test_the_list_says_how_each_pack_stands(shell: Shell) -> None:
    def state() -> str:
        found = json.loads(shell("packs", "--json").stdout)["packs"]
        return next(str(pack["state"]) for pack in found if pack["name"] == "probe")

    assert state() == "not trusted"
    assert "Use it: smolterm packs add probe" in shell("packs").stdout
    shell.packs_("add", "probe", "--yes")
    assert state() == "in use"
    assert "may reach b.example" in shell("packs", "list").stdout
    (shell.folder / "__init__.py").write_text(SOURCE + "# more\n")
    assert state() == "changed"
    assert "smolterm packs trust probe" in shell("packs").stdout
    (shell.folder / "__init__.py").write_text("")
    assert state() == "broken"
    subprocess.run(["rm", "-r", shell.packs], check=True)
    assert state() == "gone"
    shell.packs_("remove", "probe")
    assert read_trust().packs == {}
    assert "not in use" in shell.refused("remove", "probe")


def test_one_pack_is_shown_with_all_that_is_known_of_it(shell: Shell) -> None:
    said = shell.packs_("show", "probe")
    assert "look_up(path: str) -> str\n  (read, brings text from outside)\n  Look a thing" in said
    assert "send(text: str = 'a|b') -> None\n  (network)" in said
    assert "setting url = 'https://api.example'  Where the API is." in said
    found: dict[str, Any] = json.loads(shell("packs", "show", "probe", "--json").stdout)
    assert found["secrets"] == {"TOKEN": None}
    assert found["enforced"] is False
    assert "No tool pack is named nothing" in shell.refused("show", "nothing")


def test_the_table_has_every_tool(shell: Shell) -> None:
    rows = [line for line in shell("packs", "table").stdout.splitlines() if "| probe |" in line]
    assert [row.split(" | ")[:4] for row in rows] == [
        ["| look_up", "probe", "native", "read"], ["| send", "probe", "native", "network"],
    ]  # fmt: skip
    assert rows[0].endswith("| a file |")
    found = json.loads(shell("packs", "table", "--json").stdout)["tools"]
    assert {"look_up", "send"} <= {row["tool"] for row in found}


def test_a_secret_is_kept_in_the_keyring_and_nowhere_else(shell: Shell) -> None:
    shell.packs_("add", "probe", "--yes")
    assert "in the keyring" in shell.packs_("secret", "probe", "TOKEN", stdin="hunter2-hunter2\n")
    kept = json.loads(Path(shell.environ["TEST_KEYRING"]).read_text())
    assert kept == {"smolterm/probe TOKEN": "hunter2-hunter2"}
    assert "secret TOKEN: in the keyring" in shell.packs_("show", "probe")
    assert "hunter2" not in trust_path().read_text()
    # A new version keeps it.
    (shell.folder / "__init__.py").write_text(SOURCE + "# more\n")
    shell.packs_("trust", "probe", "--yes")
    assert "secret TOKEN: in the keyring" in shell.packs_("show", "probe")
    shell.packs_("remove", "probe")
    assert json.loads(Path(shell.environ["TEST_KEYRING"]).read_text()) == {}


def test_a_secret_may_be_in_a_variable_that_the_person_names(shell: Shell) -> None:
    shell.packs_("add", "probe", "--yes")
    shell.packs_("secret", "probe", "TOKEN", "--variable", "MY_TOKEN")
    assert "secret TOKEN: in the variable MY_TOKEN" in shell.packs_("show", "probe")
    shell.packs_("secret", "probe", "TOKEN", "--forget")
    assert "secret TOKEN: not stored" in shell.packs_("show", "probe")
    secret = "ghp_not/a/name"
    said = shell.refused("secret", "probe", "TOKEN", "--variable", secret)
    assert "no name of a variable" in said and secret not in said
    assert "has no secret OTHER" in shell.refused("secret", "probe", "OTHER", stdin="x\n")
    assert "empty" in shell.refused("secret", "probe", "TOKEN", stdin="\n")
    assert "not in use" in shell.refused("secret", "nothing", "TOKEN", stdin="x\n")


def test_without_a_keyring_a_variable_is_offered(shell: Shell) -> None:
    shell.packs_("add", "probe", "--yes")
    for backend in ("keyring.backends.null.Keyring", "keyring.backends.fail.Keyring"):
        shell.environ["PYTHON_KEYRING_BACKEND"] = backend
        said = shell.refused("secret", "probe", "TOKEN", stdin="hunter2-hunter2\n")
        assert "--variable" in said and "hunter2" not in said


def test_a_setting_is_set_checked_and_taken_back(shell: Shell) -> None:
    shell.packs_("add", "probe", "--yes")
    assert "may reach http://127.0.0.1:8080 now" in shell.packs_(
        "set", "probe", "url=http://127.0.0.1:8080/api"
    )
    assert read_trust().packs["probe"].settings == {"url": "http://127.0.0.1:8080/api"}
    assert "now http://127.0.0.1:8080" in shell.packs_("show", "probe")
    assert "no address" in shell.refused("set", "probe", "url=https://a:b@x")
    assert "no setting" in shell.refused("set", "probe", "other=1")
    assert "KEY=VALUE" in shell.refused("set", "probe", "url")
    assert "cannot be seen" in shell.refused("set", "probe", "url=x\u202ey")
    shell.packs_("set", "probe", "url=")
    assert read_trust().packs["probe"].settings == {}


def test_a_damaged_file_is_said_and_left_alone(shell: Shell) -> None:
    shell.packs_("add", "probe", "--yes")
    trust_path().write_text("{")
    done = shell("packs")
    assert done.returncode == 2
    assert "cannot be used" in done.stderr
    assert "cannot be used" in shell.refused("trust", "probe", "--yes")
    assert trust_path().read_text() == "{"


def test_an_untrusted_pack_that_was_named_is_an_error_where_nobody_can_be_asked(
    shell: Shell,
) -> None:
    argv = ("-p", "x", "-m", "openai/x", "--api-base", "http://127.0.0.1:9", "--pack", "probe")
    done = shell(*argv)
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not trusted. Look at it: smolterm packs trust probe" in done.stderr
    assert "No tool pack is named nothing" in shell(*argv[:-1], "nothing").stderr


def test_two_packs_with_the_same_tool_are_not_both_in_use(shell: Shell) -> None:
    build_pack(shell.packs, "other", "def send() -> None:\n    'Send.'\n", tools={"send": "pure"})
    shell.packs_("add", "probe", "--yes")
    done = shell("packs", "add", "other", "--yes")
    assert done.returncode == 1
    assert "has a tool named send too" in done.stderr


def test_a_person_is_asked_and_no_answer_is_no(shell: Shell) -> None:
    for answer, trusted in (("", False), ("n", False), ("yes", True)):
        terminal = shell.terminal("packs", "add", "probe")
        terminal.expect_exact("reach b.example")
        terminal.expect_exact("Use it? [y/N] ")
        terminal.sendline(answer)
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.exitstatus == (0 if trusted else 3)
        assert ("probe" in read_trust().packs) is trusted


def test_an_untrusted_pack_that_was_named_is_asked_about_on_a_terminal(shell: Shell) -> None:
    argv = ("-p", "x", "-m", "openai/x", "--api-base", "http://127.0.0.1:9", "--pack", "probe")
    for answer, trusted in (("n", False), ("y", True)):
        terminal = shell.terminal(*argv)
        terminal.expect_exact("Use it? [y/N] ")
        terminal.sendline(answer)
        terminal.expect(pexpect.EOF)
        terminal.close()
        # Then nobody answers at that address.
        assert (terminal.exitstatus == 1) is not trusted
        assert ("probe" in read_trust().packs) is trusted


def test_a_secret_that_is_typed_is_not_shown(shell: Shell) -> None:
    shell.packs_("add", "probe", "--yes")
    terminal = shell.terminal("packs", "secret", "probe", "TOKEN")
    terminal.expect_exact("TOKEN: ")
    terminal.waitnoecho()
    terminal.sendline("hunter2-hunter2")
    terminal.expect(pexpect.EOF)
    assert "hunter2" not in terminal.before
    assert "hunter2" in Path(shell.environ["TEST_KEYRING"]).read_text()


def wheel(place: Path, files: dict[str, str] | None = None, entry: str = "") -> Path:
    """Build a wheel with a pack in it."""
    written = {
        "fresh/__init__.py": "def noop() -> None:\n    'Do nothing.'\n",
        "fresh/pack.toml": 'name = "fresh"\nversion = "1"\ndescription = "New."\n'
        'kind = "native"\n[tools]\nnoop = "pure"\n',
        "fresh-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: fresh\nVersion: 1.0\n",
        "fresh-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: a test\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
        "fresh-1.0.dist-info/entry_points.txt": f"[smolterm.packs]\nfresh = fresh\n{entry}",
    } | (files or {})
    record = "".join(f"{name},,\n" for name in written) + "fresh-1.0.dist-info/RECORD,,\n"
    path = place / "fresh-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (written | {"fresh-1.0.dist-info/RECORD": record}).items():
            archive.writestr(name, text)
    return path


@pytest.fixture
def own_python(tmp_path: Path) -> str:
    """An environment of its own, where something may be installed."""
    place = tmp_path / "venv"
    venv.create(place, with_pip=False, symlinks=True)
    (site,) = place.glob("lib/python*/site-packages")
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (site / "ours.pth").write_text("\n".join([*ours, str(ROOT)]))
    return str(place / "bin" / "python")


def test_a_wheel_is_looked_at_installed_and_used(tmp_path: Path, own_python: str) -> None:
    shell = Shell(tmp_path, own_python)
    path = str(wheel(tmp_path))
    assert "--yes" in shell.refused("add", path)
    assert "fresh" not in shell("packs", "--json").stdout
    said = shell.packs_("add", path, "--yes")
    assert "fresh 1: New." in said
    assert "-m pip install --only-binary :all:" in said
    assert "fresh is in use" in said
    assert "in use" in shell.packs_("show", "fresh")
    shell.packs_("remove", "fresh")
    build_pack(shell.packs, "other", "def noop() -> None:\n    'Do.'\n")
    shell.packs_("add", "other", "--yes")
    assert "has a tool named noop too" in shell("packs", "add", path, "--yes").stderr


def test_a_requirement_is_fetched_shown_and_then_installed(tmp_path: Path, own_python: str) -> None:
    shell = Shell(tmp_path, own_python)
    shell.environ |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheel(tmp_path).parent)}
    assert "fresh 1: New." in shell.refused("add", "fresh")
    assert "fresh is in use" in shell.packs_("add", "fresh>=1", "--yes")
    done = shell("packs", "add", "fresh-nowhere", "--yes")
    assert done.returncode == 2
    assert "fresh-nowhere could not be fetched" in done.stderr


@pytest.mark.parametrize(
    ("files", "entry", "said"),
    [
        ({"evil.pth": "import os"}, "", "'evil.pth'"),
        ({"sitecustomize.py": ""}, "", "'sitecustomize.py'"),
        ({"msgspec/__init__.py": ""}, "", "'msgspec'"),
        ({"fresh-1.0.data/data/x": ""}, "", "'x'"),
        ({}, "[console_scripts]\npython = fresh:noop\n", "console_scripts"),
        ({"../evil.py": ""}, "", "leads out"),
        ({"fresh/pack.toml": "name = 1"}, "", "`name`"),
        ({"fresh/__init__.py": "raise SystemExit"}, "", "no function"),
        ({"fresh-1.0.dist-info/entry_points.txt": ""}, "", "holds"),
    ],
)
def test_a_wheel_that_holds_more_than_a_pack_is_not_installed(
    tmp_path: Path, files: dict[str, str], entry: str, said: str
) -> None:
    shell = Shell(tmp_path)
    done = shell("packs", "add", str(wheel(tmp_path, files, entry)), "--yes")
    assert done.returncode == 1, done
    assert said in done.stderr
    assert not trust_path().exists()


def test_a_folder_is_looked_at_before_its_build_tool_runs(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    project = tmp_path / "project"
    project.mkdir()
    with zipfile.ZipFile(wheel(tmp_path)) as archive:
        archive.extractall(project)
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "evil"\nbackend-path = ["."]\n'
        '[project]\nname = "fresh"\nversion = "1"\n'
        '[project.entry-points."smolterm.packs"]\nfresh = "fresh"\n'
    )
    ran = tmp_path / "ran"
    (project / "evil.py").write_text(f"open({str(ran)!r}, 'w')\n")
    said = shell.refused("add", str(project))
    assert "fresh 1: New." in said
    assert "Building it runs its own build tool." in said
    assert not ran.exists()


@pytest.mark.parametrize("what", ["./nowhere", "nowhere.whl", "no pack ==", "-e ."])
def test_what_is_nothing_to_add_is_said(shell: Shell, what: str) -> None:
    done = shell("packs", "add", "--yes", "--", what)
    assert done.returncode == 1
    assert done.stderr.startswith("smolterm: ")
