"""Accounts, sessions and tokens, through the whole application."""

import asyncio
import base64
import hmac
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, OKPKey

from tests.support import PASSWORD, Json, Person, Story, World, world_in
from tests.web.browser import Browser, Headers, ask, attributes_of
from timos.kernel.ids import text_of
from timos.lifecycle.signup import INVITE_SECONDS, SETUP_SECONDS, setup_token
from timos.platform.auth.invitations import Invitation

pytestmark = pytest.mark.every_engine

Tell = Callable[[Story], None]
DAY = "/api/entries/2026-11-20"
NEW_PASSWORD = "seven quiet rivers at dusk"
A_MINUTE, AN_HOUR = 60, 3600


@pytest.fixture
def found(tmp_path: Path) -> Callable[[Story, str], None]:
    """A story in an instance without any account."""

    async def told(story: Story, registration: str) -> None:
        async with world_in(tmp_path, template=None, registration=registration) as world:
            await story(world)

    return lambda story, registration: asyncio.run(told(story, registration))


@pytest.fixture
def tell_with(template: Path, tmp_path: Path) -> Callable[..., None]:
    """A story in an instance with its admin, under other settings."""

    async def told(story: Story, settings: Json) -> None:
        async with world_in(tmp_path, template=template, **settings) as world:
            await story(world)

    return lambda story, **settings: asyncio.run(told(story, settings))


def newcomer(name: str = "sam", **more: Json) -> Json:
    return {"address": f"{name}@example.org", "password": PASSWORD, "name": name.title(), "kind": "bearer", **more}


async def sign_up(world: World, body: Json) -> httpx.Response:
    return await ask(world, "POST", "/api/auth/signup", json=body)


async def login(world: World, name: str = "sam", password: str = PASSWORD, **more: Json) -> httpx.Response:
    body = {"address": f"{name}@example.org", "password": password, "kind": "bearer"}
    return await ask(world, "POST", "/api/auth/login", json=body, **more)


async def refresh(world: World, token: str) -> httpx.Response:
    return await ask(world, "POST", "/api/auth/refresh", json={"refresh_token": token})


async def is_signed_in(world: World, access_token: str) -> bool:
    answer = await ask(world, "GET", "/api/auth/session", headers={"authorization": f"Bearer {access_token}"})
    assert answer.status_code in {200, 401}, answer.text
    return answer.status_code == 200


def problem(answer: httpx.Response) -> tuple[int, str, str | None]:
    told = answer.json()
    return answer.status_code, told["code"], told.get("path")


def same(one: httpx.Response, other: httpx.Response) -> bool:
    """To the byte, but for what counts requests."""

    def seen(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
        request_id = answer.headers["x-request-id"]
        headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "ratelimit"}}
        return answer.status_code, answer.content.replace(request_id.encode(), b""), headers

    return seen(one) == seen(other)


REFUSED = (403, "registration", None)


# ── signing up ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("registration", ["first", "open", "invite", "closed"])
def test_the_first_account_needs_the_setup_link_whatever_the_registration(found: Callable[[Story, str], None], registration: str) -> None:
    async def story(world: World) -> None:
        invite = await world.instance.invitations.issue(Invitation.INVITE, 60)
        for token in (None, "", "x", "A" * 43, invite):
            assert problem(await sign_up(world, newcomer(token=token))) == REFUSED, token
        assert (await ask(world, "GET", "/api/instance")).json()["has_accounts"] is False
        token = await setup_token(world.instance)
        assert problem(await sign_up(world, newcomer(token=token, password="short"))) == (422, "invalid", "$.password")
        made = await sign_up(world, newcomer(token=token))  # the link was not used up by a mistake
        assert (made.status_code, made.json()["user"]["role"]) == (201, "admin")
        answer = (await ask(world, "GET", "/api/instance")).json()
        assert (answer["has_accounts"], answer["registration"]) == (True, registration)
        assert await setup_token(world.instance) is None

    found(story, registration)


def test_the_setup_link_works_once_and_for_a_day(found: Callable[[Story, str], None]) -> None:
    async def story(world: World) -> None:
        old = await setup_token(world.instance)
        token = await setup_token(world.instance)
        assert problem(await sign_up(world, newcomer(token=old))) == REFUSED  # each start prints another
        world.clock.go_on(SETUP_SECONDS)
        assert problem(await sign_up(world, newcomer(token=token))) == REFUSED
        token = await setup_token(world.instance)
        both = await asyncio.gather(*(sign_up(world, newcomer(name, token=token)) for name in ("ann", "sam")))
        assert sorted(answer.status_code for answer in both) == [201, 403]
        assert await world.instance.accounts.count() == 1

    found(story, "first")


@pytest.mark.parametrize("registration", ["first", "closed"])
def test_nobody_else_signs_up_where_it_is_closed(tell_with: Callable[..., None], registration: str) -> None:
    async def story(world: World) -> None:
        invite = await world.instance.invitations.issue(Invitation.INVITE, 60)
        setup = await world.instance.invitations.issue(Invitation.SETUP, 60)
        for token in (None, invite, setup):
            assert problem(await sign_up(world, newcomer(token=token))) == REFUSED
        assert await world.instance.accounts.count() == 1

    tell_with(story, registration=registration)


def test_an_invitation_lets_one_person_in_as_a_member(tell_with: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        for token in (None, "", "A" * 43, await world.instance.invitations.issue(Invitation.SETUP, 60)):
            assert problem(await sign_up(world, newcomer(token=token))) == REFUSED, token
        invite = await world.instance.invitations.issue(Invitation.INVITE, INVITE_SECONDS)
        late = await world.instance.invitations.issue(Invitation.INVITE, INVITE_SECONDS)
        made = await sign_up(world, newcomer(token=invite))
        assert (made.status_code, made.json()["user"]["role"]) == (201, "member")
        assert problem(await sign_up(world, newcomer("ann", token=invite))) == REFUSED
        world.clock.go_on(INVITE_SECONDS)
        assert problem(await sign_up(world, newcomer("ann", token=late))) == REFUSED
        assert await world.instance.accounts.count() == 2

    tell_with(story, registration="invite")


def test_an_open_server_takes_members_and_no_second_admin(tell: Tell) -> None:
    async def story(world: World) -> None:
        made = (await sign_up(world, newcomer())).json()
        assert made["user"] | {"id": "", "created_at": ""} == {
            "id": "",
            "address": "sam@example.org",
            "name": "Sam",
            "role": "member",
            "created_at": "",
        }
        assert (made["csrf_token"], made["expires_in"]) == (None, 600)
        assert await is_signed_in(world, made["access_token"])

    tell(story)


def test_an_address_is_taken_in_every_spelling(tell: Tell) -> None:
    async def story(world: World) -> None:
        first = await sign_up(world, newcomer())
        assert first.status_code == 201
        for address in ("sam@example.org", "SAM@Example.ORG", " sam@example.org ", "ｓａｍ＠example.org"):
            answer = await sign_up(world, newcomer(address=address, password=NEW_PASSWORD))
            assert problem(answer) == (409, "conflict", None), address
        assert await world.instance.accounts.count() == 2
        assert (await login(world, password=NEW_PASSWORD)).status_code == 401
        assert (await login(world)).status_code == 200

    tell(story)


def test_of_two_who_want_one_address_at_once_one_gets_it(tell: Tell) -> None:
    async def story(world: World) -> None:
        both = await asyncio.gather(*(sign_up(world, newcomer(password=password)) for password in (PASSWORD, NEW_PASSWORD)))
        assert sorted(answer.status_code for answer in both) == [201, 409]
        assert await world.instance.accounts.count() == 2

    tell(story)


@pytest.mark.every_engine("sqlite")  # refused before the platform is asked
@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"address": "sam"}, "$.address"),
        ({"address": "sam@"}, "$.address"),
        ({"address": "s\u0000am@example.org"}, "$.address"),
        ({"address": "a" * 300 + "@example.org"}, "$.address"),
        ({"address": 5}, "$.address"),
        ({"password": "short"}, "$.password"),
        ({"password": "passwordpassword"}, "$.password"),
        ({"password": "sam@example.org"}, "$.password"),
        ({"password": "x" * 5000}, "$.password"),
        ({"password": "correct horse\u0000battery staple"}, "$.password"),
        ({"password": None}, "$.password"),
        ({"name": "x" * 101}, "$.name"),
        ({"name": "S\u0007am"}, "$.name"),
        ({"kind": "token"}, "$.kind"),
        ({"token": 5}, "$.token"),
        ({"role": "admin"}, "$"),
    ],
)
def test_a_sign_up_that_is_wrong_says_where_and_makes_nothing(tell: Tell, wrong: Json, path: str) -> None:
    async def story(world: World) -> None:
        assert problem(await sign_up(world, {**newcomer(), **wrong})) == (422, "invalid", path)
        assert await world.instance.accounts.count() == 1
        assert (await login(world)).status_code == 401

    tell(story)


# ── logging in ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_address_a_disabled_account_and_a_wrong_password_answer_alike(tell: Tell) -> None:
    async def story(world: World) -> None:
        await world.sign_up("sam")
        ann = await world.sign_up("ann")
        account = await world.instance.accounts.by_address(ann.address)
        assert account is not None
        await world.instance.accounts.disable(account.id)
        wrong = await login(world, "sam", "not the password")
        assert problem(wrong) == (401, "unauthenticated", None)
        for answer in (await login(world, "nobody"), await login(world, "ann"), await login(world, "sam", PASSWORD.upper())):
            assert same(answer, wrong)
        for password in ("", "x" * 60_000, PASSWORD + " "):
            assert same(await login(world, "sam", password), wrong), len(password)

    tell(story)


def test_ten_failures_are_free_and_then_even_the_right_password_waits(tell: Tell) -> None:
    async def story(world: World) -> None:
        await world.sign_up("sam")
        await world.sign_up("ann")
        for number in range(10):
            assert (await login(world, "sam", "wrong", address=f"192.0.2.{number}")).status_code == 401
        for name in ("sam", "SAM"):  # the account waits, wherever the next attempt comes from and however it is spelled
            answer = await login(world, name, address="192.0.2.99")
            assert (*problem(answer), answer.headers["retry-after"]) == (429, "limit", None, "300")
        assert (await login(world, "ann", address="192.0.2.1")).status_code == 200
        world.clock.go_on(299)
        assert (await login(world, "sam")).headers["retry-after"] == "1"
        world.clock.go_on(1)
        assert (await login(world, "sam")).status_code == 200

    tell(story)


def test_an_unknown_address_is_throttled_like_a_known_one(tell: Tell) -> None:
    async def story(world: World) -> None:
        await world.sign_up("sam")
        for number in range(10):
            for name in ("sam", "nobody"):
                assert (await login(world, name, "wrong", address=f"192.0.2.{number}")).status_code == 401
        assert same(await login(world, "sam", address="192.0.2.77"), await login(world, "nobody", address="192.0.2.77"))

    tell(story)


def test_one_network_may_fail_twenty_times_over_all_accounts(tell: Tell) -> None:
    async def story(world: World) -> None:
        await world.sign_up("sam")
        for number in range(20):
            assert (await login(world, f"guess{number}", address="2001:db8::1")).status_code == 401
        for address in ("2001:db8::1", "2001:db8::ffff"):  # one household
            answer = await login(world, "sam", address=address)
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "300")
        assert (await login(world, "sam", address="2001:db8:0:1::1")).status_code == 200

    tell(story)


def test_a_password_tried_elsewhere_counts_as_well(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        for number in range(5):
            body = {"password": f"wrong {number}", "action": "export"}
            assert problem(await sam.call("POST", "/api/auth/step-up", body)) == (403, "step_up", None)
            body = {"current_password": f"wrong {number}", "new_password": NEW_PASSWORD}
            assert problem(await sam.call("POST", "/api/auth/password", body)) == (403, "step_up", None)
        assert problem(await sam.call("POST", "/api/auth/step-up", {"password": PASSWORD, "action": "export"})) == (429, "limit", None)
        assert (await login(world)).status_code == 429
        assert (await sam.call("GET", "/api/auth/session")).status_code == 200  # who is signed in stays so

    tell(story)


# ── tokens and cookies ───────────────────────────────────────────────────────────────────────────────────────────────


def test_programs_get_tokens_and_no_cookies_browsers_cookies_and_no_tokens(tell: Tell) -> None:
    async def story(world: World) -> None:
        made = await sign_up(world, newcomer())
        for answer in (made, await login(world), await refresh(world, made.json()["refresh_token"])):
            assert "set-cookie" not in answer.headers
            assert (bool(answer.json()["access_token"]), bool(answer.json()["refresh_token"]), answer.json()["csrf_token"]) == (
                True,
                True,
                None,
            )
        browser = Browser(world)
        for path in ("signup", "login"):
            body = newcomer("ann", kind="cookie")
            if path == "login":
                del body["name"]
            answer = await browser.call("POST", f"/api/auth/{path}", body)
            assert (answer.json()["access_token"], answer.json()["refresh_token"]) == (None, None)
            for token in browser.cookies.values():
                assert token not in answer.text
            assert attributes_of(answer) == {
                "timos_access": {"Path=/", "Max-Age=600", "HttpOnly", "SameSite=Lax"},
                "timos_refresh": {"Path=/", "Max-Age=7776000", "HttpOnly", "SameSite=Lax"},
            }

    tell(story)


def test_under_https_cookies_are_tied_to_the_host(tell_with: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        browser = Browser(world, origin="https://localhost:8000")
        answer = await browser.call("POST", "/api/auth/signup", newcomer(kind="cookie"))
        assert attributes_of(answer).keys() == {"__Host-timos_access", "__Host-timos_refresh"}
        assert all({"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= found for found in attributes_of(answer).values())
        assert not any("Domain" in attribute for found in attributes_of(answer).values() for attribute in found)
        assert (await browser.call("GET", "/api/auth/session")).status_code == 200
        planted = {name.removeprefix("__Host-"): value for name, value in browser.cookies.items()}
        browser.cookies = planted  # what a sibling domain could set
        assert (await browser.call("GET", "/api/auth/session")).status_code == 401
        assert answer.headers["strict-transport-security"].startswith("max-age=63072000")

    tell_with(story, public_url="https://journal.example.org")


def test_a_cookie_that_comes_twice_does_not_count(tell: Tell) -> None:
    async def story(world: World) -> None:
        browser = await Browser(world).sign_up("sam")
        token = browser.cookies["timos_access"]
        twice: Headers = {"cookie": f"timos_access={token}; timos_access={token}"}
        assert (await browser.call("GET", "/api/auth/session", headers=twice)).status_code == 401

    tell(story)


def test_the_session_tells_the_browser_its_csrf_token(tell: Tell) -> None:
    async def story(world: World) -> None:
        browser, other = await Browser(world).sign_up("sam"), await Browser(world).login("sam")
        answer = (await browser.call("GET", "/api/auth/session", headers={"x-csrf-token": None})).json()
        assert answer["csrf_token"] == browser.csrf != other.csrf
        assert (answer["access_token"], answer["refresh_token"], answer["user"]["address"]) == (None, None, "sam@example.org")
        sam = Person(world.client, "", (await login(world)).json())
        assert (await sam.call("GET", "/api/auth/session")).json()["csrf_token"] is None

    tell(story)


def test_a_bearer_token_stands_before_cookies(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up("sam")
        browser = await Browser(world).sign_up("ann")
        bearer: Headers = {**sam.headers, "x-csrf-token": None, "origin": None, "sec-fetch-site": None}
        assert (await browser.call("GET", "/api/auth/profile", headers=bearer)).json()["address"] == "sam@example.org"
        wrong: Headers = {"authorization": "Bearer x"}
        assert (await browser.call("GET", "/api/auth/profile", headers=wrong)).status_code == 401

    tell(story)


def test_the_kind_of_a_session_stays_what_it_was_at_login(tell: Tell) -> None:
    async def story(world: World) -> None:
        made = (await sign_up(world, newcomer())).json()
        browser = await Browser(world).login("sam")
        cookies = dict(browser.cookies)
        assert not await is_signed_in(world, cookies["timos_access"])
        assert problem(await refresh(world, cookies["timos_refresh"])) == (401, "unauthenticated", None)
        thief = Browser(world)
        thief.cookies = {"timos_access": made["access_token"], "timos_refresh": made["refresh_token"]}
        assert (await thief.call("GET", "/api/auth/session")).status_code == 401
        assert (await thief.call("POST", "/api/auth/refresh", {})).status_code == 401
        # mixing them up cost neither session its life
        assert (await browser.call("POST", "/api/auth/refresh", {})).status_code == 200
        assert (await refresh(world, made["refresh_token"])).status_code == 200

    tell(story)


def test_a_program_refreshes_each_token_once(tell: Tell) -> None:
    async def story(world: World) -> None:
        first = (await sign_up(world, newcomer())).json()
        world.clock.go_on(A_MINUTE)
        second = (await refresh(world, first["refresh_token"])).json()
        assert second["user"] == first["user"]
        assert second["refresh_token"] != first["refresh_token"]
        assert await is_signed_in(world, second["access_token"])
        world.clock.go_on(29)
        again = (await refresh(world, first["refresh_token"])).json()  # the answer got lost, or two windows at once
        assert again["refresh_token"] == second["refresh_token"]
        third = (await refresh(world, second["refresh_token"])).json()
        assert problem(await refresh(world, first["refresh_token"])) == (401, "unauthenticated", None)  # a copy is about
        for tokens in (first, second, again, third):
            assert not await is_signed_in(world, tokens["access_token"])
            assert (await refresh(world, tokens["refresh_token"])).status_code == 401

    tell(story)


def test_a_browser_refreshes_its_cookies(tell: Tell) -> None:
    async def story(world: World) -> None:
        browser = await Browser(world).sign_up("sam")
        first = dict(browser.cookies)
        world.clock.go_on(AN_HOUR)
        assert (await browser.call("GET", "/api/auth/session")).status_code == 401
        answer = await browser.call("POST", "/api/auth/refresh", {}, headers={"x-csrf-token": None})
        assert (answer.status_code, answer.json()["csrf_token"], answer.json()["refresh_token"]) == (200, browser.csrf, None)
        assert all(browser.cookies[name] != value for name, value in first.items())
        assert (await browser.call("GET", "/api/auth/session")).status_code == 200
        world.clock.go_on(30)
        thief = Browser(world)
        thief.cookies = first
        assert (await thief.call("POST", "/api/auth/refresh", {})).status_code == 401
        assert (await browser.call("GET", "/api/auth/session")).status_code == 401  # both are out: nobody knows which was the thief

    tell(story)


def test_another_site_cannot_refresh_a_browsers_session(tell: Tell) -> None:
    async def story(world: World) -> None:
        browser = await Browser(world).sign_up("sam")
        foreign: Headers = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        assert problem(await browser.call("POST", "/api/auth/refresh", {}, headers=foreign)) == (403, "csrf", None)
        body = {"address": "sam@example.org", "password": PASSWORD, "kind": "cookie"}
        assert problem(await browser.call("POST", "/api/auth/login", body, headers=foreign)) == (403, "csrf", None)

    tell(story)


@pytest.mark.parametrize("token", ["", "x", "A" * 107, "é", " " * 107, "A" * 5000])
def test_what_is_no_refresh_token_refreshes_nothing(tell: Tell, token: str) -> None:
    async def story(world: World) -> None:
        assert problem(await refresh(world, token)) == (401, "unauthenticated", None)
        assert problem(await ask(world, "POST", "/api/auth/refresh", json={})) == (401, "unauthenticated", None)

    tell(story)


def test_a_session_that_refreshes_too_often_waits(tell: Tell) -> None:
    async def story(world: World) -> None:
        token = (await sign_up(world, newcomer())).json()["refresh_token"]
        for _ in range(30):
            token = (await refresh(world, token)).json()["refresh_token"]
        answer = await refresh(world, token)
        assert (*problem(answer), answer.headers["retry-after"]) == (429, "limit", None, "60")
        world.clock.go_on(A_MINUTE)
        assert (await refresh(world, token)).status_code == 200

    tell(story)


def test_a_session_ends_after_thirty_idle_days(tell: Tell) -> None:
    async def story(world: World) -> None:
        made = (await sign_up(world, newcomer())).json()
        world.clock.go_on(30 * 86_400)
        assert (await refresh(world, made["refresh_token"])).status_code == 401

    tell(story)


# ── forged and foreign access tokens ─────────────────────────────────────────────────────────────────────────────────


def decoded(part: str) -> Json:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def coded(value: Json) -> str:
    return text_of(json.dumps(value).encode())


def test_forged_expired_and_foreign_access_tokens_open_nothing(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam, ann = await world.sign_up("sam"), await world.sign_up("ann")
        await sam.call("PUT", DAY, {"body": "mine"})
        good = sam.tokens["access_token"]
        head, body, signature = good.split(".")
        header, claims = decoded(head), decoded(body)
        (published,) = [key for key in (await ask(world, "GET", "/.well-known/jwks.json")).json()["keys"] if key["kid"] == header["kid"]]
        public = base64.urlsafe_b64decode(published["x"] + "=")
        signed = f"{coded({**header, 'alg': 'HS256'})}.{body}"
        foreign = OKPKey.generate_key("Ed25519")
        ring = world.instance.tokens._keys.token_ring
        now = claims["iat"]
        forgeries = {
            "alg none": f"{coded({**header, 'alg': 'none'})}.{body}.",
            "alg NONE": f"{coded({**header, 'alg': 'NONE'})}.{body}.{signature}",
            "no signature": f"{head}.{body}.",
            "two parts": f"{head}.{body}",
            "HS256 under the public key": f"{signed}.{text_of(hmac.digest(public, signed.encode(), 'sha256'))}",
            "HS256": jwt.encode({**header, "alg": "HS256"}, claims, OctKey.import_key(b"k" * 32), algorithms=["HS256"]),
            "EdDSA by its old name": f"{coded({**header, 'alg': 'EdDSA'})}.{body}.{signature}",
            "a foreign key under our kid": jwt.encode(header, claims, foreign, algorithms=["Ed25519"]),
            "a foreign kid": jwt.encode({**header, "kid": foreign.thumbprint()}, claims, foreign, algorithms=["Ed25519"]),
            "a key in the header": f"{coded({**header, 'jwk': foreign.as_dict(private=False)})}.{body}.{signature}",
            "another type": f"{coded({**header, 'typ': 'JWT'})}.{body}.{signature}",
            "somebody else's claims": f"{head}.{ann.tokens['access_token'].split('.')[1]}.{signature}",
            "another issuer": ring.mint({**claims, "iss": "https://other.example"}, now),
            "another audience": ring.mint({**claims, "aud": "other"}, now),
            "another user's session": ring.mint({**claims, "sub": ann.user_id}, now),
            "an older epoch": ring.mint({**claims, "ep": claims["ep"] - 1}, now),
            "expired": ring.mint({**claims, "exp": now}, now),
            "from the future": ring.mint(claims, now + 120),
            "the refresh token": sam.tokens["refresh_token"],
            "longer": good + "A",
            "very long": good + "A" * 10_000,
            "twice": f"{good} {good}",
        }
        for name, forgery in forgeries.items():
            for path in ("/api/auth/session", DAY):
                answer = await ask(world, "GET", path, headers={"authorization": f"Bearer {forgery}"})
                assert problem(answer) == (401, "unauthenticated", None), name
        for scheme in ("bearer", "Bearer", "BEARER"):
            assert (await ask(world, "GET", DAY, headers={"authorization": f"{scheme} {good}"})).status_code == 200
        for scheme in ("Basic", "Token", ""):
            assert (await ask(world, "GET", DAY, headers={"authorization": f"{scheme} {good}"})).status_code == 401

    tell(story)


def test_an_access_token_ends_after_ten_minutes_also_when_it_was_just_used(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        world.clock.go_on(599)
        assert (await sam.call("GET", "/api/auth/session")).status_code == 200
        world.clock.go_on(1)
        assert problem(await sam.call("GET", "/api/auth/session")) == (401, "unauthenticated", None)
        assert (await refresh(world, sam.tokens["refresh_token"])).status_code == 200

    tell(story)


def test_a_token_says_nothing_personal_and_verifies_under_the_published_keys(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        keys = (await ask(world, "GET", "/.well-known/jwks.json")).json()
        assert all(key.keys() == {"kty", "crv", "x", "kid", "alg", "use"} for key in keys["keys"])  # never "d"
        token = jwt.decode(sam.tokens["access_token"], KeySet.import_key_set(keys), algorithms=["Ed25519"])
        assert token.header["typ"] == "at+jwt"
        assert token.claims["sub"] == sam.user_id
        assert token.claims["exp"] - token.claims["iat"] == 600
        assert not any(word in json.dumps(token.claims).lower() for word in ("example.org", '"sam', "password"))

    tell(story)


def test_a_disabled_account_is_out_at_once(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        account = await world.instance.accounts.by_address(sam.address)
        assert account is not None
        await world.instance.accounts.disable(account.id)
        assert not await is_signed_in(world, sam.tokens["access_token"])
        assert (await refresh(world, sam.tokens["refresh_token"])).status_code == 401
        await world.instance.accounts.enable(account.id)
        assert not await is_signed_in(world, sam.tokens["access_token"])  # what was before stays over
        assert (await login(world)).status_code == 200

    tell(story)


# ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_confirmed_logout_clears_what_our_pages_keep_on_the_device(tell: Tell) -> None:
    async def story(world: World) -> None:
        browser = await Browser(world).sign_up("sam")
        answer = await browser.call("POST", "/api/auth/logout?clear=true")
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["clear-site-data"] == '"cache", "storage"'
        assert browser.cookies == {}
        assert (await browser.call("POST", "/api/auth/logout?clear=true")).status_code == 401

    tell(story)


def test_logging_out_ends_this_session_and_clears_the_browser(tell: Tell) -> None:
    async def story(world: World) -> None:
        browser, other = await Browser(world).sign_up("sam"), await Browser(world).login("sam")
        stolen = dict(browser.cookies)
        answer = await browser.call("POST", "/api/auth/logout")
        assert (answer.status_code, answer.content) == (204, b"")
        assert "clear-site-data" not in answer.headers  # something on the device may be unsent
        assert browser.cookies == {}
        assert all({"Max-Age=0", "Path=/", "HttpOnly"} <= found for found in attributes_of(answer).values())
        browser.cookies = stolen
        assert (await browser.call("GET", "/api/auth/session")).status_code == 401
        assert (await browser.call("POST", "/api/auth/refresh", {})).status_code == 401
        assert (await other.call("GET", "/api/auth/session")).status_code == 200

    tell(story)


def test_a_user_sees_and_ends_their_own_sessions(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam, ann = await world.sign_up("sam"), await world.sign_up("ann")
        world.clock.go_on(A_MINUTE)
        phone = (await login(world, headers={"user-agent": "A phone " + "x" * 300})).json()
        listed = (await sam.call("GET", "/api/auth/sessions")).json()["items"]
        assert [item["is_current"] for item in listed] == [False, True]  # the one seen last first
        assert listed[0]["device"] == ("A phone " + "x" * 300)[:200]
        assert (listed[0]["created_at"], listed[1]["created_at"]) == ("2026-11-22T12:01:00Z", "2026-11-22T12:00:00Z")
        hers = (await ann.call("GET", "/api/auth/sessions")).json()["items"]
        assert len(hers) == 1
        wrong = [hers[0]["id"], "A" * 22, "x", listed[0]["id"] + "=", listed[0]["id"][:-1]]
        nothing = await sam.call("DELETE", f"/api/auth/sessions/{'B' * 21}A")
        assert problem(nothing) == (404, "not_found", None)
        for session_id in wrong:
            assert same(await sam.call("DELETE", f"/api/auth/sessions/{session_id}"), nothing), session_id
        assert await is_signed_in(world, ann.tokens["access_token"])
        assert (await sam.call("DELETE", f"/api/auth/sessions/{listed[0]['id']}")).status_code == 204
        assert not await is_signed_in(world, phone["access_token"])
        assert (await refresh(world, phone["refresh_token"])).status_code == 401
        assert len((await sam.call("GET", "/api/auth/sessions")).json()["items"]) == 1

    tell(story)


def test_all_other_sessions_are_ended_together(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam, ann = await world.sign_up("sam"), await world.sign_up("ann")
        others = [(await login(world)).json() for _ in range(3)]
        assert (await sam.call("DELETE", "/api/auth/sessions")).status_code == 204
        for other in others:
            assert not await is_signed_in(world, other["access_token"])
        assert await is_signed_in(world, sam.tokens["access_token"])
        assert await is_signed_in(world, ann.tokens["access_token"])

    tell(story)


def test_a_new_password_ends_every_other_session_and_renews_this_one(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam, ann = await world.sign_up("sam"), await world.sign_up("ann")
        browser = await Browser(world).login("sam")
        await sam.call("PUT", DAY, {"body": "mine"})
        answer = await sam.call("POST", "/api/auth/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD})
        assert answer.status_code == 200, answer.text
        assert (await browser.call("GET", "/api/auth/session")).status_code == 401
        assert (await browser.call("POST", "/api/auth/refresh", {})).status_code == 401
        assert not await is_signed_in(world, sam.tokens["access_token"])
        assert (await refresh(world, sam.tokens["refresh_token"])).status_code == 401
        renewed = Person(world.client, sam.address, answer.json())
        assert (await renewed.call("GET", DAY)).json()["document"]["body"] == "mine"
        assert (await login(world)).status_code == 401
        assert (await login(world, password=NEW_PASSWORD)).status_code == 200
        assert await is_signed_in(world, ann.tokens["access_token"])

    tell(story)


def test_a_browser_that_changes_the_password_goes_on_with_new_cookies(tell: Tell) -> None:
    async def story(world: World) -> None:
        browser = await Browser(world).sign_up("sam")
        before = dict(browser.cookies)
        body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
        answer = await browser.call("POST", "/api/auth/password", body)
        assert (answer.status_code, answer.json()["csrf_token"], answer.json()["access_token"]) == (200, browser.csrf, None)
        assert all(browser.cookies[name] != value for name, value in before.items())
        assert (await browser.call("PUT", DAY, {"body": "goes on"})).status_code == 201

    tell(story)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"current_password": "wrong", "new_password": NEW_PASSWORD}, (403, "step_up", None)),
        ({"current_password": PASSWORD, "new_password": "short"}, (422, "invalid", "$.new_password")),
        ({"current_password": PASSWORD, "new_password": "sam@example.org sam"}, (422, "invalid", "$.new_password")),
        ({"current_password": PASSWORD}, (422, "invalid", "$.new_password")),
        ({"current_password": PASSWORD, "new_password": 5}, (422, "invalid", "$.new_password")),
    ],
)
def test_a_new_password_that_is_refused_changes_nothing(tell: Tell, body: Json, expected: tuple[int, str, str | None]) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        other = (await login(world)).json()
        assert problem(await sam.call("POST", "/api/auth/password", body)) == expected
        assert await is_signed_in(world, sam.tokens["access_token"])
        assert await is_signed_in(world, other["access_token"])
        assert (await login(world)).status_code == 200

    tell(story)


def test_the_profile_is_the_own_account_and_only_the_name_changes(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam, ann = await world.sign_up("sam"), await world.sign_up("ann")
        before = (await sam.call("GET", "/api/auth/profile")).json()
        assert before == sam.tokens["user"]
        changed = await sam.call("PATCH", "/api/auth/profile", {"name": "Samuel é 雨"})
        assert changed.json() == {**before, "name": "Samuel é 雨"} == (await sam.call("GET", "/api/auth/profile")).json()
        for wrong in ({"role": "admin"}, {"name": "x", "address": "x@example.org"}, {"id": "x"}, {"name": 5}, {"name": "x" * 101}, {}):
            assert (await sam.call("PATCH", "/api/auth/profile", wrong)).status_code == 422, wrong
        assert (await sam.call("GET", "/api/auth/profile")).json() == changed.json()
        assert (await ann.call("GET", "/api/auth/profile")).json()["name"] == "Ann"

    tell(story)


# ── step-up ──────────────────────────────────────────────────────────────────────────────────────────────────────────

PHRASE = {"phrase": "erase my account"}


async def export(person: Person, headers: dict[str, str]) -> httpx.Response:
    return await person.call("POST", "/api/exports", headers=headers)


async def erase(person: Person, headers: dict[str, str]) -> httpx.Response:
    return await person.call("POST", "/api/account/erase", PHRASE, headers=headers)


@pytest.mark.parametrize(("action", "other", "perform"), [("export", "erase", export), ("erase", "export", erase)])
def test_a_dangerous_action_needs_its_own_fresh_proof(
    tell: Tell, action: str, other: str, perform: Callable[[Person, dict[str, str]], Awaitable[httpx.Response]]
) -> None:
    async def story(world: World) -> None:
        sam, ann = await world.sign_up("sam"), await world.sign_up("ann")
        await sam.call("PUT", DAY, {"body": "mine"})
        again = Person(world.client, sam.address, (await login(world)).json())
        expired = await sam.step_up(action)
        world.clock.go_on(600)
        sam.tokens = (await refresh(world, sam.tokens["refresh_token"])).json()
        again.tokens = (await refresh(world, again.tokens["refresh_token"])).json()
        ann.tokens = (await refresh(world, ann.tokens["refresh_token"])).json()
        assert problem(await perform(sam, expired)) == (403, "step_up", None)  # before the next grant sweeps it up
        worthless: dict[str, dict[str, str]] = {
            "none": {},
            "empty": {"x-step-up": ""},
            "a guess": {"x-step-up": "A" * 43},
            "the access token": {"x-step-up": sam.tokens["access_token"]},
            "for another action": await sam.step_up(other),
            "of another session": await again.step_up(action),
            "somebody else's": await ann.step_up(action),
        }
        for name, headers in worthless.items():
            assert problem(await perform(sam, headers)) == (403, "step_up", None), name
        assert (await sam.call("GET", DAY)).status_code == 200
        good = await sam.step_up(action)
        assert (await perform(sam, good)).status_code == 200
        answer = await perform(sam, good)  # once
        assert problem(answer) == ((401, "unauthenticated", None) if action == "erase" else (403, "step_up", None))

    tell(story)


@pytest.mark.parametrize("phrase", ["", "yes", "erase my accounts", "erase"])
def test_a_wrong_phrase_erases_nothing_and_costs_no_proof(tell: Tell, phrase: str) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        await sam.call("PUT", DAY, {"body": "mine"})
        headers = await sam.step_up("erase")
        answer = await sam.call("POST", "/api/account/erase", {"phrase": phrase}, headers=headers)
        assert problem(answer) == (422, "invalid", "$.phrase")
        assert (await sam.call("GET", DAY)).status_code == 200
        assert (await sam.call("POST", "/api/account/erase", {"phrase": " Erase  My ACCOUNT"}, headers=headers)).status_code == 200

    tell(story)


def test_who_is_erased_is_unknown_from_then_on(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam, ann = await world.sign_up("sam"), await world.sign_up("ann")
        other = (await login(world)).json()
        erased = await erase(sam, await sam.step_up("erase"))
        assert erased.headers["clear-site-data"] == '"cache", "storage"'
        receipt = erased.json()
        assert not any(word in json.dumps(receipt) for word in ("sam@", "Sam", sam.user_id))
        for tokens in (sam.tokens, other):
            assert not await is_signed_in(world, tokens["access_token"])
            assert (await refresh(world, tokens["refresh_token"])).status_code == 401
        assert same(await login(world), await login(world, "nobody"))
        assert await is_signed_in(world, ann.tokens["access_token"])
        anew = await sign_up(world, newcomer())  # the address is free, and nothing of before is behind it
        assert anew.status_code == 201
        assert anew.json()["user"]["id"] != sam.user_id

    tell(story)


@pytest.mark.parametrize("body", [{"password": PASSWORD, "action": "login"}, {"password": PASSWORD, "action": ""}, {"password": PASSWORD}])
def test_a_proof_is_for_an_action_there_is(tell: Tell, body: Json) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        assert problem(await sam.call("POST", "/api/auth/step-up", body)) == (422, "invalid", "$.action")

    tell(story)
