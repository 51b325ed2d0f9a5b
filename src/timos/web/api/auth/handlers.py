"""What a request about the account or a session does."""

from timos.kernel.clock import instant
from timos.kernel.errors import NotFoundError, UnauthenticatedError
from timos.kernel.ids import bytes_of, text_of
from timos.lifecycle.signup import Newcomer, sign_up
from timos.platform.accounts.account import Profile
from timos.platform.auth.sessions.session import ABSOLUTE_MS, Session, SignIn
from timos.platform.auth.stepup import TTL_SECONDS
from timos.platform.auth.tokens import ACCESS_SECONDS
from timos.web.answers import Answer, empty, json_answer
from timos.web.api.auth.cookies import cookie, signed_out
from timos.web.api.auth.messages import (
    LoginRequest,
    LogoutQuery,
    PasswordRequest,
    Person,
    ProfileRequest,
    RefreshRequest,
    SessionAnswer,
    SessionItem,
    SessionList,
    SignUpRequest,
    StepUpAnswer,
    StepUpRequest,
)
from timos.web.deps import ACCESS_COOKIE, REFRESH_COOKIE, Services, services_of, session_of
from timos.web.route import Call

MAX_DEVICE = 200  # characters of a User-Agent that are kept, sealed


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
        cookie(services, ACCESS_COOKIE, signed_in.access_token, ACCESS_SECONDS),
        cookie(services, REFRESH_COOKIE, signed_in.refresh_token, ABSOLUTE_MS // 1000),
    )
    return json_answer(answer, status, headers=cookies)
