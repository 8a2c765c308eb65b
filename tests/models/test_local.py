"""A model on this machine behind its host process: loading, dying, being cancelled."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from contextlib import aclosing

import msgspec
import pytest

from smolterm.errors import ConfigError, MissingExtra, ModelCrashed, ModelError, ModelFileError
from smolterm.events import ModelChanged
from smolterm.models import Delta, Done, Format, Progress
from smolterm.models.bindings import CHOICE
from smolterm.models.hosted import HostedModel
from smolterm.models.launch import host_command
from smolterm.models.loading import Loading
from smolterm.models.providers import environment_for, resolve
from smolterm.models.wire import Options
from smolterm.spawn import plain_environment
from tests.models.asking import MESSAGES, parts_of, text_of, with_model
from tests.models.gguf_files import endless_model, random_model, scripted_model

OPTIONS = Options(loading=Loading(context=1024, states="", threads=1, seed=1))


def with_local(path, use, **environ):
    chosen = {CHOICE: os.environ[CHOICE]} if CHOICE in os.environ else {}
    return with_model(str(path), use, options=OPTIONS, **chosen | environ)


def test_a_file_is_loaded_and_says_its_script(tmp_path):
    heard: list[ModelChanged] = []

    async def use(model: HostedModel) -> list[object]:
        model.listen(heard.append)
        parts = await parts_of(model)
        assert model.info is not None
        assert (model.info.architecture, model.context_window) == ("llama", 1024)
        assert "<|im_start|>" in model.info.template
        return parts

    path = scripted_model(tmp_path / "m.gguf", ["<think>\nLet me see.\n</think>\n\nHello."])
    parts = with_local(path, use)
    assert text_of(parts).strip() == "Hello."
    assert text_of(parts, "reasoning").strip() == "Let me see."
    assert isinstance(parts[0], Progress)
    done = parts[-1]
    assert isinstance(done, Done)
    assert (done.stop, done.usage.cost) == ("stop", 0.0)
    assert done.usage.prompt_tokens > done.usage.completion_tokens > 0
    assert [event.state for event in heard][-1] == "ready"
    fractions = [event.fraction for event in heard if event.state == "loading"]
    assert fractions
    assert fractions == sorted(fractions)


def test_a_format_is_heeded(tmp_path):
    async def use(model: HostedModel) -> str:
        return text_of(await parts_of(model, Format(grammar='root ::= "yes" | "no"')))

    assert with_local(random_model(tmp_path / "m.gguf"), use) in ("yes", "no")


def test_nothing_is_printed(tmp_path):
    route = resolve(str(random_model(tmp_path / "m.gguf")), None, {})
    options = msgspec.structs.replace(OPTIONS, max_tokens=5)
    request = {"id": 1, "op": "reply", "messages": msgspec.to_builtins(MESSAGES)}
    host = subprocess.Popen(
        host_command(route, options, asked=0), env=environment_for(route, os.environ),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert host.stdin is not None
    assert host.stdout is not None
    host.stdin.write(msgspec.json.encode(request) + b"\n")
    host.stdin.flush()
    lines = []
    for line in host.stdout:
        lines.append(msgspec.json.decode(line))
        if lines[-1].get("end"):
            break
    out, err = host.communicate()
    assert (out, err) == (b"", b"")
    assert "done" in lines[-1]
    # Loading is over for whoever reads along before the first word comes.
    told = next(number for number, line in enumerate(lines) if "imported" in line)
    assert all("id" not in line for line in lines[:told])


def test_a_cancelled_reply_ends_and_the_next_is_whole(tmp_path):
    async def use(model: HostedModel) -> str:
        async with aclosing(model.reply(MESSAGES)) as parts:
            async for part in parts:
                if isinstance(part, Delta):
                    break
        return text_of(await parts_of(model, Format(grammar='root ::= "next"')))

    assert with_local(random_model(tmp_path / "m.gguf"), use) == "next"


def test_two_replies_at_once_wait_for_each_other(tmp_path):
    async def both(model: HostedModel) -> list[str]:
        formats = (Format(grammar='root ::= "one"'), Format(grammar='root ::= "two"'))
        parts = await asyncio.gather(*(parts_of(model, format) for format in formats))
        return [text_of(each) for each in parts]

    assert with_local(random_model(tmp_path / "m.gguf"), both) == ["one", "two"]


def test_a_damaged_file_is_an_error_that_names_it(tmp_path):
    path = random_model(tmp_path / "damaged.gguf")
    path.write_bytes(path.read_bytes()[:-5000])
    heard: list[ModelChanged] = []

    async def use(model: HostedModel) -> None:
        model.listen(heard.append)
        for _ in range(2):
            with pytest.raises(ModelFileError, match=r"damaged\.gguf.*missing at the end"):
                await parts_of(model)

    with_local(path, use)
    assert heard[-1].state == "failed"
    assert "damaged.gguf" in heard[-1].detail


def test_a_file_that_was_mended_is_loaded_by_the_next_request(tmp_path):
    path = random_model(tmp_path / "m.gguf")
    whole = path.read_bytes()
    path.write_bytes(whole[:-5000])

    async def use(model: HostedModel) -> str:
        with pytest.raises(ModelError, match="missing at the end"):
            await model.ready()
        path.write_bytes(whole)
        await model.ready()
        return text_of(await parts_of(model, Format(grammar='root ::= "whole"')))

    assert with_local(path, use) == "whole"


def test_a_file_that_is_given_up_is_tried_again_once_another_lies_there(tmp_path):
    library = tmp_path / "llama_cpp" / "__init__.py"
    library.parent.mkdir()
    library.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")

    async def use(model: HostedModel) -> str:
        for _ in range(3):
            with pytest.raises(ModelCrashed) as caught:
                await parts_of(model)
        assert "not tried again" in str(caught.value)
        shutil.rmtree(library.parent)
        random_model(model_path, seed=1)
        return text_of(await parts_of(model, Format(grammar='root ::= "another"')))

    model_path = random_model(tmp_path / "m.gguf")
    assert with_local(model_path, use, PYTHONPATH=str(tmp_path)) == "another"


def test_a_file_cut_short_under_its_host_is_said_so(tmp_path):
    path = endless_model(tmp_path / "m.gguf", *(f"word{number} " for number in range(300)))

    async def use(model: HostedModel) -> None:
        with pytest.raises(ModelCrashed, match="SIGBUS") as caught:
            async with aclosing(model.reply(MESSAGES, format=Format(max_tokens=100_000))) as parts:
                async for part in parts:
                    if isinstance(part, Delta):
                        os.truncate(path, 1000)
        assert "shorter" in caught.value.next

    with_local(path, use)


@pytest.mark.parametrize(
    "words", ["terminate called\nwhat():  std::bad_alloc", "cannot allocate 8 GB"]
)
def test_a_host_that_ran_out_of_memory_is_said_so(words, tmp_path):
    """It dies as it would in llama.cpp: from the library it imports."""
    (tmp_path / "llama_cpp").mkdir()
    (tmp_path / "llama_cpp" / "__init__.py").write_text(
        f"import os, sys\nsys.stderr.write({words!r})\nsys.stderr.flush()\nos.abort()"
    )

    async def use(model: HostedModel) -> str:
        with pytest.raises(ModelCrashed, match="SIGABRT") as caught:
            await parts_of(model)
        return caught.value.next

    said = with_local(random_model(tmp_path / "m.gguf"), use, PYTHONPATH=str(tmp_path))
    assert "out of memory" in said


def test_a_host_killed_while_it_talks_is_said_so_and_replaced(tmp_path):
    async def use(model: HostedModel) -> str:
        with pytest.raises(ModelCrashed, match=r"SIGKILL while it ran .*m\.gguf") as caught:
            async with aclosing(model.reply(MESSAGES, format=Format(max_tokens=100_000))) as parts:
                async for part in parts:
                    if isinstance(part, Delta):
                        # Stopped first: it must not come to its end before it is killed.
                        os.kill(model.pid, signal.SIGSTOP)
                        os.kill(model.pid, signal.SIGKILL)
        assert "memory" in caught.value.next
        return text_of(await parts_of(model, Format(grammar='root ::= "anew"')))

    # Longer cycles than the guard against repetition looks for.
    path = endless_model(tmp_path / "m.gguf", *(f"word{number} " for number in range(300)))
    assert with_local(path, use) == "anew"


def test_a_file_that_kills_its_host_is_given_up(tmp_path):
    """The host dies as it would in llama.cpp: from the library it imports."""
    (tmp_path / "llama_cpp").mkdir()
    (tmp_path / "llama_cpp" / "__init__.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)"
    )

    async def use(model: HostedModel) -> list[str]:
        said = []
        for _ in range(4):
            with pytest.raises(
                ModelCrashed, match=r"SIGSEGV.* while it loaded .*m\.gguf"
            ) as caught:
                await parts_of(model)
            said.append(str(caught.value))
        return said

    said = with_local(random_model(tmp_path / "m.gguf"), use, PYTHONPATH=str(tmp_path))
    assert ["not tried again" in text for text in said] == [False, False, True, True]


@pytest.mark.parametrize("extra", [r"smolterm\[local\]", r"smolterm\[local-wheels\]"])
def test_a_missing_library_is_said_so_with_what_to_install(extra, tmp_path):
    (tmp_path / "llama_cpp").mkdir()
    (tmp_path / "llama_cpp" / "__init__.py").write_text("raise ImportError('no such library')")
    forced = {CHOICE: "llama_cpp", "PYTHONPATH": str(tmp_path)}
    with pytest.raises(MissingExtra, match=f"no such library.*pip install '{extra}'"):
        with_local(random_model(tmp_path / "m.gguf"), parts_of, **forced)


def test_the_host_ends_with_its_stdin_while_it_loads(tmp_path):
    route = resolve(str(random_model(tmp_path / "m.gguf")), None, {})
    ended = subprocess.run(
        host_command(route, OPTIONS, asked=0), env=plain_environment(), timeout=20,
        stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    assert ended.returncode == 0
    assert ended.stderr == b""


@pytest.mark.parametrize(
    ("name", "path"),
    [("file:/m/x.bin", "/m/x.bin"), ("/m/x.gguf", "/m/x.gguf"), ("x.GGUF", "x.GGUF"),
     ("folder/x.gguf", "folder/x.gguf")],
)  # fmt: skip
def test_a_path_is_a_model_on_this_machine(name, path):
    route = resolve(name, None, {})
    assert (route.kind, route.model, route.is_local) == ("local", path, True)


def test_a_name_of_a_server_that_ends_like_a_file_is_the_servers(tmp_path):
    assert resolve("llama-server/x.gguf", None, {}).kind == "compatible"


def test_a_model_that_is_not_installed_is_said_so(tmp_path, monkeypatch):
    monkeypatch.setenv("SMOLTERM_DATA", str(tmp_path))
    with pytest.raises(ConfigError, match="No model is installed"):
        resolve("local/nothing-of-that-name", None, {})


def test_the_host_gets_no_key_and_no_proxy():
    environ = {"OPENAI_API_KEY": "k", "HTTPS_PROXY": "p", "CUDA_VISIBLE_DEVICES": "0", "HOME": "/h"}
    kept = environment_for(resolve("/m/x.gguf", None, {}), environ)
    assert kept == {"CUDA_VISIBLE_DEVICES": "0", "HOME": "/h"}
