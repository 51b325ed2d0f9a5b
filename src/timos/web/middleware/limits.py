"""How much one caller may ask for: so many requests in a window, so many at once. In this process's memory, and bounded there; with a
server for it (`redis_limits`) what is asked for in a window is counted for all processes, and only what runs at once in each.

Limits on *proving identity* (login, codes) are not here: they must outlive a restart and are kept by the platform.
"""

from collections.abc import Callable, Hashable
from functools import partial
from math import ceil
from typing import NamedTuple, Protocol

from timos.kernel.clock import Clock
from timos.kernel.errors import LimitError
from timos.web.middleware.clients import network_of
from timos.web.middleware.settings import Rate, WebSettings
from timos.web.route import Call

MAX_KEYS = 50_000  # callers remembered for each bucket: about 6 MB


class Bucket:
    """One rate for many callers. For each only the moment at which its bucket will be full again is kept (GCRA: one number, no refill)."""

    __slots__ = ("_clock", "_full_at", "_interval", "_max_keys", "_told", "_window", "policy", "rate")

    def __init__(self, name: str, rate: Rate, clock: Clock, *, max_keys: int = MAX_KEYS) -> None:
        self._told = f'"{name}";r=%d;t=%d'.encode()
        self.rate = rate
        self._window = float(rate.window_seconds)
        self._interval = self._window / rate.count
        self._clock = clock
        self._max_keys = max_keys
        self._full_at: dict[Hashable, float] = {}
        self.policy = f'"{name}";q={rate.count};w={rate.window_seconds}'.encode()

    def take(self, key: Hashable) -> bytes:
        """Takes one and returns the RateLimit header that says what is left.

        Raises:
            LimitError: nothing is left; a refused request costs nothing.
        """
        now = self._clock.monotonic()
        full_at = max(self._full_at.get(key, now), now) + self._interval
        left = int((self._window - (full_at - now)) / self._interval + 1e-9)
        if full_at - now > self._window + 1e-9:
            raise LimitError(retry_after_seconds=ceil(full_at - now - self._window))
        if len(self._full_at) >= self._max_keys and key not in self._full_at:
            self._forget(now)
        self._full_at[key] = full_at
        return self.told(left, full_at - now)

    def told(self, left: int, seconds: float) -> bytes:
        """The RateLimit header: what is left, and until when all of it is back."""
        return self._told % (left, ceil(seconds))

    def _forget(self, now: float) -> None:
        """Full buckets are the same as unknown ones. If that is not enough, the half nearest to full goes: who asks most stays."""
        kept = {key: at for key, at in self._full_at.items() if at > now}
        if len(kept) > self._max_keys // 2:
            kept = dict(sorted(kept.items(), key=lambda item: item[1])[-(self._max_keys // 2) :])
        self._full_at = kept


class Places:
    """How many requests of one caller run at this moment; only those that run are remembered."""

    __slots__ = ("_most", "_taken")

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: dict[Hashable, int] = {}

    def enter(self, key: Hashable) -> Callable[[], None]:
        """What must be called, once, when the request is over.

        Raises:
            LimitError: all places are taken.
        """
        taken = self._taken.get(key, 0)
        if taken >= self._most:
            raise LimitError("Too many requests at once. Wait until some are answered.")
        self._taken[key] = taken + 1
        return partial(self._leave, key)

    def _leave(self, key: Hashable) -> None:
        left = self._taken[key] - 1
        if left:
            self._taken[key] = left
        else:
            del self._taken[key]


class Taken(NamedTuple):
    """`left` is -1 when nothing was; then `seconds` is the wait, and else the time until the bucket is full again."""

    left: int
    seconds: float


class SharedRates(Protocol):
    """Rates that several processes count together."""

    async def take(self, kind: str, key: bytes, rate: Rate) -> Taken | None:
        """One from the bucket of `key` among those of this kind; None when nobody can tell, and each process has to count for itself."""
        ...


class Limits:
    """All buckets and places of the process. Users and addresses are counted apart: many addresses cannot push out a user's count."""

    __slots__ = ("_addresses", "_rates", "_shared", "_users")

    def __init__(self, settings: WebSettings, clock: Clock, shared: SharedRates | None = None) -> None:
        self._rates = {name: (Bucket(name, rate, clock), Bucket(name, rate, clock)) for name, rate in settings.rates.items()}
        self._users = Places(settings.max_user_requests)
        self._addresses = Places(settings.max_address_requests)
        self._shared = shared

    def enter_address(self, call: Call) -> None:
        call.held.append(self._addresses.enter(network_of(call.address)))

    def enter_user(self, call: Call) -> None:
        call.held.append(self._users.enter(call.who.user_id))

    async def spend(self, call: Call) -> None:
        """One from the route's bucket; the answer tells what is left, whether or not it is given.

        Raises:
            LimitError: nothing is left.
        """
        name = call.route.rate
        if name is None:
            return
        if call.who is None:
            name = "public" if name == "api" else name
            bucket, kind, key = self._rates[name][1], "network", network_of(call.address).encode()
        else:
            bucket, kind, key = self._rates[name][0], "user", call.who.user_id
        call.answer_headers.append((b"ratelimit-policy", bucket.policy))
        told = None if self._shared is None else await _take_shared(self._shared, bucket, f"{kind}.{name}", key)
        call.answer_headers.append((b"ratelimit", told or bucket.take(key)))


async def _take_shared(shared: SharedRates, bucket: Bucket, kind: str, key: bytes) -> bytes | None:
    """None as `SharedRates.take`.

    Raises:
        LimitError: nothing is left.
    """
    taken = await shared.take(kind, key, bucket.rate)
    if taken is None:
        return None
    if taken.left < 0:
        raise LimitError(retry_after_seconds=ceil(taken.seconds))
    return bucket.told(taken.left, taken.seconds)
