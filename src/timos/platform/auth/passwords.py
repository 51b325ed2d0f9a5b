"""What a password must be, and hashing it without stalling the server.

The rules are NIST SP 800-63B-4's for a password that is the only factor: at least 15 characters, any Unicode, no composition
rules, not common, not guessable from the account itself.
"""

import asyncio
import unicodedata
from collections.abc import Sequence

from timos.crypto.passwords import PasswordPool
from timos.kernel.errors import InputError
from timos.platform.auth.guessing import guesses
from timos.platform.sealer import PlatformKeys, Purpose

SHORTEST, LONGEST = 15, 128  # characters after NFC
FEWEST_GUESSES = 10**10  # what zxcvbn calls "very unguessable" (score 4): three pieces from its lists, however common, count as 10^8
LOOKED_AT = 64  # characters: the estimate's cost grows with the cube, and a good beginning is good enough
LEAST_OF_OTHERS = 8  # characters besides the own words, so that a name with an address is not enough
PATH = "$.password"


def normal(password: str) -> str:
    """NFC: the same password from another keyboard is the same bytes."""
    return unicodedata.normalize("NFC", password)


def check_policy(password: str, own_words: Sequence[str], *, path: str = PATH) -> None:
    """`own_words`: address, name; the password must be more than those. Blocks for a tenth of a second: run it in a thread.

    Raises:
        InputError: at `path`, with what to do instead.
        UnavailableError: it cannot be judged at this moment.
    """
    candidate = normal(password)
    if len(candidate) < SHORTEST:
        message = f"Use at least {SHORTEST} characters; four or five unrelated words do well."
        raise InputError(message, path=path)
    if len(candidate) > LONGEST:
        message = f"Use at most {LONGEST} characters."
        raise InputError(message, path=path)
    if not candidate.isprintable():
        message = "A password cannot hold control characters."
        raise InputError(message, path=path)
    words = _all_words(own_words)
    if len(_without(candidate, words)) < LEAST_OF_OTHERS or guesses(candidate[:LOOKED_AT], words) < FEWEST_GUESSES:
        message = "This password is easy to guess: it is common, repeats itself, or is made of your own name or address. Use other words."
        raise InputError(message, path=path)


def _all_words(own_words: Sequence[str]) -> frozenset[str]:
    whole = frozenset({"timos", *(word.lower() for word in own_words if word)})
    return whole.union(*(_parts(word) for word in whole))


def _without(candidate: str, words: frozenset[str]) -> str:
    """What is left when the own words are taken out, the longest first."""
    rest = candidate.lower()
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, " ")
    return "".join(rest.split())


def _parts(word: str) -> list[str]:
    separated = "".join(letter if letter.isalnum() else " " for letter in word)
    return [part for part in separated.split() if len(part) > 2]  # noqa: PLR2004 (shorter parts occur in any sentence)


class Passwords:
    """Hashes bound to their user: `secret` is an HMAC of the user's id under the pepper, so a hash moved to another row fails."""

    def __init__(self, pool: PasswordPool, keys: PlatformKeys) -> None:
        self._pool = pool
        self._keys = keys
        self._judging = asyncio.Lock()  # one at a time: a crowd that signs up must not take the machine's memory

    async def check(self, password: str, own_words: Sequence[str], *, path: str = PATH) -> None:
        """`check_policy` beside the event loop."""
        async with self._judging:
            await asyncio.to_thread(check_policy, password, own_words, path=path)

    async def hash(self, user_id: bytes, password: str) -> str:
        """Raises:
        UnavailableError: the pool is full; nothing was done.
        """
        return await self._pool.hash(normal(password), self._secret(user_id))

    async def verify(self, user_id: bytes, hashed: str | None, password: str) -> bool:
        """None is for an account that does not exist: always False, in the same time. Raises as `hash`."""
        if len(password) > LONGEST * 4:  # NFC can shrink a text, but not by that much
            password = ""
        if hashed is None:
            await self._pool.verify_nothing(normal(password))
            return False
        return await self._pool.verify(hashed, normal(password), self._secret(user_id))

    def is_outdated(self, hashed: str) -> bool:
        return self._pool.needs_rehash(hashed)

    def _secret(self, user_id: bytes) -> bytes:
        return self._keys.mac(Purpose.PASSWORD_PEPPER, user_id)
