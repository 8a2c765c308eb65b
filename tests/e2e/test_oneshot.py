"""`smolterm -p` from scripts: what stands on which stream, and the code it ends with."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket

import pytest

from smolterm import __version__
from smolterm import events as e
from smolterm.events import from_line
from smolterm.oneshot import End
from tests.e2e.driving import SECONDS, block, shows_our_traceback
from tests.servers import OpenAIServer, fails, raw, says


def ask(home, script, *argv, stdin=b"", task="do it", loop=False):
    """Run one task without any terminal; returns (exit code, stdout, stderr, server)."""
    with OpenAIServer(script, loop=loop) as server:
        done = home.run("-p", task, "-m", "openai/x", "--api-base", server.url, "--no-packs",
                        *argv, stdin=stdin)  # fmt: skip
    home.wait_until_gone()
    assert not shows_our_traceback(done[2])
    return *done, server


def test_a_plain_reply_is_the_answer(home):
    code, out, err, _ = ask(home, [says("Paris,\nof course.")])
    assert (code, out) == (0, b"Paris,\nof course.\n")
    assert "Paris" in err


def test_quiet_says_nothing(home):
    assert ask(home, [says("Paris")], "--quiet")[:3] == (0, b"Paris\n", "")


def test_yes_runs_sandboxed_steps(home):
    code, out, err, _ = ask(home, [says(block("final_answer(6 * 7)"))], "--yes")
    assert (code, out) == (0, b"42\n")
    assert "final_answer(6 * 7)" in err


def test_without_yes_and_terminal_nothing_runs(home):
    code, out, err, _ = ask(home, [says(block("print('ran'); final_answer(1)"))])
    assert (code, out) == (3, b"")
    assert "Nothing ran" in err
    assert "--yes" in err
    assert not [x for x in home.events() if isinstance(x, e.CellStarted)]


def test_a_refused_effect_is_no_success(home):
    home.use_files()
    script = [says(block("write_text('a', 'b')\nfinal_answer('wrote it')"))]
    with OpenAIServer(script) as server:
        code, out, err = home.run("-p", "x", "-m", "openai/x", "--api-base", server.url, "--yes",
                                  "--folder", str(home.folder), "--write")  # fmt: skip
    assert (code, out) == (3, b"")
    assert "--allow write" in err
    assert not (home.folder / "a").exists()


@pytest.mark.parametrize(
    "data", [b"some text\n", bytes(range(256)) * 40, b"x" * 9_000_000],
    ids=["text", "binary", "large"],
)  # fmt: skip
def test_piped_input_is_a_file_in_the_sandbox(home, data):
    code = (
        "import hashlib\nfinal_answer(hashlib.sha256(open('/in/stdin', 'rb').read()).hexdigest())"
    )
    done = ask(home, [says(block(code))], "--yes", stdin=data)
    assert done[:2] == (0, hashlib.sha256(data).hexdigest().encode() + b"\n")
    assert "/in/stdin" in done[3].requests[0]["body"]["messages"][-1]["content"]


def test_what_was_piped_in_makes_an_allowed_effect_ask(home):
    code = "open('/in/stdin').read()\nimport no_such_package_anywhere\nfinal_answer(1)"
    done = ask(home, [says(block(code))], "--mode", "auto", "--allow", "network", stdin=b"obey")
    assert done[:2] == (3, b"")
    assert "  /in/stdin, step 1\n" in done[2]
    assert "--allow network --outside trust" in done[2]


def test_a_task_can_be_piped(home):
    with OpenAIServer([says("yes")]) as server:
        code, out, _ = home.run("-p", "-m", "openai/x", "--api-base", server.url, stdin=b"who?\n")
    assert (code, out) == (0, b"yes\n")
    assert "who?" in server.requests[0]["body"]["messages"][-1]["content"]


def test_no_task_is_a_usage_error(home):
    code, out, err, _ = ask(home, [], task="")
    assert (code, out) == (1, b"")
    assert "no task" in err


def test_json_is_one_object(home):
    code, out, _, _ = ask(home, [says("Paris", usage={"prompt_tokens": 7})], "--output", "json")
    assert code == 0
    end = json.loads(out)
    assert list(end) == ["version", *End.__struct_fields__[1:]]
    assert (end["version"], end["answer"], end["data"]) == (1, "Paris", None)
    assert (end["reason"], end["steps"]) == ("answer", 1)
    assert end["usage"]["prompt_tokens"] == 7
    assert home.run("sessions", "list")[1].decode().startswith(end["session"])


def test_jsonl_is_what_the_session_file_holds(home):
    code, out, _, _ = ask(home, [says(block("final_answer(1)"))], "--yes", "--output", "jsonl")
    assert code == 0
    saved = home.events()
    first, *lines = out.splitlines()
    assert json.loads(first) == {"event": "Lines", "version": 1, "smolterm": __version__}
    shown = [from_line(line) for line in lines]
    assert isinstance(shown[-1], e.Finished)
    # What the sandbox's start shows is of no use later, and not saved.
    assert [x for x in shown if x in saved] == saved


@pytest.mark.parametrize(
    ("reply", "argv", "code", "words"),
    [
        (fails(401, "Incorrect API key"), [], 2, ["refused the key"]),
        (fails(404, "model x not found"), [], 2, ["does not serve"]),
        (fails(400, "maximum context length is 8 tokens"), [], 2, ["too long"]),
        (raw("<html>nginx</html>"), [], 2, ["instead of a stream"]),
        (says(block("x = 1")), ["--yes", "--max-steps", "1"], 3, ["1 step"]),
        (says(""), [], 3, ["5 times in a row"]),
        (says(block("pass")), ["--yes"], 3, ["3 times", "no terminal"]),
        (says("slow", delay=5), ["--timeout", "0.5"], 3, ["The task used its 0.5 s."]),
        (says("{]", finish="length"), ["--max-steps", "0", "--max-steps", "1"], 0, []),
    ],
    ids=["key", "model", "context", "garbage", "steps", "repairs", "same", "seconds", "prose"],
)  # fmt: skip
def test_each_end_has_its_code_and_says_what_to_do(home, reply, argv, code, words):
    done = ask(home, [reply], *argv, loop=True)
    assert done[0] == code, done[2]
    for word in words:
        assert word in done[2]
    if code:
        assert done[1] == b""


def test_nothing_listens(home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    code, out, err = home.run("-p", "x", "-m", "openai/x", "--api-base", f"http://127.0.0.1:{port}")
    assert (code, out) == (2, b"")
    assert f"127.0.0.1:{port}" in err


def test_a_missing_key_is_named(home):
    code, _, err = home.run("-p", "x", "-m", "openai/gpt-5-mini")
    assert code == 1
    assert "OPENAI_API_KEY" in err


def test_a_limit_of_the_rate_is_waited_for(home):
    script = [fails(429, "slow down", headers={"retry-after": "0.2"}), says("done")]
    code, out, err, _ = ask(home, script)
    assert (code, out) == (0, b"done\n")
    assert "waiting" in err
    assert "slow down" in err


def test_a_limit_of_the_rate_that_stays_is_to_be_tried_later(home):
    code, out, err, _ = ask(home, [fails(429, "no", headers={"retry-after": "900"})])
    assert (code, out) == (75, b"")
    assert "900 s" in err


def test_a_broken_stream_is_asked_for_again(home):
    script = [says("half of an", cut=True), says("the whole answer")]
    code, out, err, _ = ask(home, script)
    assert (code, out) == (0, b"the whole answer\n")
    assert "broke off" in err


def test_a_message_begins_on_a_line_of_its_own(home):
    with OpenAIServer([says("half", hang=True)]) as server:
        process = home.start("-p", "x", "-m", "openai/x", "--api-base", server.url, "--no-packs")
        seen = b""
        while b"half" not in seen:
            seen += (read := process.stderr.read1())
            assert read, seen
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (130, b"")
    assert b"half\nsmolterm: The task was interrupted.\n" in seen + rest


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--pack", "nothing"], "nothing"),
        (["--folder", "/nonexistent"], "/nonexistent"),
        (["--max-steps", "-1"], "max_steps"),
        (["--max-steps", "many"], "--max-steps"),
        (["--allow", "everything"], "everything"),
        (["--no-such-flag"], "--no-such-flag"),
    ],
    ids=["pack", "folder", "negative", "word", "effect", "flag"],
)
def test_what_a_person_gets_wrong_is_named(home, argv, words):
    code, out, err = home.run(
        "-p", "x", "-m", "openai/x", "--api-base", "http://127.0.0.1:9", *argv
    )
    assert (code, out) == (1, b"")
    assert words in err
    assert not shows_our_traceback(err)


@pytest.mark.parametrize(
    "text", ["model = ", "modle = 'x'", "max_steps = 'many'", "\xff"],
    ids=["toml", "key", "value", "bytes"],
)  # fmt: skip
def test_a_bad_settings_file_is_named(home, text):
    (home.folder / "config.toml").write_bytes(text.encode("latin-1"))
    code, out, err = home.run("-p", "x", "-m", "openai/x")
    assert (code, out) == (1, b"")
    assert str(home.folder / "config.toml") in err
    assert not shows_our_traceback(err)


def test_a_reader_that_leaves_ends_it_quietly(home):
    with OpenAIServer([says(block("final_answer(1)"))]) as server:
        ask_all = f"-m openai/x --api-base {server.url} --yes --output jsonl --no-packs -q"
        code, out, err = home.shell(f"smolterm -p x {ask_all} | head -c 1; exit ${{PIPESTATUS[0]}}")
    assert (code, out, err) == (141, b"{", "")
    home.wait_until_gone()


def test_a_session_that_cannot_be_saved_goes_on(home):
    (home.folder / "data").write_text("a file where a folder should be")
    code, out, err, _ = ask(home, [says("Paris")])
    assert (code, out) == (0, b"Paris\n")
    assert "cannot be saved" in err


def test_the_session_is_the_owners_alone(home):
    ask(home, [says("secret")])
    kept = [path for path in (home.folder / "data").rglob("*") if path.is_file()]
    assert kept
    assert [path.name for path in kept if os.stat(path).st_mode & 0o077] == []
