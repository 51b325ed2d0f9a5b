"""The routes of accounts and sessions."""

from collections.abc import Iterator
from functools import partial

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
from timos.web.api.auth import handlers
from timos.web.api.auth.messages import (
    LoginRequest,
    LogoutQuery,
    PasswordRequest,
    Person,
    ProfileRequest,
    RefreshRequest,
    SessionAnswer,
    SessionList,
    SignUpRequest,
    StepUpAnswer,
    StepUpRequest,
)
from timos.web.route import Access, Route


def routes() -> Iterator[Route]:
    route = partial(Route, tag="Account")
    public = partial(route, access=Access.PUBLIC, csrf=True)
    password_problems = (StepUpError, LimitError, UnavailableError)
    yield public(
        method="POST",
        path="/api/auth/signup",
        name="sign_up",
        summary="Make an account",
        handler=handlers.signup,
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
        handler=handlers.login,
        body=LoginRequest,
        answer=SessionAnswer,
        problems=(UnauthenticatedError, LimitError, UnavailableError),
    )
    yield public(
        method="POST",
        path="/api/auth/refresh",
        name="refresh",
        summary="New tokens for the refresh token",
        handler=handlers.refresh,
        body=RefreshRequest,
        answer=SessionAnswer,
        problems=(UnauthenticatedError, LimitError, UnavailableError),
    )
    yield route(
        method="POST",
        path="/api/auth/logout",
        name="logout",
        summary="End this session",
        handler=handlers.logout,
        query=LogoutQuery,
        status=204,
    )
    yield route(
        method="GET",
        path="/api/auth/session",
        name="session",
        summary="Who is signed in, and the CSRF token",
        handler=handlers.show_session,
        answer=SessionAnswer,
    )
    yield route(
        method="GET", path="/api/auth/profile", name="profile_get", summary="The own account", handler=handlers.show_profile, answer=Person
    )
    yield route(
        method="PATCH",
        path="/api/auth/profile",
        name="profile_patch",
        summary="Change the name",
        handler=handlers.change_profile,
        body=ProfileRequest,
        answer=Person,
    )
    yield route(
        method="POST",
        path="/api/auth/password",
        name="password_change",
        summary="Change the password; every other session ends",
        handler=handlers.change_password,
        body=PasswordRequest,
        answer=SessionAnswer,
        problems=password_problems,
    )
    yield route(
        method="GET",
        path="/api/auth/sessions",
        name="sessions_list",
        summary="Where the user is signed in",
        handler=handlers.list_sessions,
        answer=SessionList,
    )
    yield route(
        method="DELETE",
        path="/api/auth/sessions",
        name="sessions_end_others",
        summary="End every session but this one",
        handler=handlers.end_other_sessions,
        status=204,
    )
    yield route(
        method="DELETE",
        path="/api/auth/sessions/{id}",
        name="sessions_end",
        summary="End one session",
        handler=handlers.end_session,
        status=204,
        problems=(NotFoundError,),
    )
    yield route(
        method="POST",
        path="/api/auth/step-up",
        name="step_up",
        summary="Prove the password again for one dangerous action",
        handler=handlers.step_up,
        body=StepUpRequest,
        answer=StepUpAnswer,
        problems=password_problems,
    )
