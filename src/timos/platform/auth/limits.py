"""How often somebody may try, counted in the platform database so that all processes and restarts share it.

- An attempt is counted before the costly part (the hash) begins, and only if it is admitted: who is turned away does not
  make the wait longer.
- All counters of one attempt are checked and raised in one transaction, locked in one order.
- Counter keys are HMACs: the table names no account and no address. If it cannot be read, nobody is admitted.
"""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.mysql import insert as mysql_insert
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.sql.elements import BindParameter

from timos.kernel.clock import Clock
from timos.kernel.db.port import Database, Transaction
from timos.kernel.db.statements import Statement
from timos.kernel.errors import InputError, LimitError
from timos.platform.rows import number
from timos.platform.sealer import PlatformKeys, Purpose
from timos.platform.tables import attempt_counters

KEEP_MS = 30 * 86_400_000  # longer than any window or delay

_VALUES: dict[str, BindParameter[object]] = {column.name: bindparam(column.name) for column in attempt_counters.columns}
_MINE = attempt_counters.c.key == bindparam("counter")
_ENSURE = Statement(  # a row to lock: two first attempts at once must not both find none
    "attempt_counters.ensure",
    sqlite_insert(attempt_counters).values(_VALUES).on_conflict_do_nothing(),
    postgresql=postgresql_insert(attempt_counters).values(_VALUES).on_conflict_do_nothing(),
    # not IGNORE: that takes a shared lock on a row that is there, and two who then want it for themselves are a deadlock
    mysql=mysql_insert(attempt_counters).values(_VALUES).on_duplicate_key_update(key=attempt_counters.c.key),
)
_LOCK = Statement(
    "attempt_counters.lock",
    select(attempt_counters.c.attempts, attempt_counters.c.window_at, attempt_counters.c.last_at).where(_MINE).with_for_update(),
)
_COUNT = Statement(
    "attempt_counters.count",
    update(attempt_counters)
    .where(_MINE)
    .values(attempts=bindparam("attempts"), window_at=bindparam("window_at"), last_at=bindparam("last_at")),
)
_GIVE_BACK = Statement(
    "attempt_counters.give_back",
    update(attempt_counters).where(_MINE, attempt_counters.c.attempts > 0).values(attempts=attempt_counters.c.attempts - 1),
)
_CLEAR = Statement("attempt_counters.clear", delete(attempt_counters).where(_MINE))
_PURGE = Statement("attempt_counters.purge", delete(attempt_counters).where(attempt_counters.c.last_at < bindparam("before")))


@dataclass(frozen=True, slots=True)
class Window:
    """So many attempts in so many seconds, from the first one on."""

    attempts: int
    seconds: int

    def wait_ms(self, counter: "Counter", now: int) -> int:
        end = counter.window_at + self.seconds * 1000
        return end - now if counter.attempts >= self.attempts and now < end else 0

    def counted(self, counter: "Counter", now: int) -> "Counter":
        is_over = now >= counter.window_at + self.seconds * 1000
        return Counter(1 if is_over else counter.attempts + 1, now if is_over else counter.window_at, now)

    def is_used_up(self, counter: "Counter") -> bool:
        return counter.attempts >= self.attempts


@dataclass(frozen=True, slots=True)
class Delays:
    """`free` failures in a row cost nothing; then each next attempt waits twice as long; at `hard_stop` there is no next one."""

    free: int
    first_seconds: int
    longest_seconds: int
    hard_stop: int

    def wait_ms(self, counter: "Counter", now: int) -> int:
        if counter.attempts >= self.hard_stop:
            return KEEP_MS
        if counter.attempts < self.free:
            return 0
        doubled: int = self.first_seconds * 2 ** (counter.attempts - self.free)
        return max(0, counter.last_at + min(doubled, self.longest_seconds) * 1000 - now)

    def counted(self, counter: "Counter", now: int) -> "Counter":
        return Counter(counter.attempts + 1, counter.window_at, now)

    def is_used_up(self, counter: "Counter") -> bool:
        return counter.attempts >= self.free


@dataclass(frozen=True, slots=True)
class Counter:
    """A stored row."""

    attempts: int
    window_at: int
    last_at: int


Rule = Window | Delays


@dataclass(frozen=True, slots=True)
class AuthLimits:
    """The numbers; tests and operators may have others."""

    password_account: Delays = Delays(free=10, first_seconds=300, longest_seconds=1800, hard_stop=100)
    password_network: Window = Window(20, 300)
    password_everywhere: Window = Window(2000, 300)
    sign_up: Window = Window(5, 3600)
    refresh: Window = Window(30, 60)


class Limits:
    """Admits or refuses attempts."""

    def __init__(self, database: Database, keys: PlatformKeys, clock: Clock, numbers: AuthLimits) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._numbers = numbers

    async def password(self, address_index: bytes, client_address: str) -> bool:
        """An attempt to prove a password, at login or later. True when it is the last one without a wait.

        Raises:
            LimitError: the account's, the network's or everybody's attempts are used up.
            InputError: `client_address` is no IP address.
        """
        account = self._account(address_index), self._numbers.password_account
        network = self._key("password.network", network_of(client_address)), self._numbers.password_network
        everywhere = self._key("password.everywhere", b""), self._numbers.password_everywhere
        return await self._admit(account, network, everywhere)

    async def password_proved(self, address_index: bytes, client_address: str) -> None:
        """Only failures count: the account starts anew, the network and everybody get this attempt back."""
        async with self._database.transaction() as tx:
            await tx.run(_CLEAR, {"counter": self._account(address_index)})
            await tx.run(_GIVE_BACK, {"counter": self._key("password.network", network_of(client_address))})
            await tx.run(_GIVE_BACK, {"counter": self._key("password.everywhere", b"")})
        async with self._database.transaction() as tx:
            await tx.run(_PURGE, {"before": self._clock.now_ms() - KEEP_MS})

    async def clear(self, tx: Transaction, address_index: bytes) -> None:
        """For an operator who sets a new password: the hard stop ends with it."""
        await tx.run(_CLEAR, {"counter": self._account(address_index)})

    async def sign_up(self, client_address: str) -> None:
        """Raises as `password`."""
        await self._admit((self._key("sign_up.network", network_of(client_address)), self._numbers.sign_up))

    async def refresh(self, session_id: bytes) -> None:
        """Raises:
        LimitError: this session refreshes too often.
        """
        await self._admit((self._key("refresh.session", session_id), self._numbers.refresh))

    def request_name(self, kind: str, who: bytes) -> bytes:
        """What a server with shared request limits may know of a user or a network: a MAC."""
        return self._key(f"request.{kind}", who)

    async def _admit(self, *rules: tuple[bytes, Rule]) -> bool:
        now = self._clock.now_ms()
        counted = []
        async with self._database.transaction() as tx:  # refused in the middle: nothing is counted
            for key, rule in rules:
                counted.append(await _count(tx, key, rule, now))
        return counted[0]

    def _account(self, address_index: bytes) -> bytes:
        return self._key("password.account", address_index)

    def _key(self, kind: str, value: bytes) -> bytes:
        return self._keys.mac(Purpose.ATTEMPT_INDEX, kind.encode(), value)


async def _count(tx: Transaction, key: bytes, rule: Rule, now: int) -> bool:
    await tx.run(_ENSURE, {"key": key, "attempts": 0, "window_at": now, "last_at": now})
    row = (await tx.fetch(_LOCK, {"counter": key}))[0]
    counter = Counter(*map(number, row))
    wait_ms = rule.wait_ms(counter, now)
    if wait_ms > 0:
        message = "Too many attempts. Wait before the next one."
        raise LimitError(message, retry_after_seconds=-(-wait_ms // 1000))
    counter = rule.counted(counter, now)
    await tx.run(_COUNT, {"counter": key, "attempts": counter.attempts, "window_at": counter.window_at, "last_at": counter.last_at})
    return rule.is_used_up(counter)


def network_of(client_address: str) -> bytes:
    """A whole IPv4 address, or the /64 of an IPv6 one, which is what one household has.

    Raises:
        InputError: no IP address; a missing one must not share a counter with anybody.
    """
    try:
        address = ip_address(client_address)
    except ValueError:
        message = "The client's network address is not known."
        raise InputError(message) from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    bits = 64 if address.version == 6 else 32  # noqa: PLR2004
    return ip_network((int(address), bits) if address.version == 4 else (address.packed, bits), strict=False).network_address.packed  # noqa: PLR2004
