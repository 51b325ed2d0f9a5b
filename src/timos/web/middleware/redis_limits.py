"""Rates that all processes of an instance count together, in Redis or Valkey.

- A key there is a MAC under a key of the platform: it names no user and no address, and nobody else can work it out.
- A limiter that is away takes nothing away (docs/adr/0021): each process counts in its own memory until it is back. It is not asked for
  `PAUSE_SECONDS` after it failed, and no request waits longer than `ANSWER_SECONDS` for it.
- Attempts to prove who one is are not counted here but in the platform database, which closes when it is away.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from timos.kernel.clock import Clock
from timos.kernel.redis_address import RedisAddress
from timos.web.middleware.limits import Taken
from timos.web.middleware.log import Log
from timos.web.middleware.settings import Rate

ANSWER_SECONDS: Final = 0.25
PAUSE_SECONDS: Final = 2.0
CONNECTIONS: Final = 16

# The same algorithm as `limits.Bucket`, on the clock that all processes share: Redis's own. Microseconds, which a Lua number holds exactly.
# A key lives as long as its bucket is not full; a full one is the same as an unknown one.
_TAKE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local window, interval = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + interval
if full_at - now > window then
    return {-1, full_at - now - window}
end
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000))
return {math.floor((window - (full_at - now)) / interval), full_at - now}
"""

NameOf = Callable[[str, bytes], bytes]


class RedisRates:
    """One server, asked once for each request that counts. Belongs to one event loop; close it there."""

    def __init__(self, address: RedisAddress, name_of: NameOf, clock: Clock, log: Log) -> None:
        self._client: Redis = Redis.from_pool(_pool(address))
        self._take = self._client.register_script(_TAKE)
        self._name_of = name_of
        self._clock = clock
        self._log = log
        self._away_until: float | None = None

    async def take(self, kind: str, key: bytes, rate: Rate) -> Taken | None:
        if self._away_until is not None and self._clock.monotonic() < self._away_until:
            return None
        window = rate.window_seconds * 1_000_000
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                left, micros = await self._take(keys=[b"timos:" + self._name_of(kind, key)], args=[window, window // rate.count])
        except (RedisError, OSError, TimeoutError) as error:
            self._lost(error)
            return None
        if self._away_until is not None:
            self._away_until = None
            self._log.info("limits_shared")
        return Taken(left, micros / 1e6)

    async def close(self) -> None:
        await self._client.aclose(close_connection_pool=True)

    def _lost(self, error: Exception) -> None:
        if self._away_until is None:
            self._log.error("limits_alone", kind=type(error).__name__)  # never its text: it may quote what was sent
        self._away_until = self._clock.monotonic() + PAUSE_SECONDS


def _pool(address: RedisAddress) -> BlockingConnectionPool:
    tls: dict[str, Any] = (
        {"ssl_ca_certs": str(address.ca) if address.ca else None, "ssl_min_version": ssl.TLSVersion.TLSv1_2} if address.has_tls else {}
    )
    return BlockingConnectionPool(
        max_connections=CONNECTIONS,
        timeout=ANSWER_SECONDS,
        connection_class=SSLConnection if address.has_tls else Connection,
        host=address.host,
        port=address.port,
        db=address.number,
        username=address.user or None,
        password=address.password or None,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
        client_name="timos",
        **tls,
    )
