"""Accounts and sessions: sign up, log in, refresh, log out, profile, password, step-up.

Browsers get the tokens in cookies and never in a body; programs get them in the body and never in cookies.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Literal

import msgspec

from timos.kernel.clock import instant
from timos.kernel.errors import (
    ConflictError,
    InputError,
    LimitError,
    NotFoundError,
    RegistrationError,
    StepUpError,
    UnauthenticatedError,
    UnavailableError,
)
from timos.kernel.ids import bytes_of, text_of
from timos.lifecycle.signup import Newcomer, sign_up
from timos.platform.accounts.account import Profile
from timos.platform.auth.sessions.session import ABSOLUTE_MS, Session, SignIn
from timos.platform.auth.stepup import TTL_SECONDS
from timos.platform.auth.tokens import ACCESS_SECONDS
from timos.web.answers import Answer, Header, empty, json_answer
from timos.web.deps import ACCESS_COOKIE, REFRESH_COOKIE, Services, services_of, session_of
from timos.web.route import Access, Call, Route

MAX_DEVICE = 200  # characters of a User-Agent that are kept, sealed

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


# ── handlers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def signup(call: Call) -> Answer:
    services = services_of(call)
    wanted: SignUpRequest = call.body
    who = Newcomer(
        address=wanted.address,
        password=wanted.password,
        name=wanted.name,
        token=wanted.token,
        kind=wanted.kind,
        device=_device(call),
        client_address=call.address,
    )
    signed_in = await sign_up(services.instance, who, registration=services.registration)
    return _signed_in(services, signed_in, status=201)


async def login(call: Call) -> Answer:
    services = services_of(call)
    wanted: LoginRequest = call.body
    signed_in = await services.instance.sessions.login(
        wanted.address, wanted.password, kind=wanted.kind, device=_device(call), client_address=call.address
    )
    return _signed_in(services, signed_in)


async def refresh(call: Call) -> Answer:
    services = services_of(call)
    wanted: RefreshRequest = call.body
    is_bearer = wanted.refresh_token is not None
    token = wanted.refresh_token if is_bearer else call.cookies.get(services.cookie_name(REFRESH_COOKIE))
    if not token:
        raise UnauthenticatedError
    signed_in = await services.instance.sessions.refresh(token, kind="bearer" if is_bearer else "cookie")
    return _signed_in(services, signed_in)


async def logout(call: Call) -> Answer:
    services = services_of(call)
    query: LogoutQuery = call.query
    await services.instance.sessions.logout(session_of(call))
    return empty(headers=signed_out(services, clears_device=query.clear))


async def show_session(call: Call) -> Answer:
    services = services_of(call)
    session = session_of(call)
    profile = await services.instance.accounts.profile(session.user_id)
    csrf = services.instance.tokens.csrf(session.id) if session.kind == "cookie" else None
    return json_answer(
        SessionAnswer(user=_person(profile), csrf_token=csrf, access_token=None, refresh_token=None, expires_in=ACCESS_SECONDS)
    )


async def show_profile(call: Call) -> Answer:
    return json_answer(_person(await services_of(call).instance.accounts.profile(session_of(call).user_id)))


async def change_profile(call: Call) -> Answer:
    wanted: ProfileRequest = call.body
    return json_answer(_person(await services_of(call).instance.accounts.rename(session_of(call).user_id, wanted.name)))


async def change_password(call: Call) -> Answer:
    services = services_of(call)
    wanted: PasswordRequest = call.body
    signed_in = await services.instance.sessions.change_password(
        session_of(call), wanted.current_password, wanted.new_password, call.address
    )
    return _signed_in(services, signed_in)


async def list_sessions(call: Call) -> Answer:
    views = await services_of(call).instance.sessions.list(session_of(call))
    return json_answer(
        SessionList(
            [
                SessionItem(
                    id=text_of(view.id),
                    device=view.device,
                    created_at=instant(view.created_at_ms),
                    last_seen=instant(view.last_seen_ms),
                    is_current=view.is_current,
                )
                for view in views
            ]
        )
    )


async def end_session(call: Call) -> Answer:
    session_id = bytes_of(call.path["id"])
    if session_id is None:
        raise NotFoundError
    await services_of(call).instance.sessions.revoke(session_of(call).user_id, session_id)
    return empty()


async def end_other_sessions(call: Call) -> Answer:
    await services_of(call).instance.sessions.revoke_others(session_of(call))
    return empty()


async def step_up(call: Call) -> Answer:
    wanted: StepUpRequest = call.body
    token = await services_of(call).instance.step_up.grant(session_of(call), wanted.password, wanted.action, call.address)
    return json_answer(StepUpAnswer(token, TTL_SECONDS))


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _device(call: Call) -> str:
    return (call.header("user-agent") or "")[:MAX_DEVICE]


def _person(profile: Profile) -> Person:
    return Person(
        id=text_of(profile.user_id),
        address=profile.address,
        name=profile.name,
        role=profile.role,
        created_at=instant(profile.created_at_ms),
    )


def _signed_in(services: Services, signed_in: SignIn, *, status: int = 200) -> Answer:
    session: Session = signed_in.session
    is_cookie = session.kind == "cookie"
    answer = SessionAnswer(
        user=_person(signed_in.profile),
        csrf_token=signed_in.csrf_token if is_cookie else None,
        access_token=None if is_cookie else signed_in.access_token,
        refresh_token=None if is_cookie else signed_in.refresh_token,
        expires_in=ACCESS_SECONDS,
    )
    if not is_cookie:
        return json_answer(answer, status)
    cookies = (
        _cookie(services, ACCESS_COOKIE, signed_in.access_token, ACCESS_SECONDS),
        _cookie(services, REFRESH_COOKIE, signed_in.refresh_token, ABSOLUTE_MS // 1000),
    )
    return json_answer(answer, status, headers=cookies)


def signed_out(services: Services, *, clears_device: bool) -> tuple[Header, ...]:
    """What leaves nothing of the session in the browser; with `clears_device` also nothing of drafts, of the queue and of the shell."""
    gone = tuple(_cookie(services, name, "", 0) for name in (ACCESS_COOKIE, REFRESH_COOKIE))
    # not "cookies": those of every other host below the same domain would go too
    return (*gone, (b"clear-site-data", b'"cache", "storage"')) if clears_device else gone


def _cookie(services: Services, name: str, value: str, seconds: int) -> Header:
    secure = "; Secure" if services.is_https else ""
    text = f"{services.cookie_name(name)}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    return b"set-cookie", text.encode("ascii")


# ── routes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def routes() -> Iterator[Route]:
    route = partial(Route, tag="Account")
    public = partial(route, access=Access.PUBLIC, csrf=True)
    password_problems = (StepUpError, LimitError, UnavailableError)
    yield public(
        method="POST",
        path="/api/auth/signup",
        name="sign_up",
        summary="Make an account",
        handler=signup,
        body=SignUpRequest,
        answer=SessionAnswer,
        status=201,
        problems=(InputError, RegistrationError, ConflictError, LimitError, UnavailableError),
    )
    yield public(
        method="POST",
        path="/api/auth/login",
        name="login",
        summary="Sign in with address and password",
        handler=login,
        body=LoginRequest,
        answer=SessionAnswer,
        problems=(UnauthenticatedError, LimitError, UnavailableError),
    )
    yield public(
        method="POST",
        path="/api/auth/refresh",
        name="refresh",
        summary="New tokens for the refresh token",
        handler=refresh,
        body=RefreshRequest,
        answer=SessionAnswer,
        problems=(UnauthenticatedError, LimitError, UnavailableError),
    )
    yield route(
        method="POST",
        path="/api/auth/logout",
        name="logout",
        summary="End this session",
        handler=logout,
        query=LogoutQuery,
        status=204,
    )
    yield route(
        method="GET",
        path="/api/auth/session",
        name="session",
        summary="Who is signed in, and the CSRF token",
        handler=show_session,
        answer=SessionAnswer,
    )
    yield route(method="GET", path="/api/auth/profile", name="profile_get", summary="The own account", handler=show_profile, answer=Person)
    yield route(
        method="PATCH",
        path="/api/auth/profile",
        name="profile_patch",
        summary="Change the name",
        handler=change_profile,
        body=ProfileRequest,
        answer=Person,
    )
    yield route(
        method="POST",
        path="/api/auth/password",
        name="password_change",
        summary="Change the password; every other session ends",
        handler=change_password,
        body=PasswordRequest,
        answer=SessionAnswer,
        problems=password_problems,
    )
    yield route(
        method="GET",
        path="/api/auth/sessions",
        name="sessions_list",
        summary="Where the user is signed in",
        handler=list_sessions,
        answer=SessionList,
    )
    yield route(
        method="DELETE",
        path="/api/auth/sessions",
        name="sessions_end_others",
        summary="End every session but this one",
        handler=end_other_sessions,
        status=204,
    )
    yield route(
        method="DELETE",
        path="/api/auth/sessions/{id}",
        name="sessions_end",
        summary="End one session",
        handler=end_session,
        status=204,
        problems=(NotFoundError,),
    )
    yield route(
        method="POST",
        path="/api/auth/step-up",
        name="step_up",
        summary="Prove the password again for one dangerous action",
        handler=step_up,
        body=StepUpRequest,
        answer=StepUpAnswer,
        problems=password_problems,
    )
