"""Argon2id (RFC 9106) with a secret of the server's, and a pool that keeps it from stalling everything else.

The hash is a PHC string: it names its own cost, so that old hashes verify after the cost was raised.
"""

import asyncio
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import TypeVar

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from timos.kernel.errors import DecryptionError, UnavailableError
from timos.kernel.ids import Randomness

SALT_BYTES = 16  # RFC 9106 section 3.1
HASH_BYTES = 32
QUEUE_SECONDS = 2.0  # longer, and the caller has given up
LOW_PRIORITY = 10  # nice value: the event loop goes first
LARGEST_MEMORY_KIB = 1024 * 1024  # of a stored hash: a planted one must not take the machine's memory
_PHC = re.compile(r"\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}", re.ASCII)

# OpenSSL computes the lanes in worker threads out of one pool per process, as large as the cores. Two hashes at a time can
# each hold a part of it and wait for the rest, for ever (seen at once with two cores and four lanes). So one at a time.
_LANES_TURN = threading.Lock()

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one hash takes; OWASP's and RFC 9106's second recommendation."""

    memory_kib: int = 65536
    time: int = 3
    lanes: int = 4

    @property
    def prefix(self) -> str:
        """How a PHC string of this cost begins."""
        return f"$argon2id$v=19$m={self.memory_kib},t={self.time},p={self.lanes}$"


def hash_password(password: str, secret: bytes, cost: Cost, random: Randomness = os.urandom) -> str:
    """A PHC string; blocks for the whole cost. Bring the password to NFC before, and bind `secret` to the user.

    Raises:
        UnavailableError: not enough memory at this moment.
    """
    recipe = Argon2id(
        salt=random(SALT_BYTES), length=HASH_BYTES, iterations=cost.time, lanes=cost.lanes, memory_cost=cost.memory_kib, secret=secret
    )
    with _computing(cost.lanes):
        return recipe.derive_phc_encoded(_bytes(password))


def verify_password(stored: str, password: str, secret: bytes) -> bool:
    """Blocks for the cost that the hash names.

    Raises:
        DecryptionError: not a hash that we could have made.
        UnavailableError: not enough memory at this moment.
    """
    form = _PHC.fullmatch(stored)
    if form is None or int(form[1]) > LARGEST_MEMORY_KIB:
        raise DecryptionError
    try:
        with _computing(int(form[3])):
            Argon2id.verify_phc_encoded(_bytes(password), stored, secret)
    except InvalidKey:
        return False
    except ValueError as error:  # a cost that Argon2 does not know
        raise DecryptionError from error
    return True


def needs_rehash(stored: str, cost: Cost) -> bool:
    """True when the hash was made at another cost: make a new one while the password is at hand."""
    return not stored.startswith(cost.prefix)


class PasswordPool:
    """Hashes beside the event loop, at low priority. `threads` bounds how many callers are served; a hash of several lanes
    takes as many cores as it has lanes by itself, and those run one after the other.

    Raises (every coroutine):
        UnavailableError: no place within `queue_seconds`.
    """

    def __init__(self, threads: int, cost: Cost, *, queue_seconds: float = QUEUE_SECONDS) -> None:
        self.cost = cost
        self._queue_seconds = queue_seconds
        self._places = asyncio.Semaphore(threads)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="password", initializer=_step_back)
        # any text of the right form will do: no password gives it, and finding that out takes the same work
        self._nothing = cost.prefix + "A" * 22 + "$" + "A" * 43

    async def hash(self, password: str, secret: bytes) -> str:
        return await self._run(lambda: hash_password(password, secret, self.cost))

    async def verify(self, stored: str, password: str, secret: bytes) -> bool:
        """Raises, besides: DecryptionError, as `verify_password`."""
        return await self._run(lambda: verify_password(stored, password, secret))

    async def verify_nothing(self, password: str) -> None:
        """Takes as long as a real one, for an account that does not exist."""
        await self._run(lambda: verify_password(self._nothing, password, b""))

    def needs_rehash(self, stored: str) -> bool:
        return needs_rehash(stored, self.cost)

    def close(self) -> None:
        """Waits for what is running."""
        self._threads.shutdown()

    async def _run(self, work: Callable[[], _Result]) -> _Result:
        try:
            async with asyncio.timeout(self._queue_seconds):
                await self._places.acquire()
        except TimeoutError as error:
            raise UnavailableError from error
        running = asyncio.get_running_loop().run_in_executor(self._threads, work)
        running.add_done_callback(lambda _: self._places.release())
        # shielded: a client that goes away frees its place only when the thread is free, or the pool would overfill
        return await asyncio.shield(running)


@contextmanager
def _computing(lanes: int) -> Iterator[None]:
    with _LANES_TURN if lanes > 1 else nullcontext():
        try:
            yield
        except MemoryError as error:  # this moment has not enough of it; the next one may
            raise UnavailableError from error


def _step_back() -> None:
    if sys.platform == "linux":  # elsewhere priorities belong to processes
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")  # half a surrogate pair is a wrong password, not a crash
