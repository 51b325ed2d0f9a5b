"""Where the server is: only an origin, and never plain http to another machine by accident.

- A token sent in clear over a network is anybody's token, so http is for loopback unless the user insists.
- Loopback never goes through a proxy from the environment: the proxy would read the journal.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

import typer

DEFAULT = "http://localhost:8000"


@dataclass(frozen=True, slots=True)
class Server:
    """`url` is scheme, host and port without a slash at the end; what tokens are bound to."""

    url: str
    is_loopback: bool


def server_of(text: str, *, is_insecure: bool = False) -> Server:
    """Reads what the user typed; a bare host means https, or http on loopback.

    Raises: typer.BadParameter for what is no origin, and for http to another machine without `is_insecure`.
    """
    parts = _split(text)
    host = parts.hostname or ""
    is_loopback = _is_loopback(host)
    if parts.scheme == "http" and not is_loopback and not is_insecure:
        raise typer.BadParameter(
            f"http to {host} would send your journal and password in clear. Use https, or --insecure if you must.", param_hint="--server"
        )
    written = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port is not None else ""
    return Server(f"{parts.scheme}://{written}{port}", is_loopback)


def setup_link(text: str) -> tuple[str | None, str]:
    """A one-time link `http://host/#setup=TOKEN` as (server, token); a bare token as (None, token)."""
    if "://" not in text:
        return None, text.strip()
    parts = urlsplit(text.strip())
    token = parts.fragment.partition("=")[2]
    if not token:
        raise typer.BadParameter("This link carries no token: it ends in #setup=… as the server printed it.", param_hint="--token")
    return f"{parts.scheme}://{parts.netloc}", token


def _split(text: str) -> SplitResult:
    written = text.strip()
    if "://" not in written:
        scheme = "http" if _is_loopback(urlsplit(f"//{written}").hostname or "") else "https"
        written = f"{scheme}://{written}"
    try:
        parts = urlsplit(written)
        _ = parts.port  # read here: it is checked only when read
    except ValueError as error:
        raise typer.BadParameter(
            "This is not an address of a server. Write it as https://journal.example.org.", param_hint="--server"
        ) from error
    is_origin = parts.scheme in {"http", "https"} and parts.hostname and parts.path in {"", "/"}
    if not is_origin or parts.query or parts.fragment or "@" in parts.netloc:
        raise typer.BadParameter("The server is scheme, host and port only, as in https://journal.example.org.", param_hint="--server")
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761 section 6.3
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
