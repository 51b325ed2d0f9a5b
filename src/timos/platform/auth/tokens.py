"""The three tokens of a session.

- Access token: a signed JWT of ten minutes, no personal data. Verifying costs 100 µs and more, so a verified one is
  remembered by its text until it expires; whether its session still lives is asked of the database each time.
- Refresh token: session ‖ random ‖ MAC over session, user, kind, epoch and random. A forged one is a plain 401; an authentic old one
  proves reuse. The database holds its SHA-256 only.
- CSRF token: an HMAC of the session's id; bound to the session, nothing to store.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

from timos.kernel.clock import Clock
from timos.kernel.errors import CsrfError, UnauthenticatedError
from timos.kernel.ids import ID_BYTES, Randomness, bytes_of, text_of
from timos.platform.sealer import PlatformKeys, Purpose

ACCESS_SECONDS: Final = 600
AUDIENCE: Final = "timos"
SKEW_SECONDS = 60  # a token from further in the future was not made by this clock
LONGEST_ACCESS = 2048  # characters; ours have about 600
REMEMBERED = 10_000
RANDOM_BYTES, MAC_BYTES = 32, 32
REFRESH_BYTES = ID_BYTES + RANDOM_BYTES + MAC_BYTES


@dataclass(frozen=True, slots=True)
class Access:
    """What a verified access token says."""

    session_id: bytes
    user_id: bytes
    auth_epoch: int
    aal: int
    auth_at_ms: int
    expires_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh token taken apart; not verified until `check_refresh`."""

    session_id: bytes
    secret: bytes = field(repr=False)
    mac: bytes = field(repr=False)

    @property
    def raw(self) -> bytes:
        return self.session_id + self.secret + self.mac

    @property
    def text(self) -> str:
        return text_of(self.raw)

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(self.raw).digest()


class Tokens:
    """Mints and verifies; `issuer` is the server's own address."""

    def __init__(self, keys: PlatformKeys, issuer: str, clock: Clock, random: Randomness) -> None:
        self._keys = keys
        self.issuer = issuer
        self._clock = clock
        self._random = random
        self._verified: dict[str, Access] = {}

    def mint_access(self, access: Access) -> str:
        """Every token lives `ACCESS_SECONDS` from now, whatever `expires_at_ms` says."""
        now = self._clock.now_ms() // 1000
        claims: dict[str, object] = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": text_of(access.user_id),
            "sid": text_of(access.session_id),
            "jti": text_of(self._random(ID_BYTES)),
            "iat": now,
            "exp": now + ACCESS_SECONDS,
            "ep": access.auth_epoch,
            "aal": access.aal,
            "amr": ["pwd"],
            "auth_time": access.auth_at_ms // 1000,
            "scope": "read write",
        }
        return self._keys.token_ring.mint(claims, now)

    def verify_access(self, token: str) -> Access:
        """Raises:
        UnauthenticatedError: forged, expired, of another server, not an access token.
        """
        access = self._verified.get(token)
        if access is None:
            access = self._judge(token)
            if len(self._verified) >= REMEMBERED:
                del self._verified[next(iter(self._verified))]  # the oldest, which also expires first
            self._verified[token] = access
        if access.expires_at_ms <= self._clock.now_ms():
            self._verified.pop(token, None)
            raise UnauthenticatedError
        return access

    def _judge(self, token: str) -> Access:
        if len(token) > LONGEST_ACCESS:
            raise UnauthenticatedError
        claims = self._keys.token_ring.verify(token)
        if claims.get("iss") != self.issuer or claims.get("aud") != AUDIENCE:
            raise UnauthenticatedError
        if _number(claims, "iat") > self._clock.now_ms() // 1000 + SKEW_SECONDS:
            raise UnauthenticatedError
        return Access(
            session_id=_id(claims, "sid"),
            user_id=_id(claims, "sub"),
            auth_epoch=_number(claims, "ep"),
            aal=_number(claims, "aal"),
            auth_at_ms=_number(claims, "auth_time") * 1000,
            expires_at_ms=_number(claims, "exp") * 1000,
        )

    def new_refresh(self, session_id: bytes, user_id: bytes, kind: str, auth_epoch: int) -> Refresh:
        secret = self._random(RANDOM_BYTES)
        return Refresh(session_id, secret, self._refresh_mac(session_id, user_id, kind, auth_epoch, secret))

    @staticmethod
    def parse_refresh(token: str) -> Refresh:
        """Only the form; which session it names is then to be loaded, for the MAC covers that row's user and kind.

        Raises:
            UnauthenticatedError: not a refresh token.
        """
        value = bytes_of(token, REFRESH_BYTES)
        if value is None:
            raise UnauthenticatedError
        return refresh_of(value)

    def check_refresh(self, token: Refresh, user_id: bytes, kind: str, auth_epoch: int) -> None:
        """Raises:
        UnauthenticatedError: this server never made it for that user, session and kind, or only before a new password.
        """
        if not hmac.compare_digest(token.mac, self._refresh_mac(token.session_id, user_id, kind, auth_epoch, token.secret)):
            raise UnauthenticatedError

    def _refresh_mac(self, session_id: bytes, user_id: bytes, kind: str, auth_epoch: int, secret: bytes) -> bytes:
        return self._keys.mac(Purpose.REFRESH_MAC, session_id, user_id, kind.encode(), auth_epoch.to_bytes(8, "big"), secret)

    def jwks(self) -> dict[str, object]:
        """The public keys, for front ends that verify access tokens themselves (RFC 7517)."""
        return self._keys.token_ring.jwks()

    def csrf(self, session_id: bytes) -> str:
        return text_of(self._keys.mac(Purpose.CSRF, session_id))

    def check_csrf(self, session_id: bytes, token: str) -> None:
        """Raises:
        CsrfError: missing, or another session's.
        """
        if not hmac.compare_digest(token.encode(errors="replace"), self.csrf(session_id).encode()):
            raise CsrfError


def refresh_of(value: bytes) -> Refresh:
    """The inverse of `Refresh.raw`."""
    return Refresh(value[:ID_BYTES], value[ID_BYTES : ID_BYTES + RANDOM_BYTES], value[ID_BYTES + RANDOM_BYTES :])


def _number(claims: dict[str, object], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UnauthenticatedError
    return value


def _id(claims: dict[str, object], name: str) -> bytes:
    value = claims.get(name)
    found = bytes_of(value) if isinstance(value, str) else None
    if found is None:
        raise UnauthenticatedError
    return found
