"""llama.cpp out of a wheel: all that is asked of the one compiled here, and what is its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from smolterm.errors import ConfigError, MissingExtra
from smolterm.models import xllama
from smolterm.models.bindings import CHOICE, load_functions
from tests.models.asking import parts_of, text_of
from tests.models.engines import Talk
from tests.models.gguf_files import random_model, scripted_model
from tests.models.test_llama import *  # noqa: F403
from tests.models.test_local import (
    test_a_cancelled_reply_ends_and_the_next_is_whole,  # noqa: F401
    test_a_damaged_file_is_an_error_that_names_it,  # noqa: F401
    test_a_file_is_loaded_and_says_its_script,  # noqa: F401
    test_a_format_is_heeded,  # noqa: F401
    test_a_host_killed_while_it_talks_is_said_so_and_replaced,  # noqa: F401
    test_nothing_is_printed,  # noqa: F401
    test_two_replies_at_once_wait_for_each_other,  # noqa: F401
    with_local,
)

MODELS = Path(xllama.__file__).parent


@pytest.fixture(autouse=True)
def wheel(monkeypatch):
    """Let the wheel's llama.cpp run every model of this file, in this process and in hosts."""
    monkeypatch.setenv(CHOICE, "xllamacpp")


def test_it_is_the_wheel_that_runs():
    assert load_functions().__version__ == f"xllamacpp {xllama.VERSION}"


def test_whatever_the_engine_uses_is_declared():
    there = dir(xllama.functions())
    for path in MODELS.glob("*.py"):
        used = set(re.findall(r"\bc\.(\w*llama_\w+|ggml_\w+|LLAMA_\w+)", path.read_text()))
        assert not used - set(there), path.name


LOOK = """
import os, sys
from pathlib import Path
from tests.models.engines import once

def listening():
    mine = {os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
            if os.path.islink(f"/proc/self/fd/{n}")}
    rows = [line.split() for name in ("tcp", "tcp6")
            for line in Path(f"/proc/self/net/{name}").read_text().splitlines()[1:]]
    return [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in mine]

if sys.argv[2] == "server":
    import xllamacpp
    given = xllamacpp.CommonParams()
    given.model.path, given.n_ctx, given.verbosity = sys.argv[1], 512, 0
    server = xllamacpp.Server(given)
    seen = listening()
    del server
else:
    seen = []
    once(Path(sys.argv[1]), hear=lambda part: seen.extend(listening()), max_tokens=3)
    assert "xllamacpp" not in sys.modules
assert len(seen) == (sys.argv[2] == "server"), seen
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("way", ["ours", "server"])
def test_no_port_is_opened_and_nothing_is_printed(way, tmp_path):
    """The library's own server does open one, which shows that it would be seen."""
    ran = subprocess.run(
        [sys.executable, "-c", LOOK, random_model(tmp_path / "m.gguf"), way],
        capture_output=True, text=True, timeout=50, env=dict(os.environ),
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    if way == "ours":
        assert (ran.stdout, ran.stderr) == ("", "")


def test_states_of_the_other_library_are_not_taken(tmp_path, monkeypatch):
    pytest.importorskip("llama_cpp")
    path, states = scripted_model(tmp_path / "m.gguf", ["Hello."]), str(tmp_path / "states")
    found = []
    for name in ("llama_cpp", "xllamacpp", "xllamacpp"):
        monkeypatch.setenv(CHOICE, name)
        with Talk(path, states=states) as talk:
            found.append(talk.say("Hi")[1].usage.cached_tokens)
    assert found[:2] == [0, 0]
    assert found[2] > 300


def test_without_the_compiled_one_it_is_taken_unasked(tmp_path, monkeypatch):
    monkeypatch.delenv(CHOICE)
    (tmp_path / "llama_cpp").mkdir()
    (tmp_path / "llama_cpp" / "__init__.py").write_text("raise ImportError('not on this machine')")
    path = scripted_model(tmp_path / "m.gguf", ["Hello."])

    async def use(model):
        return text_of(await parts_of(model))

    assert with_local(path, use, PYTHONPATH=str(tmp_path)) == "Hello."


def test_a_choice_of_nothing_is_said_so():
    with pytest.raises(ConfigError, match="SMOLTERM_LLAMA is ollama; it can be llama_cpp or xlla"):
        load_functions({CHOICE: "ollama"})


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Put another xllamacpp before the real one: a file, and the release it says it is."""

    def install(release):
        (tmp_path / "xllamacpp").mkdir()
        (tmp_path / "xllamacpp" / "__init__.py").write_text("raise SystemExit('imported')")
        (tmp_path / "xllamacpp" / "xllamacpp.abi3.so").write_text("no library")
        about = tmp_path / f"xllamacpp-{release}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Name: xllamacpp\nVersion: {release}\n")
        monkeypatch.syspath_prepend(tmp_path)

    return install


def test_another_release_is_refused_before_it_is_loaded(installed):
    installed("2030.1.99999")
    with pytest.raises(MissingExtra, match=r"xllamacpp 2030\.1\.99999 is installed") as caught:
        load_functions()
    assert xllama.VERSION in caught.value.next


def test_a_library_that_cannot_be_loaded_is_named_with_its_reason(installed):
    installed(xllama.VERSION)
    with pytest.raises(MissingExtra, match=r"cannot be used \(.*xllamacpp\.abi3\.so") as caught:
        load_functions()
    assert "smolterm[local]" in caught.value.next


@pytest.mark.parametrize("kind", [xllama.Model, xllama.Context])
def test_a_library_with_other_structs_is_refused(kind, monkeypatch):
    field = next(reversed(xllama.DEFAULTS[kind]))
    monkeypatch.setitem(xllama.DEFAULTS[kind], field, 77)
    with pytest.raises(MissingExtra, match=f"{field} is out of place"):
        load_functions()


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of the processor")
def test_a_processor_that_is_too_old_is_known_beforehand(tmp_path):
    about = tmp_path / "cpuinfo"
    about.write_text("processor : 0\nflags\t\t: fpu sse sse2 avx fma\n")
    lacking = xllama.lacking_features(about)
    assert lacking == (["avx2", "bmi2", "f16c"] if os.uname().machine == "x86_64" else [])
    assert xllama.lacking_features(tmp_path / "none") == []
