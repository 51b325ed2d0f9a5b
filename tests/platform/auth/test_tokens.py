"""Tokens: only ours, only now, only for what they were made."""

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Callable
from dataclasses import replace

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from tests.platform.support import ISSUER, Story, World
from timos.crypto.signing import SigningKey, TokenRing
from timos.kernel.errors import CsrfError, UnauthenticatedError
from timos.kernel.ids import text_of
from timos.platform.auth.tokens import ACCESS_SECONDS, Access, Tokens

pytestmark = pytest.mark.every_engine("sqlite", "postgresql", "mariadb")

SESSION, USER = b"s" * 16, b"u" * 16
ACCESS = Access(SESSION, USER, auth_epoch=3, aal=1, auth_at_ms=1_790_000_000_000)


def part(token: str, number: int) -> dict[str, object]:
    text = token.split(".")[number]
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


def is_refused(tokens: Tokens, token: str) -> bool:
    try:
        tokens.verify_access(token)
    except UnauthenticatedError:
        return True
    return False


def coded(value: dict[str, object]) -> str:
    return text_of(json.dumps(value).encode())


def test_a_token_says_who_and_how_but_nothing_personal(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        token = world.platform.tokens.mint_access(ACCESS)
        header, claims = part(token, 0), part(token, 1)
        assert header["typ"] == "at+jwt"
        assert header["alg"] == "Ed25519"
        assert set(claims) == {"iss", "aud", "sub", "sid", "jti", "iat", "exp", "ep", "aal", "amr", "auth_time", "scope"}
        assert claims["exp"] == world.clock.now_ms() // 1000 + ACCESS_SECONDS
        assert replace(world.platform.tokens.verify_access(token), expires_at_ms=0) == ACCESS

    run(story)


def test_two_tokens_of_one_moment_differ(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        assert world.platform.tokens.mint_access(ACCESS) != world.platform.tokens.mint_access(ACCESS)

    run(story)


def test_a_token_ends_with_its_ten_minutes_also_when_it_was_verified_before(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        tokens = world.platform.tokens
        token, other = tokens.mint_access(ACCESS), tokens.mint_access(ACCESS)
        tokens.verify_access(token)
        world.clock.advance(seconds=ACCESS_SECONDS - 1)
        tokens.verify_access(token)
        world.clock.advance(seconds=1)
        for expired in (token, other):
            with pytest.raises(UnauthenticatedError):
                tokens.verify_access(expired)

    run(story)


def test_forged_tokens_are_refused_in_every_form(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        tokens = world.platform.tokens
        good = tokens.mint_access(ACCESS)
        header, claims = part(good, 0), part(good, 1)
        head, body, signature = good.split(".")
        published = tokens.jwks()["keys"]
        assert isinstance(published, list)
        public = base64.urlsafe_b64decode(published[0]["x"] + "=")
        hs256 = coded({**header, "alg": "HS256"}) + "." + body
        foreign = OKPKey.generate_key("Ed25519")
        forgeries = {
            "empty": "",
            "not a token": "abc",
            "alg none": coded({**header, "alg": "none"}) + f".{body}.",
            "no signature": f"{head}.{body}.",
            "HS256 under the public key": f"{hs256}.{text_of(hmac.digest(public, hs256.encode(), 'sha256'))}",
            "HS256": jwt.encode({**header, "alg": "HS256"}, claims, OctKey.import_key(b"k" * 32), algorithms=["HS256"]),
            "foreign key, our kid": jwt.encode(header, claims, foreign, algorithms=["Ed25519"]),
            "foreign kid": jwt.encode({**header, "kid": foreign.thumbprint()}, claims, foreign, algorithms=["Ed25519"]),
            "own key in the header": f"{coded({**header, 'jwk': foreign.as_dict(private=False)})}.{body}.{signature}",
            "edited claims": f"{head}.{coded({**claims, 'sub': text_of(b'x' * 16)})}.{signature}",
            "other type": f"{coded({**header, 'typ': 'JWT'})}.{body}.{signature}",
            "cut signature": good[:-4],
            "longer": good + "A",
            "very long": good + "A" * 100_000,
            "not ASCII": good[:-1] + "é",
        }
        for name, forgery in forgeries.items():
            assert is_refused(tokens, forgery), name
        tokens.verify_access(good)

    run(story)


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://other.example"},
        {"aud": "other"},
        {"aud": ["timos", "other"]},
        {"sub": "short"},
        {"sub": 5},
        {"sid": None},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"ep": -1},
        {"aal": 1.5},
        {"auth_time": None},
    ],
)
def test_our_own_signature_does_not_help_wrong_claims(run: Callable[[Story], None], change: dict[str, object]) -> None:
    async def story(world: World) -> None:
        tokens, ring = world.platform.tokens, world.platform.keys.token_ring
        claims = part(tokens.mint_access(ACCESS), 1)
        now = world.clock.now_ms() // 1000
        assert tokens.verify_access(ring.mint(claims, now)).user_id == USER
        with pytest.raises(UnauthenticatedError):
            tokens.verify_access(ring.mint({**claims, **change}, now))

    run(story)


def test_a_token_from_the_future_is_refused(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        world.clock.advance(days=1)
        token = world.platform.tokens.mint_access(ACCESS)
        world.clock.advance(days=-1)
        with pytest.raises(UnauthenticatedError):
            world.platform.tokens.verify_access(token)

    run(story)


def test_a_token_of_another_server_with_the_same_keys_is_refused(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        other = Tokens(world.platform.keys, ISSUER + "1", world.clock, os.urandom)
        with pytest.raises(UnauthenticatedError):
            world.platform.tokens.verify_access(other.mint_access(ACCESS))

    run(story)


def test_the_next_key_is_published_before_it_signs(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        published = world.platform.tokens.jwks()["keys"]
        assert isinstance(published, list)
        signing = part(world.platform.tokens.mint_access(ACCESS), 0)["kid"]
        assert signing in [key["kid"] for key in published]
        assert len({key["kid"] for key in published}) == 2

    run(story)


def test_the_memory_of_verified_tokens_is_bounded(run: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        monkeypatch.setattr("timos.platform.auth.tokens.REMEMBERED", 3)
        for _ in range(5):
            world.platform.tokens.verify_access(world.platform.tokens.mint_access(ACCESS))
        assert len(world.platform.tokens._verified) == 3

    run(story)


def test_a_ring_without_the_key_knows_its_tokens_no_more(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        ring = TokenRing(SigningKey.new(os.urandom), [])
        with pytest.raises(UnauthenticatedError):
            ring.verify(world.platform.tokens.mint_access(ACCESS))

    run(story)


def test_a_refresh_token_is_of_one_session_user_kind_and_epoch(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        tokens = world.platform.tokens
        token = tokens.new_refresh(SESSION, USER, "cookie", 3)
        again = tokens.parse_refresh(token.text)
        assert again == token
        tokens.check_refresh(again, USER, "cookie", 3)
        for user_id, kind, epoch in ((b"x" * 16, "cookie", 3), (USER, "bearer", 3), (USER, "cookie", 4)):
            with pytest.raises(UnauthenticatedError):
                tokens.check_refresh(again, user_id, kind, epoch)
        moved = tokens.parse_refresh(text_of(b"t" * 16 + token.raw[16:]))
        with pytest.raises(UnauthenticatedError):
            tokens.check_refresh(moved, USER, "cookie", 3)

    run(story)


@pytest.mark.parametrize("text", ["", "abc", "A" * 107 + "=", "A" * 106, "A" * 106 + "B", "é" * 107, "A" * 100_000])
def test_what_is_no_refresh_token_is_a_plain_refusal(text: str) -> None:
    with pytest.raises(UnauthenticatedError):
        Tokens.parse_refresh(text)


def test_only_the_hash_of_a_refresh_token_is_stored(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        signed_in = await world.login()
        raw = Tokens.parse_refresh(signed_in.refresh_token).raw
        row = world.sql("SELECT * FROM auth_sessions")[0]
        assert hashlib.sha256(raw).digest() in row
        assert all(raw[16:48] not in value for value in row if isinstance(value, bytes))

    run(story)


def test_a_csrf_token_belongs_to_one_session(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        tokens = world.platform.tokens
        tokens.check_csrf(SESSION, tokens.csrf(SESSION))
        for wrong in ("", "é", "\ud800", tokens.csrf(b"t" * 16), tokens.csrf(SESSION) + "A"):
            with pytest.raises(CsrfError):
                tokens.check_csrf(SESSION, wrong)

    run(story)


def test_tokens_do_not_show_themselves(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        signed_in = await world.login()
        shown = repr(signed_in) + repr(Tokens.parse_refresh(signed_in.refresh_token))
        secret = Tokens.parse_refresh(signed_in.refresh_token).secret
        for hidden in (signed_in.access_token, signed_in.refresh_token, signed_in.csrf_token, str(secret)):
            assert hidden not in shown

    run(story)
