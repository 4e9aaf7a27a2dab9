"""Which addresses may be fetched: public ones only, however an inner one is spelt."""

import socket

import pytest

from core.adapters.address_guard import check_url, is_public, resolve_by_system
from core.domain.media import MediaStatus
from core.errors import MediaProblemError, RetryableError

PUBLIC = "93.184.215.14"

INNER_ADDRESSES = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",  # metadata of cloud machines
    "100.64.0.1",  # carrier-grade NAT
    "100.100.100.200",
    "192.0.0.8",
    "192.0.2.1",  # documentation
    "192.88.99.1",  # 6to4 relay
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
    "2001:db8::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "not an address",
]

# Spellings that the system's own resolver or a URL parser may take for an inner address.
HOSTILE_URLS = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://0/",
    "http://%31%32%37.0.0.1/",
    "http://127.0.0.1./",
    "http://localhost/",
    "http://localhost./",
    "http://LOCALHOST:80/",
    "https://127.0.0.1:443/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::169.254.169.254]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[fe80::1%25lo]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/latest/meta-data/",
    "http://0xA9FEA9FE/",
    "http://user@93.184.215.14/",
    "http://user:password@93.184.215.14/",
    "http://:@93.184.215.14/",
    "http://93.184.215.14:80@127.0.0.1/",
    "http://93.184.215.14\\@127.0.0.1/",
    "http://93.184.215.14#@127.0.0.1:22/\\",
    "http://93.184.215.14:22/",
    "http://93.184.215.14:8080/",
    "https://93.184.215.14:6379/",
    "http://93.184.215.14:99999/",
    "http://93.184.215.14/\r\nHost: inner",
    "http://93.184.215.14\t.example/",
    "http://93.184.215.14/\0",
    "http://localhost%00.example/",
    "http://exa mple.example/",
    "http://[::1/",
    "http:///path",
    "http:path",
    "//93.184.215.14/",
    "93.184.215.14",
    "",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "gopher://93.184.215.14:70/_x",
    "ftp://93.184.215.14/x",
    "dict://93.184.215.14:2628/",
    "jar:http://93.184.215.14!/",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "unix:///var/run/docker.sock",
]


def worst_resolver(host: str, _port: int) -> list[str]:
    """Understands every spelling of an address that any system's resolver does, and no real name."""
    name = host.rstrip(".").lower()
    if ":" in name:
        return [name]
    return ["127.0.0.1"] if name == "localhost" else [socket.inet_ntoa(socket.inet_aton(name))]


@pytest.mark.parametrize("address", INNER_ADDRESSES)
def test_an_inner_or_special_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "172.15.0.1", "2606:4700:4700::1111", "2a03:2880:f11c::1"])
def test_an_ordinary_address_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_a_hostile_spelling_is_blocked(url: str) -> None:
    with pytest.raises(MediaProblemError) as caught:
        check_url(url, allow_hosts=frozenset(), resolver=worst_resolver)

    assert caught.value.status is MediaStatus.BLOCKED


def test_a_name_too_long_for_the_name_system_is_blocked() -> None:
    with pytest.raises(MediaProblemError, match="impossible host"):
        check_url(f"http://{'a' * 300}.example/", allow_hosts=frozenset(), resolver=resolve_by_system)


def test_one_inner_address_among_public_ones_blocks_the_name() -> None:
    with pytest.raises(MediaProblemError, match="not a public address"):
        check_url("http://mixed.example/", allow_hosts=frozenset(), resolver=lambda *_: [PUBLIC, "10.0.0.1"])


def test_a_reason_does_not_tell_where_an_inner_name_points() -> None:
    with pytest.raises(MediaProblemError) as caught:
        check_url("http://db.internal/", allow_hosts=frozenset(), resolver=lambda *_: ["10.1.2.3"])

    assert "10.1.2.3" not in str(caught.value)


def test_a_public_name_keeps_its_host_port_path_and_every_address() -> None:
    addresses = [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]

    target = check_url("HTTPS://Cdn.Example./a b/ü.jpg?oe=1#x", allow_hosts=frozenset(), resolver=lambda *_: addresses)

    assert (target.scheme, target.host, target.port) == ("https", "cdn.example.", 443)
    assert target.request_uri == "/a%20b/%C3%BC.jpg?oe=1"
    assert target.addresses == tuple(addresses)


def test_an_allowed_host_is_allowed_on_its_exact_port_only() -> None:
    allowed = frozenset({"127.0.0.1:8099"})

    assert check_url("http://127.0.0.1:8099/x", allow_hosts=allowed, resolver=resolve_by_system).port == 8099
    for other in ("http://127.0.0.1:8098/", "http://127.0.0.1/", "http://localhost:8099/", "http://127.1:8099/"):
        with pytest.raises(MediaProblemError):
            check_url(other, allow_hosts=allowed, resolver=worst_resolver)


def test_a_name_that_does_not_resolve_now_is_tried_again() -> None:
    def failing(_host: str, _port: int) -> list[str]:
        raise OSError("name server unreachable")

    for resolver in (failing, lambda *_: []):
        with pytest.raises(RetryableError, match=r"cdn\.example"):
            check_url("http://cdn.example/", allow_hosts=frozenset(), resolver=resolver)
