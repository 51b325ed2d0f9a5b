"""Where a database is: a file of the embedded engine, or a server.

    sqlite:NAME.db                                        a relative path lies in the data folder
    postgresql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE&…
    mariadb://USER:PASSWORD@HOST:PORT/DATABASE?…          mysql:// is the same

Options: `tls` (verify, off), `ca` (a file with the certificates that the server's own is checked against), `socket` (a path, instead
of host and port), `pool` (connections of this process), `prepared` (on, off).

- A password is in no text that this module gives back.
- Over a network TLS is on, and the server's certificate and name are checked, unless `tls=off` says so in the address itself.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from timos.kernel.hosts import is_loopback

DEFAULT_POOL: Final = 10  # connections: beyond a few for each core of the server more only wait there instead of here
LARGEST_POOL: Final = 200
_PORTS: Final = {"postgresql": 5432, "mysql": 3306}
_DIALECTS: Final[dict[str, Literal["postgresql", "mysql"]]] = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
_SWITCH: Final = {"on": True, "off": False}
_OPTIONS: Final = {"tls", "ca", "socket", "pool", "prepared"}


class AddressError(Exception):
    """No address of a database; the text says what is wrong with it, without quoting it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A database on a server. `socket` is empty, or a path that takes the place of host and port."""

    dialect: Literal["postgresql", "mysql"]
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    socket: str = ""
    has_tls: bool = False
    ca: Path | None = None
    pool: int = DEFAULT_POOL
    is_prepared: bool = True

    @property
    def is_here(self) -> bool:
        """Whether what is said to it stays on this machine."""
        return bool(self.socket) or is_loopback(self.host)

    def __str__(self) -> str:
        place = self.socket or f"{self.host}:{self.port}"
        return f"{'postgresql' if self.dialect == 'postgresql' else 'mariadb'}://{self.user}@{place}/{self.database}"


Address = Path | Server


def parse(url: str, data_dir: Path) -> Address:
    """Raises:
    AddressError: see there.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite":
        name = rest.removeprefix("//")
        if not name:
            raise AddressError("the name of the file is missing: sqlite:NAME.db")
        return data_dir / name
    if scheme not in _DIALECTS:
        raise AddressError("it must begin with sqlite:, postgresql: or mariadb:")
    return _server(url, _DIALECTS[scheme])


def without_password(url: str) -> str:
    """For showing it to the operator."""
    scheme, mark, rest = url.partition("://")
    credentials, at, place = rest.rpartition("@")
    if not mark or not at:
        return url
    return f"{scheme}://{credentials.partition(':')[0]}{':…' if ':' in credentials else ''}@{place}"


def _server(url: str, dialect: Literal["postgresql", "mysql"]) -> Server:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS[dialect]
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        raise AddressError("it cannot be read as SCHEME://USER:PASSWORD@HOST:PORT/DATABASE") from None
    if unknown := options.keys() - _OPTIONS:
        raise AddressError(f"it has an option that is not known: {', '.join(sorted(unknown))}")
    database, user, socket = unquote(parts.path.removeprefix("/")), unquote(parts.username or ""), options.get("socket", "")
    if not database or not user or not (host or socket):
        raise AddressError("it must name a user, a host and a database: SCHEME://USER:PASSWORD@HOST:PORT/DATABASE")
    is_local = bool(socket) or is_loopback(host)
    return Server(
        dialect=dialect,
        host=host,
        port=port,
        user=user,
        password=unquote(parts.password or ""),
        database=database,
        socket=socket,
        has_tls=_one_of("tls", options.get("tls", "off" if is_local else "verify"), {"verify": True, "off": False}),
        ca=Path(options["ca"]).expanduser().absolute() if options.get("ca") else None,
        pool=_number("pool", options.get("pool", str(DEFAULT_POOL)), LARGEST_POOL),
        is_prepared=_one_of("prepared", options.get("prepared", "on"), _SWITCH),
    )


def _one_of(name: str, value: str, known: dict[str, bool]) -> bool:
    if value not in known:
        raise AddressError(f"{name} must be {' or '.join(known)}")
    return known[value]


def _number(name: str, value: str, most: int) -> int:
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= most:
        raise AddressError(f"{name} must be a number from 1 to {most}")
    return int(value)
