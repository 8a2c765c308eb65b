"""`smolterm -p` as one command among others: files in, files out, an answer that a script reads."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import signal

import pytest

from smolterm import events as e
from smolterm.events import from_line
from tests.e2e.driving import SECONDS, block
from tests.e2e.screen import Screen
from tests.e2e.test_oneshot import ask
from tests.servers import OpenAIServer, says

TOTALS = """\
import csv, collections, io
totals = collections.Counter()
with open("/in/stdin", newline="", encoding="latin-1") as file:
    for row in csv.DictReader(file):
        totals[row["date"][:7]] += float(row["amount"])
out = io.StringIO()
writer = csv.writer(out, lineterminator="\\n")
writer.writerow(["month", "total"])
writer.writerows(sorted(totals.items()))
final_answer(out.getvalue())"""


def sales():
    rows = "".join(f"2026-{1 + n % 3:02}-05,café {n},{n}.5\n" for n in range(3_000))
    return ("date,what,amount\n" + rows).encode("latin-1")


def test_a_csv_goes_in_and_another_comes_out(home):
    (home.folder / "sales.csv").write_bytes(sales())
    with OpenAIServer([says(block(TOTALS))]) as server:
        flags = f"-m openai/x --api-base {server.url} --no-packs --yes"
        code, out, _ = home.shell(
            f'cat sales.csv | smolterm -p "monthly totals as csv" {flags} > totals.csv'
        )
        sent = json.dumps(server.requests[0]["body"])
    assert (code, out) == (0, b"")
    rows = list(csv.reader(io.StringIO((home.folder / "totals.csv").read_text())))
    assert [row[0] for row in rows] == ["month", "2026-01", "2026-02", "2026-03"]
    assert sum(float(row[1]) for row in rows[1:]) == sum(n + 0.5 for n in range(3_000))
    # No line more than the answer has, and nothing of the data in the prompt.
    assert (home.folder / "totals.csv").read_text().count("\n") == 4
    assert "caf" not in sent
    home.wait_until_gone()


def test_a_reader_that_leaves_early_does_no_harm(home):
    lines = "final_answer(chr(10).join(map(str, range(200_000))))"
    with OpenAIServer([says(block(lines))]) as server:
        flags = f"-m openai/x --api-base {server.url} --no-packs --yes -q"
        code, out, err = home.shell(f"smolterm -p x {flags} | head -n 2; exit ${{PIPESTATUS[0]}}")
    assert (code, out, err) == (141, b"0\n1\n", "")
    home.wait_until_gone()


def test_files_and_folders_are_there_to_be_read(home):
    data = bytes(range(256)) * 4_000
    (home.folder / "a.bin").write_bytes(data)
    (home.folder / "more").mkdir()
    (home.folder / "more" / "a.bin").write_text("other")
    code = (
        "import hashlib, os\n"
        "found = [hashlib.sha256(open(p, 'rb').read()).hexdigest() for p in "
        "('/in/a.bin', '/in/more/a.bin', '/in/a-2.bin', '/in/stdin')]\n"
        "final_answer(found + [sorted(os.listdir('/in'))])"
    )
    done = ask(home, [says(block(code))], "--yes", "--in", "a.bin", "more", "--in", "more/a.bin",
               stdin=b"piped")  # fmt: skip
    assert done[0] == 0, done[2]
    want = [hashlib.sha256(one).hexdigest() for one in (data, b"other", b"other", b"piped")]
    assert json.loads(done[1]) == [*want, ["a-2.bin", "a.bin", "more", "stdin"]]
    told = done[3].requests[0]["body"]["messages"][-1]["content"]
    for name in ("/in/a.bin", "/in/more", "/in/a-2.bin", "/in/stdin"):
        assert name in told


def test_a_file_larger_than_the_sandboxs_memory_can_be_read(home):
    with (home.folder / "large").open("wb") as file:
        file.truncate(3 << 30)
        file.seek((3 << 30) - 5)
        file.write(b"after")
    code = (
        "with open('/in/large', 'rb') as file:\n    file.seek(-5, 2)\n"
        "    final_answer([file.read().decode(), file.tell()])"
    )
    done = ask(home, [says(block(code))], "--yes", "--in", "large")
    assert done[0] == 0, done[2]
    assert json.loads(done[1]) == ["after", 3 << 30]


def test_the_task_may_stand_behind_the_files(home):
    (home.folder / "a").write_text("x")
    with OpenAIServer([says("yes")]) as server:
        code, out, _ = home.run("-p", "-m", "openai/x", "--api-base", server.url, "--no-packs",
                                "--in", "a", "what is it?")  # fmt: skip
    assert (code, out) == (0, b"yes\n")
    assert "Task: what is it?" in server.requests[0]["body"]["messages"][-1]["content"]


def test_what_lies_in_out_is_brought_out_whole(home):
    code = (
        "import os\nos.makedirs('/out/sub')\nopen('/out/a.txt', 'w').write('a')\n"
        "open('/out/sub/b.bin', 'wb').write(bytes(range(256)))\nfinal_answer('made')"
    )
    done = ask(home, [says(block(code))], "--yes", "--out", "results", "--output", "json")
    assert done[0] == 0, done[2]
    assert (home.folder / "results" / "a.txt").read_text() == "a"
    assert (home.folder / "results" / "sub" / "b.bin").read_bytes() == bytes(range(256))
    assert len(json.loads(done[1])["out"]) == 2
    assert "/out" in done[3].requests[0]["body"]["messages"][-1]["content"]
    code, out, err, _ = ask(home, [says("x")], "--out", "results")
    assert (code, out) == (1, b"")
    assert "results is not empty" in err


def test_what_lies_in_out_and_was_not_wanted_is_said_to_be_lost(home):
    code = "open('/out/a.txt', 'w').write('a')\nfinal_answer('made')"
    done = ask(home, [says(block(code))], "--yes", "--quiet")
    assert done[:2] == (0, b"made\n")
    assert "--out" in done[2]


def test_a_failed_task_brings_nothing_out(home):
    script = [says(block("open('/out/a.txt', 'w').write('a')"))]
    done = ask(home, script, "--yes", "--out", "results", "--max-steps", "1")
    assert done[0] == 3
    assert not (home.folder / "results").exists()


def test_an_answer_can_go_to_a_file(home):
    target = home.folder / "answer.txt"
    target.write_text("older")
    target.chmod(0o600)
    assert ask(home, [says("Paris")], "-o", "answer.txt")[:2] == (0, b"")
    assert target.read_text() == "Paris\n"
    assert target.stat().st_mode & 0o777 == 0o600
    # Where there is no answer, the older one stays, and nothing else is left behind.
    assert ask(home, [says("")], "-o", "answer.txt", loop=True)[0] == 3
    assert target.read_text() == "Paris\n"
    assert not list(home.folder.glob(".answer*"))


def test_an_answer_can_go_to_what_is_no_file(home):
    with OpenAIServer([says("Paris")]) as server:
        flags = f"-m openai/x --api-base {server.url} --no-packs -q"
        code, out, _ = home.shell(f"smolterm -p x {flags} -o >(sed s/^/to-/) && wait $!")
    assert (code, out) == (0, b"to-Paris\n")
    assert ask(home, [says("Paris")], "-o", "/dev/null")[:2] == (0, b"")


def test_a_file_that_cannot_be_written_is_said_before_anything_runs(home):
    done = ask(home, [], "-o", "none/answer.txt")
    assert done[:2] == (1, b"")
    assert "none/answer.txt" in done[2]
    assert not done[3].requests


def test_the_events_can_go_to_a_file(home):
    code, out, _, _ = ask(home, [says("Paris")], "-o", "lines", "--output", "jsonl")
    assert (code, out) == (0, b"")
    lines = (home.folder / "lines").read_bytes().splitlines()
    assert isinstance(from_line(lines[-1]), e.Finished)


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def test_an_answer_fits_its_schema_or_is_asked_for_again(home):
    (home.folder / "schema.json").write_text(json.dumps(SCHEMA))
    script = [says("Final answer: Paris"), says(block("final_answer({'city': 'Paris'})"))]
    code, out, err, server = ask(home, script, "--yes", "--output-schema", "schema.json")
    assert (code, json.loads(out)) == (0, {"city": "Paris"}), err
    assert '"required"' in server.requests[0]["body"]["messages"][-1]["content"]
    assert "does not fit" in server.requests[1]["body"]["messages"][-1]["content"]
    assert "does not fit" in err


@pytest.mark.parametrize("text", [None, "{", '{"type": 7}'], ids=["none", "json", "schema"])
def test_a_schema_that_is_none_is_a_usage_error(home, text):
    if text is not None:
        (home.folder / "schema.json").write_text(text)
    code, out, err, server = ask(home, [], "--output-schema", "schema.json")
    assert (code, out) == (1, b"")
    assert "schema.json" in err
    assert not server.requests


CHANGE = 'open("/files/work/a.txt", "w").write("new")\nfinal_answer("changed it")'


@pytest.fixture
def work(home):
    folder = home.folder / "work"
    folder.mkdir()
    (folder / "a.txt").write_text("old")
    return folder


def test_staged_changes_that_nobody_can_accept_are_not_written(home, work):
    done = ask(home, [says(block(CHANGE))], "--yes", "--folder", "work", "--write")
    assert done[:2] == (3, b"changed it\n")
    assert "Nothing was written" in done[2]
    assert "--allow write" in done[2]
    assert (work / "a.txt").read_text() == "old"


def test_staged_changes_are_written_where_that_is_allowed(home, work):
    done = ask(home, [says(block(CHANGE))], "--yes", "--folder", "work", "--write",
               "--allow", "write", "--output", "json")  # fmt: skip
    assert done[0] == 0, done[2]
    assert json.loads(done[1])["written"] == ["/files/work/a.txt"]
    assert (work / "a.txt").read_text() == "new"


def test_a_folder_for_reading_stays_as_it_is(home, work):
    done = ask(home, [says(block(CHANGE))], "--yes", "--folder", "work", "--allow", "write")
    assert done[:2] == (0, b"changed it\n")
    assert "--write" in done[2]
    assert (work / "a.txt").read_text() == "old"


@pytest.mark.parametrize(("keys", "code", "text"), [("a\r", 0, "new"), ("r\r\r", 3, "old")])
def test_staged_changes_are_asked_about_on_the_terminal(home, work, keys, code, text):
    with OpenAIServer([says(block(CHANGE))]) as server:
        seen = home.terminal("-p", "x", "-m", "openai/x", "--api-base", server.url, "--no-packs",
                             "--yes", "--folder", "work", "--write")  # fmt: skip
        seen.expect_exact("-old")
        seen.expect_exact("+new")
        first, *rest = keys.split("\r")
        seen.answer("Write them?", first + "\r")
        for more in rest[:-1]:
            seen.answer("Why", more + "\r")
        assert seen.end()[0] == code
    assert (work / "a.txt").read_text() == text
    assert home.out() == "changed it\n"


def test_an_interrupt_under_that_question_writes_nothing(home, work):
    with OpenAIServer([says(block(CHANGE))]) as server:
        seen = home.terminal("-p", "x", "-m", "openai/x", "--api-base", server.url, "--no-packs",
                             "--yes", "--folder", "work", "--write")  # fmt: skip
        seen.answer("Write them?", "\x03")
        assert seen.end()[0] == 130
    assert (work / "a.txt").read_text() == "old"
    home.wait_until_gone()


def test_tokens_and_money_have_limits(home):
    usage = {"prompt_tokens": 900, "completion_tokens": 200}
    script = [says(block("x = 1"), usage=usage), says("never")]
    done = ask(home, script, "--yes", "--max-tokens", "1000")
    assert done[:2] == (3, b"")
    assert "1,000 tokens" in done[2]
    assert len(done[3].requests) == 1


def test_nothing_is_kept_of_an_ephemeral_run(home):
    assert ask(home, [says("Paris")], "--ephemeral")[:2] == (0, b"Paris\n")
    kept = home.folder / "data"
    assert not [path for path in kept.rglob("*") if path.is_file()] if kept.exists() else True


def test_plan_runs_no_effect_and_still_answers(home, work):
    done = ask(home, [says(block(CHANGE))], "--mode", "plan", "--folder", "work", "--write")
    assert done[:2] == (0, b"changed it\n")
    assert (work / "a.txt").read_text() == "old"


def test_an_interrupt_while_input_is_read_ends_it(home):
    with OpenAIServer([]) as server:
        process = home.start("-p", "x", "-m", "openai/x", "--api-base", server.url, stdin=-1)
        process.stdin.write(b"begun")
        process.stdin.flush()
        while not list((home.folder / "data").glob("*")) and not home.child("smolterm.models"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (130, b"")
    home.wait_until_gone()


def test_flags_of_one_answer_are_refused_where_a_screen_would_open(home):
    screen = Screen(home, "x", "--out", "results")
    screen.wait_for("--out is for one answer.", "Add -p.")
    assert screen.end() == 1
