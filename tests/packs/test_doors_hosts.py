"""Reading addresses and entries of a grant: what one entry names, and nothing more."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smolterm.packs.doors.addresses import place_of
from smolterm.packs.doors.hosts import naming, read_rule, read_rules
from smolterm.packs.doors.urls import BadUrl, as_address, read_url

LABELS = st.from_regex(r"[a-z0-9_][a-z0-9-]{0,5}[a-z0-9]", fullmatch=True)
HOSTS = st.lists(LABELS, min_size=2, max_size=4).map(".".join).map(lambda host: host + "x")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("https://API.x.org", "https://api.x.org/"),
        ("HTTP://x.org:80/a?b=c d#e", "http://x.org/a?b=c%20d"),
        ("https://x.org:8443", "https://x.org:8443/"),
        ("https://x.org?q", "https://x.org/?q"),
        ("https://x.org:/", "https://x.org/"),
        ("http://[0:0::1]:80/", "http://[::1]/"),
        ("http://127.0.0.1:8080/%2e%2e", "http://127.0.0.1:8080/%2e%2e"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://ｘ。org/", "https://x.org/"),
        ("https://x.org/a@b:c?u=http://y@z/", "https://x.org/a@b:c?u=http://y@z/"),
        (" https://x.org ", "https://x.org/"),
        ("https://a_b.x.org", "https://a_b.x.org/"),
        ("https://x.org/\\..\\", "https://x.org/%5C..%5C"),
    ],
)
def test_an_address_has_one_spelling(text, read):
    assert str(read_url(text)) == read
    assert str(read_url(read)) == read


@settings(deadline=None)
@given(
    st.one_of(st.text(), st.text().map("http://{}".format), st.text().map("https://x.org{}".format))
)
@example("http://１２７.0.0.1/")
@example("http://127。0。0。1/")
@example("https://ẞ.x.org/")
@example("https://x.org:80：80/")
@example("http://\u00ad/")
@example("http://[::ffff:1.2.3.4]/")
def test_any_text_is_an_address_or_none_and_other_readers_agree(text):
    try:
        url = read_url(text)
    except BadUrl:
        return
    written = str(url)
    assert written.isascii() and written.isprintable() and " " not in written
    other = urlsplit(written)
    assert (other.scheme, other.hostname, other.username) == (url.scheme, url.host, None)
    assert (other.port or {"http": 80, "https": 443}[url.scheme]) == url.port
    assert read_url(written) == url


def test_a_user_in_an_address_is_named_as_what_it_is():
    with pytest.raises(BadUrl, match="user or password"):
        read_url("https://user:pass@x.org/")


@pytest.mark.parametrize(
    "text", ["http://１２７.1/", "http://①②⑦.1/", "http://127.0.0.1.1/", "http://0x7f.x.0x1/"]
)
def test_addresses_in_disguise_are_refused(text):
    with pytest.raises(BadUrl):
        read_url(text)


@pytest.mark.parametrize(
    ("entry", "yes", "no"),
    [
        ("api.x.org", ["https://api.x.org/a", "https://API.X.ORG"],
         ["http://api.x.org", "https://api.x.org:8443", "https://x.org", "https://b.api.x.org",
          "https://api.x.org.evil.example", "https://evilapi.x.org"]),
        ("API.x.org:8443", ["https://api.x.org:8443"], ["https://api.x.org"]),
        ("*.x.org", ["https://a.x.org", "https://a.b.x.org"],
         ["https://x.org", "https://evilx.org", "http://a.x.org", "https://a.x.org:8443",
          "https://a.x.org.evil.example"]),
        ("*", ["https://a.b", "http://a.b", "http://a.b:8080", "https://1.1.1.1"],
         ["http://a.b:22", "https://a.b:25", "http://a.b:443"]),
        ("http://127.0.0.1:8080", ["http://127.0.0.1:8080/x"],
         ["https://127.0.0.1:8080", "http://127.0.0.1", "http://127.0.0.2:8080",
          "http://localhost:8080"]),
        ("https://x.org:8443/api/v4?x#y", ["https://x.org:8443"], ["https://x.org"]),
        ("http://*.x.org", ["http://a.x.org"], ["https://a.x.org"]),
        ("https://*", ["https://a.b"], ["http://a.b", "https://a.b:8443"]),
        ("[::1]:80", ["https://[::1]:80"], ["http://[::1]"]),
        ("http://[0::1]", ["http://[::1]"], ["http://[::2]"]),
        ("bücher.example", ["https://xn--bcher-kva.example", "https://BÜCHER.example"], []),
    ],
)  # fmt: skip
def test_what_an_entry_names(entry, yes, no):
    rule = read_rule(entry)
    assert [url for url in yes if not rule.names(read_url(url))] == []
    assert [url for url in no if rule.names(read_url(url))] == []


@pytest.mark.parametrize(
    "entry",
    ["", " ", "*.org", "*.", "**", "a.*.org", "*x.org", "x.*", "ftp://x.org", "https://", "a b",
     "u@x.org", "*.1.2.3.4", "*.127.0.0.1", "https://x.org:0", "x.org:99999", "//x.org", "$site",
     "0x7f.0.0.1", "x..org", "http://*.localhost", "\n", "x.org."],
)  # fmt: skip
def test_what_is_no_entry_grants_nothing(entry):
    with pytest.raises(BadUrl):
        read_rule(entry)
    assert read_rules([entry]) == ()


@settings(deadline=None)
@given(HOSTS, HOSTS)
def test_an_entry_names_its_host_and_no_other(granted, asked):
    url = read_url(f"https://{asked}/")
    assert bool(naming(read_rules([granted]), url)) == (granted == asked)
    assert bool(naming(read_rules([f"*.{granted}"]), url)) == asked.endswith(f".{granted}")
    inside = read_url(f"https://{asked}.{granted}/")
    assert naming(read_rules([f"*.{granted}"]), inside)
    assert not naming(read_rules([granted]), read_url(f"https://{granted}.{asked}/"))


# Where addresses lead


@pytest.mark.parametrize(
    ("place", "addresses"),
    [
        ("public", "1.1.1.1 93.184.216.34 100.63.0.1 100.128.0.1 172.32.0.1 2606:4700::1111 "
                   "::ffff:1.1.1.1 64:ff9b::101:101 2002:101:101::1"),
        ("loopback", "127.0.0.1 127.255.255.254 ::1 ::ffff:127.0.0.1"),
        ("private", "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 100.127.255.255 "
                    "fc00::1 fd12::1 ::ffff:10.0.0.1 ::ffff:100.64.0.1"),
        ("closed", "0.0.0.0 0.1.2.3 169.254.169.254 169.254.0.1 192.0.0.1 192.0.2.1 198.18.0.1 "
                   "198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 "
                   "192.88.99.1 :: ::2 ::127.0.0.1 fe80::1 fec0::1 ff02::1 2001:db8::1 2001::1 "
                   "3fff::1 5f00::1 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::1 2002:7f00:1::1 "
                   "2002:a9fe:a9fe::1 2002:c0a8:101::1 100::1 ::ffff:0.0.0.0 4000::1 "
                   "::ffff:169.254.169.254 fd00:ec2::254"),
    ],
)  # fmt: skip
def test_where_addresses_lead(place, addresses):
    for each in addresses.split():
        wanted = "private" if each.startswith("fd") else place
        assert place_of(ipaddress.ip_address(each)) == wanted, each


@settings(deadline=None)
@given(st.ip_addresses())
def test_what_python_calls_private_is_not_public(address):
    if not address.is_global or address.is_multicast:
        mapped = getattr(address, "ipv4_mapped", None)
        assert (
            place_of(address) != "public"
            or (mapped is not None and mapped.is_global)
            or (address in ipaddress.ip_network("64:ff9b::/96"))
        )


@pytest.mark.parametrize(
    ("entry", "yes", "no"),
    [
        ("*", "1.1.1.1", "127.0.0.1 10.0.0.1 ::1 169.254.169.254 fe80::1 100.64.0.1 0.0.0.0"),
        ("*.x.org", "1.1.1.1", "127.0.0.1 10.0.0.1 ::1 169.254.169.254"),
        # A stranger's name may lead into a private network by TLS alone, and never back here.
        ("x.org", "1.1.1.1 10.0.0.1 fd00::1", "127.0.0.1 ::1 169.254.169.254 0.0.0.0"),
        ("http://x.org", "1.1.1.1", "127.0.0.1 10.0.0.1"),
        ("http://127.0.0.1", "127.0.0.1 ::ffff:127.0.0.1", "127.0.0.2 ::1 10.0.0.1"),
        ("http://10.0.0.1", "10.0.0.1", "10.0.0.2 127.0.0.1"),
        ("http://[::ffff:10.0.0.1]", "10.0.0.1", "10.0.0.2"),
        ("http://localhost:1", "127.0.0.1 ::1", "169.254.169.254 0.0.0.0"),
        ("http://nas", "192.168.1.2 127.0.0.1", "169.254.169.254"),
        ("http://searx.internal", "192.168.1.2 10.1.1.1", "169.254.169.254"),
    ],
)  # fmt: skip
def test_which_addresses_an_entry_lets_its_host_have(entry, yes, no):
    rule = read_rule(entry)
    assert [each for each in yes.split() if not rule.permits(ipaddress.ip_address(each))] == []
    assert [each for each in no.split() if rule.permits(ipaddress.ip_address(each))] == []


@settings(deadline=None)
@given(HOSTS, st.ip_addresses())
def test_a_wide_entry_reaches_public_addresses_alone(host, address):
    for entry in ("*", f"*.{host}"):
        assert read_rule(entry).permits(address) == (place_of(address) == "public")
    assert as_address(host) is None
