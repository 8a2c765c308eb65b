"""Secrets: no writing of one is left where it should be masked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import re
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smolterm.errors import Denied, ToolError
from smolterm.packs.doors.grant import Grant
from smolterm.packs.doors.secrets import Secrets
from smolterm.packs.doors.urls import read_url

SECRETS = st.text(st.characters(codec="utf-8"), min_size=4, max_size=40)
AROUND = st.text(max_size=20)


def holding(*values: str) -> Secrets:
    named = {f"S{at}": value for at, value in enumerate(values)}
    hosts = {name: (f"{name.lower()}.x.org",) for name in named}
    return Secrets(Grant(pack="test", secrets=hosts, secret_values=named))


def lower_escapes(text: str) -> str:
    return re.sub("%..", lambda match: match[0].lower(), text)


@settings(deadline=None)
@given(SECRETS, AROUND, AROUND)
@example("0000\x80", "", "")
def test_no_writing_of_a_secret_is_left(secret, before, behind):
    held = holding(secret)
    raw = secret.encode()
    basic = base64.b64encode(f"{before}:{secret}".encode()).decode()
    for written in (
        secret, quote(secret), quote(secret, safe=""), quote_plus(secret), raw.hex(),
        urlencode({"k": secret})[2:], json.dumps(secret)[1:-1], html.escape(secret),
        json.dumps(secret, ensure_ascii=False)[1:-1], quote(quote(secret)),
        lower_escapes(quote(secret, safe="")),
    ):  # fmt: skip
        masked = held.mask(before + written + behind)
        assert (
            written not in masked.replace("[secret S0]", "\0") or written in before + "\0" + behind
        )
        assert "[secret S0]" in masked
    if len(raw) >= 5:
        core = base64.b64encode(raw + b"  ").decode()[: len(raw) * 8 // 6]
        assert core not in held.mask(base64.b64encode(raw + behind.encode()).decode())
        assert "[secret S0]" in held.mask(f"Basic {basic}")


@settings(deadline=None)
@given(SECRETS, st.binary(max_size=20))
def test_a_secret_in_bytes_is_hidden_in_each_coding(secret, around):
    held = holding(secret)
    for coding in ("utf-8", "utf-16-le", "utf-16-be"):
        raw = secret.encode(coding)
        if raw in around + around or raw[1:] in around:
            continue
        assert raw not in held.hide(around + raw + around)


LEAVES = st.sampled_from(["the secret", b"the secret", 1, None, 2.5, True])


@settings(deadline=None)
@given(
    st.recursive(
        LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner)
    )
)
def test_values_are_masked_at_any_depth(value):
    masked = holding("the secret").mask(value)
    assert "the secret" not in repr(masked)
    assert repr(value).replace("the secret", "[secret S0]") == repr(masked)


def test_keys_tuples_and_placeholders_are_masked_too():
    held = holding("the secret")
    value = {"the secret": ("x", {"the secret"}, held.placeholder("S0"))}
    assert held.mask(value) == {"[secret S0]": ("x", {"[secret S0]"}, "[secret S0]")}
    assert held.mask(held.placeholder("S0").encode()) == b"[secret S0]"


def test_what_is_nested_too_deep_is_left_out():
    value: object = "the secret"
    for _ in range(5_000):
        value = [value]
    masked = holding("the secret").mask(value)
    for _ in range(200):
        masked = masked[0] if masked else masked
    assert masked is None


def test_the_longer_of_two_secrets_is_masked_whole():
    assert holding("token", "token-and-more").mask("token-and-more token") == (
        "[secret S1] [secret S0]"
    )


def test_a_very_short_secret_is_not_looked_for():
    assert holding("abc").mask("abc") == "abc"


def test_placeholders_are_new_in_each_process_and_stand_for_one_secret():
    first, second = holding("one secret", "two secrets"), holding("one secret")
    here = first.placeholder("S0")
    assert here != second.placeholder("S0") and here != first.placeholder("S1")
    assert here.replace("_", "").isalnum() and quote(here, safe="") == here
    url = read_url("https://s0.x.org")
    assert first.fill(f"<{here}>", url, str) == "<one secret>"
    assert second.fill(here, url, str) == here
    invented = here[:-4] + "999_"
    assert first.fill(invented, url, str) == invented
    with pytest.raises(Denied, match=r"secret S1 to s0\.x\.org.*\(s1\.x\.org\)"):
        first.fill(first.placeholder("S1"), url, str)


@settings(deadline=None)
@given(SECRETS.filter(lambda secret: len(secret) > 7))
def test_a_secret_that_is_known_is_held_to_its_hosts(secret):
    held = holding(secret)
    held.fill(f"x{secret}", read_url("https://s0.x.org"), str)
    for written in (secret, quote(secret, safe=""), secret.encode().hex()):
        with pytest.raises(Denied):
            held.fill(f"x{written}", read_url("https://s1.x.org"), str)


def test_what_is_not_there_is_said():
    grant = Grant(pack="mail", secrets={"PASSWORD": ()}, secret_values={"OTHER": "not declared"})
    held = Secrets(grant)
    with pytest.raises(ToolError, match="smolterm packs secret mail PASSWORD"):
        held.placeholder("PASSWORD")
    # What the engine hands over beyond the manifest counts for nothing.
    with pytest.raises(Denied, match="mail tried to use the secret 'OTHER'"):
        held.placeholder("OTHER")
    assert not held.has("OTHER") and not held.has("PASSWORD")


def test_a_signature_is_computed_without_telling_the_key():
    wanted = hmac.digest(b"AWS4the secret", b"20260131", hashlib.sha256)
    assert holding("the secret").hmac("S0", b"20260131", b"AWS4") == wanted


def test_a_grant_shows_no_value():
    grant = Grant(pack="x", secrets={"T": ()}, secret_values={"T": "the secret"})
    for shown in (repr(grant), str(grant), f"{grant}", repr([grant]), repr({"a": grant})):
        assert "the secret" not in shown and "T" in shown
