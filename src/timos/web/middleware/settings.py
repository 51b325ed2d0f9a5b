"""What the operator decides about the HTTP side. Numbers are the defaults of operations.md, "Abuse"."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from types import MappingProxyType
from urllib.parse import urlsplit

from timos.kernel.errors import StartError

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`count` requests in any `window_seconds`, given back evenly."""

    count: int
    window_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """`hosts` are names without port in lower case, IPv6 ones in brackets. `origins` are other sites whose pages may call the API with the
    user's cookies: whom the operator trusts like this server. `proxies` are the networks whose X-Forwarded-For counts.
    """

    hosts: tuple[str, ...]
    origins: tuple[str, ...] = ()
    proxies: tuple[Network, ...] = ()
    is_https: bool = False
    request_seconds: float = 15.0  # from the headers to the handler's answer
    chunk_gap_seconds: float = 5.0  # between two pieces of a body
    stall_seconds: float = 30.0  # for a client to take a piece of an answer
    max_headers: int = 100
    max_header_bytes: int = 16 * 1024
    max_user_requests: int = 8  # at once
    max_address_requests: int = 40  # at once
    user_requests_per_minute: int = 300
    address_requests_per_minute: int = 1200  # public routes only; pages and their files come in bursts
    transfers_per_hour: int = 5  # imports and exports
    does_reraise: bool = False  # tests: what is no TimosError goes on to the caller after its 500 was sent

    def __post_init__(self) -> None:
        if not self.hosts:
            raise StartError("No host names are set: name at least one in TIMOS_HOSTS.")
        for origin in self.origins:
            _check_origin(origin)

    @property
    def rates(self) -> Mapping[str, Rate]:
        """The buckets that routes name. `api` counts users; calls without one count by address, in `public`."""
        return MappingProxyType(
            {
                "api": Rate(count=self.user_requests_per_minute, window_seconds=60),
                "public": Rate(count=self.address_requests_per_minute, window_seconds=60),
                "transfer": Rate(count=self.transfers_per_hour, window_seconds=3600),
            }
        )


def _check_origin(origin: str) -> None:
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"} or origin != f"{parts.scheme}://{parts.netloc}" or "*" in origin or "@" in origin:
        raise StartError(f"TIMOS_ORIGINS: {origin!r} is no origin. Write scheme://host[:port], without path or star.")
