"""Where the server with the shared request limits is: Redis, Valkey, or whatever speaks their protocol.

    redis://USER:PASSWORD@HOST:PORT/NUMBER        without TLS
    rediss://…?ca=FILE                            with TLS; `ca` has the certificates that the server's own is checked against

User, password, port (6379), number (0) and `ca` may be left out. With TLS the server's certificate and name are checked, always.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from timos.kernel.db.address import AddressError

_PORT: Final = 6379
_SCHEMES: Final = {"redis": False, "rediss": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    """`user` and `password` are empty where the server asks for none."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    number: int
    has_tls: bool
    ca: Path | None


def parse(url: str) -> RedisAddress:
    """Raises:
    AddressError: the text says what is wrong, without quoting a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORT
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        raise AddressError("it cannot be read as redis://USER:PASSWORD@HOST:PORT/NUMBER") from None
    if parts.scheme not in _SCHEMES:
        raise AddressError("it must begin with redis: or rediss:")
    number = parts.path.removeprefix("/") or "0"
    if not parts.hostname or not (number.isascii() and number.isdigit()):
        raise AddressError("it must name a host, and a number after the last slash if anything")
    if unknown := options.keys() - {"ca"}:
        raise AddressError(f"it has an option that is not known: {', '.join(sorted(unknown))}")
    return RedisAddress(
        host=parts.hostname,
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        number=int(number),
        has_tls=_SCHEMES[parts.scheme],
        ca=Path(options["ca"]).expanduser().absolute() if options.get("ca") else None,
    )
