"""How much one caller may ask for: so many requests in a window, so many at once. In this process's memory, and bounded there.

Limits on *proving identity* (login, codes) are not here: they must outlive a restart and are kept by the platform.
"""

from collections.abc import Callable, Hashable
from functools import partial
from math import ceil

from timos.kernel.clock import Clock
from timos.kernel.errors import LimitError
from timos.web.middleware.clients import network_of
from timos.web.middleware.settings import Rate, WebSettings
from timos.web.route import Call

MAX_KEYS = 50_000  # callers remembered for each bucket: about 6 MB


class Bucket:
    """One rate for many callers. For each only the moment at which its bucket will be full again is kept (GCRA: one number, no refill)."""

    __slots__ = ("_clock", "_count", "_full_at", "_interval", "_max_keys", "_told", "_window", "policy")

    def __init__(self, name: str, rate: Rate, clock: Clock, *, max_keys: int = MAX_KEYS) -> None:
        self._told = f'"{name}";r=%d;t=%d'.encode()
        self._count = rate.count
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
        return self._told % (left, ceil(full_at - now))

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


class Limits:
    """All buckets and places of the process. Users and addresses are counted apart: many addresses cannot push out a user's count."""

    __slots__ = ("_addresses", "_rates", "_users")

    def __init__(self, settings: WebSettings, clock: Clock) -> None:
        self._rates = {name: (Bucket(name, rate, clock), Bucket(name, rate, clock)) for name, rate in settings.rates.items()}
        self._users = Places(settings.max_user_requests)
        self._addresses = Places(settings.max_address_requests)

    def enter_address(self, call: Call) -> None:
        call.held.append(self._addresses.enter(network_of(call.address)))

    def enter_user(self, call: Call) -> None:
        call.held.append(self._users.enter(call.who.user_id))

    def spend(self, call: Call) -> None:
        """One from the route's bucket; the answer tells what is left, whether or not it is given."""
        if call.route.rate is None:
            return
        if call.who is None:
            bucket, key = self._rates["public" if call.route.rate == "api" else call.route.rate][1], network_of(call.address)
        else:
            bucket, key = self._rates[call.route.rate][0], call.who.user_id
        call.answer_headers.append((b"ratelimit-policy", bucket.policy))
        call.answer_headers.append((b"ratelimit", bucket.take(key)))
