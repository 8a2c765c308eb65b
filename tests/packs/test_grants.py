"""A grant is what was asked for, or less; what was taken away comes back by a word alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.errors import UsageError
from smolterm.packs.doors.globs import Globs
from smolterm.packs.grants import (
    Granted,
    added,
    covers,
    hosts_in_force,
    narrowed,
    still_granted,
    within,
)

ALL = Granted(
    hosts=("a.example", "*.b.example", "*"),
    read=("**", "docs/**"),
    write=("out/**",),
    env=("LANG",),
    secrets=("TOKEN",),
)


@pytest.mark.parametrize(
    ("only", "without", "left"),
    [
        ([], [], ALL),
        (["read"], [], Granted(read=("**", "docs/**"))),
        (["read=data/*.csv", "a.example"], [], Granted(hosts=("a.example",), read=("data/*.csv",))),
        (["write=out/a/**"], [], Granted(write=("out/a/**",))),
        (["hosts"], ["*", "*.b.example"], Granted(hosts=("a.example",))),
        (["secrets", "env"], ["TOKEN"], Granted(env=("LANG",))),
        (["write"], ["write=out/**"], Granted()),
    ],
)
def test_a_grant_is_narrowed(only: list[str], without: list[str], left: Granted) -> None:
    assert narrowed(ALL, only=only, without=without) == left


@pytest.mark.parametrize(
    ("only", "without"),
    [
        (["nothing"], []),
        (["c.example"], []),
        (["hosts=c.b.example"], []),
        (["hosts=127.0.0.1"], []),
        (["read=../**"], []),
        (["read=/etc/*"], []),
        (["write=**"], []),
        (["write=out/../**"], []),
        ([], ["write=out/a/**"]),
        ([], ["b.example"]),
    ],
)
def test_nothing_else_can_be_named(only: list[str], without: list[str]) -> None:
    with pytest.raises(UsageError, match="asks for nothing"):
        narrowed(ALL, only=only, without=without)


def test_a_wide_host_covers_no_named_one() -> None:
    """Naming a host lets it be at a private address, which `*` does not."""
    assert not covers("hosts", "*", "localhost")
    assert not covers("hosts", "*.b.example", "c.b.example")


def test_a_new_version_gets_what_is_new_and_not_what_was_taken_away() -> None:
    before = Granted(hosts=("a", "b"), read=("**",), secrets=("S",))
    granted = Granted(hosts=("a",), read=("data/**",))
    now = Granted(hosts=("a", "b", "c"), read=("**", "more/**"), secrets=("S", "T"))
    proposed = still_granted(granted, before, now)
    assert proposed == Granted(hosts=("a", "c"), read=("data/**",), secrets=("T",))
    assert added(granted, proposed) == [("hosts", "c"), ("secrets", "T")]


def test_what_is_no_longer_asked_for_is_no_longer_granted() -> None:
    granted = Granted(hosts=("a", "b"), read=("data/**",), write=("out/**",))
    now = Granted(hosts=("b",), read=("data/x/**", "data/**"))
    assert within(granted, now) == Granted(hosts=("b",), read=("data/**",))


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://x.example", "https://x.example"),
        ("x.example", "https://x.example"),
        ("https://X.Example:8443/api?q=1#f", "https://x.example:8443"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://[::1]:80/", "http://[::1]:80"),
    ],
)
def test_a_setting_s_address_becomes_a_host(address: str, host: str) -> None:
    assert hosts_in_force(["a", "$url"], {"url": address}) == ("a", host)


def test_a_setting_that_is_empty_grants_nothing() -> None:
    assert hosts_in_force(["$url"], {}) == ()
    assert hosts_in_force(["$url"], {"url": " "}) == ()


@pytest.mark.parametrize(
    "address",
    ["ftp://x", "https://", "https://*", "https://*.x.example", "https://a:b@x.example", "a b",
     "https://x.example:99999", "https://x_y.example", "file:///etc", "https://x.example:http"],
)  # fmt: skip
def test_a_setting_that_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="no address") as raised:
        hosts_in_force(["$url"], {"url": address})
    assert "a:b" not in str(raised.value)


parts = st.sampled_from(["a", "b", "*", "**", "*.c", "a.c", "[ab]", "?"])
globs = st.lists(parts, min_size=1, max_size=4).map("/".join)
paths = st.lists(st.sampled_from(["a", "b", "a.c", "x"]), min_size=1, max_size=5).map("/".join)


@given(globs, globs, paths)
def test_what_a_pattern_covers_matches_nothing_that_it_does_not(
    wide: str, narrow: str, path: str
) -> None:
    if covers("read", wide, narrow) and Globs([narrow]).match(path):
        assert Globs([wide]).match(path)
