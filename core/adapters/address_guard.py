"""The guard before every address that comes from outside: only public ones, checked once and then pinned.

A name is resolved one time; whoever connects must use the addresses returned here and never the name, or
a second answer of the name server could point inside (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from core.domain.media import MediaStatus
from core.errors import MediaProblemError, RetryableError

Resolver = Callable[[str, int], Sequence[str]]

_DEFAULT_PORTS = {"http": 80, "https": 443}
# What ipaddress calls global although it can lead inside: IPv4 in IPv6 clothes (mapped, NAT64, 6to4, Teredo)
# and remains of retired plans. A network that has only DNS64 can't fetch through this guard.
_REFUSED_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in (
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "fec0::/10",
        "3fff::/20",
        "192.0.0.0/24",
        "192.88.99.0/24",
    )
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where one request goes: the name for Host and certificate, the checked addresses to connect to."""

    scheme: str
    host: str  # without brackets
    port: int
    request_uri: str
    addresses: tuple[str, ...]


def resolve_by_system(host: str, port: int) -> list[str]:
    """All addresses of a name. Raises OSError; waits at most as long as the system's resolver is set to."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet and nothing of ours can hide behind it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    inside = not parsed.is_global or parsed.is_multicast or parsed.is_reserved
    return not inside and not any(parsed in network for network in _REFUSED_NETWORKS)


def check_url(url: str, *, allow_hosts: frozenset[str], resolver: Resolver) -> Target:
    """Parse, resolve once and check every address.

    ``allow_hosts`` holds exact ``host:port`` that may lie inside: tests only, empty by default.
    Raises MediaProblemError(BLOCKED), or RetryableError when the name can't be resolved now.
    """
    parsed = _parse(url)
    scheme, host = str(parsed.scheme), str(parsed.host)
    port = parsed.port or _DEFAULT_PORTS[scheme]
    allowed = f"{host}:{port}" in allow_hosts
    if not allowed and port not in _DEFAULT_PORTS.values():
        raise _blocked(f"port {port} is not fetched from, only 80 and 443")
    host = host.strip("[]")
    addresses = _resolve(host, port, resolver)
    if not allowed and not all(is_public(address) for address in addresses):
        raise _blocked(f"{host} is not a public address")
    return Target(scheme, host, port, parsed.request_uri, addresses)


def _parse(url: str) -> Url:
    """The one parse of the URL: what is checked is what is requested."""
    if "\\" in url or any(character < " " or character == "\x7f" for character in url):
        raise _blocked("the address holds a backslash or control characters")
    try:
        parsed = parse_url(url)
    except LocationParseError:
        raise _blocked("the address can't be read") from None
    if parsed.scheme not in _DEFAULT_PORTS:
        raise _blocked("only http and https addresses are fetched")
    if not parsed.host:
        raise _blocked("the address names no host")
    if parsed.auth is not None:
        raise _blocked("the address carries a user name or password")
    return parsed


def _resolve(host: str, port: int, resolver: Resolver) -> tuple[str, ...]:
    try:
        addresses = tuple(resolver(host, port))
    except UnicodeError:
        raise _blocked("the address names an impossible host") from None
    except OSError as error:
        raise RetryableError(f"the name {host} can't be resolved now; it will be tried again") from error
    if not addresses:
        raise RetryableError(f"the name {host} has no address now; it will be tried again")
    return addresses


def _blocked(reason: str) -> MediaProblemError:
    return MediaProblemError(MediaStatus.BLOCKED, reason)
