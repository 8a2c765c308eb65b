"""The host process itself: its life, its death, and what it leaves alone."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import aclosing

import msgspec
import pytest

from smolterm.errors import ModelError, StreamCut, WrongKey
from smolterm.models import Delta
from smolterm.models.hosted import HostedModel
from smolterm.models.providers import Route
from smolterm.models.wire import Config
from smolterm.spawn import plain_environment
from tests.models.asking import MESSAGES, parts_of, text_of, with_model
from tests.servers import OpenAIServer, says


def test_closing_the_iterator_hangs_up_and_the_host_goes_on():
    async def leave_early(model: HostedModel) -> str:
        async with aclosing(model.reply(MESSAGES)) as parts:
            assert isinstance(await anext(parts), Delta)
        await asyncio.to_thread(server.wait_for_hangup)
        host = model._starting
        text = text_of(await parts_of(model))
        assert model._starting is host
        return text

    with OpenAIServer([says("for ever", hang=True), says("next")]) as server:
        assert with_model("m", leave_early, api_base=server.url) == "next"


def test_cancelling_the_task_hangs_up_before_the_first_line_too():
    async def cancel(model: HostedModel) -> None:
        task = asyncio.create_task(parts_of(model))
        await asyncio.to_thread(server.wait_for_requests, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(server.wait_for_hangup)

    with OpenAIServer([says(chunks=[""], hang=True)]) as server:
        with_model("m", cancel, api_base=server.url)


def test_a_killed_host_is_said_so_and_replaced():
    async def kill(model: HostedModel) -> str:
        with pytest.raises(StreamCut, match="SIGKILL"):
            async with aclosing(model.reply(MESSAGES)) as parts:
                await anext(parts)
                os.kill((await model._starting).pid, signal.SIGKILL)
                async for _ in parts:
                    pass
        return text_of(await parts_of(model))

    with OpenAIServer([says("for ever", hang=True), says("anew")]) as server:
        assert with_model("m", kill, api_base=server.url) == "anew"


def test_start_is_early_and_idempotent_and_the_import_is_noticed():
    async def use(model: HostedModel) -> tuple[bool, float | None]:
        await model.start()
        first = model._starting
        await model.start()
        await model.import_done.wait()
        return first is model._starting, model.import_seconds

    same, seconds = with_model("m", use, api_base="http://127.0.0.1:9/v1")
    assert same
    assert seconds is not None


def test_two_replies_at_once_do_not_mix():
    async def both(model: HostedModel) -> list[str]:
        return [text_of(parts) for parts in await asyncio.gather(parts_of(model), parts_of(model))]

    with OpenAIServer([says("a " * 50, pace=0.001), says("b " * 50, pace=0.001)]) as server:
        assert sorted(with_model("m", both, api_base=server.url)) == ["a " * 50, "b " * 50]


def test_a_closed_model_stays_closed():
    async def use(model: HostedModel) -> None:
        await model.close()
        await model.close()
        with pytest.raises(ModelError, match="closed"):
            await parts_of(model)

    with_model("m", use, api_base="http://127.0.0.1:9/v1")


def test_the_current_folder_cannot_shadow_a_module(tmp_path, monkeypatch):
    for name in ("openai", "httpx", "smolterm", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    with OpenAIServer([says("safe")]) as server:
        parts = with_model("m", parts_of, api_base=server.url, PYTHONPATH=f":{os.curdir}")
    assert text_of(parts) == "safe"


def test_an_environment_that_the_library_cannot_use_is_an_error_of_ours():
    with pytest.raises(ModelError, match="cannot be prepared"):
        with_model("gpt-x", parts_of, OPENAI_API_KEY="sk-0", ALL_PROXY="gopher://127.0.0.1:9")


def test_a_key_that_cannot_be_a_header_is_named_by_its_variable():
    with pytest.raises(WrongKey, match="OPENAI_API_KEY") as caught:
        with_model("gpt-x", parts_of, OPENAI_API_KEY="sk-very-secret-\u20ac")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("kind", ["compatible", "replay"])
def test_the_host_ends_with_its_stdin(kind, tmp_path):
    replies = tmp_path / "r.jsonl"
    replies.write_text('{"reply": "x"}')
    route = Route(kind=kind, model=str(replies), provider="p", base_url="http://127.0.0.1:9/v1")
    argv = [sys.executable, "-P", "-m", "smolterm.models.host"]
    # It is still importing when its stdin ends.
    ended = subprocess.run(
        [*argv, msgspec.json.encode(Config(route=route)).decode()],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        env=plain_environment(),
    )
    assert ended.returncode == 0
    assert ended.stdout.splitlines()[0] == b'{"ready":true}'
