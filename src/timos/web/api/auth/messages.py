"""What is sent and answered."""

from datetime import datetime
from typing import Literal

import msgspec

Kind = Literal["cookie", "bearer"]


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Requests refuse fields they do not know."""


class SignUpRequest(_Request, frozen=True, kw_only=True):
    """`token` is that of the setup link or of an invitation."""

    address: str
    password: str
    name: str = ""
    token: str | None = None
    kind: Kind = "cookie"


class LoginRequest(_Request, frozen=True, kw_only=True):
    """`kind` is fixed for the life of the session."""

    address: str
    password: str
    kind: Kind = "cookie"


class LogoutQuery(_Request, frozen=True, kw_only=True):
    """`clear` tells the browser to forget what our pages keep on the device; only when nothing there is unsent."""

    clear: bool = False


class RefreshRequest(_Request, frozen=True, kw_only=True):
    """Programs send their refresh token; browsers an empty object."""

    refresh_token: str | None = None


class ProfileRequest(_Request, frozen=True, kw_only=True):
    """What a user may change of the own account."""

    name: str


class PasswordRequest(_Request, frozen=True, kw_only=True):
    """The old one proves who is asking."""

    current_password: str
    new_password: str


class StepUpRequest(_Request, frozen=True, kw_only=True):
    """The password again, for one action."""

    password: str
    action: Literal["erase", "export"]


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """The account as its owner sees it."""

    id: str
    address: str
    name: str
    role: str
    created_at: datetime


class SessionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Token values only for programs, the CSRF token only for browsers."""

    user: Person
    csrf_token: str | None
    access_token: str | None
    refresh_token: str | None
    expires_in: int


class SessionItem(msgspec.Struct, frozen=True, kw_only=True):
    """A place where the user is signed in."""

    id: str
    device: str
    created_at: datetime
    last_seen: datetime
    is_current: bool


class SessionList(msgspec.Struct, frozen=True):
    """The one seen last first."""

    items: list[SessionItem]


class StepUpAnswer(msgspec.Struct, frozen=True):
    """Send it once as X-Step-Up."""

    token: str
    expires_in: int
