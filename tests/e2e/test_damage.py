"""What the sandbox stands on is missing, altered or out of reach."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import smolterm
from smolterm.sandbox.assets import cache_folder, find_assets, find_deno
from tests.e2e.driving import SECONDS, block, shows_our_traceback
from tests.servers import OpenAIServer, says

NO_DENO = {"SMOLTERM_DENO": "/nonexistent/deno"}


@pytest.fixture(scope="module")
def prepared() -> Path:
    """The cache that all tests share; it is only ever copied from."""
    assert find_assets() is not None, "run `smolterm setup` first"
    return cache_folder()


@pytest.fixture
def cache(home, prepared) -> Path:
    """A copy of it, with no network to mend it from."""
    copy = home.folder / "cache"
    for name in ("deno/npm", "sandbox"):
        shutil.copytree(prepared / name, copy / name, copy_function=link_or_copy)
    for imports in copy.glob("sandbox/*/imports.json"):
        text = imports.read_text()
        imports.unlink()
        imports.write_text(text.replace(str(prepared), str(copy)))
    home.environ |= {"SMOLTERM_CACHE": str(copy)} | without_network()
    return copy


def link_or_copy(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def without_network() -> dict[str, str]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    return dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), address)


def alter(path: Path, change) -> None:
    """Write a changed copy in a file's place; the original may be shared."""
    data = path.read_bytes()
    path.chmod(0o644)
    path.unlink()
    path.write_bytes(change(data))


def check_refused(home, words: list[str]) -> None:
    """Nothing runs, in `py` as in a task; the message names cause, state and way out."""
    code, out, err = home.run("py", "-c", "print('ran')")
    assert (code, out) == (2, b""), err
    for word in words:
        assert word in err
    assert not shows_our_traceback(err)
    home.wait_until_gone()


def test_without_deno_a_task_ends_with_a_message(home):
    home.environ |= NO_DENO
    check_refused(home, ["/nonexistent/deno"])
    with OpenAIServer([says(block("print('ran')"))]) as server:
        code, out, err = home.run("-p", "x", "-m", "openai/x", "--api-base", server.url, "--yes")
    assert (code, out) == (2, b"")
    assert "/nonexistent/deno" in err
    assert home.events()[-1].error == "NoDeno"


def test_a_prose_answer_needs_no_deno(home):
    home.environ |= NO_DENO
    with OpenAIServer([says("Paris")]) as server:
        done = home.run("-p", "x", "-m", "openai/x", "--api-base", server.url)
    assert done[:2] == (0, b"Paris\n")


def test_no_network_at_the_first_use(home):
    home.environ |= {"SMOLTERM_CACHE": str(home.folder / "empty")} | without_network()
    check_refused(home, ["could not be fetched", "Nothing was installed", "smolterm setup"])


def test_a_cache_that_cannot_be_written(home):
    (home.folder / "file").write_text("")
    home.environ["SMOLTERM_CACHE"] = str(home.folder / "file" / "cache")
    check_refused(home, [str(home.folder / "file"), "SMOLTERM_CACHE"])


def test_an_intact_cache_needs_no_network(home, cache):
    # The copy lies elsewhere, and a snapshot goes by its place: it is taken anew from what is here.
    status, out, said = home.run("py", "-c", "print(1)")
    assert (status, out) == (0, b"1\n")
    assert "snapshot" in said
    assert home.run("py", "-c", "print(1)") == (0, b"1\n", "")


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("pyodide.asm.wasm", lambda data: data[:1000]),
        ("pyodide.asm.wasm", flip),
        ("pyodide.asm.mjs", lambda data: data + b"\nDeno.exit(0)"),
    ],
    ids=["cut", "flipped", "added to"],
)
def test_altered_code_is_never_run(home, cache, name, change):
    (path,) = cache.glob(f"deno/npm/*/pyodide/*/{name}")
    alter(path, change)
    check_refused(home, ["damaged", "could not be fetched", "network"])


def test_a_damaged_library_is_compiled_again_by_whoever_comes_without_network(home, cache):
    (path,) = cache.glob("sandbox/stdlib-*/stdlib.zip")
    made = path.parent.parent
    alter(path, flip)
    interrupted = home.start("py", "-c", "print(1)")
    while b"ompil" not in interrupted.stderr.readline():
        assert interrupted.poll() is None
    interrupted.terminate()
    interrupted.communicate(timeout=SECONDS)
    assert interrupted.returncode == 143
    home.wait_until_gone()
    assert list(made.glob("new-*")) == []

    both = [home.start("py", "-c", f"import json; print({number})") for number in range(2)]
    ends = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    assert [out for out, _ in ends] == [b"0\n", b"1\n"]
    assert list(made.glob("new-*")) == []
    assert list(made.glob("*.old-*")) == []
    assert home.run("py", "-c", "print(2)") == (0, b"2\n", "")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("sha512-", "sha512-AAAA", 1), "checksum"),
        (lambda text: text[: len(text) // 2], "lock"),
    ],
    ids=["another checksum", "half a file"],
)
def test_a_lock_that_does_not_fit_is_refused(home, prepared, change, words):
    package = home.folder / "altered" / "smolterm"
    shutil.copytree(Path(smolterm.__file__).parent, package,
                    ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    lock = package / "sandbox" / "deno.lock"
    changed = change(lock.read_text())
    assert changed != lock.read_text()
    lock.write_text(changed)
    home.environ |= {"SMOLTERM_CACHE": str(home.folder / "empty"),
                     "PYTHONPATH": str(package.parent)} | without_network()  # fmt: skip
    # With the cache of the real one at hand: a lock is checked against what is there, too.
    shutil.copytree(prepared / "deno" / "npm", home.folder / "empty" / "deno" / "npm",
                    copy_function=link_or_copy)  # fmt: skip
    (wasm,) = (home.folder / "empty" / "deno" / "npm").glob("*/pyodide/*/pyodide.asm.wasm")
    wasm.unlink()
    done = subprocess.run([sys.executable, "-m", "smolterm.cli", "setup"], capture_output=True,
                          env=home.environ, cwd=home.folder, timeout=60)  # fmt: skip
    err = done.stderr.decode()
    assert done.returncode == 2, err
    assert words in err or "could not be fetched" in err
    assert not shows_our_traceback(err)
    assert find_deno()
