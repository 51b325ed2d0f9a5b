"""The front door: who is asking, and the unlocked vault that is theirs. The only module of the web that touches both halves."""

from datetime import UTC, date, datetime

from timos.kernel.clock import instant
from timos.kernel.errors import CsrfError, UnauthenticatedError
from timos.lifecycle.instance import Instance
from timos.platform.auth.sessions.session import Session
from timos.vault.store.vault import Vault
from timos.web.middleware.csrf import SAFE_METHODS
from timos.web.route import Call
from timos.web.shell import Shell

ACCESS_COOKIE = "timos_access"
REFRESH_COOKIE = "timos_refresh"


class Services:
    """What handlers reach through `call.app`: the instance, and what the operator decided about it."""

    __slots__ = ("import_limit_bytes", "instance", "is_https", "openapi", "registration", "scans", "shell", "version")

    def __init__(
        self, instance: Instance, *, is_https: bool, registration: str, import_limit_bytes: int, version: str, openapi: bytes, shell: Shell
    ) -> None:
        self.instance = instance
        self.scans = instance.scans
        self.is_https = is_https
        self.registration = registration
        self.import_limit_bytes = import_limit_bytes
        self.version = version
        self.openapi = openapi  # rendered once: JSON bytes
        self.shell = shell

    def now(self) -> datetime:
        return instant(self.instance.clock.now_ms())

    def today_utc(self) -> date:
        return datetime.fromtimestamp(self.instance.clock.now_ms() / 1000, UTC).date()

    def cookie_name(self, name: str) -> str:
        return cookie_name(name, is_https=self.is_https)


def cookie_name(name: str, *, is_https: bool) -> str:
    """`__Host-` ties a cookie to this host, https and the whole path; browsers refuse it on plain http (loopback)."""
    return f"__Host-{name}" if is_https else name


def services_of(call: Call) -> Services:
    """The application's own object, with its type."""
    services: Services = call.app
    return services


def session_of(call: Call) -> Session:
    """The caller's session; only on routes that are not public."""
    if call.who is None:
        raise UnauthenticatedError
    session: Session = call.who
    return session


async def identify(call: Call) -> None:
    """Set `call.who` from the bearer token, or else from the cookie; with a bearer token cookies do not count.

    Raises:
        UnauthenticatedError: none, or one that is not (any more) good.
        CsrfError: a cookie call that changes something, without the token of its session.
    """
    services = services_of(call)
    header = call.header("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise UnauthenticatedError
        kind = "bearer"
    else:
        token = call.cookies.get(services.cookie_name(ACCESS_COOKIE), "")
        kind = "cookie"
    session = await services.instance.sessions.check(token)
    if session.kind != kind:  # the kind is fixed at login: a stolen cookie is no API token, and the other way round
        raise UnauthenticatedError
    if kind == "cookie" and call.route.csrf and call.route.method not in SAFE_METHODS:
        presented = call.header("x-csrf-token")
        if presented is None:
            raise CsrfError
        services.instance.tokens.check_csrf(session.id, presented)
    call.who = session


async def unlocked(call: Call) -> Vault:
    """The caller's vault.

    Raises:
        VaultLockedError, KeyUnavailableError
    """
    session = session_of(call)
    return await services_of(call).instance.open_vault(session.user_id, session.key_epoch)
