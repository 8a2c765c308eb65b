"""A task from the first word to the last, through every wire that is real in use."""

from __future__ import annotations

import pytest

from smolterm import events as e
from tests.e2e.driving import block
from tests.servers import OpenAIServer, says

KEYS = {
    "openai/gpt-test": {"OPENAI_API_KEY": "sk-test-0123456789"},
    "litellm/openai/gpt-test": {"OPENAI_API_KEY": "sk-test-0123456789"},
}
ANSWER = "Total: 42 & 'quoted' é"


def messages(server: OpenAIServer, number: int) -> list[dict[str, str]]:
    return server.requests[number]["body"]["messages"]


def last(server: OpenAIServer, number: int) -> str:
    """Return what the model was told last in a request."""
    return messages(server, number)[-1]["content"]


@pytest.mark.parametrize("model", KEYS)
def test_a_person_steers_a_task_to_its_answer(home, model):
    home.use_files()
    (home.folder / "numbers.csv").write_text("n\n20\n22\n")
    script = [
        says(block("rows = read_table('numbers.csv')\nprint(len(rows), 'rows')")),
        says(block("sum(row['missing'] for row in rows)")),
        says(block("total = 0")),
        says(block("open('/etc/passwd').read()")),
        says(block(f'final_answer("{ANSWER}")')),
    ]
    home.environ |= KEYS[model]
    with OpenAIServer(script) as server:
        seen = home.terminal("-p", "add the numbers", "-m", model, "--api-base", server.url,
                             "--folder", str(home.folder))  # fmt: skip
        seen.expect_exact("rows = read_table")
        seen.answer("Step 1,", "a\r")
        seen.expect_exact("read_table('numbers.csv')")
        seen.expect_exact("2 rows")
        seen.answer("Step 2,", "a\r")
        seen.expect_exact("KeyError")
        seen.answer("Step 3,", "e\r")
        seen.expect_exact("Alt+Enter")
        seen.send("\x15total = sum(row['n'] for row in rows)\x1b\r")  # Ctrl+U, the line, Alt+Enter
        seen.answer("Step 4,", "r\r")
        seen.answer("Why (may be empty)", "that is not yours\r")
        seen.answer("Step 5,", "a\r")
        code, _ = seen.end()

    assert code == 0
    assert home.out() == ANSWER + "\n"
    assert len(server.requests) == 5
    for number in range(5):
        roles = [message["role"] for message in messages(server, number)]
        assert roles == ["system", *["user", "assistant"] * number, "user"]
        assert all(message["content"].strip() for message in messages(server, number))
        if number:
            before = messages(server, number - 1)
            assert messages(server, number)[: len(before)] == before
    assert "2 rows" in last(server, 1)
    assert "KeyError: 'missing'" in last(server, 2)
    assert "-total = 0\n+total = sum(row['n'] for row in rows)" in last(server, 3)
    assert "declined" in last(server, 4)
    assert "that is not yours" in last(server, 4)
    assert "rror" not in last(server, 4)
    events = home.events()
    assert isinstance(events[0], e.SessionStarted)
    assert events[-1].answer == ANSWER
    assert [x.decision for x in events if isinstance(x, e.DecisionMade)] == [
        "approve", "approve", "edit", "reject", "approve",
    ]  # fmt: skip
    ran = [x.code for x in events if isinstance(x, e.CellStarted)]
    assert ran[2] == "total = sum(row['n'] for row in rows)"
    assert not any("passwd" in code for code in ran)
    home.wait_until_gone()
