from __future__ import annotations

import pytest

from smolterm.errors import BadReply, ConfigError
from smolterm.events import Usage
from smolterm.models import Delta, Done
from tests.models.asking import parts_of, text_of, with_model

REPLIES = """{"pace": 0}
{"reply": "one reply  with\\n    spaces\\n", "reasoning": "hm", "later": 1}

{"reply": "two", "usage": {"prompt_tokens": 4, "cost": 0.5}, "pace": 0.001}
"""


@pytest.fixture
def replies(tmp_path):
    path = tmp_path / "replies.jsonl"
    path.write_text(REPLIES)
    return path


def test_reply_k_answers_request_k(replies):
    async def use(model):
        first, second = await parts_of(model), await parts_of(model)
        with pytest.raises(BadReply) as caught:
            await parts_of(model)
        return first, second, str(caught.value)

    first, second, message = with_model(f"replay:{replies}", use)
    assert text_of(first, "reasoning") == "hm"
    assert text_of(first) == "one reply  with\n    spaces\n"
    assert isinstance(first[0], Delta)
    assert text_of(second) == "two"
    assert second[-1] == Done(usage=Usage(prompt_tokens=4, cost=0.5))
    assert str(replies) in message
    assert "2 replies" in message


def test_the_count_survives_the_host(replies):
    async def use(model):
        await parts_of(model)
        child = await model._starting
        child.kill()
        await child._ended.wait()
        return text_of(await parts_of(model))

    assert with_model(f"replay:{replies}", use) == "two"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"reply": "x"}\n{"reply": 5}', "Line 2"),
        ('{"reply": "x"}\nnonsense', "Line 2"),
        ('{"reply": "x"}\n{"pace": 1}', "Line 2"),
        ('{"reply": "x", "pace": -1}', "Line 1"),
        ("[" * 100_000, "Line 1"),
        (None, "cannot be read"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path, text, expected):
    path = tmp_path / "broken.jsonl"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        with_model(f"replay:{path}", parts_of)
    assert expected in caught.value.what
    assert str(path) in caught.value.what
