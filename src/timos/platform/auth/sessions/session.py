"""What a session is."""

from dataclasses import dataclass, field
from typing import Final, Literal

from timos.kernel.db.port import Value
from timos.platform.accounts.account import Account, Profile, Role, Status
from timos.platform.auth.tokens import Access

IDLE_MS: Final = 30 * 86_400_000
ABSOLUTE_MS: Final = 90 * 86_400_000

Kind = Literal["cookie", "bearer"]


@dataclass(frozen=True, slots=True)
class Session:
    """Who is asking, as checked for this very request."""

    id: bytes
    user_id: bytes
    kind: Kind
    key_epoch: int
    auth_time_ms: int
    aal: int
    role: Role


@dataclass(frozen=True, slots=True)
class Stored:
    """The signed columns of a session and its account."""

    session: Session
    account: Account
    auth_epoch: int
    created_at_ms: int
    expires_at_ms: int

    @property
    def access(self) -> Access:
        session = self.session
        return Access(session.id, session.user_id, self.auth_epoch, session.aal, session.auth_time_ms)

    def is_alive(self, now_ms: int) -> bool:
        """The account may sign in, and nothing since has ended what was begun in this epoch."""
        is_current = self.auth_epoch == self.account.auth_epoch and self.account.status is Status.ACTIVE
        return is_current and self.expires_at_ms > now_ms


@dataclass(frozen=True, slots=True)
class SignIn:
    """A session with the tokens to go on with."""

    session: Session
    profile: Profile
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    csrf_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewSession:
    """A sign-in whose row is not stored yet: nothing of it holds before that."""

    sign_in: SignIn
    row: dict[str, Value] = field(repr=False)
