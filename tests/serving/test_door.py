"""Who is let in, as a function of a request's headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.serving.door import NO_TOKEN, WRONG_HOST, WRONG_METHOD, WRONG_ORIGIN, Door

PORT = 4321
DOOR = Door(PORT)
PASS = {"smolterm": DOOR.cookie.split(";")[0].partition("=")[2]}
GOOD = {"hosts": [f"127.0.0.1:{PORT}"], "cookies": PASS, "token": "", "origins": [],
        "upgrades": False}  # fmt: skip


def refusal(path, method="GET", **changed):
    return DOOR.refusal(method, path, **GOOD | changed)


def test_with_all_of_it_one_is_let_in():
    assert refusal(DOOR.folder) == ""
    assert refusal("/", cookies={}, token=DOOR.token) == ""
    for host in ("localhost", "[::1]", "LOCALHOST"):
        assert refusal(DOOR.folder, hosts=[f"{host}:{PORT}"]) == ""
    assert (
        refusal(DOOR.folder + "ws/dark", origins=[f"http://127.0.0.1:{PORT}"], upgrades=True) == ""
    )


@pytest.mark.parametrize(
    "hosts",
    [[], ["127.0.0.1"], ["127.0.0.1:80"], ["evil.example:4321"], ["127.0.0.1.evil.example:4321"],
     ["127.0.0.1:4321", "127.0.0.1:4321"], ["0.0.0.0:4321"], ["127.0.0.1:4321 "], [""]],
)  # fmt: skip
def test_another_name_is_refused(hosts):
    assert refusal(DOOR.folder, hosts=hosts) == WRONG_HOST
    assert refusal("/", hosts=hosts, token=DOOR.token) == WRONG_HOST


@pytest.mark.parametrize(
    "origins",
    [[], ["null"], ["http://127.0.0.1"], ["http://127.0.0.1:4322"], ["https://127.0.0.1:4321"],
     ["http://localhost:4321"], ["http://evil.example"], ["http://127.0.0.1:4321.evil.example"],
     ["http://127.0.0.1:4321", "http://evil.example"]],
)  # fmt: skip
def test_a_socket_is_opened_for_our_own_page_alone(origins):
    assert refusal(DOOR.folder + "ws/dark", origins=origins, upgrades=True) == WRONG_ORIGIN
    if origins:
        assert refusal(DOOR.folder, origins=origins) == WRONG_ORIGIN


def test_the_port_is_left_out_of_the_name_at_80_alone():
    assert "localhost" in Door(80).hosts
    assert "localhost" not in Door(8080).hosts


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "get"])
def test_nothing_can_be_changed(method):
    assert refusal(DOOR.folder, method=method) == WRONG_METHOD


@given(st.text() | st.sampled_from([DOOR.token[:-1], DOOR.token + "=", DOOR.folder]))
def test_no_other_token_and_no_other_cookie_will_do(guess):
    assert refusal("/", token=guess) == NO_TOKEN
    assert refusal(DOOR.folder, cookies={"smolterm": guess}) == NO_TOKEN
    assert refusal(DOOR.folder, cookies={}, token=guess) == NO_TOKEN


def test_token_and_cookie_are_not_each_others():
    assert refusal("/", token=PASS["smolterm"]) == NO_TOKEN
    assert refusal(DOOR.folder, cookies={"smolterm": DOOR.token}) == NO_TOKEN
    # The token opens the entrance alone: nothing else may have it in its address.
    assert refusal(DOOR.folder, cookies={}, token=DOOR.token) == NO_TOKEN


@given(st.text())
def test_the_cookie_opens_its_folder_alone(path):
    expected = "" if path.startswith(DOOR.folder) else NO_TOKEN
    assert refusal(path) == expected


def test_every_server_has_secrets_of_its_own_that_cannot_be_guessed():
    doors = [Door(PORT) for _ in range(20)]
    for secrets in zip(*((d.token, d.folder, d.cookie) for d in doors), strict=True):
        assert len(set(secrets)) == 20
    # base64 holds 6 bits a character.
    assert len(DOOR.token) * 6 >= 256 and len(PASS["smolterm"]) * 6 >= 256
    assert "HttpOnly" in DOOR.cookie and "SameSite=Strict" in DOOR.cookie
    assert f"Path={DOOR.folder};" in DOOR.cookie
