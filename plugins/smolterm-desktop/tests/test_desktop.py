"""The desktop pack on programs of the test's own, and on real ones where a display can be had."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosting import hosting
from smolterm.pack import ToolError
from smolterm.packs.doors.grant import Grant

import smolterm_desktop as desktop
from smolterm_desktop import programs


class Programs:
    """Programs that write down their arguments and what they read, and say what a test says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, says: str = "", code: int = 0, error: str = "") -> None:
        told = shlex.quote(str(self.folder / f"{name}.told"))
        script = self.folder / name
        script.write_text(
            f'#!/bin/sh\nfor each in "$@"; do printf "%s\\n" "$each"; done > {told}\n'
            f"/bin/cat > {told}.stdin\n/usr/bin/printf %s {shlex.quote(says)}\n"
            f"/usr/bin/printf %s {shlex.quote(error)} >&2\nexit {code}\n"
        )
        script.chmod(0o755)

    def told(self, name: str) -> list[str]:
        return (self.folder / f"{name}.told").read_text().splitlines()

    def read(self, name: str) -> str:
        return (self.folder / f"{name}.told.stdin").read_text()


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Programs]:
    """A machine that has no program but those that a test adds."""
    before = dict(os.environ)
    os.environ["PATH"] = str(tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        os.environ.pop(name, None)
    try:
        yield Programs(tmp_path)
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.mark.parametrize(
    ("display", "reads", "writes"),
    [
        ("WAYLAND_DISPLAY", "wl-paste", "wl-copy"),
        ("DISPLAY", "xclip", "xclip"),
        ("DISPLAY", "xsel", "xsel"),
    ],
)
def test_the_platforms_program_is_used(
    there: Programs, display: str, reads: str, writes: str
) -> None:
    os.environ[display] = ":7"
    there.add(writes)
    assert desktop.write_clipboard("grüße\n$(x)") == {"characters": 10}
    assert there.read(writes) == "grüße\n$(x)"
    there.add(reads, "grüße 'n'\n")
    assert desktop.read_clipboard() == "grüße 'n'\n"


def test_without_a_display_or_a_program_it_says_so(there: Programs) -> None:
    there.add("xclip")
    for call in (
        desktop.read_clipboard, lambda: desktop.write_clipboard("a"),
        lambda: desktop.show_notification("a"),
        lambda: desktop.open_in_browser("https://example.org"),
    ):  # fmt: skip
        with pytest.raises(ToolError, match="Nothing on this machine"):
            call()


def test_an_empty_clipboard_is_no_error(there: Programs) -> None:
    os.environ["DISPLAY"] = ":7"
    there.add("xclip", code=1, error="Error: target UTF8_STRING not available")
    assert desktop.read_clipboard() == ""
    there.add("xclip", code=1, error="Error: Can't open display: :7")
    with pytest.raises(ToolError, match="Can't open display"):
        desktop.read_clipboard()
    with pytest.raises(ToolError, match="cannot fill"):
        desktop.write_clipboard("a")


def test_a_full_clipboard_is_refused(there: Programs) -> None:
    os.environ["DISPLAY"] = ":7"
    there.add("xsel")
    (there.folder / "xsel").write_text("#!/bin/sh\n/usr/bin/head -c 1000001 /dev/zero\n")
    with pytest.raises(ToolError, match="more than 1000000 characters"):
        desktop.read_clipboard()
    with pytest.raises(ToolError, match="at most"):
        desktop.write_clipboard("x" * 1_000_001)


@pytest.mark.skipif(sys.platform != "linux", reason="notify-send and xdg-open")
def test_notifications_and_pages(there: Programs) -> None:
    there.add("notify-send")
    desktop.show_notification("--help", "It's <b>done</b>", urgent=True)
    assert there.told("notify-send") == [
        "--app-name=smolterm", "--urgency=critical", "--", "--help", "It's <b>done</b>",
    ]  # fmt: skip
    there.add("xdg-open")
    desktop.open_in_browser("https://example.org:8443/a?b=c&d=%20#e")
    assert there.told("xdg-open") == ["https://example.org:8443/a?b=c&d=%20#e"]
    there.add("xdg-open", code=3, error="no browser")
    with pytest.raises(ToolError, match="no browser"):
        desktop.open_in_browser("https://example.org")
    with pytest.raises(ToolError, match="characters"):
        desktop.show_notification(" ")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "javascript:alert(1)", "--help", "example.org", "https://", "",
        "https://user:word@example.org", "https://user@example.org", "https://example.org/ x",
        "https://example.org/\n", "https://example.org/'x", "https://example.org/`x`",
        'https://example.org/"', "https://example.org:x/", "https://[::1", "vscode://x",
        "https://example.org/\u202e", "https://" + "a" * 2_000,
    ],
)  # fmt: skip
def test_only_pages_are_opened(there: Programs, url: str) -> None:
    there.add("xdg-open")
    there.add("open")
    with pytest.raises(ToolError, match="no address of a web page"):
        desktop.open_in_browser(url)
    assert not list(there.folder.glob("*.told"))


def test_a_program_that_hangs_is_given_up(there: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    os.environ["DISPLAY"] = ":7"
    there.add("xclip")
    (there.folder / "xclip").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    monkeypatch.setattr(programs, "SECONDS", 0.2)
    with pytest.raises(ToolError, match="took longer"):
        desktop.write_clipboard("a")


@pytest.mark.skipif(sys.platform != "linux", reason="notify-send and xdg-open")
def test_every_tool_works_in_the_packs_process(there: Programs) -> None:
    for name in ("xclip", "notify-send", "xdg-open"):
        there.add(name, "text")
    grant = Grant(pack="desktop", env={"DISPLAY": ":7"})
    with hosting("smolterm_desktop", grant) as own:
        own.write_clipboard("text")
        assert own.read_clipboard() == "text"
        own.show_notification("Done")
        own.open_in_browser("https://example.org")
        assert own.called == own.names


@pytest.fixture
def display() -> Iterator[str]:
    """An X server without a screen."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    ready, said = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(said), "-nolisten", "tcp"], pass_fds=(said,),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(said)
    try:
        with open(ready) as number:
            yield f":{number.read().strip()}"
    finally:
        server.terminate()
        server.wait()


@pytest.mark.parametrize("program", ["xclip", "xsel"])
def test_a_real_clipboard_outlives_the_packs_process(
    display: str, program: str, there: Programs
) -> None:
    found = shutil.which(program, path=os.defpath + ":/usr/local/bin")
    if found is None:
        pytest.skip(f"{program} is not installed")
    (there.folder / program).symlink_to(found)
    grant = Grant(pack="desktop", env={"DISPLAY": display})
    with hosting("smolterm_desktop", grant) as own:
        assert own.read_clipboard() == ""
        own.write_clipboard("grüße €\n")
    with hosting("smolterm_desktop", grant) as own:
        assert own.read_clipboard() == "grüße €\n"
