"""Ed25519 signatures, and the ring of keys that access tokens are signed with.

Invariants of a token:
- Its header is exactly `alg`, `typ` and `kid`. Which algorithm and type are right is decided here, never by the token.
- It is verified under the key that `kid` names, and that key is in the ring.
- Every refusal is the same error.
"""

from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from typing import Literal, Self

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from timos.crypto.cipher import checked_key
from timos.crypto.guarded import Guarded
from timos.kernel.errors import UnauthenticatedError
from timos.kernel.ids import Randomness, text_of

SEED_BYTES = 32  # RFC 8032 section 5.1.5
_ALGORITHM: Literal["Ed25519"] = "Ed25519"  # RFC 9864: names the curve, which EdDSA does not
_TYPE: Literal["at+jwt"] = "at+jwt"  # RFC 9068 section 2.1


class SigningKey(Guarded):
    """A private key; `kid` is its RFC 7638 thumbprint, the same everywhere."""

    __slots__ = ("_private", "_public", "_seed", "kid")

    def __init__(self, seed: bytes) -> None:
        self._seed = checked_key(seed)
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = self._private.public_key()
        self.kid = OKPKey.import_key({"kty": "OKP", **self._coordinates()}).thumbprint()

    @classmethod
    def new(cls, random: Randomness) -> Self:
        return cls(random(SEED_BYTES))

    @classmethod
    def from_bytes(cls, seed: bytes) -> Self:
        """The inverse of `to_bytes`. Raises: DecryptionError, when it is not 32 bytes long."""
        return cls(seed)

    def to_bytes(self) -> bytes:
        """The secret seed, 32 bytes, to be wrapped at once."""
        return self._seed

    def sign(self, data: bytes) -> bytes:
        """64 bytes; the same for the same data."""
        return self._private.sign(data)

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Whether this key made the signature."""
        try:
            self._public.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def public_jwk(self) -> dict[str, str]:
        """What others need in order to verify (RFC 8037)."""
        return {"kty": "OKP", **self._coordinates(), "kid": self.kid, "alg": _ALGORITHM, "use": "sig"}

    def _coordinates(self) -> dict[str, str]:
        return {"crv": "Ed25519", "x": text_of(self._public.public_bytes_raw())}


class TokenRing(Guarded):
    """Signs with `current`; verifies with that and `others`, the previous and the next."""

    __slots__ = ("_current", "_jwks", "_kid", "_public")

    def __init__(self, current: SigningKey, others: Iterable[SigningKey]) -> None:
        ring = [current, *others]
        self._kid = current.kid
        self._current = OKPKey.import_key({**current.public_jwk(), "d": text_of(current.to_bytes())})
        self._jwks = [key.public_jwk() for key in ring]
        self._public = {key.kid: OKPKey.import_key({**key.public_jwk()}) for key in ring}

    def mint(self, claims: Mapping[str, object], now: int) -> str:
        """A JWT of the type `at+jwt` with these claims; `now`, in seconds, becomes `iat`. Expiry is the caller's claim."""
        header = {"alg": _ALGORITHM, "typ": _TYPE, "kid": self._kid}
        return jwt.encode(header, {**claims, "iat": now}, self._current, algorithms=[_ALGORITHM])

    def verify(self, token: str) -> dict[str, object]:
        """The claims of an authentic token. Expiry, issuer and audience are the caller's to check.

        Raises:
            UnauthenticatedError: any cause.
        """
        try:
            key = self._public.get(_header(token).kid)
            if key is None:
                raise UnauthenticatedError
            return {**jwt.decode(token, key, algorithms=[_ALGORITHM]).claims}
        except (JoseError, msgspec.MsgspecError, ValueError) as error:  # ValueError: text that is no base64
            raise UnauthenticatedError from error

    def jwks(self) -> dict[str, object]:
        """The public keys as a JWK set (RFC 7517), the signing one first."""
        return {"keys": [{**key} for key in self._jwks]}


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    # forbids `crit`, `jwk`, `jku`, `b64` and whatever else would let a token say how to verify it
    alg: Literal["Ed25519"]
    typ: Literal["at+jwt"]
    kid: str


def _header(token: str) -> _Header:
    # read before the JOSE library sees the token: it takes the types of unverified fields on trust
    first = token.partition(".")[0]
    return msgspec.json.decode(urlsafe_b64decode(first + "=" * (-len(first) % 4)), type=_Header)
