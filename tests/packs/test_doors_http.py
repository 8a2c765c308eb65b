"""A pack's way to the network: what goes out, what comes back, and who is not reached."""

from __future__ import annotations

import gzip
import json
import shutil
import ssl
import subprocess
import threading
import zlib
from pathlib import Path

import pytest

from smolterm.errors import Denied, ToolError
from smolterm.pack import http, secrets
from smolterm.packs.doors.http import MOST_REDIRECTS
from smolterm.packs.doors.inflate import PIECE, Inflate
from smolterm.packs.doors.wire import LONGEST
from smolterm.packs.testing import bound
from tests.packs.web import Connection, Request, Web, answer, echo

TOKEN = 'tok/en+"%ü-9f3a'
GZIP = {"Content_Encoding": "gzip"}


def nowhere(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} was looked up")


def lines(response: http.Response) -> list[str]:
    return response.text.split("\n")


# What goes out


def test_a_request_goes_out_as_it_was_asked_for():
    with Web({"*": echo}) as web, bound(hosts=[web.url]) as doors:
        said = http.post(
            f"{web.url}/a b/ü?x=1#part", params={"q": ["ä&b", 2], "no": None, "yes": True},
            json={"n": [1]}, headers={"X-One": "é"}, auth=("user", "pass"),
        )  # fmt: skip
        request = web.requests[0]
    assert request.target == "/a%20b/%C3%BC?x=1&q=%C3%A4%26b&q=2&yes=true"
    assert request.headers["host"] == f"127.0.0.1:{web.port}"
    assert request.headers["authorization"] == "Basic dXNlcjpwYXNz"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-one"].encode("latin-1").decode() == "é"
    assert request.body == b'{"n":[1]}'
    assert "cookie" not in request.headers
    assert (said.status, doors.counts.requests, doors.denied) == (200, 1, [])
    assert doors.counts.sent > 100 and doors.counts.received > 100


@pytest.mark.parametrize(
    ("options", "body", "kind"),
    [
        ({"data": {"a": "1 2", "b": [3, 4]}}, b"a=1+2&b=3&b=4",
         "application/x-www-form-urlencoded"),
        ({"content": "ü"}, "ü".encode(), None),
        ({"content": b"\0"}, b"\0", None),
        ({"json": {}, "headers": {"content-type": "application/vnd.x+json"}}, b"{}",
         "application/vnd.x+json"),
        ({}, b"", None),
    ],
)  # fmt: skip
def test_bodies(options, body, kind):
    with Web({"*": echo}) as web, bound(hosts=[web.url]):
        http.put(web.url, **options)
        assert web.requests[0].body == body
        assert web.requests[0].headers.get("content-type") == kind
        assert web.requests[0].headers["content-length"] == str(len(body))


def test_a_server_keeps_nothing_and_a_connection_is_used_again():
    opened = []

    def page(request: Request, connection: Connection) -> bytes:
        opened.append(connection._stream)
        return answer(b"x", Set_Cookie="a=1")

    with Web({"*": page}) as web, bound(hosts=[web.url]):
        for _ in range(3):
            assert http.get(web.url).headers["set-cookie"] == "a=1"
        assert not any("cookie" in request.headers for request in web.requests)
    assert len(set(opened)) == 1


def test_the_environment_names_no_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Web({"*": answer(b"direct")}) as web, bound(hosts=[web.url]):
        assert http.get(web.url).text == "direct"


def test_a_kept_connection_that_the_server_closed_is_no_failure():
    def once(request: Request, connection: Connection) -> None:
        connection.send(answer(b"x"))

    with Web({"*": once}) as web, bound(hosts=[web.url]):
        assert [http.get(web.url).status for _ in range(5)] == [200] * 5


def test_a_kept_connection_that_is_closed_just_then_is_made_anew():
    used: set[object] = set()

    def page(request: Request, connection: Connection) -> bytes | None:
        if connection._stream in used:
            return None
        used.add(connection._stream)
        return answer(b"x")

    with Web({"*": page}) as web, bound(hosts=[web.url]):
        assert [http.get(web.url).text for _ in range(2)] == ["x", "x"]
        # What changes something is not sent twice.
        with pytest.raises(ToolError, match="broken"):
            http.post(web.url, json=1)
        assert [request.method for request in web.requests] == ["GET", "GET", "GET", "POST"]


@pytest.mark.parametrize(
    ("method", "url", "headers"),
    [
        ("CONNECT", "", {}), ("TRACE", "", {}), ("GET / HTTP/1.1\r\nX: y", "", {}),
        ("GET", "/\r\nX: y", {}), ("GET", "/\0", {}),
        ("GET", "", {"X": "a\r\nY: b"}), ("GET", "", {"X\r\nY": "b"}), ("GET", "", {"X": "a\0"}),
        ("GET", "", {"X": "a\nb"}), ("GET", "", {"": "a"}), ("GET", "", {"X Y": "b"}),
        ("GET", "", {"Host": "other.example"}), ("GET", "", {"content-length": "5"}),
        ("GET", "", {"Transfer-Encoding": "chunked"}), ("GET", "", {"Connection": "upgrade"}),
        ("GET", "", {"Proxy-Authorization": "x"}), ("GET", "", {"X": "a" * 70_000}),
        ("GET", "", {f"X-{at}": "a" for at in range(101)}), ("GET", "/" + "a" * 20_000, {}),
    ],
)  # fmt: skip
def test_what_is_no_request_is_not_sent(method, url, headers):
    with Web({"*": echo}) as web, bound(hosts=[web.url]):
        with pytest.raises(ToolError):
            http.request(method, web.url + url, headers=headers)
        assert web.requests == []


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_no_time_is_no_request(timeout):
    with Web({"*": echo}) as web, bound(hosts=[web.url]), pytest.raises(ToolError, match="timeout"):
        http.get(web.url, timeout=timeout)


# Who is reached


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/", "http://api.x.org/", "https://api.x.org:444/",
        "https://api.x.org.evil.example/", "https://evil.example/https://api.x.org",
        "https://xapi.x.org/", "https://x.org/", "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:22/", "http://[::1]:8080/", "http://[::ffff:127.0.0.1]/",
    ],
)  # fmt: skip
def test_another_host_is_refused_and_named(url):
    with (
        bound(pack="weather", hosts=["api.x.org"], resolve=nowhere) as doors,
        pytest.raises(Denied) as raised,
    ):
        http.get(url)
    assert raised.value.what.startswith("weather tried to reach ")
    assert raised.value.what.endswith("is not among its hosts (api.x.org).")
    assert doors.denied == [raised.value.what]
    assert doors.counts.requests == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://user:pass@api.x.org/", "https://api.x.org@evil.example/",
        "https://evil.example\\@api.x.org/", "https://evil.example%2f@api.x.org/",
        "https://api.x.org%00.evil.example/", "https://api.x.org%2eevil/", "https://api.x.org./",
        "https:///etc/passwd", "file:///etc/passwd", "ftp://api.x.org/", "gopher://api.x.org/",
        "https://api.x.org:99999/", "https://api.x.org:-1/", "https://api.x.org:/\x7f",
        "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/",
        "http://[::1%25lo]/", "http://[::1", "//api.x.org/", "api.x.org", "", "javascript:1",
        "https://a..b/", "https://-a.b/", "https://api.x.org /",
    ],
)  # fmt: skip
def test_an_odd_address_is_refused(url):
    with bound(hosts=["*", "api.x.org"], resolve=nowhere), pytest.raises(ToolError):
        http.get(url)


def test_a_name_that_points_here_is_refused():
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with Web({"*": echo}) as web:
        hosts = [web.at("evil.example"), "*.x.org", "*"]
        with bound(hosts=hosts, resolve=resolve) as doors:
            for url in (web.at("evil.example"), "https://a.x.org", web.at("page.example")):
                with pytest.raises(Denied, match="leads to this machine"):
                    http.get(url)
        assert len(doors.denied) == 3
        assert web.requests == []
    assert asked == ["evil.example", "a.x.org", "page.example"]


def test_a_name_is_looked_up_once_and_what_was_checked_is_connected_to():
    answers = [["127.0.0.1"], ["10.255.255.1"]]

    def resolve(host: str, port: int) -> list[str]:
        return answers.pop(0)

    with Web({"*": echo}) as web, bound(hosts=[web.at("a.internal")], resolve=resolve):
        said = http.get(web.at("a.internal"))
    assert f"Host: a.internal:{web.port}" in lines(said)
    assert len(answers) == 1


def test_each_address_is_tried():
    def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.2", "::1", "127.0.0.1"]

    with Web({"*": answer(b"x")}) as web, bound(hosts=[web.at("a.internal")], resolve=resolve):
        assert http.get(web.at("a.internal")).text == "x"


def test_one_bad_address_among_good_ones_is_left_out():
    # Both are of the machine's own network, but only one of them is what the entry names.
    def resolve(host: str, port: int) -> list[str]:
        return ["169.254.169.254", "127.0.0.1", "fe80::1%lo"]

    with Web({"*": answer(b"x")}) as web, bound(hosts=[web.at("a.internal")], resolve=resolve):
        assert http.get(web.at("a.internal")).text == "x"


def test_no_such_host_is_said():
    def resolve(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    with bound(hosts=["*"], resolve=resolve), pytest.raises(ToolError, match="no host nothing"):
        http.get("https://nothing.example")


def test_a_look_up_that_hangs_ends_in_time():
    gone = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        gone.wait(30)
        return []

    with bound(hosts=["*"], resolve=resolve), pytest.raises(ToolError, match="in time"):
        http.get("https://slow.example", timeout=0.2)
    gone.set()


def test_nobody_there_is_said():
    with Web({}) as web:
        url = web.url
    with bound(hosts=[url]), pytest.raises(ToolError, match="no connection"):
        http.get(url)


# Redirects


def test_redirects_are_followed_and_counted():
    routes = {
        "/a": answer(status=301, Location="b?x=1"),
        "/b": answer(status=307, Location="//a.localhost:{port}/c"),
        "/c": answer(b"end"),
    }
    with Web(routes) as web:
        routes["/b"] = answer(status=307, Location=f"//a.localhost:{web.port}/c")
        with bound(hosts=[web.url, web.at("a.localhost")]) as doors:
            said = http.get(f"{web.url}/a")
            assert (said.text, said.url) == ("end", web.at("a.localhost") + "/c")
            assert doors.counts.requests == 3
            kept = http.get(f"{web.url}/a", follow=False)
            assert (kept.status, kept.headers["location"]) == (301, "b?x=1")


@pytest.mark.parametrize(
    "location",
    [
        "http://evil.example/", "//evil.example", "file:///etc/passwd", "gopher://x/",
        "http://127.0.0.1:1/", "http://169.254.169.254/", "http://user@127.0.0.1/",
        "http://[::1", "javascript:alert(1)", "http://[::1]/", "data:text/plain,x",
    ],
)  # fmt: skip
def test_a_redirect_to_elsewhere_is_refused(location):
    with Web({"*": answer(status=302, Location=location)}) as web:
        with bound(hosts=[web.url], resolve=nowhere) as doors, pytest.raises(Denied):
            http.get(web.url)
        assert len(doors.denied) == 1 and len(web.requests) == 1


def test_a_public_page_cannot_send_on_to_this_machine():
    with (
        Web({"/": answer(status=302, Location="http://10.0.0.1/")}) as web,
        bound(hosts=[web.url, "*"], resolve=nowhere),
        pytest.raises(Denied, match="private network"),
    ):
        http.get(web.url)


def test_a_loop_ends():
    with Web({"*": answer(status=302, Location="/")}) as web, bound(hosts=[web.url]):
        with pytest.raises(ToolError, match="more than 5 times"):
            http.get(web.url)
        assert len(web.requests) == MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    ("method", "status", "then", "body"),
    [("POST", 302, "GET", b""), ("POST", 301, "GET", b""), ("PUT", 303, "GET", b""),
     ("POST", 307, "POST", b"x"), ("PUT", 302, "PUT", b"x"), ("DELETE", 308, "DELETE", b"x")],
)  # fmt: skip
def test_methods_and_bodies_change_as_the_standard_says(method, status, then, body):
    routes = {"/": answer(status=status, Location="/end"), "/end": echo}
    with Web(routes) as web, bound(hosts=[web.url]):
        http.request(method, web.url, content=b"x", headers={"Content-Type": "text/plain"})
        last = web.requests[-1]
    assert (last.method, last.body) == (then, body)
    assert ("content-type" in last.headers) == bool(body)


def test_what_is_meant_for_one_server_does_not_go_to_the_next():
    with Web({"/end": echo}) as second, Web({}) as first:
        first._routes["/"] = answer(status=307, Location=f"{second.url}/end")
        hosts = [first.url, second.url]
        sent = {"Authorization": "Bearer a", "Cookie": "b", "X-Key": "", "X-Other": "c"}
        with bound(hosts=hosts, secrets={"T": TOKEN}, secret_hosts={"T": [first.url]}):
            http.get(first.url, headers={**sent, "X-Key": secrets["T"]})
            http.get(first.url, auth=("u", "p"))
        assert first.requests[0].headers["x-key"].encode("latin-1").decode() == TOKEN
        for request in second.requests:
            assert not {"authorization", "cookie", "x-key"} & set(request.headers)
        assert second.requests[0].headers["x-other"] == "c"


def test_a_secret_in_a_body_is_not_carried_to_another_host():
    with Web({"/end": echo}) as second, Web({}) as first:
        first._routes["/"] = answer(status=307, Location=f"{second.url}/end")
        hosts = [first.url, second.url]
        with (
            bound(hosts=hosts, secrets={"T": TOKEN}, secret_hosts={"T": [first.url]}) as doors,
            pytest.raises(Denied, match="the secret T"),
        ):
            http.post(first.url, json={"key": secrets["T"]})
        assert second.requests == [] and len(doors.denied) == 1


# Secrets


def test_a_secret_is_written_into_each_part_as_that_part_needs_it():
    with Web({"*": answer(b"x")}) as web, bound(hosts=[web.url], secrets={"T": TOKEN}):
        held = secrets["T"]
        assert TOKEN not in held and secrets.has("T") and not secrets.has("U")
        http.get(web.url, params={"key": held}, auth=("me", held))
        http.get(f"{web.url}/bot{held}/x", auth=secrets.bearer("T"))
        http.post(web.url, json={"key": held})
        http.post(web.url, data={"key": held})
        http.post(web.url, content=f"<{held}>")
        first, second, as_json, as_form, as_text = web.requests
    assert first.target == "/?key=tok/en%2B%22%25%C3%BC-9f3a"
    assert first.headers["authorization"] == "Basic bWU6dG9rL2VuKyIlw7wtOWYzYQ=="
    assert second.target == "/bottok/en%2B%22%25%C3%BC-9f3a/x"
    assert second.headers["authorization"].encode("latin-1").decode() == f"Bearer {TOKEN}"
    assert json.loads(as_json.body) == {"key": TOKEN}
    assert as_form.body == b"key=tok%2Fen%2B%22%25%C3%BC-9f3a"
    assert as_text.body == f"<{TOKEN}>".encode()


@pytest.mark.parametrize("where", ["header", "query", "path", "body", "auth", "host"])
def test_a_secret_goes_to_no_other_host(where):
    with Web({"*": echo}) as web:
        hosts = [web.url, web.at("a.localhost"), "*"]
        grant = {"hosts": hosts, "secrets": {"T": TOKEN}, "secret_hosts": {"T": [web.url]}}
        with bound(pack="leaky", resolve=nowhere, **grant) as doors:
            held = secrets["T"]
            url = {"path": f"/{held}"}.get(where, "/")
            options = {
                "header": {"headers": {"X": held}}, "query": {"params": {"x": held}},
                "body": {"json": [held]}, "auth": {"auth": ("u", held)},
            }.get(where, {})  # fmt: skip
            origin = f"https://{held}.evil.example" if where == "host" else web.at("a.localhost")
            with pytest.raises(Denied, match=r"leaky tried to .* the secret T"):
                http.get(origin + url, **options)
        assert web.requests == [] and len(doors.denied) == 1
        assert TOKEN not in doors.denied[0]


def test_a_secret_in_the_clear_is_held_to_its_hosts_too():
    with Web({"*": echo}) as web:
        hosts = [web.url, web.at("a.localhost")]
        with bound(hosts=hosts, secrets={"T": TOKEN}, secret_hosts={"T": [web.url]}, native=True):
            assert secrets["T"] == TOKEN
            assert TOKEN not in http.get(web.url, headers={"X": TOKEN}).text
            with pytest.raises(Denied, match="the secret T"):
                http.get(web.at("a.localhost"), headers={"X": TOKEN})
        assert len(web.requests) == 1


def test_what_a_server_sends_back_of_a_secret_is_masked():
    def reflect(request: Request, _: Connection) -> bytes:
        sent = request.headers["authorization"].removeprefix("Bearer ")
        return answer(request.target.encode() + sent.encode("latin-1"), X_Was=sent)

    with Web({"/basic": echo, "*": reflect}) as web, bound(hosts=[web.url], secrets={"T": TOKEN}):
        said = http.get(web.url, params={"k": secrets["T"]}, auth=secrets.bearer("T"))
        for text in (said.text, said.headers["x-was"], said.url):
            assert TOKEN not in text and "tok/en%2B" not in text and secrets["T"] in text
        basic = http.get(f"{web.url}/basic", auth=("me", secrets["T"])).text
        assert "dG9rL2Vu" not in basic


def test_a_link_with_a_secret_in_it_can_be_followed():
    def first(request: Request, _: Connection) -> bytes:
        return answer(json.dumps({"next": f"/next?{request.target.partition('?')[2]}"}).encode())

    with Web({"/": first, "/next": echo}) as web, bound(hosts=[web.url], secrets={"T": TOKEN}):
        link = http.get(web.url, params={"key": secrets["T"]}).json()["next"]
        assert TOKEN not in link
        http.get(web.url + link)
        assert web.requests[1].target == "/next?key=tok/en%2B%22%25%C3%BC-9f3a"


def test_a_secret_with_a_line_end_adds_no_header():
    with Web({"*": echo}) as web, bound(hosts=[web.url], secrets={"T": "token\r\nX-Evil: 1"}):
        with pytest.raises(ToolError, match="control characters") as raised:
            http.get(web.url, auth=secrets.bearer("T"))
        assert "X-Evil" not in str(raised.value) and web.requests == []


# Hostile answers


def bomb(size: int) -> bytes:
    return gzip.compress(bytes(size))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (answer(bomb(LONGEST + 1), **GZIP), "more than 20000000 bytes"),
        (answer(bomb(5), Content_Encoding="br"), "not asked for"),
        (answer(b"plain", **GZIP), "is no gzip"),
        (answer(bomb(5)[:-4], **GZIP), "cut"),
        (answer(zlib.compress(bytes(9))[:-1], Content_Encoding="deflate"), "cut"),
        (answer(b"x", Content_Length="99999999999"), "can be read"),
        (answer(b"x", Content_Length="5, 6"), "broken"),
        (answer(b"short", Content_Length="50", Connection="close"), "broken"),
        (answer(b"zz\r\n", Transfer_Encoding="chunked", Content_Length="4"), "broken"),
        (answer(b"", X_Long="a" * 200_000), "broken"),
        (b"".join(f"X-{n}: {'a' * 1000}\r\n".encode() for n in range(400)), "broken"),
        (b"HTTP/1.1 200 OK\r\nX" + b"y" * 400_000, "broken"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000 + answer(), "does not end"),
        (b"SSH-2.0-server\r\n\r\n", "broken"), (b"\0\xff\r\n\r\n", "broken"),
        (b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n", "broken"),
    ],
    ids=range(16),
)  # fmt: skip
def test_an_answer_that_is_none_is_said(raw, said):
    def send(_: Request, connection: Connection) -> None:
        connection.send(raw)

    with Web({"*": send}) as web, bound(hosts=[web.url]), pytest.raises(ToolError, match=said):
        http.get(web.url)


def test_a_bomb_is_taken_apart_in_small_pieces():
    pieces = Inflate("gzip").feed(bomb(50 * PIECE))
    assert len(next(pieces)) == PIECE
    assert [len(piece) for piece in pieces] == [PIECE] * 49 + [0]


def test_a_body_that_does_not_end_is_stopped():
    def endless(_: Request, connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while connection.send(bytes(1_000_000)):
            pass

    with Web({"*": endless}) as web, bound(hosts=[web.url]) as doors:
        with pytest.raises(ToolError, match="more than 20000000 bytes"):
            http.get(web.url)
        assert doors.counts.received < 25_000_000


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_slow_answer_ends_in_time(start):
    def slow(_: Request, connection: Connection) -> None:
        connection.send(start)
        connection.drip(b"a" if start else b"")

    with Web({"*": slow}) as web, bound(hosts=[web.url]), pytest.raises(ToolError, match="in time"):
        http.get(web.url, timeout=0.3)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_closing_ends_a_request_that_waits(start):
    waiting = threading.Event()

    def silent(_: Request, connection: Connection) -> None:
        connection.send(start)
        waiting.set()
        connection.closing.wait()

    failed: list[Exception] = []

    def ask() -> None:
        try:
            http.get(web.url, timeout=60)
        except ToolError as error:
            failed.append(error)

    with Web({"*": silent}) as web, bound(hosts=[web.url]) as doors:
        thread = threading.Thread(target=ask)
        thread.start()
        waiting.wait()
        doors.close()
        thread.join(timeout=20)
        assert len(failed) == 1
        with pytest.raises(ToolError, match="stopped"):
            http.get(web.url)


def test_a_server_that_takes_a_body_slowly_is_left_in_time():
    left = threading.Event()
    seen: list[bool] = []

    class Stuck(Web):
        def _serve(self, handler):
            seen.append(left.wait(30))

    with Stuck({}) as web, bound(hosts=[web.url]):
        with pytest.raises(ToolError, match="in time"):
            http.post(web.url, content=bytes(LONGEST), timeout=0.5)
        left.set()
    # The server was left, it did not give up first.
    assert seen in ([], [True])


def test_more_than_can_be_sent_is_refused():
    with Web({"*": echo}) as web, bound(hosts=[web.url]):
        with pytest.raises(ToolError, match="can be sent"):
            http.post(web.url, content=bytes(LONGEST + 1))
        assert web.requests == []


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (gzip.compress(b"some text"), "gzip"), (zlib.compress(b"some text"), "deflate"),
        (gzip.compress(b"some ") + gzip.compress(b"text"), "x-gzip"),
        (zlib.compress(b"some text", wbits=-15), "deflate"),
        (b"some text", "identity"),
    ],
    ids=range(5),
)  # fmt: skip
def test_compressed_bodies_are_read(body, coding):
    with Web({"*": answer(body, Content_Encoding=coding)}) as web, bound(hosts=[web.url]):
        assert http.get(web.url).text == "some text"


def test_no_body_is_waited_for_where_there_is_none():
    with Web({"*": answer(Content_Length="500")}) as web, bound(hosts=[web.url]):
        assert http.request("HEAD", web.url).content == b""
    with Web({"*": b"HTTP/1.1 204 No\r\n\r\n"}) as web, bound(hosts=[web.url]):
        assert http.delete(web.url).status == 204


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for good.internal, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=good.internal", "-addext", "subjectAltName=DNS:good.internal",
         "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    whole = folder / "both.pem"
    whole.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return whole


def test_the_certificate_is_checked_against_the_name(certificate):
    names: list[str | None] = []
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    tls.sni_callback = lambda _, name, __: names.append(name)

    def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    def trust() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=certificate)

    with Web({"*": answer(b"x")}, tls) as web:
        hosts = [web.at("good.internal"), web.at("other.internal")]
        with bound(hosts=hosts, resolve=resolve, trust=trust):
            assert http.get(web.at("good.internal")).text == "x"
            with pytest.raises(ToolError, match="certificate"):
                http.get(web.at("other.internal"))
        # As it is without a test's trust.
        with bound(hosts=hosts, resolve=resolve), pytest.raises(ToolError, match="certificate"):
            http.get(web.at("good.internal"))
        assert len(web.requests) == 1
    assert names == ["good.internal", "other.internal", "good.internal"]
