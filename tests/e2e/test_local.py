"""The whole program on a model of its own: no server, no key, llama.cpp in the model host."""

from __future__ import annotations

import os
import shutil
import signal

import pytest

from smolterm import events as e
from smolterm.store import cache_folder
from tests.e2e.driving import block, shows_our_traceback
from tests.models.gguf_files import endless_model, scripted_model

CODE = 'total = sum(range(9))\nprint("nine numbers make", total)'
ANSWER = 'final_answer(f"It is {total}.")'


@pytest.fixture(autouse=True)
def own_states(home):
    """Keep evaluated prompts in a cache of the test's own; the sandbox comes from everybody's."""
    cache = home.folder / "cache"
    cache.mkdir()
    for entry in cache_folder().iterdir():
        if entry.name != "states":
            (cache / entry.name).symlink_to(entry)
    home.environ["SMOLTERM_CACHE"] = str(cache)


def replies(home):
    return [event for event in home.events() if isinstance(event, e.ReplyFinished)]


def test_a_task_runs_code_and_is_answered_and_nothing_is_evaluated_twice(home):
    script = [block(CODE, "I add them up."), block(ANSWER, "That is all.")]
    path = scripted_model(home.folder / "scripted.gguf", script)
    code, out, err = home.run("-p", "add up", "-m", str(path), "--yes", "--no-packs")
    assert (code, out) == (0, b"It is 36.\n"), err
    assert "nine numbers make 36" in err
    assert not shows_our_traceback(err)
    home.wait_until_gone()
    first, second = replies(home)
    assert first.usage.completion_tokens > 0
    # The second prompt begins with the first one and its reply, token for token.
    before = first.usage.prompt_tokens + first.usage.completion_tokens
    assert second.usage.cached_tokens >= before - 2
    assert second.usage.cost == 0.0


def test_without_a_compiled_library_a_wheel_does_the_same(home):
    pytest.importorskip("xllamacpp")
    broken = home.folder / "path" / "llama_cpp"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('no compiler here')")
    script = [block(CODE, "I add them up."), block(ANSWER, "That is all.")]
    path = scripted_model(home.folder / "scripted.gguf", script)
    ask = ("-p", "add up", "-m", str(path), "--yes", "--no-packs")
    code, out, err = home.run(*ask, environ={"PYTHONPATH": str(broken.parent)})
    assert (code, out) == (0, b"It is 36.\n"), err
    assert replies(home)[1].usage.cached_tokens > 0
    forced = {"PYTHONPATH": str(broken.parent), "SMOLTERM_LLAMA": "llama_cpp"}
    code, out, err = home.run(*ask, environ=forced)
    assert (code, out) == (1, b"")
    assert "no compiler here" in err
    assert "smolterm[local-wheels]" in err


def test_a_second_start_knows_the_system_prompt(home):
    path = scripted_model(home.folder / "scripted.gguf", [block("final_answer('done')")])
    ask = ("-m", str(path), "--yes", "--no-packs")
    assert home.run("-p", "one", *ask)[:2] == (0, b"done\n")
    assert replies(home)[0].usage.cached_tokens == 0
    shutil.rmtree(home.folder / "data")
    assert home.run("-p", "another", *ask)[:2] == (0, b"done\n")
    usage = replies(home)[0].usage
    assert usage.prompt_tokens - usage.cached_tokens < 100 < usage.cached_tokens


def test_a_damaged_file_is_named_and_so_is_what_to_do(home):
    path = scripted_model(home.folder / "scripted.gguf", ["Hello."])
    path.write_bytes(path.read_bytes()[:-1000])
    code, out, err = home.run("-p", "hi", "-m", str(path), "--no-packs")
    assert (code, out) == (2, b"")
    assert "scripted.gguf" in err
    assert "missing at the end" in err
    assert not shows_our_traceback(err)


def test_a_model_that_is_killed_fails_the_task_with_its_name(home):
    path = endless_model(home.folder / "endless.gguf", *(f"word{n} " for n in range(200)))
    seen = home.terminal("-p", "talk", "-m", str(path), "--no-packs")
    seen.expect_exact("word7")
    host = home.child("models.host")
    assert host is not None
    os.kill(host, signal.SIGKILL)
    seen.expect_exact("SIGKILL while it ran")
    assert seen.end()[0] == 2
    home.wait_until_gone()
