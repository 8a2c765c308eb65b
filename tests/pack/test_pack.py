"""What a pack's author imports: light, the same everywhere, and nothing without a host."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from smolterm import pack
from smolterm.errors import ToolError
from smolterm.pack import Denied, http, tool
from smolterm.pack.http import Headers, Response


def test_it_imports_the_standard_library_and_errors_alone(tmp_path):
    code = (
        "import sys; before = set(sys.modules); import smolterm.pack\n"
        "new = {n for n in set(sys.modules) - before if not n.startswith('smolterm')}\n"
        "assert {n.split('.')[0] for n in new} <= sys.stdlib_module_names, new\n"
        "ours = {n for n in sys.modules if n.startswith('smolterm')}\n"
        "assert {n for n in ours if not n.startswith('smolterm.pack')} == "
        "{'smolterm', 'smolterm.errors'}, ours\n"
        "assert not {'asyncio', 'socket', 'ssl', 'http', 'subprocess'} & new, new"
    )
    subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, check=True)


def test_nothing_answers_outside_of_a_host():
    for call in (
        lambda: http.get("https://x.org"), pack.files.list, lambda: pack.cache.get("k"),
        lambda: pack.log("x"), lambda: pack.secrets["T"], lambda: pack.settings["s"],
    ):  # fmt: skip
        with pytest.raises(ToolError, match="outside of a host"):
            call()


def test_a_tool_stays_the_function_that_it_was():
    @tool
    def double(x: int) -> int:
        """Double a number."""
        return 2 * x

    @tool(effect="network")
    async def fetch() -> str:
        """Fetch it."""
        return "x"

    assert double(2) == 4 and double.effect == "pure" and double.__name__ == "double"
    assert asyncio.run(fetch()) == "x" and fetch.effect == "network"


def test_an_error_of_the_host_is_raised():
    answers = [{"error": "no", "next": "try", "denied": True}, {"error": "bad"}]
    pack._bind(lambda op, payload: answers.pop(0))
    try:
        with pytest.raises(Denied, match=r"^no try$"):
            pack.log("x")
        with pytest.raises(ToolError, match=r"^bad$") as raised:
            pack.log("x")
        assert not isinstance(raised.value, Denied)
    finally:
        pack._bind(None)


def test_headers_are_found_in_any_case():
    headers = Headers([("Content-Type", "a"), ("set-cookie", "b"), ("Set-Cookie", "c")])
    assert headers["CONTENT-TYPE"] == "a" and headers["Set-Cookie"] == "b, c"
    assert "content-type" in headers and 3 not in headers and len(headers) == 2
    assert headers.get("none") is None and dict(headers)["set-cookie"] == "b, c"


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("text/html; charset=latin-1", b"\xfc", "ü"), ('text/x; Charset="UTF-8"', b"\xc3\xbc", "ü"),
        ("text/x; charset=nonsense", b"\xc3\xbc", "ü"), ("", b"\xef\xbb\xbfx", "x"),
        ("text/x; charset=hex", b"61", "61"), ("", b"\xff", "\ufffd"),
    ],
)  # fmt: skip
def test_text_is_read_as_the_server_says(kind, content, text):
    assert Response(200, "u", Headers([("Content-Type", kind)]), content).text == text


def test_what_a_response_is_not_is_said():
    page = Response(503, "https://x.org/a", Headers([("Retry-After", "7")]), b"<p>\n busy</p>")
    assert not page.ok
    with pytest.raises(ToolError, match=r"^https://x.org/a answered 503: <p> busy</p>$"):
        page.raise_for_status()
    with pytest.raises(ToolError, match="no JSON"):
        page.json()
    with pytest.raises(ToolError, match="after 7 s"):
        Response(429, "u", Headers([("Retry-After", "7")])).raise_for_status()
    with pytest.raises(ToolError, match="no JSON"):
        Response(200, "u", Headers(), b"[" * 100_000).json()
    fine = Response(200, "u", Headers(), b'{"a": 1}')
    assert fine.raise_for_status().json() == {"a": 1}


def test_a_request_has_one_body():
    with pytest.raises(ToolError, match="one body"):
        http.post("https://x.org", json={}, content="x")
