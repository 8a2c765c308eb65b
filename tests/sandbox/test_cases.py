"""Facts about Python's behaviour, and attempts to get out, as data."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from smolterm.errors import SandboxDied
from smolterm.sandbox import Limits

CASES = Path(__file__).parent.parent / "cases"
CLEAN = """
for _name in [name for name in globals() if not name.startswith("__")]:
    del globals()[_name]
"""


def rows(name):
    return [json.loads(line) for line in (CASES / name).read_text().splitlines()]


PYTHON = [row for row in rows("python.jsonl") if not row.get("requires")]


@pytest.mark.parametrize("row", PYTHON, ids=lambda row: row["id"])
def test_python_behaves_as_python(shared, row):
    # One process for all rows, its names swept between them; a process each takes minutes.
    shared.run(CLEAN)
    for earlier in row.get("setup", []):
        shared.run(earlier)
    done, out, _ = shared.run(row["code"])
    if row["expect_type"] == "error":
        assert done.error is not None
        assert done.error.type == row["expect"]
        assert row.get("match", "") in done.error.message
        assert out == row.get("stdout_before_error", out)
        return
    assert done.error is None
    if row["expect_type"] == "stdout":
        assert out == row["expect"]
    else:
        wanted = "final_answer" in row.get("needs", [])
        assert (done.answer if wanted else done.value) == row["expect"]


class Canaries:
    """Things that must be neither read, made nor connected to."""

    def __init__(self, folder: Path) -> None:
        self.secret = "canary-7f3a-in-a-file"
        self.env_name = "SMOLTERM_CANARY_ENV"
        self.env_value = "canary-91bd-in-the-environment"
        self.file = folder / "secret.txt"
        self.file.write_text(self.secret)
        self.out = folder / "made-by-the-sandbox"
        self.connected = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connected.set()
            connection.close()

    def fill(self, code: str) -> str:
        for mark, value in [
            ("__CANARY_FILE__", self.file),
            ("__CANARY_ENV__", self.env_name),
            ("__CANARY_OUT__", self.out),
            ("__CANARY_PORT__", self.port),
        ]:
            code = code.replace(mark, str(value))
        return code

    def check(self, said: str) -> None:
        assert not self.out.exists()
        assert self.secret not in said
        assert self.env_value not in said
        assert not self.connected.is_set()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def canaries(tmp_path_factory):
    made = Canaries(tmp_path_factory.mktemp("canaries"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(made.env_name, made.env_value)
        yield made
    made.close()


@pytest.fixture(scope="module")
def attacked(start_sandbox, canaries):
    # Started with the canary already in the environment, which it must not inherit.
    return start_sandbox()


@pytest.mark.parametrize("row", rows("escapes.jsonl"), ids=lambda row: row["id"])
def test_nothing_reaches_the_host(attacked, canaries, row):
    try:
        done, out, err = attacked.run(canaries.fill(row["code"]), limits=Limits(seconds=5))
    except SandboxDied as death:
        canaries.check(str(death))
        return
    said = [out, err, done.value or "", done.answer, repr(done.value_data), repr(done.answer_data)]
    if done.error is not None:
        said += [done.error.message, done.error.traceback]
    canaries.check("\n".join(said))
    if row["id"] == "forge-final-answer-exception":
        assert not done.answered
    assert attacked.value("6 * 7") == 42
