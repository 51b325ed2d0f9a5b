"""Signatures as the RFCs print them; and of all texts, only a token that the ring minted is a token."""

import hashlib
import hmac
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timos.crypto.signing import SigningKey, TokenRing
from timos.kernel.errors import DecryptionError, UnauthenticatedError
from timos.kernel.ids import bytes_of, text_of

# RFC 8032 section 7.1, tests 1 to 3: seed, message, signature
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
NOW = 1_795_348_800
CLAIMS = {"sub": "someone", "exp": NOW + 600}
KEY, NEXT, FOREIGN = (SigningKey(hashlib.sha256(name).digest()) for name in (b"current", b"next", b"foreign"))
RING = TokenRing(KEY, [NEXT])


@pytest.mark.parametrize(("seed", "message", "signature"), RFC_8032)
def test_signatures_are_those_of_rfc_8032(seed: str, message: str, signature: str) -> None:
    key = SigningKey.from_bytes(bytes.fromhex(seed))
    assert key.sign(bytes.fromhex(message)).hex() == signature
    assert key.verify(bytes.fromhex(message), bytes.fromhex(signature))


def test_the_thumbprint_is_that_of_rfc_8037() -> None:
    key = SigningKey.from_bytes(bytes.fromhex(RFC_8032[0][0]))  # the key of appendix A.1
    assert key.public_jwk()["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"  # appendix A.3


def test_a_signature_holds_for_its_own_data_and_key_only() -> None:
    signature = KEY.sign(b"data")
    assert KEY.verify(b"data", signature)
    assert not KEY.verify(b"Data", signature)
    assert not NEXT.verify(b"data", signature)
    for forged in (b"", signature[:-1], signature + b"\0", bytes(64), signature[32:] + signature[:32]):
        assert not KEY.verify(b"data", forged)


def test_a_key_can_be_stored_and_read() -> None:
    key = SigningKey.new(os.urandom)
    again = SigningKey.from_bytes(key.to_bytes())
    assert (again.kid, again.to_bytes()) == (key.kid, key.to_bytes())
    assert again.verify(b"data", key.sign(b"data"))
    assert SigningKey.new(os.urandom).kid != key.kid
    with pytest.raises(DecryptionError):
        SigningKey.from_bytes(key.to_bytes()[:31])


def test_a_token_gives_its_claims_back() -> None:
    assert RING.verify(RING.mint(CLAIMS, NOW)) == {**CLAIMS, "iat": NOW}


def test_the_time_of_issue_is_the_ring_s() -> None:
    assert RING.verify(RING.mint({"iat": 1}, NOW))["iat"] == NOW


def test_tokens_of_the_previous_and_next_key_are_good_and_those_of_a_retired_one_are_not() -> None:
    token = TokenRing(NEXT, []).mint(CLAIMS, NOW)
    assert RING.verify(token)
    with pytest.raises(UnauthenticatedError):
        TokenRing(KEY, []).verify(token)


def part(value: object) -> str:
    return text_of(value if isinstance(value, bytes) else json.dumps(value).encode())


def signed(header: object, claims: object, key: SigningKey = KEY) -> str:
    """A token with any header at all, and a signature that is right for it."""
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{part(key.sign(text.encode()))}"


HEADER = {"alg": "Ed25519", "typ": "at+jwt", "kid": KEY.kid}


def test_the_hand_made_token_of_these_tests_is_good() -> None:
    assert RING.verify(signed(HEADER, CLAIMS)) == CLAIMS


HEADERS: dict[str, object] = {
    "no algorithm": {"typ": "at+jwt", "kid": KEY.kid},
    "none": HEADER | {"alg": "none"},
    "None": HEADER | {"alg": "None"},
    "HS256": HEADER | {"alg": "HS256"},
    "EdDSA": HEADER | {"alg": "EdDSA"},
    "RS256": HEADER | {"alg": "RS256"},
    "algorithm is null": HEADER | {"alg": None},
    "algorithm is a list": HEADER | {"alg": ["Ed25519"]},
    "no type": {"alg": "Ed25519", "kid": KEY.kid},
    "JWT": HEADER | {"typ": "JWT"},
    "another case": HEADER | {"typ": "AT+JWT"},
    "id token": HEADER | {"typ": "id+jwt"},
    "no kid": {"alg": "Ed25519", "typ": "at+jwt"},
    "foreign kid": HEADER | {"kid": FOREIGN.kid},
    "kid of another key of the ring": HEADER | {"kid": NEXT.kid},
    "empty kid": HEADER | {"kid": ""},
    "kid is a list": HEADER | {"kid": [KEY.kid]},
    "kid is a path": HEADER | {"kid": "../../dev/null"},
    "critical": HEADER | {"crit": ["exp"]},
    "unencoded payload": HEADER | {"b64": False, "crit": ["b64"]},
    "brings its key": HEADER | {"jwk": FOREIGN.public_jwk()},
    "names its key": HEADER | {"jku": "https://example.org/jwks.json"},
    "one word more": HEADER | {"x": 1},
    "a list": [HEADER],
    "a text": "Ed25519",
    "no JSON": b"{",
    "no text": b"\xff\xfe",
    "empty": b"",
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_is_not_ours_is_refused_though_its_signature_is_right(name: str) -> None:
    with pytest.raises(UnauthenticatedError):
        RING.verify(signed(HEADERS[name], CLAIMS))


def test_a_token_without_a_signature_is_refused() -> None:
    for header in (HEADER, HEADER | {"alg": "none"}):
        for ending in ("", ".", ".A", ".AA", f".{text_of(bytes(64))}"):
            with pytest.raises(UnauthenticatedError):
                RING.verify(f"{part(header)}.{part(CLAIMS)}{ending}")


def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() -> None:
    public = bytes_of(KEY.public_jwk()["x"], 32)
    assert public is not None
    for algorithm in ("HS256", "Ed25519"):
        text = f"{part(HEADER | {'alg': algorithm})}.{part(CLAIMS)}"
        with pytest.raises(UnauthenticatedError):
            RING.verify(f"{text}.{part(hmac.digest(public, text.encode(), 'sha256'))}")


def test_a_token_of_a_foreign_key_is_refused_under_any_name() -> None:
    for kid in (FOREIGN.kid, KEY.kid, NEXT.kid):
        with pytest.raises(UnauthenticatedError):
            RING.verify(signed(HEADER | {"kid": kid}, CLAIMS, FOREIGN))


def test_a_token_with_other_claims_under_the_same_signature_is_refused() -> None:
    header, _, signature = RING.mint(CLAIMS, NOW).split(".")
    with pytest.raises(UnauthenticatedError):
        RING.verify(f"{header}.{part(CLAIMS | {'sub': 'another'})}.{signature}")


@pytest.mark.parametrize("claims", [b"", b"{", b"[]", b'"text"', b"\xff", b"null", b"[" * 100])
def test_claims_that_are_no_object_are_refused_even_with_a_right_signature(claims: bytes) -> None:
    with pytest.raises(UnauthenticatedError):
        RING.verify(signed(HEADER, claims))


def test_every_changed_character_is_refused() -> None:
    token = RING.mint(CLAIMS, NOW)
    for position in range(len(token) - 1):  # the last one carries four unused bits
        changed = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        with pytest.raises(UnauthenticatedError):
            RING.verify(changed)


@given(st.text(max_size=60))
def test_no_text_is_a_token_and_none_is_a_crash(text: str) -> None:
    token = RING.mint(CLAIMS, NOW)
    header, payload, signature = token.split(".")
    for forged in (text, f"{text}.{payload}.{signature}", f"{header}.{text}.{signature}", f"{header}.{payload}.{text}", f"{token}.{text}"):
        with pytest.raises(UnauthenticatedError):
            RING.verify(forged)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_no_bytes_are_a_header_or_a_signature(header: bytes, signature: bytes) -> None:
    with pytest.raises(UnauthenticatedError):
        RING.verify(f"{text_of(header)}.{part(CLAIMS)}.{text_of(signature)}")


def test_the_published_keys_hold_no_secret_and_name_their_use() -> None:
    published = json.dumps(RING.jwks())
    assert [key["kid"] for key in json.loads(published)["keys"]] == [KEY.kid, NEXT.kid]
    for key in json.loads(published)["keys"]:
        assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"}
        assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("OKP", "Ed25519", "Ed25519", "sig")
    for secret in (KEY, NEXT):
        assert text_of(secret.to_bytes()) not in published


def test_the_answer_can_be_changed_without_changing_the_ring() -> None:
    first = RING.jwks()
    first["keys"] = []
    assert RING.jwks() != first
