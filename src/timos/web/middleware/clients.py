"""Whose request it is, as far as addresses tell: for limits only, never for trust."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

from timos.web.middleware.settings import Network

MAX_HOPS = 20  # proxies in a row; no real chain comes near
CACHED_ADDRESSES = 4096


def client_address(scope: Scope, forwarded_for: bytes | None, proxies: tuple[Network, ...]) -> str:
    """The address of the client, "" where the server has none (a Unix socket).

    X-Forwarded-For is walked from the right, from one configured proxy to the next: what stands left of the first stranger was written by
    that stranger.
    """
    peer = scope.get("client")
    if not peer:
        return ""
    address = canonical(peer[0])
    if not proxies or forwarded_for is None:
        return address
    for hop in reversed(forwarded_for.decode("latin-1").rsplit(",", MAX_HOPS)[-MAX_HOPS:]):
        if not _is_proxy(address, proxies):
            break
        before = canonical(hop.strip())
        if not before:
            break
        address = before
    return address


@lru_cache(CACHED_ADDRESSES)
def canonical(text: str) -> str:
    """One spelling for one address, IPv4 in IPv6 as IPv4; "" for what is none."""
    address = _parsed(text)
    return "" if address is None else str(address)


@lru_cache(CACHED_ADDRESSES)
def network_of(address: str) -> str:
    """What is counted as one client: an IPv4 address, or the /64 that one line is given in IPv6."""
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, 64), strict=False))
    return address


@lru_cache(CACHED_ADDRESSES)
def _is_proxy(address: str, proxies: tuple[Network, ...]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed.version == network.version and parsed in network for network in proxies)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
